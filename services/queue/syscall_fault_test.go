package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

// TestEveryCallFails lets each system call of a run fail once, in several ways,
// and compares what was acknowledged with what is found afterwards.
func TestEveryCallFails(t *testing.T) {
	none := &queue.Faults{}
	lost, failed := faultyRun(t, none)
	if lost != 0 || failed != 0 {
		t.Fatalf("control without faults: %d lost, %d failed", lost, failed)
	}
	total := none.Calls()
	if total < 50 {
		t.Fatalf("the run makes only %d calls", total)
	}
	for _, mode := range []queue.FaultMode{queue.FailCall, queue.FailAfter, queue.ShortWrite, queue.DeadForGood} {
		seen := 0
		for at := 1; at <= total; at++ {
			lost, failed := faultyRun(t, &queue.Faults{Mode: mode, At: at})
			if lost != 0 {
				t.Fatalf("mode %d, call %d of %d: %d acknowledged records lost", mode, at, total, lost)
			}
			seen += failed
		}
		if seen == 0 {
			t.Errorf("mode %d: no append ever failed", mode)
		}
	}
}

// faultyRun appends, resends once what failed, and returns how many
// acknowledged records are missing from the log afterwards, and how many
// appends failed. Wrong order and unexplained duplicates fail the test.
func faultyRun(t *testing.T, f *queue.Faults) (lost, failed int) {
	t.Helper()
	cfg := queue.Config{SegmentBytes: 1, RetainBytes: -1}
	dir := t.TempDir()
	acked, sent := map[uint64]bool{}, map[uint64]int{}
	const appends, each = 12, 3
	q, err := queue.OpenFaulty(dir, cfg, f)
	if err == nil {
		for i := range uint64(appends) {
			groups := queuetest.Records("a", i*each, each, 8<<10)
			for range 2 {
				sent[i]++
				_, err := q.Append(t.Context(), groups)
				if err == nil {
					acked[i] = true
					break
				}
				failed++
			}
			if i%4 == 3 {
				_ = q.Commit(t.Context(), "reader", 1) // may be the call that fails
			}
		}
		_ = q.Close() // may be the call that fails
		if err := f.Crash(dir); err != nil {
			t.Fatal(err)
		}
	} else if f.At == 0 {
		t.Fatal(err)
	}

	found := map[uint64]int{}
	var last uint64
	for _, r := range survey(t, dir, queue.Config{}).records {
		if i := r.Seq / each; r.Seq%each == 0 {
			found[i]++
			if i < last {
				t.Errorf("mode %d, call %d: append %d found after %d", f.Mode, f.At, i, last)
			}
			last = i
		}
	}
	for i := range acked {
		if found[i] == 0 {
			lost++
		}
	}
	for i, n := range found {
		if n > sent[i] {
			t.Errorf("mode %d, call %d: append %d sent %d times and found %d times", f.Mode, f.At, i, sent[i], n)
		}
	}
	return lost, failed
}

// inventory is all that a log holds.
type inventory struct {
	oldest, next queue.Offset
	offsets      []queue.Offset // of records
	records      []queue.Record
	sources      []string
	gaps         []queue.GapError
}

// survey opens a log, reads all of it, and checks that batches and gaps cover
// every offset once.
func survey(t *testing.T, dir string, cfg queue.Config) inventory {
	t.Helper()
	q, err := queue.Open(dir, cfg, nil, nil)
	if err != nil {
		t.Fatalf("open after the fault: %v", err)
	}
	inv := readAll(t, q, 1)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return inv
}

func readAll(t *testing.T, q *queue.Disk, from queue.Offset) inventory {
	t.Helper()
	inv := inventory{}
	inv.oldest, inv.next = q.Bounds()
	pos := from
	if from == 0 {
		pos = inv.oldest
	}
	if pos >= inv.next {
		return inv
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for b, err := range q.Batches(ctx, from) {
		var gap *queue.GapError
		if errors.As(err, &gap) {
			if gap.From != pos || gap.To <= gap.From {
				t.Fatalf("gap %d to %d at offset %d", gap.From, gap.To, pos)
			}
			inv.gaps = append(inv.gaps, *gap)
			pos = gap.To
		} else if err != nil {
			t.Fatal(err)
		} else {
			if b.First != pos {
				t.Fatalf("batch begins at %d, want %d", b.First, pos)
			}
			for _, g := range b.Groups {
				for _, r := range g.Records {
					inv.offsets = append(inv.offsets, pos)
					inv.records = append(inv.records, r)
					inv.sources = append(inv.sources, g.Source)
					pos++
				}
			}
			if b.Next != pos {
				t.Fatalf("batch says it ends at %d and holds records to %d", b.Next, pos)
			}
		}
		if pos >= inv.next {
			break
		}
	}
	if pos != inv.next {
		t.Fatal(fmt.Errorf("log ends at %d, want %d", pos, inv.next))
	}
	return inv
}
