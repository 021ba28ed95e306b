package triage

import (
	"context"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store/query"
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
	acts     map[int64]bool    // that labelled groups
	fields   []event.Key       // that the filters of covered read
}

// span is what one act labelled of a group.
type span struct {
	state.Span
	filter *query.Matcher // nil takes all
}

func (d *Desk) marks(ctx context.Context, s Selection) (marks, error) {
	m := marks{map[Ref]state.Label{}, map[Ref]float64{}, map[Ref]state.Verdict{}, map[string][]span{}, map[int64]bool{}, nil}
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
	spans, err := d.State.Spans(ctx, maxMarks)
	if err != nil {
		return m, err
	}
	m.cover(spans)
	for _, w := range drawn {
		m.draws[Ref{w.EventID, w.Source}] = w.Probability
	}
	return m, nil
}

// cover adds what acts labelled of groups.
func (m *marks) cover(spans []state.Span) {
	filters := map[string]*query.Matcher{"": nil}
	for _, s := range spans {
		filter, known := filters[s.Within]
		if !known {
			// One that this version can't read takes all: what was drawn then tells less.
			if q, err := query.Parse(s.Within, s.Last); err == nil && q.Filter != nil {
				filter = query.NewMatcher(q.Filter)
				m.fields = append(m.fields, query.ExprFields(q.Filter)...)
			}
			filters[s.Within] = filter
		}
		m.covered[s.Alike], m.acts[s.Act] = append(m.covered[s.Alike], span{s, filter}), true
	}
}

// wholly tells whether a decision, which e is the event of, is of those of a group that
// one act labelled as a whole, or as far as a filter takes it: its own label then says
// nothing of others, even if it was drawn. The span of the act is its own, however
// little of it is in the selection. What an act leaves out since the verdict contradicts
// it is not of them.
func (m *marks) wholly(group string, x *Decision, e *event.Event) bool {
	return m.acts[x.Label.Act] || slices.ContainsFunc(m.covered[group], func(s span) bool {
		return !x.Time.Before(s.First) && !x.Time.After(s.Last) && !contradicts(x, s.Label) &&
			(s.filter == nil || s.filter.Match(query.EventRow{Event: e}))
	})
}

// on adds to a decision what is known of it.
func (m *marks) on(x *Decision) {
	x.Label, x.Drawn = m.labels[x.Ref], m.draws[x.Ref]
	if v, ok := m.verdicts[x.Ref]; ok {
		x.revised(&v)
	}
}
