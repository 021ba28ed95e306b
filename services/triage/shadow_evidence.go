package triage

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/state"
)

// evidenceShadow names what a shadow has found. With a weight of 0 it says that the
// request was judged, and nothing found that counts.
const evidenceShadow = "shadow rules"

// shadowed is a decision whose request a shadow may judge.
type shadowed struct {
	seen
	own []string // rules that matched at the moment of the decision
}

// open tells whether there is a verdict that can still be moved. A label knows
// better, and what was judged is not judged again.
func (x *shadowed) open() bool {
	return x.Judged && !x.Blocked && x.Label.ID == 0 && !slices.ContainsFunc(x.Moved, isShadow)
}

func isShadow(e Evidence) bool { return e.Name == evidenceShadow }

// evidence is what rules say that the decision did not know of.
func (x *shadowed) evidence(ids []int, failed error) (Evidence, string) {
	if failed != nil {
		return Evidence{evidenceShadow, 0, verdict.PhraseSternNoEnd.Say()}, shadowFailed
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return slices.Contains(x.own, strconv.Itoa(id)) })
	e := verdict.WeighSterner(ids, x.PAttack)
	if e.Weight == 0 {
		return Evidence{evidenceShadow, 0, e.Detail}, shadowNothing
	}
	return Evidence{evidenceShadow, e.Weight, e.Detail}, shadowMatched
}

// appendShadow makes a revision with the evidence of a shadow durable, unless a
// label or another evaluation came between.
func (d *Desk) appendShadow(ctx context.Context, x *shadowed, e Evidence) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	newest, err := d.State.Verdict(ctx, x.Source, x.ID)
	switch {
	case errors.Is(err, state.ErrNotFound):
	case err != nil:
		return err
	default:
		x.revised(&newest)
	}
	rows, err := d.State.Labels(ctx, x.Source, x.ID)
	if err != nil {
		return err
	}
	x.Label = holding(rows)
	if !x.open() {
		return nil
	}
	x.want = append(slices.Clone(x.Moved), e)
	v := x.moved(d.Now().UTC())
	if err := d.append(ctx, []*event.Event{x.moveEvent(&v)}); err != nil {
		return err
	}
	return d.State.PutLate(ctx, state.Late{Verdicts: []state.Verdict{v}})
}
