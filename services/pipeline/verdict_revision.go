package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
)

// VerdictFormat is the format of the records, and the dataset of the events, of
// what became known of a decision after its event was stored, such as a label.
// Only the server appends them; no input takes records of this format.
const VerdictFormat = "gatewatch.verdict"

// Fields of revisions besides those of verdicts, see package event.
var (
	VerdictSource = event.Intern("verdict.source") // of the decision; with verdict.event_id it names it
	VerdictLabel  = event.Intern("verdict.label")  // that the decision has from here on, absent if none
	VerdictReason = event.Intern("verdict.reason") // that a person gave
	VerdictActor  = event.Intern("verdict.actor")  // who it was
)

// revisions reads records of VerdictFormat: flat objects of the names above.
var revisions = &parse.Format{Name: VerdictFormat, Parse: parseRevision}

func parseRevision(raw []byte, _ *parse.Context, e *event.Event) error {
	received := e.Received
	if err := e.UnmarshalJSON(raw); err != nil {
		return &parse.Error{Reason: "bad json", Detail: err.Error()}
	}
	e.ID, e.Source, e.Received, e.Dataset, e.Raw = "", "", received, VerdictFormat, nil
	return nil
}

// Revisions keeps the newest revision of each verdict; see [state.DB].
type Revisions interface {
	// PutVerdicts keeps those that are newer than what it has, as one step that
	// is durable on return: the same ones may come again.
	PutVerdicts(ctx context.Context, all []state.Verdict) error
}

// revise hands over the revisions among the events that wait.
func (p *Pipeline) revise(ctx context.Context) error {
	if p.Revisions == nil {
		return nil
	}
	var all []state.Verdict
	for i := range p.events[:p.waiting] {
		e := &p.events[i]
		if e.Dataset == VerdictFormat && e.Source == detection.Source && e.Get(event.VerdictRevision).Int() > 0 {
			all = append(all, state.Verdict{
				Source: e.Get(VerdictSource).Text(), EventID: e.Get(event.VerdictEventID).Text(),
				Revision: uint64(e.Get(event.VerdictRevision).Int()), Kind: e.Get(event.VerdictKind).Text(), Model: e.Get(event.VerdictModel).Text(),
				PAttack: e.Get(event.VerdictPAttack).Float(), PFalsePositive: e.Get(event.VerdictPFalse).Float(),
				PMissed: e.Get(event.VerdictPMissed).Float(), Time: time.Unix(0, e.Time).UTC(),
			})
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := p.untilRoom(ctx, "verdicts", func() error { return p.Revisions.PutVerdicts(ctx, all) }); err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	return nil
}

// AppendRevision appends a revision to a queue and returns once it is durable.
// The event is of a verdict, with its time; what names an event is not taken
// from it.
func AppendRevision(ctx context.Context, q queue.Queue, epoch queue.Epoch, seq uint64, received time.Time, e *event.Event) error {
	g := queue.Group{
		Source: detection.Source, Format: VerdictFormat, Epoch: epoch,
		Records: []queue.Record{{Seq: seq, Received: received.UnixNano(), Raw: e.AppendJSON(nil)}},
	}
	if _, err := q.Append(ctx, []queue.Group{g}); err != nil {
		return fmt.Errorf("append revision of a verdict: %w", err)
	}
	return nil
}
