package archive

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
)

// writeSegment makes a store whose first segment has events.
func writeSegment(t *testing.T, dir string, events ...event.Event) {
	t.Helper()
	s, err := store.Open(dir, store.Config{MinFreeBytes: 1, RetainAge: -1, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Write(t.Context(), store.Batch{First: 1, Next: 1 + uint64(len(events)), Events: events}), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// retireAll opens a store whose segments are too old, until one was archived. The
// segment is deleted unless after is an error.
func retireAll(t *testing.T, dir string, r *Retirer, after error) {
	t.Helper()
	called := make(chan error, 10)
	s, err := store.Open(dir, store.Config{
		MinFreeBytes: 1, RetainAge: time.Hour, Now: func() time.Time { return noon.Add(2 * time.Hour) },
		Archive: func(ctx context.Context, x store.Retired) error {
			err := r.Archive(ctx, x)
			called <- err
			return errors.Join(err, after)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-called; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

var errCrash = errors.New("crash")

func newRetirer(t *testing.T) *Retirer {
	return &Retirer{Dir: filepath.Join(t.TempDir(), "archive"), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }}
}

// archived returns the ids of the events of each archive.
func archived(t *testing.T, dir string) map[string]string {
	t.Helper()
	all, problems, err := List(dir)
	if err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	ids := map[string]string{}
	for _, m := range all {
		if m.Verify(t.Context(), nil) != nil {
			ids[m.Name] = "damaged"
			continue
		}
		for _, e := range readAll(t, m, nil) {
			ids[m.Name] += e.ID
		}
	}
	return ids
}

const segmentArchive = "default_20261121T120000Z_0000000000000001"

// TestRetire: retention of a store archives what it deletes, once, also where a
// crash came between the two.
func TestRetire(t *testing.T) {
	dir, r := t.TempDir(), newRetirer(t)
	writeSegment(t, dir, event.Event{ID: "a", Time: noon.UnixNano()}, event.Event{ID: "b", Time: noon.UnixNano() + 1})
	retireAll(t, dir, r, errCrash)
	retireAll(t, dir, r, nil)
	if diff := cmp.Diff(map[string]string{segmentArchive: "ab"}, archived(t, r.Dir)); diff != "" {
		t.Error(diff)
	}
	m, err := Open(r.Dir, segmentArchive)
	if err != nil {
		t.Fatal(err)
	}
	sum := m.Segment.SHA256
	m.Segment.SHA256 = ""
	if diff := cmp.Diff(&Segment{Name: "0000000000000001.gwseg", First: 1, Next: 3, Rows: 2}, m.Segment); diff != "" || len(sum) != 64 {
		t.Errorf("hash %q %s", sum, diff)
	}
}

// TestRetireAgain: an archive is no proof for a segment of the same name, stream
// and time that has other events, nor if its files are damaged, nor if it does not
// say what it is of.
func TestRetireAgain(t *testing.T) {
	at := noon.UnixNano()
	f := func(what string, spoil func(dir string) error, first string) {
		t.Helper()
		r, source := newRetirer(t), t.TempDir()
		writeSegment(t, source, event.Event{ID: "a", Time: at}, event.Event{ID: "b", Time: at + 1})
		retireAll(t, source, r, errCrash)
		if spoil == nil { // a store that was restored, and went on from there
			source = t.TempDir()
			writeSegment(t, source, event.Event{ID: "c", Time: at}, event.Event{ID: "d", Time: at + 1})
		} else if err := spoil(filepath.Join(r.Dir, segmentArchive)); err != nil {
			t.Fatal(err)
		}
		retireAll(t, source, r, errCrash)
		retireAll(t, source, r, nil)
		second := "ab"
		if spoil == nil {
			second = "cd"
		}
		want := map[string]string{segmentArchive: first, segmentArchive + "_2": second}
		if diff := cmp.Diff(want, archived(t, r.Dir)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	edit := func(change func(m *Manifest)) func(string) error {
		return func(dir string) error {
			m, err := readManifest(dir)
			if err != nil {
				return err
			}
			change(m)
			return m.write(dir)
		}
	}
	f("another segment", nil, "ab")
	f("damaged part", func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "part-00001.parquet"), []byte("PAR1"), 0o600)
	}, "damaged")
	f("made by hand", edit(func(m *Manifest) { m.Segment = nil }), "ab")
	f("another file", edit(func(m *Manifest) { m.Segment.SHA256 = "00" }), "ab")
	f("another range", edit(func(m *Manifest) { m.Segment.Next++ }), "ab")
	f("other rows", edit(func(m *Manifest) { m.Segment.Rows-- }), "ab")
	f("another stream", edit(func(m *Manifest) { m.Stream = "web" }), "ab")
}
