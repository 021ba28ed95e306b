package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
)

// Bounded is a queue that knows what it holds.
type Bounded interface {
	Reader
	Bounds() (oldest, next queue.Offset)
}

// Mending is what events that the store has lost are made from again.
type Mending struct {
	Queue       Bounded
	Enrichments Enrichments // nil adds nothing
	Alerts      Listed      // gives back findings; nil gives none
	Log         *slog.Logger
}

// Listed lists alerts, those of the newest findings first, as [state.DB] does.
type Listed interface {
	Alerts(ctx context.Context, after state.Place, yield func(state.Alert) bool) error
}

// Source makes events of records again, for [store.Columnar.Mend]: enriched with
// the data that was in use at their offset, and with the findings that have an
// alert.
func Source(cfg Config, m Mending) store.Source {
	return func(ctx context.Context, first, next uint64, write func(store.Batch) error) error {
		if oldest, _ := m.Queue.Bounds(); queue.Offset(first) < oldest {
			return fmt.Errorf("%w: it begins at offset %d", store.ErrGone, oldest)
		}
		data, err := m.dataAt(ctx, queue.Offset(first))
		if err != nil {
			return err
		}
		_, err = Read(ctx, cfg, data, gapless{m.Queue}, queue.Offset(first), queue.Offset(next), func(b store.Batch) error {
			b, err := m.withFindings(ctx, b)
			if err != nil {
				return err
			}
			return write(b)
		})
		return err
	}
}

// since are enrichments of which another one than the newest is in use at first.
type since struct {
	Enrichments
	set string
}

func (s since) Current() string { return s.set }

// dataAt returns the enrichments with what was in use at an offset: what the last
// control record before it names. If the queue has none before it, but one behind
// it, nobody knows, and there is no data until that one.
func (m *Mending) dataAt(ctx context.Context, at queue.Offset) (Enrichments, error) {
	if m.Enrichments == nil {
		return nil, nil
	}
	before, behind := "", false
	_, end := m.Queue.Bounds()
	for b, err := range m.Queue.Batches(ctx, 0) {
		var gap *queue.GapError
		switch {
		case errors.As(err, &gap):
			b = queue.Batch{Next: gap.To}
		case err != nil:
			return nil, fmt.Errorf("look for enrichment data: %w", err)
		}
		eachSet(b, func(set string, offset queue.Offset) {
			if offset < at {
				before = set
			} else {
				behind = true
			}
		})
		if behind || b.Next >= end || before != "" && b.Next >= at {
			break
		}
	}
	switch {
	case before == "" && behind:
		m.Log.WarnContext(ctx, "it is not known which enrichment data was in use, events are mended without", "offset", uint64(at))
	case before == "":
		before = m.Enrichments.Current()
	}
	return since{m.Enrichments, before}, ctx.Err()
}

// eachSet calls f for the control records of a batch that name enrichment data.
func eachSet(b queue.Batch, f func(set string, offset queue.Offset)) {
	offset := b.First
	for i := range b.Groups {
		g := &b.Groups[i]
		for j := range g.Records {
			var c Control
			if g.Format == ControlFormat && json.Unmarshal(g.Records[j].Raw, &c) == nil && c.Enrichment != "" {
				f(c.Enrichment, offset)
			}
			offset++
		}
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
