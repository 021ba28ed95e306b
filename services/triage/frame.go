package triage

import (
	"context"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// maxFrames is how many draws are looked at, the newest. Decisions that only older
// ones could have drawn count as if none could.
const maxFrames = 64

// ingested is when an event came in.
var ingested = event.Intern("event.ingested")

// frame is what a draw was from.
type frame struct {
	state.Frame
	filter *query.Matcher
}

// frames are what the draws were from that a question is about.
type frames struct {
	all    []frame
	fields []event.Key // that the filters read
}

func (d *Desk) frames(ctx context.Context) (f frames, err error) {
	kept, err := d.State.Frames(ctx, maxFrames)
	if err != nil {
		return f, err
	}
	f.fields = []event.Key{ingested}
	for _, k := range kept {
		var expr query.Expr = query.All
		if k.Filter != "" {
			q, err := query.Parse(k.Filter, k.Time)
			if err != nil || q.Filter == nil { // nothing is known to have been drawn from
				continue
			}
			expr = q.Filter
		}
		f.fields = append(f.fields, query.ExprFields(expr)...)
		f.all = append(f.all, frame{k, query.NewMatcher(expr)})
	}
	return f, nil
}

// hold tells whether one of the draws could have drawn a decision.
func (f *frames) hold(e *event.Event) bool {
	at, received := time.Unix(0, e.Time), time.Unix(0, e.Received)
	return slices.ContainsFunc(f.all, func(f frame) bool {
		return !at.Before(f.First) && (f.Last.IsZero() || at.Before(f.Last)) && !received.After(f.Received) &&
			f.filter.Match(query.EventRow{Event: e})
	})
}

// frameOf is what a draw is from. Whether a decision came in before it is told by
// the newest one that was seen.
func frameOf(s Selection, received time.Time, a state.LabelAct) state.Frame {
	return state.Frame{Act: a.ID, Filter: s.filter(), First: s.From, Last: s.To, Received: received, Time: a.Time}
}

// addFrame adds what a draw was from to one of its events.
func addFrame(e *event.Event, f *state.Frame) {
	e.AddText(pipeline.VerdictFrame, f.Filter)
	for k, t := range map[event.Key]time.Time{pipeline.VerdictFrameFirst: f.First, pipeline.VerdictFrameLast: f.Last} {
		if !t.IsZero() {
			e.AddText(k, t.Format(time.RFC3339Nano))
		}
	}
	e.AddText(pipeline.VerdictFrameReceived, f.Received.Format(time.RFC3339Nano))
}
