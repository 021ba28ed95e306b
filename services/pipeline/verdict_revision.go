package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
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
