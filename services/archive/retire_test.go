package archive

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
	f("another segment", nil, "ab")
	f("damaged part", func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "part-00001.parquet"), []byte("PAR1"), 0o600)
	}, "damaged")
}

// TestHolds: an archive is that of a segment only if all it says of it is so.
func TestHolds(t *testing.T) {
	r := newRetirer(t)
	s := &store.Retired{Segment: store.Segment{Stream: "web", Rows: 2}}
	from := Segment{Name: "s.gwseg", First: 1, Next: 3, Rows: 2, SHA256: "00"}
	of := from
	mustCreate(t, r.Dir, Options{Name: "a", Stream: "web", Segment: &of}, []*event.Event{{ID: "a", Time: 1}, {ID: "b", Time: 1}})
	f := func(want bool, change func(m *Manifest)) {
		t.Helper()
		m, err := Open(r.Dir, "a")
		if err != nil {
			t.Fatal(err)
		}
		whole := *m
		m.Files = slices.Clone(m.Files)
		change(m)
		if err := m.write(m.dir); err != nil {
			t.Fatal(err)
		}
		why, err := r.holds(t.Context(), s, &from, "a")
		if err != nil || (why == "") != want {
			t.Errorf("%+v: %q, %v", m.Segment, why, err)
		}
		whole.Segment = &of
		if err := whole.write(m.dir); err != nil {
			t.Fatal(err)
		}
	}
	f(true, func(*Manifest) {})
	f(false, func(m *Manifest) { m.Segment = nil })
	f(false, func(m *Manifest) { m.Stream = "mail" })
	f(false, func(m *Manifest) { m.Name = "b" })
	f(false, func(m *Manifest) { m.Segment.Name = "t.gwseg" })
	f(false, func(m *Manifest) { m.Segment.First++ })
	f(false, func(m *Manifest) { m.Segment.Next++ })
	f(false, func(m *Manifest) { m.Segment.Rows++ })
	f(false, func(m *Manifest) { m.Segment.SHA256 = "01" })
	f(false, func(m *Manifest) { m.Files[0].SHA256 = m.Files[0].SHA256[1:] })
	s.Rows, from.Rows, of.Rows = 5, 5, 5
	f(false, func(*Manifest) {})
	of.Damaged = 1 // the other three could not be read
	f(false, func(m *Manifest) { m.Segment.Damaged = 0 })
	f(true, func(m *Manifest) { m.Segment.Damaged, m.Segment.Rows = 1, 5 })
}
