package pipeline

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
)

// TestMendFromTheQueue damages a segment and lets the store make it whole with
// what the queue still holds.
func TestMendFromTheQueue(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	end := p.feed(t, 1, 50)
	if err := p.detecting(t, dir).RunTo(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	want := p.findings(t)
	p.close(t)
	segments, err := filepath.Glob(filepath.Join(dir, "store", "*.gwseg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	raw, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[64+20] ^= 8 // in the header of its block
	if err := os.WriteFile(segments[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	p = open(t, dir)
	defer p.close(t)
	if n := p.store.Damaged(); n != 1 {
		t.Fatalf("%d segments are damaged, want 1", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	source := Source(Config{BatchEvents: 7}, nil, p.queue)
	err = p.store.Mend(ctx, func(ctx context.Context, first, next uint64, write func(store.Batch) error) error {
		defer cancel() // the work at hand is ended
		return source(context.WithoutCancel(ctx), first, next, write)
	})
	if err != nil || p.store.Damaged() != 0 {
		t.Fatalf("%d segments are damaged, %v", p.store.Damaged(), err)
	}
	if got := p.search(t, "not event.dataset: gatewatch.finding"); len(got) != 50 {
		t.Errorf("%d events, want 50", len(got))
	}
	if len(want) == 0 {
		t.Error("nothing was found before")
	}
}

// gone is a queue that has lost records.
type gone struct {
	oldest queue.Offset
	gap    *queue.GapError
}

func (g gone) Bounds() (oldest, next queue.Offset) { return g.oldest, 100 }

func (g gone) Batches(context.Context, queue.Offset) iter.Seq2[queue.Batch, error] {
	return func(yield func(queue.Batch, error) bool) {
		if yield(batchAt(5, 2), nil) && yield(queue.Batch{}, g.gap) {
			yield(batchAt(9, 2), nil)
		}
	}
}

// TestSourceOfLostRecords: what the queue does not hold is not made up.
func TestSourceOfLostRecords(t *testing.T) {
	f := func(q gone, first uint64) {
		t.Helper()
		err := Source(Config{}, nil, q)(t.Context(), first, 11, func(store.Batch) error { return nil })
		if !errors.Is(err, store.ErrGone) {
			t.Errorf("records from %d on of a queue that lost some: %v", first, err)
		}
	}
	f(gone{oldest: 5, gap: &queue.GapError{From: 7, To: 9, Reason: "test"}}, 5)
	f(gone{oldest: 8}, 5)
}
