package triage

import (
	"context"
	"slices"
	"time"

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
	covered  map[string][]span // by the text of a group
}

// span is the time over which one act labelled a group.
type span struct {
	first, last time.Time
	n           int
}

func (d *Desk) marks(ctx context.Context, s Selection) (marks, error) {
	m := marks{map[Ref]state.Label{}, map[Ref]float64{}, map[Ref]state.Verdict{}, map[string][]span{}}
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
	m.cover(given)
	for _, w := range drawn {
		m.draws[Ref{w.EventID, w.Source}] = w.Probability
	}
	return m, nil
}

// cover finds out which groups were labelled as a whole, and over what time.
func (m *marks) cover(given []state.Label) {
	acts := map[int64]span{}
	group := map[int64]string{}
	for _, l := range given {
		s, ok := acts[l.Act]
		if !ok {
			s = span{l.DecisionTime, l.DecisionTime, 0}
		}
		if l.DecisionTime.Before(s.first) {
			s.first = l.DecisionTime
		}
		if l.DecisionTime.After(s.last) {
			s.last = l.DecisionTime
		}
		s.n++
		acts[l.Act], group[l.Act] = s, l.Alike
	}
	for id, s := range acts {
		if id != 0 && s.n > 1 && group[id] != "" {
			m.covered[group[id]] = append(m.covered[group[id]], s)
		}
	}
}

// wholly tells whether a decision of a group is of those that were labelled as a
// whole: its own label then says nothing of others, even if it was drawn.
func (m *marks) wholly(group string, at time.Time) bool {
	return slices.ContainsFunc(m.covered[group], func(s span) bool { return !at.Before(s.first) && !at.After(s.last) })
}

// on adds to a decision what is known of it.
func (m *marks) on(x *Decision) {
	x.Label, x.Drawn = m.labels[x.Ref], m.draws[x.Ref]
	if v, ok := m.verdicts[x.Ref]; ok {
		x.revised(&v)
	}
}
