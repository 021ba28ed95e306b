package state

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Place is where a page of alerts begins: behind the alert that was found then
// and has the id. The zero Place is before the newest one.
type Place struct {
	Found time.Time
	ID    string
}

// Fields of alerts that a filter may name besides those of their findings.
var (
	KeyStatus   = event.Intern("alert.status")
	KeyAssignee = event.Intern("alert.assignee")
)

// batch is how many alerts are read at once. Between two batches no transaction
// is open: a long list holds up no checkpoint of the database.
const batch = 512

// Alerts calls yield with the alerts behind a place, the newest findings first,
// until it returns false or there are no more.
func (d *DB) Alerts(ctx context.Context, after Place, yield func(Alert) bool) error {
	for {
		page, err := d.alertBatch(ctx, after)
		if err != nil {
			return fmt.Errorf("list alerts: %w", err)
		}
		for _, a := range page {
			if !yield(a) {
				return nil
			}
		}
		if len(page) < batch {
			return nil
		}
		last := page[len(page)-1]
		after = Place{last.Found, last.ID}
	}
}

func (d *DB) alertBatch(ctx context.Context, after Place) ([]Alert, error) {
	at := int64(math.MaxInt64)
	if after != (Place{}) {
		at = after.Found.UnixNano()
	}
	return list(ctx, d.read, alertOf, "SELECT "+alertColumns+` FROM alerts
		WHERE found_time <= ? AND (found_time < ? OR id < ?) ORDER BY found_time DESC, id DESC LIMIT ?`, at, at, after.ID, batch)
}

// WriteEvent makes an event of the alert, so that a query can be asked of it. e
// is reset first.
func (a *Alert) WriteEvent(e *event.Event) {
	e.Reset()
	e.ID, e.Time, e.Received = a.ID, a.Time.UnixNano(), a.Found.UnixNano()
	e.AddText(KeyStatus, string(a.Status))
	e.AddText(KeyAssignee, a.Assignee)
	e.AddText(event.Message, a.RuleName)
	e.AddText(event.RuleID, a.RuleID)
	e.AddText(event.RuleName, a.RuleName)
	e.AddInt(event.EventSeverity, a.Severity)
	e.AddText(event.FindingDataset, a.Dataset)
	e.AddText(event.FindingSource, a.Source)
	if a.SourceIP != "" {
		e.AddTyped(event.SourceIP, a.SourceIP)
	}
	e.AddText(event.UserName, a.User)
	e.AddText(event.HostName, a.Host)
	e.AddText(event.URLDomain, a.Domain)
	e.AddText(event.URLPath, a.Path)
	for _, id := range a.EventIDs {
		e.AddText(event.FindingEventIDs, id)
	}
}
