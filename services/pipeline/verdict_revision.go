package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
)

// VerdictFormat is the format of the records, and the dataset of the events, of
// what became known of a decision after its event was stored: a label, that it was
// drawn to be labelled, a revision of its verdict. Only the server appends them; no
// input takes records of this format.
const VerdictFormat = "gatewatch.verdict"

// Fields of such events besides those of verdicts, see package event.
var (
	VerdictSource   = event.Intern("verdict.source")        // of the decision; with verdict.event_id it names it
	VerdictDecided  = event.Intern("verdict.decision_time") // of the decision, RFC 3339
	VerdictLabel    = event.Intern("verdict.label")         // that the decision has from here on, absent if none
	VerdictLabelID  = event.Intern("verdict.label_id")      // of the row that a label, or what undoes one, is
	VerdictUndoes   = event.Intern("verdict.undoes")        // id of the label that is undone
	VerdictAct      = event.Intern("verdict.act")           // id of the first label of the act
	VerdictAlike    = event.Intern("verdict.alike")         // what the decision shares with others of its group
	VerdictReason   = event.Intern("verdict.reason")        // that a person gave
	VerdictActor    = event.Intern("verdict.actor")         // who it was
	VerdictSampling = event.Intern("verdict.sample_probability")
	// What a draw was from; one of its events has it.
	VerdictWithin        = event.Intern("verdict.within")       // of the first label of an act: the filter that took its decisions
	VerdictFrame         = event.Intern("verdict.frame.filter") // "" is all decisions
	VerdictFrameFirst    = event.Intern("verdict.frame.from")   // RFC 3339, absent if there is no bound; as the next one
	VerdictFrameLast     = event.Intern("verdict.frame.to")
	VerdictFrameReceived = event.Intern("verdict.frame.received") // RFC 3339
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

// Revisions keeps what became known of decisions; see [state.DB].
type Revisions interface {
	// PutLate keeps what it does not have yet, as one step that is durable on
	// return: the same may come again.
	PutLate(ctx context.Context, l state.Late) error
}

// revise hands over what became known of decisions among the events that wait.
func (p *Pipeline) revise(ctx context.Context) error {
	if p.Revisions == nil {
		return nil
	}
	var late state.Late
	for i := range p.events[:p.waiting] {
		AddLate(&late, &p.events[i])
	}
	if late.Empty() {
		return nil
	}
	if err := p.untilRoom(ctx, "verdicts", func() error { return p.Revisions.PutLate(ctx, late) }); err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	return nil
}

// AddLate adds to l what an event tells, if it is one that the server made of what
// became known of a decision.
func AddLate(l *state.Late, e *event.Event) {
	if e.Dataset != VerdictFormat || e.Source != detection.Source {
		return
	}
	text := func(k event.Key) string { return strings.Clone(e.Get(k).Text()) }
	at := time.Unix(0, e.Time).UTC()
	source, id := text(VerdictSource), text(event.VerdictEventID)
	decided, _ := time.Parse(time.RFC3339Nano, e.Get(VerdictDecided).String()) // the zero time is: not known
	if n := e.Get(event.VerdictRevision).Int(); n > 0 {
		v := state.Verdict{
			Source: source, EventID: id, Revision: uint64(n), Kind: text(event.VerdictKind), Model: text(event.VerdictModel),
			PAttack: e.Get(event.VerdictPAttack).Float(), PFalsePositive: e.Get(event.VerdictPFalse).Float(),
			PMissed: e.Get(event.VerdictPMissed).Float(), DecisionTime: decided, Time: at,
		}
		for line := range e.Values(event.VerdictEvidence) {
			v.Evidence = append(v.Evidence, strings.Clone(line.String()))
		}
		l.Verdicts = append(l.Verdicts, v)
	}
	if act := e.Get(VerdictAct).Int(); act > 0 {
		l.Acts = append(l.Acts, act)
	}
	label := state.Label{
		ID: e.Get(VerdictLabelID).Int(), Source: source, EventID: id, Reason: text(VerdictReason), Actor: text(VerdictActor), Time: at,
		Undoes: e.Get(VerdictUndoes).Int(), Act: e.Get(VerdictAct).Int(), DecisionTime: decided, Alike: text(VerdictAlike),
		Within: text(VerdictWithin),
	}
	if label.Undoes == 0 {
		label.Label = text(VerdictLabel)
	}
	if label.ID > 0 && label.Check() == nil { // what the server has not checked is no label
		l.Labels = append(l.Labels, label)
	}
	if p := e.Get(VerdictSampling).Float(); p > 0 && p <= 1 && id != "" {
		l.Draws = append(l.Draws, state.Draw{Source: source, EventID: id, Probability: p, DecisionTime: decided, Time: at})
	}
	if e.Has(VerdictFrameReceived) && label.Act > 0 {
		moment := func(k event.Key) time.Time {
			t, _ := time.Parse(time.RFC3339Nano, e.Get(k).String()) // the zero time is no bound
			return t
		}
		l.Frames = append(l.Frames, state.Frame{
			Act: label.Act, Filter: text(VerdictFrame), First: moment(VerdictFrameFirst), Last: moment(VerdictFrameLast),
			Received: moment(VerdictFrameReceived), Time: at,
		})
	}
}

// AppendLate appends to a queue, all or nothing, what became known of decisions,
// and returns once it is durable. The events have their times; what names an event
// is not taken from them. seq is the number of the first record in the epoch.
func AppendLate(ctx context.Context, q queue.Queue, epoch queue.Epoch, seq uint64, received time.Time, events []*event.Event) error {
	g := queue.Group{Source: detection.Source, Format: VerdictFormat, Epoch: epoch}
	for i, e := range events {
		g.Records = append(g.Records, queue.Record{Seq: seq + uint64(i), Received: received.UnixNano(), Raw: e.AppendJSON(nil)})
	}
	if _, err := q.Append(ctx, []queue.Group{g}); err != nil {
		return fmt.Errorf("append what became known of decisions: %w", err)
	}
	return nil
}
