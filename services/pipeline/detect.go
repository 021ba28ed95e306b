package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/queue"
)

// ControlFormat is the format of control records: whatever changes detection
// besides events enters through the queue, so that a replay sees it at the same
// place. Only the server appends them; no input takes records of this format.
const ControlFormat = "gatewatch.control"

// Control is what a control record says, as JSON. What it leaves out stays.
type Control struct {
	Ruleset    string `json:"ruleset,omitempty"`    // fingerprint of the rules from here on
	Enrichment string `json:"enrichment,omitempty"` // fingerprint of the enrichment data from here on
}

// Detectors makes detectors.
type Detectors interface {
	// Detector makes the detector of a set of rules, named by its fingerprint.
	Detector(ruleset string) (detection.Detector, error)
	// Current is the fingerprint that the newest control record names.
	Current() string
}

// stage finds things in events. Its state is saved now and then with the offset
// it belongs to, so that a new start finds what the last one would have found.
type stage struct {
	Detectors
	files   checkpoints
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time

	enrichment *enrichment     // saved with the state
	memory     *verdict.Memory // of verdicts, saved with the state

	detector detection.Detector // nil while there are no rules
	ruleset  string
	stored   queue.Offset // findings of events before it are in the store
	seen     queue.Offset // the detector has seen all before it
	findings []detection.Finding
	state    []byte

	older, newest queue.Offset // checkpoints there are
	due           time.Time    // of the next one
}

// Saving the state takes the pipeline about a hundredth of its time at most.
const (
	minCheckpointTime = 5 * time.Second
	checkpointShare   = 100
)

// begin makes the detector as it was at the last checkpoint before an offset up
// to which the store is complete, and returns from where it must see events. If
// there is none that is warm, or the offset where that is 0.
func (d *stage) begin(applied, warm queue.Offset) (queue.Offset, error) {
	c, ok, err := d.files.load(applied, func(err error) {
		d.metrics.detectErrors.Inc()
		d.log.Error("state of detectors is lost", slog.Any("error", err))
	})
	if err != nil {
		return 0, err
	}
	if !ok {
		c = checkpoint{offset: applied, ruleset: d.Current(), enrichment: d.enrichment.current()}
		if warm != 0 && warm < applied {
			c.offset = warm
		}
	}
	d.enrichment.use(c.enrichment)
	d.use(c.ruleset, c.state)
	if len(c.memory) > 0 {
		if err := d.memory.Restore(c.memory); err != nil {
			d.metrics.detectErrors.Inc()
			d.log.Error("restore memory of verdicts", slog.Any("error", err))
		}
	}
	d.stored, d.seen, d.older, d.newest = applied, c.offset, c.offset, c.offset
	if !ok {
		d.save(c.offset)
	}
	return c.offset, nil
}

// use changes to another set of rules. If it cannot be had the one in use stays,
// and the log says so: to detect with the rules of before is better than nothing.
func (d *stage) use(ruleset string, state []byte) {
	if ruleset == "" {
		return
	}
	next, err := d.Detector(ruleset)
	if err != nil {
		d.metrics.detectErrors.Inc()
		d.log.Error("change rules", slog.String("ruleset", ruleset), slog.Any("error", err))
		return
	}
	if state == nil && d.detector != nil {
		state = d.detector.Snapshot(nil)
	}
	if len(state) > 0 {
		if err := next.Restore(state); err != nil {
			d.metrics.detectErrors.Inc()
			d.log.Error("restore state of detectors", slog.String("ruleset", ruleset), slog.Any("error", err))
		}
	}
	d.detector, d.ruleset = next, ruleset
}

// control obeys the control record at an offset.
func (d *stage) control(c Control, at queue.Offset) {
	d.seen = at + 1
	if c.Ruleset != d.ruleset {
		d.use(c.Ruleset, nil)
	}
}

// detect looks at the event of the record at an offset and returns what it finds,
// valid until the next call. What the store holds is not found again.
func (d *stage) detect(e *event.Event, at queue.Offset) []detection.Finding {
	d.seen = at + 1
	if d.detector == nil {
		d.findings = d.findings[:0]
		return nil
	}
	d.findings = d.detector.Detect(d.findings[:0], e)
	if at < d.stored {
		return nil
	}
	d.metrics.findings.Add(float64(len(d.findings)))
	return d.findings
}

// pass notes that the record at an offset is none to look at.
func (d *stage) pass(at queue.Offset) { d.seen = at + 1 }

// checkpoint saves the state before an offset if it is time to. There is always
// one at or before what the store has made durable.
func (d *stage) checkpoint(at, applied queue.Offset) {
	if applied >= d.newest && at != d.newest && !d.now().Before(d.due) {
		d.save(at)
	}
}

// save saves the state before an offset. Where the disk does not take it the
// checkpoints there are stay, and it is tried again later: all that is lost is
// time at the next start.
func (d *stage) save(at queue.Offset) {
	start := d.now()
	d.state = d.state[:0]
	if d.detector != nil {
		d.state = d.detector.Snapshot(d.state)
	}
	memory, err := d.memory.Snapshot(nil)
	if err == nil {
		err = d.files.save(checkpoint{at, d.ruleset, d.enrichment.set, d.state, memory})
	}
	if err == nil {
		if d.older != d.newest {
			err = d.files.remove(d.older)
		}
		d.older, d.newest = d.newest, at
	}
	if err != nil {
		d.metrics.detectErrors.Inc()
		d.log.Error("save state of detectors", slog.Any("error", err))
	}
	took := d.now().Sub(start)
	d.metrics.checkpointSeconds.Observe(took.Seconds())
	d.due = start.Add(max(minCheckpointTime, checkpointShare*took))
}

// end saves the state when the pipeline has written up to an offset and stops.
// If the detector has seen more, the last checkpoint has to do.
func (d *stage) end(at queue.Offset) {
	if d.seen <= at && at != d.newest {
		d.save(at)
	}
}

// needs returns the offset from which the queue is needed to go on from the
// checkpoint that a new start would take.
func (d *stage) needs(applied queue.Offset) queue.Offset {
	if d.newest <= applied {
		return d.newest
	}
	return d.older
}

// AppendControl appends a control record to a queue and returns once it is durable.
func AppendControl(ctx context.Context, q queue.Queue, epoch queue.Epoch, seq uint64, received time.Time, c Control) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("append control record: %w", err)
	}
	g := queue.Group{
		Source: detection.Source, Format: ControlFormat, Epoch: epoch,
		Records: []queue.Record{{Seq: seq, Received: received.UnixNano(), Raw: raw}},
	}
	if _, err := q.Append(ctx, []queue.Group{g}); err != nil {
		return fmt.Errorf("append control record: %w", err)
	}
	return nil
}
