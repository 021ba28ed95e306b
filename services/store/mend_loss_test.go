package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// unasked is a source that must not be asked.
func unasked(t *testing.T) Source {
	return func(context.Context, uint64, uint64, func(Batch) error) error {
		t.Error("the queue is asked for what is not damaged")
		return ErrGone
	}
}

// mendOne mends the one damaged segment of a store.
func mendOne(t *testing.T, s *Columnar, source Source) (mended, error) {
	t.Helper()
	bad := s.nextFaulty()
	if bad == nil {
		t.Fatal("nothing is damaged")
	}
	defer bad.release()
	return s.mend(t.Context(), bad, source)
}

// TestWhatCannotBeReadIsNotReplaced: a segment that could not be opened, or of which
// a block could not be read, is left alone until it can be, and is then as it was.
func TestWhatCannotBeReadIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	path := filepath.Join(dir, segmentName(5))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(path, path+".away")
	if err := os.Mkdir(path, 0o700); err != nil { // it opens, and reading fails
		t.Fatal(err)
	}
	s := mustOpen(t, dir, Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1})
	if _, err := mendOne(t, s, unasked(t)); !errors.Is(err, errUnread) {
		t.Errorf("mending what cannot be read: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	move(path+".away", path)
	if m, err := mendOne(t, s, unasked(t)); err != nil || !m.whole {
		t.Errorf("mending what is whole: %+v, %v", m, err)
	}
	wantIDs(t, s, "*", 1, 401)
	s.fault(s.segments[3], 0) // as a query that met a passing fault
	if m, err := mendOne(t, s, unasked(t)); err != nil || !m.whole || s.Damaged() != 0 {
		t.Errorf("mending what is whole: %+v, %v", m, err)
	}
	wantIDs(t, s, "*", 1, 401)
	s.Close()
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the segment is another one: %v", err)
	}
}

// TestLostFileComesBack: a segment whose file was not there was made again; when the
// file is there after all, it is not deleted.
func TestLostFileComesBack(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	cfg := Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1}
	path := filepath.Join(dir, segmentName(5))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, cfg)
	if m, err := mendOne(t, s, again(1)); err != nil || m.lost != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	s.Close()
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, cfg)
	wantIDs(t, s, "*", 1, 401)
	if now, err := os.ReadFile(filepath.Join(dir, QuarantineName, segmentName(5))); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("the file that came back is not kept: %v", err)
	}
}

// TestRulesOfBefore: rows keep the stream that they were in, whatever the rules say
// when it is mended.
func TestRulesOfBefore(t *testing.T) {
	f := func(rules ...StreamConfig) {
		t.Helper()
		for id := range uint64(3) {
			dir := t.TempDir()
			inStreams(t, dir)
			if err := os.WriteFile(filepath.Join(dir, segmentName(4+id)), make([]byte, 3000), 0o600); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, dir, Config{Streams: rules, RetainAge: -1, SegmentBytes: 1})
			if m, err := mendOne(t, s, again(1)); err != nil || m.lost != 0 {
				t.Fatalf("segment %d: %+v, %v", 4+id, m, err)
			}
			wantIDs(t, s, "*", 1, 401)
			wantCount(t, s, "gatewatch.stream: waf", 200, 4)
			wantCount(t, s, "gatewatch.stream: web", 100, 4)
			s.Close()
		}
	}
	f(threeStreams...)
	f()
	f(StreamConfig{Name: "waf", Filter: "event.dataset: sshd"}, StreamConfig{Name: "other", Filter: "event.dataset: waf"})
}

// TestShortfallIsToldAndKept: where records give fewer events than there were, the
// rest is used, the damaged file stays, and the store says how many are lost.
func TestShortfallIsToldAndKept(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	cfg := Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1}
	path := filepath.Join(dir, segmentName(5))
	damaged := make([]byte, 3000)
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	fewer := func(_ context.Context, first, next uint64, write func(Batch) error) error {
		for at := first; at < next; at++ {
			b := Batch{First: at, Next: at + 1, Offsets: []uint64{}}
			if at%3 != 0 {
				b.Events, b.Offsets = mixed(int(at), int(at)+1), []uint64{at}
			}
			if err := write(b); err != nil {
				return err
			}
		}
		return nil
	}
	s := mustOpen(t, dir, cfg)
	m, err := mendOne(t, s, fewer)
	if err != nil || m.lost == 0 || s.Damaged() != 0 {
		t.Fatalf("%+v, %v, %d are damaged", m, err, s.Damaged())
	}
	for range 2 {
		all, partial := everything(t, s)
		if partial || len(all) != 400-int(m.lost) || lostRows(s) != m.lost {
			t.Errorf("%d events, %d lost; the store says %d", len(all), m.lost, lostRows(s))
		}
		inv, err := s.Inventory(t.Context())
		if err != nil || len(inv.Lost) != 1 || inv.Lost[0].Rows != m.lost {
			t.Errorf("inventory has %+v, %v", inv.Lost, err)
		}
		told := 0
		if _, err := s.Verify(t.Context(), func(d Damage) {
			if told++; !strings.Contains(d.File, QuarantineName) {
				t.Errorf("damage %+v", d)
			}
		}, nil); err != nil || told != 1 {
			t.Errorf("verify tells of %d, %v", told, err)
		}
		s.Close()
		s = mustOpen(t, dir, cfg)
	}
	if now, err := os.ReadFile(filepath.Join(dir, QuarantineName, segmentName(5))); err != nil || !bytes.Equal(now, damaged) {
		t.Errorf("the damaged file is not kept: %v", err)
	}
}

// TestFindingsOfASource: findings that a source has are taken where they are lost,
// and only there.
func TestFindingsOfASource(t *testing.T) {
	cfg := Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1}
	dir := t.TempDir()
	s := mustOpen(t, dir, cfg)
	for at := 1; at < 401; at += 100 {
		if err := s.Write(t.Context(), withFindings(at, at+100)); err != nil {
			t.Fatal(err)
		}
		flushed(t, s)
	}
	want, _ := everything(t, s)
	s.Close()
	source := func(_ context.Context, first, next uint64, write func(Batch) error) error {
		b := withFindings(int(first), int(next))
		for i := range b.Events {
			if b.Events[i].Dataset == derivedDataset {
				b.Events[i].AddText(event.ErrorMessage, "again")
			}
		}
		return write(b)
	}
	for id := range uint64(12) {
		copied := crashed(t, dir)
		if err := os.WriteFile(filepath.Join(copied, segmentName(id+1)), make([]byte, 3000), 0o600); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, copied, cfg)
		m, err := mendOne(t, s, source)
		if err != nil || m.lost != 0 {
			t.Errorf("segment %d: %+v, %v", id+1, m, err)
		}
		got, partial := everything(t, s)
		if partial || len(got) != len(want) {
			t.Errorf("segment %d: %d events, want %d", id+1, len(got), len(want))
		}
		s.Close()
	}
}
