package triage

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// Bounds of a sample.
const (
	MaxBudget     = 10_000
	maxCandidates = 1 << 19 // decisions that are drawn from
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
// and seed give the same sample. It is a leaf of the audit log.
func (d *Desk) Sample(ctx context.Context, w Draw) (drawn []Drawn, candidates int, err error) {
	if w.Budget < 1 || w.Budget > MaxBudget {
		return nil, 0, fmt.Errorf("budget %d %w: want 1 to %d", w.Budget, ErrInvalid, MaxBudget)
	}
	all, err := d.candidates(ctx, w.Selection)
	if err != nil {
		return nil, 0, err
	}
	sample, err := verdict.Sample(all.decisions, w.Budget, w.Seed)
	if err != nil {
		return nil, 0, err
	}
	draws := make([]state.Draw, len(sample))
	for i, s := range sample {
		of := &all.refs[s.Index]
		draws[i] = state.Draw{Source: of.Source, EventID: of.ID, Probability: s.Probability, DecisionTime: all.times[s.Index]}
		drawn = append(drawn, Drawn{*of, s.Probability})
	}
	err = d.State.AddDraws(ctx, draws, func() error {
		_, err := d.Audit(ctx, audit.Leaf{Actor: w.Actor, Act: audit.ActSample, Detail: map[string]string{
			"budget": strconv.Itoa(w.Budget), "seed": strconv.FormatUint(w.Seed, 10),
			"candidates": strconv.Itoa(len(all.refs)), "drawn": strconv.Itoa(len(draws)),
		}})
		return err
	})
	return drawn, len(all.refs), err
}

// candidates are the decisions that may be drawn.
func (d *Desk) candidates(ctx context.Context, s Selection) (*candidates, error) {
	m, err := d.marks(ctx, s)
	if err != nil {
		return nil, err
	}
	all := &candidates{sites: map[string]uint32{}}
	var x Decision
	partial, err := d.scan(ctx, s, summary, func(e *event.Event) error {
		x.read(e)
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
