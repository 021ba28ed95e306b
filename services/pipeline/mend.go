package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
)

// Bounded is a queue that knows what it holds.
type Bounded interface {
	Reader
	Bounds() (oldest, next queue.Offset)
}

// Source makes events of records again, for [store.Columnar.Mend].
func Source(cfg Config, data Enrichments, q Bounded) store.Source {
	return func(ctx context.Context, first, next uint64, write func(store.Batch) error) error {
		if oldest, _ := q.Bounds(); queue.Offset(first) < oldest {
			return fmt.Errorf("%w: it begins at offset %d", store.ErrGone, oldest)
		}
		_, err := Read(ctx, cfg, data, gapless{q}, queue.Offset(first), queue.Offset(next), write)
		return err
	}
}

// gapless is a queue whose reader ends at a gap.
type gapless struct{ Reader }

func (g gapless) Batches(ctx context.Context, from queue.Offset) iter.Seq2[queue.Batch, error] {
	return func(yield func(queue.Batch, error) bool) {
		for b, err := range g.Reader.Batches(ctx, from) {
			var gap *queue.GapError
			if errors.As(err, &gap) {
				yield(queue.Batch{}, fmt.Errorf("%w: %w", store.ErrGone, queueGap{gap}))
				return
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// queueGap tells of a gap without being one that a reader goes on behind.
type queueGap struct{ gap *queue.GapError }

func (g queueGap) Error() string { return g.gap.Error() }
