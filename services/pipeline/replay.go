package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
)

// Reader reads a queue; see [queue.Queue].
type Reader interface {
	Batches(ctx context.Context, from queue.Offset) iter.Seq2[queue.Batch, error]
}

// LostError means that a replay cannot make again what the store holds: the
// queue has lost the records. A replay from To on is possible.
type LostError struct{ From, To queue.Offset }

func (e *LostError) Error() string {
	return fmt.Sprintf("the queue has lost the records %d to %d, whose events are stored", e.From, e.To-1)
}

// Rewind prepares a replay: it takes out of the store all events from an offset
// of the queue on, so that [Pipeline.Run] makes them again. No pipeline may run,
// and the store must be just opened. Nothing is taken out unless the queue can
// give back all records whose events are. Killed at any moment it leaves the
// store as it was or rewound, and the next run of a pipeline goes on from there;
// the queue keeps what that needs.
func Rewind(ctx context.Context, q queue.Queue, s *store.Columnar, from queue.Offset) (store.Rewound, error) {
	if err := CanReplay(ctx, q, s, from); err != nil {
		return store.Rewound{}, err
	}
	// First the hold on the queue, then the gap in the store.
	if from < q.Committed(Consumer) {
		if err := q.Commit(ctx, Consumer, from); err != nil {
			return store.Rewound{}, fmt.Errorf("commit queue: %w", err)
		}
	}
	return s.Rewind(ctx, uint64(from))
}

// CanReplay reads the queue from an offset up to what the store holds, and
// returns a [LostError] for the last gap of the queue that the store does not
// have too.
func CanReplay(ctx context.Context, q Reader, s *store.Columnar, from queue.Offset) error {
	end := queue.Offset(s.Applied())
	if from >= end {
		return nil
	}
	var lost *LostError
	for batch, err := range q.Batches(ctx, from) {
		var gap *queue.GapError
		switch {
		case errors.As(err, &gap):
			batch.Next = gap.To
			if s.Covers(uint64(gap.From), uint64(gap.To)) {
				lost = &LostError{gap.From, gap.To}
			}
		case err != nil:
			return fmt.Errorf("read queue: %w", err)
		}
		if batch.Next >= end {
			break
		}
	}
	if lost != nil {
		return lost
	}
	return ctx.Err()
}

// OffsetAt returns the offset of the first record before end that was received
// at a time or later, end if there is none.
func OffsetAt(ctx context.Context, q Reader, at time.Time, end queue.Offset) (queue.Offset, error) {
	for batch, err := range q.Batches(ctx, 0) {
		var gap *queue.GapError
		switch {
		case errors.As(err, &gap):
			batch.Next = gap.To
		case err != nil:
			return 0, fmt.Errorf("read queue: %w", err)
		}
		offset := batch.First
		for i := range batch.Groups {
			for j := range batch.Groups[i].Records {
				if batch.Groups[i].Records[j].Received >= at.UnixNano() {
					return offset, nil
				}
				offset++
			}
		}
		if batch.Next >= end {
			break
		}
	}
	return end, ctx.Err()
}

// Read parses and enriches the records of a queue from an offset to another
// (exclusive) and hands their events to write, as to a store. It commits nothing.
// It returns what it made of each source, also with an error or when ctx ends.
func Read(ctx context.Context, cfg Config, data Enrichments, q Reader, from, end queue.Offset, write func(store.Batch) error) ([]SourceCount, error) {
	p, err := New(cfg, Options{
		Queue: uncommitted{q}, Store: sink{uint64(from), write}, Enrichments: data,
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	err = p.RunTo(ctx, end)
	if err == nil {
		err = ctx.Err()
	}
	return p.Sources(), err
}

// uncommitted is a queue that is only read.
type uncommitted struct{ Reader }

func (uncommitted) Commit(context.Context, string, queue.Offset) error { return nil }

// sink takes events from an offset on.
type sink struct {
	from  uint64
	write func(store.Batch) error
}

func (s sink) Applied() uint64                              { return s.from }
func (s sink) Write(_ context.Context, b store.Batch) error { return s.write(b) }
