package pipeline

import (
	"context"
	"fmt"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/queue"
)

// Alerts keeps findings as alerts, with how far it has them; see [state.DB].
type Alerts interface {
	// Write keeps the findings of records up to an offset of the queue
	// (exclusive), and the offset, as one step that is durable on return. What it
	// has already changes nothing.
	Write(ctx context.Context, found []*event.Event, next uint64) error
	// Applied returns that offset.
	Applied() uint64
}

// alert hands over the findings among the events that wait. Where there are none
// the offset may stay behind: nothing is missing between.
func (p *Pipeline) alert(ctx context.Context, next queue.Offset) error {
	if p.Alerts == nil {
		return nil
	}
	p.found = p.found[:0]
	for i := range p.events[:p.waiting] {
		if e := &p.events[i]; e.Dataset == detection.Dataset && e.Source == detection.Source {
			p.found = append(p.found, e)
		}
	}
	if len(p.found) == 0 {
		return nil
	}
	return p.writeAlerts(ctx, next)
}

// settleAlerts makes the offset of alerts durable before the queue forgets what
// is before it.
func (p *Pipeline) settleAlerts(ctx context.Context, applied queue.Offset) error {
	if p.Alerts == nil || p.Alerts.Applied() >= uint64(applied) {
		return nil
	}
	p.found = p.found[:0]
	return p.writeAlerts(ctx, applied)
}

func (p *Pipeline) writeAlerts(ctx context.Context, next queue.Offset) error {
	if err := p.untilRoom(ctx, "alerts", func() error { return p.Alerts.Write(ctx, p.found, uint64(next)) }); err != nil {
		return fmt.Errorf("write alerts: %w", err)
	}
	return nil
}
