package triage

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/state"
)

// Bounds of a sample.
const (
	MaxBudget     = 10_000
	maxCandidates = 1 << 19 // decisions that are drawn from
	maxFilter     = 1 << 12 // bytes of the filter of a draw, or of labels
)

// Draw asks for a sample.
type Draw struct {
	Selection
	Budget int // how many to draw, at most MaxBudget
	Seed   uint64
	Actor  string
}

// Drawn is a decision to label.
type Drawn struct {
	Ref
	Probability float64 // with which it was drawn
}

// Sample draws decisions to label, each with a known probability that is kept in
// the state, so that rates can weigh their labels. The scopes of the draw are the
// sites. Decisions that have a label or were drawn before are no candidates: to
// draw once, with a large budget, is better than often. The same decisions, budget
// and seed give the same sample. It is a leaf of the audit log. What it was drawn
// from is kept too: its labels say nothing of other decisions.
func (d *Desk) Sample(ctx context.Context, w Draw) (drawn []Drawn, candidates int, err error) {
	if w.Budget < 1 || w.Budget > MaxBudget {
		return nil, 0, fmt.Errorf("budget %d %w: want 1 to %d", w.Budget, ErrInvalid, MaxBudget)
	}
	// Another draw must see what this one has drawn.
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.candidates(ctx, w.Selection)
	if err != nil {
		return nil, 0, err
	}
	sample, err := verdict.Sample(all.decisions, w.Budget, w.Seed)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range sample {
		drawn = append(drawn, Drawn{all.refs[s.Index], s.Probability})
	}
	if len(drawn) == 0 {
		return nil, 0, nil
	}
	if n := len(w.filter()); n > maxFilter {
		return nil, 0, fmt.Errorf("filter of %d bytes %w: want at most %d for a draw", n, ErrInvalid, maxFilter)
	}
	err = d.do(ctx, act{
		leaf: audit.Leaf{Actor: w.Actor, Act: audit.ActSample, Detail: map[string]string{
			"budget": strconv.Itoa(w.Budget), "seed": strconv.FormatUint(w.Seed, 10),
			"candidates": strconv.Itoa(len(all.refs)), "drawn": strconv.Itoa(len(sample)),
		}},
		make: func(a state.LabelAct) (events []*event.Event, late state.Late) {
			for _, s := range sample {
				draw := state.Draw{
					Source: all.refs[s.Index].Source, EventID: all.refs[s.Index].ID, Probability: s.Probability,
					DecisionTime: all.times[s.Index], Time: a.Time,
				}
				late.Draws = append(late.Draws, draw)
				events = append(events, drawEvent(&draw, a))
			}
			late.Frames = []state.Frame{frameOf(w.Selection, all.received, a)}
			addFrame(events[0], &late.Frames[0])
			return events, late
		},
	})
	return drawn, len(all.refs), err
}

// drawEvent is a draw as an event.
func drawEvent(w *state.Draw, a state.LabelAct) *event.Event {
	e := &event.Event{Time: a.Time.UnixNano()}
	e.AddText(event.EventKind, "enrichment")
	e.AddText(event.Message, "drawn to be labelled, by "+a.Actor)
	e.AddText(event.VerdictEventID, w.EventID)
	e.AddText(pipeline.VerdictSource, w.Source)
	e.AddText(pipeline.VerdictDecided, w.DecisionTime.Format(time.RFC3339Nano))
	e.AddInt(pipeline.VerdictAct, a.ID)
	e.Add(pipeline.VerdictSampling, event.Float(w.Probability))
	return e
}

// candidates are the decisions that may be drawn.
func (d *Desk) candidates(ctx context.Context, s Selection) (*candidates, error) {
	m, err := d.marks(ctx, s)
	if err != nil {
		return nil, err
	}
	all := &candidates{sites: map[string]uint32{}, received: time.Unix(0, 0)}
	var x Decision
	partial, err := d.scan(ctx, s, append(summary[:len(summary):len(summary)], ingested), func(e *event.Event) error {
		x.read(e)
		if at := time.Unix(0, e.Received); at.After(all.received) {
			all.received = at
		}
		m.on(&x)
		if !x.Judged || x.Label.ID != 0 || x.Drawn != 0 {
			return nil
		}
		if len(all.refs) == maxCandidates {
			return ErrTooMany
		}
		all.add(&x)
		return nil
	})
	if err == nil && len(partial) > 0 {
		// Of a part of the decisions the probabilities would be wrong.
		err = fmt.Errorf("read decisions: the answer of the store is not whole: %s", partial[0])
	}
	return all, err
}
