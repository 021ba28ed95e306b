package triage

import (
	"context"

	"github.com/gatewatch/gatewatch/services/state"
)

// maxMarks bounds the labels and the draws that are in memory for one question.
const maxMarks = 1 << 18

// marks are the labels that hold, the draws and the revisions of the decisions of a
// selection. Of revisions there are those of the newest decisions.
type marks struct {
	labels   map[Ref]state.Label
	draws    map[Ref]float64
	verdicts map[Ref]state.Verdict
}

func (d *Desk) marks(ctx context.Context, s Selection) (marks, error) {
	m := marks{map[Ref]state.Label{}, map[Ref]float64{}, map[Ref]state.Verdict{}}
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
	revised, err := d.State.Verdicts(ctx, s.From, s.To, maxMarks)
	if err != nil {
		return m, err
	}
	for _, v := range revised {
		m.verdicts[Ref{v.EventID, v.Source}] = v
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
func (m *marks) on(x *Decision) {
	x.Label, x.Drawn = m.labels[x.Ref], m.draws[x.Ref]
	if v, ok := m.verdicts[x.Ref]; ok {
		x.revised(&v)
	}
}
