package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatewatch/gatewatch/services/durable"
)

// filled opens a store with events 1 to 99 in segments of the given rows.
func filled(t *testing.T, dir string, rows int) *Columnar {
	t.Helper()
	s := mustOpen(t, dir, Config{FlushRows: rows, RetainAge: -1, SegmentBytes: 1})
	for i := 1; i < 100; i += rows {
		put(t, s, i, min(i+rows, 100))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, dir, Config{RetainAge: -1, SegmentBytes: 1})
}

func TestRewind(t *testing.T) {
	f := func(rows int, offset uint64, want Rewound) {
		t.Helper()
		dir := t.TempDir()
		s := filled(t, dir, rows)
		plan, err := s.Beyond(offset)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Rewind(t.Context(), offset)
		if err != nil {
			t.Fatal(err)
		}
		if got != want || plan != got {
			t.Errorf("rewind of segments of %d rows to %d takes %+v, planned %+v, want %+v", rows, offset, got, plan, want)
		}
		at := int(min(max(offset, 1), 100))
		wantIDs(t, s, "*", 1, at)
		crash := crashed(t, dir)
		put(t, s, at, 120)
		wantIDs(t, s, "*", 1, 120)
		s.Close()
		s = mustOpen(t, dir, Config{RetainAge: -1})
		wantIDs(t, s, "*", 1, 120)

		s = mustOpen(t, crash, Config{RetainAge: -1})
		wantIDs(t, s, "*", 1, at)
		if got := s.Applied(); got != min(offset, 100) {
			t.Errorf("applied %d after a crash behind a rewind to %d", got, offset)
		}
	}
	f(20, 41, Rewound{Segments: 3, Rows: 59})
	f(20, 45, Rewound{Segments: 2, Rows: 55, Split: 1})
	f(20, 40, Rewound{Segments: 3, Rows: 60, Split: 1})
	f(100, 2, Rewound{Rows: 98, Split: 1})
	f(100, 99, Rewound{Rows: 1, Split: 1})
	f(20, 1, Rewound{Segments: 5, Rows: 99})
	f(20, 0, Rewound{Segments: 5, Rows: 99})
	f(20, 100, Rewound{})
	f(20, 500, Rewound{})
}

// TestRewindIsOneStep stops a rewind before its manifest is in place: the store
// is then as it was.
func TestRewindIsOneStep(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir, 20)
	blocker := filepath.Join(dir, manifestName+durable.Unfinished)
	if err := os.MkdirAll(filepath.Join(blocker, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rewind(t.Context(), 45); err == nil {
		t.Fatal("a manifest that cannot be written is no error")
	}
	wantIDs(t, s, "*", 1, 100)
	if err := os.RemoveAll(blocker); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1})
	wantIDs(t, s, "*", 1, 100)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Rewind(ctx, 45); !errors.Is(err, context.Canceled) {
		t.Errorf("rewind with an ended context: %v", err)
	}
	wantIDs(t, s, "*", 1, 100)
	put(t, s, 100, 101)
	if _, err := s.Rewind(t.Context(), 45); err == nil {
		t.Error("a rewind takes events that wait in memory")
	}
}

// TestRewindOverAGap has a queue that lost the records 30 to 39 and 50 to 59:
// segments span them, and can be split even after a merge.
func TestRewindOverAGap(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{RetainAge: -1})
	put(t, s, 1, 20)
	put(t, s, 20, 30)
	if err := s.Write(t.Context(), Batch{First: 30, Next: 40}); err != nil { // as the pipeline reports it
		t.Fatal(err)
	}
	put(t, s, 40, 50)
	put(t, s, 60, 70) // a gap that nobody reported
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1})
	for {
		merged, err := s.merge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !merged {
			break
		}
	}
	f := func(offset uint64, rows int64) {
		t.Helper()
		if r, err := s.Rewind(t.Context(), offset); err != nil || r.Rows != rows {
			t.Errorf("rewind to %d takes %d rows, want %d: %v", offset, r.Rows, rows, err)
		}
		if got := s.Applied(); got != offset {
			t.Errorf("applied %d after a rewind to %d", got, offset)
		}
	}
	f(65, 5)
	f(45, 10) // 5 of 40 to 49, and 60 to 64
	f(35, 5)
	f(25, 5)
	wantIDs(t, s, "*", 1, 25)
}

// TestRewindOfUnevenRecords has records that give several events or none.
func TestRewindOfUnevenRecords(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{RetainAge: -1})
	if err := s.Write(t.Context(), Batch{Events: numbered(1, 21), First: 1, Next: 11}); err == nil {
		t.Error("20 events of 10 records are taken without a word of which is of which")
	}
	b := Batch{Events: numbered(1, 6), First: 1, Next: 11, Offsets: []uint64{2, 2, 2, 7, 9}}
	for _, wrong := range [][]uint64{{2, 2, 2, 7}, {2, 2, 7, 2, 9}, {0, 2, 2, 7, 9}, {2, 2, 2, 7, 11}} {
		if err := s.Write(t.Context(), Batch{Events: b.Events, First: 1, Next: 11, Offsets: wrong}); err == nil {
			t.Errorf("offsets %v are taken", wrong)
		}
	}
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1})
	for _, c := range []struct {
		offset uint64
		left   int
	}{{11, 6}, {8, 5}, {7, 4}, {3, 4}, {2, 1}} {
		if _, err := s.Rewind(t.Context(), c.offset); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, s, "*", 1, c.left)
	}
	s.Close()
	r, err := OpenReadOnly(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Rewind(t.Context(), 1); !errors.Is(err, ErrReadOnly) {
		t.Errorf("rewind of a store open for reading: %v", err)
	}
}

// TestRewindLeavesWhatIsOfNoQueue: events of an archive are merged among
// themselves, and stay.
func TestRewindLeavesWhatIsOfNoQueue(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{RetainAge: -1})
	for i := range 6 {
		put(t, s, 1+10*i, 11+10*i)
		flushed(t, s)
		if err := s.Write(t.Context(), Batch{Events: numbered(1000+10*i, 1010+10*i)}); err != nil {
			t.Fatal(err)
		}
		flushed(t, s)
	}
	if _, err := s.mergeRun(t.Context(), anyRun); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Rewind(t.Context(), 35); err != nil || r.Rows != 26 {
		t.Fatalf("rewind takes %+v, %v", r, err)
	}
	wantIDs(t, s, "event.sequence < 1000", 1, 35)
	wantIDs(t, s, "event.sequence >= 1000", 1000, 1060)
}

// TestCovers asks which offsets have events in segments that span gaps.
func TestCovers(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{RetainAge: -1})
	put(t, s, 1, 20)
	put(t, s, 40, 60)
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1})
	f := func(first, next uint64, want bool) {
		t.Helper()
		if got := s.Covers(first, next); got != want {
			t.Errorf("covers %d to %d: %v", first, next, got)
		}
	}
	f(1, 2, true)
	f(19, 20, true)
	f(20, 40, false)
	f(20, 41, true)
	f(59, 100, true)
	f(60, 100, false)
}

// TestRewindWithFindings splits segments in which findings follow the events
// that completed them.
func TestRewindWithFindings(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{RetainAge: -1})
	for i := 1; i < 40; i++ {
		events := numbered(i, i+1)
		if i%5 == 0 {
			events = append(events, numbered(1000+i, 1001+i)...)
			events[1].Dataset = derivedDataset
		}
		if err := s.Write(t.Context(), Batch{Events: events, First: uint64(i), Next: uint64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1})
	f := func(offset, rows, findings int) {
		t.Helper()
		r, err := s.Rewind(t.Context(), uint64(offset))
		if err != nil || r.Rows != int64(rows) {
			t.Errorf("rewind to %d takes %d rows, want %d: %v", offset, r.Rows, rows, err)
		}
		wantIDs(t, s, "event.sequence < 1000", 1, offset)
		if got, _ := ids(t, s, "event.dataset: gatewatch.finding"); len(got) != findings {
			t.Errorf("%d findings are left behind a rewind to %d, want %d", len(got), offset, findings)
		}
	}
	f(36, 4, 7)
	f(35, 2, 6)
	f(12, 27, 2)
	f(11, 1, 2)
	f(10, 2, 1)
	f(2, 9, 0)
}

// TestRewindRepairs takes out a segment that is gone from the disk, so that a
// replay can write its events again.
func TestRewindRepairs(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir, 20)
	s.mu.Lock()
	lost := s.segments[2].path
	s.mu.Unlock()
	s.Close()
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, Config{RetainAge: -1, SegmentBytes: 1})
	if _, stats := ids(t, s, "*"); len(stats.Partial) == 0 {
		t.Fatal("a lost segment is not reported")
	}
	var split *SplitError
	if _, err := s.Rewind(t.Context(), 45); !errors.As(err, &split) {
		t.Errorf("a lost segment is split: %v", err)
	}
	if _, err := s.Rewind(t.Context(), 41); err != nil {
		t.Fatal(err)
	}
	put(t, s, 41, 100)
	wantIDs(t, s, "*", 1, 100)
}

// TestRewindWithinBlocks splits a segment of several blocks.
func TestRewindWithinBlocks(t *testing.T) {
	dir := t.TempDir()
	const n = 2*blockRows + 500
	s := mustOpen(t, dir, Config{FlushRows: n - 1, RetainAge: -1})
	for i := 1; i < n; i += 500 {
		put(t, s, i, min(i+500, n))
	}
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1})
	for _, offset := range []int{2*blockRows + 300, blockRows + 4000, blockRows + 10, blockRows - 3, 7} {
		if _, err := s.Rewind(t.Context(), uint64(offset)); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, s, fmt.Sprintf("event.sequence >= %d", offset-5), offset-5, offset)
	}
	wantIDs(t, s, "*", 1, 7)
}
