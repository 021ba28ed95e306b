package pipeline

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
)

// lagging is a store that has made durable less than it was given, and the
// queue before it, which remembers what was committed.
type lagging struct {
	queue.Queue
	batches []queue.Batch
	gap     *queue.GapError // before the last batch

	applied   uint64
	durable   func(written uint64) uint64
	ranges    [][2]uint64
	committed []queue.Offset
}

func (l *lagging) Batches(ctx context.Context, from queue.Offset) iter.Seq2[queue.Batch, error] {
	return func(yield func(queue.Batch, error) bool) {
		for i, b := range l.batches {
			if l.gap != nil && i == len(l.batches)-1 && !yield(queue.Batch{}, l.gap) {
				return
			}
			if b.First >= from && !yield(b, nil) {
				return
			}
		}
		<-ctx.Done()
	}
}

func (l *lagging) Commit(_ context.Context, _ string, next queue.Offset) error {
	l.committed = append(l.committed, next)
	return nil
}

func (l *lagging) Applied() uint64 { return l.applied }

func (l *lagging) Write(_ context.Context, b store.Batch) error {
	l.ranges = append(l.ranges, [2]uint64{b.First, b.Next})
	l.applied = l.durable(b.Next)
	return nil
}

func batchAt(first queue.Offset, n int) queue.Batch {
	g := queue.Group{Source: "s", Format: "json"}
	for i := range n {
		g.Records = append(g.Records, queue.Record{Seq: uint64(i), Received: received, Raw: []byte("{}")})
	}
	return queue.Batch{First: first, Next: first + queue.Offset(n), Groups: []queue.Group{g}}
}

// run lets a pipeline run over the queue up to an offset.
func (l *lagging) run(t *testing.T, end queue.Offset, o Options) {
	t.Helper()
	o.Queue, o.Store, o.Log, o.Now = l, l, slog.New(slog.DiscardHandler), time.Now
	p, err := New(Config{}, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RunTo(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// TestCommitsWhatIsDurable: the queue may forget what the store holds for good,
// not what was written to it.
func TestCommitsWhatIsDurable(t *testing.T) {
	l := &lagging{
		batches: []queue.Batch{batchAt(1, 2), batchAt(3, 2), batchAt(5, 2)},
		durable: func(written uint64) uint64 { return max(1, written-3) },
	}
	l.run(t, 7, Options{})
	if diff := cmp.Diff([]queue.Offset{1, 2, 4}, l.committed); diff != "" {
		t.Error(diff)
	}
}

// TestCommitKeepsWhatDetectorsNeed: nor what comes after the last checkpoint.
func TestCommitKeepsWhatDetectorsNeed(t *testing.T) {
	l := &lagging{
		batches: []queue.Batch{batchAt(1, 2), batchAt(3, 2), batchAt(5, 2)},
		durable: func(written uint64) uint64 { return written },
	}
	l.run(t, 7, Options{Detectors: countings{"2"}, State: t.TempDir()})
	// The next checkpoint is not due yet.
	if diff := cmp.Diff([]queue.Offset{1}, l.committed); diff != "" {
		t.Error(diff)
	}
}

// TestStoreIsToldOfGaps: the store is told to pass over records that the queue lost.
func TestStoreIsToldOfGaps(t *testing.T) {
	l := &lagging{
		batches: []queue.Batch{batchAt(1, 2), batchAt(8, 1)},
		gap:     &queue.GapError{From: 3, To: 8, Reason: "test"},
		durable: func(written uint64) uint64 { return written },
	}
	l.run(t, 9, Options{})
	if diff := cmp.Diff([][2]uint64{{1, 3}, {3, 8}, {8, 9}}, l.ranges); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]queue.Offset{3, 8, 9}, l.committed); diff != "" {
		t.Error(diff)
	}
}

// TestStateCannotBeSaved: a disk that does not take the state of the detectors
// ends nothing.
func TestStateCannotBeSaved(t *testing.T) {
	state := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(state, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := stage{
		Detectors: countings{"2"}, files: checkpoints{dir: state}, log: slog.New(slog.DiscardHandler),
		metrics: newMetrics(prometheus.NewRegistry()), now: time.Now, enrichment: new(enrichment), memory: verdict.NewMemory(0),
	}
	d.save(7)
	if d.newest != 0 {
		t.Errorf("newest is %d after a failure", d.newest)
	}
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	d.save(8)
	if c, ok, err := d.files.load(9, func(error) {}); err != nil || !ok || c.offset != 8 || d.newest != 8 {
		t.Errorf("loaded %+v, %v, %v", c, ok, err)
	}
	if _, err := os.Stat(state); errors.Is(err, os.ErrNotExist) {
		t.Error("the folder of the state is not there")
	}
}
