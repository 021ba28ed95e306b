package triage

import (
	"context"

	"github.com/gatewatch/gatewatch/services/state"
)

// maxMarks bounds the labels and the draws that are in memory for one question.
const maxMarks = 1 << 18

// marks are the labels that hold and the draws, of the decisions of a selection.
type marks struct {
	labels map[Ref]state.Label
	draws  map[Ref]float64
}

func (d *Desk) marks(ctx context.Context, s Selection) (marks, error) {
	m := marks{map[Ref]state.Label{}, map[Ref]float64{}}
	given, err := d.State.LabelsThatHold(ctx, s.From, s.To, maxMarks+1)
	if err != nil {
		return m, err
	}
	drawn, err := d.State.Draws(ctx, s.From, s.To, maxMarks+1)
	if err != nil {
		return m, err
	}
	if len(given) > maxMarks || len(drawn) > maxMarks {
		return m, ErrTooMany
	}
	for _, l := range given {
		m.labels[Ref{l.EventID, l.Source}] = l
	}
	for _, w := range drawn {
		m.draws[Ref{w.EventID, w.Source}] = w.Probability
	}
	return m, nil
}

// on adds to a decision what is known of it.
func (m *marks) on(x *Decision) { x.Label, x.Drawn = m.labels[x.Ref], m.draws[x.Ref] }
