package pipeline

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
)

// fromAlert is what a finding says of itself that was made again from its alert.
const fromAlert = "damaged in the store: made again from its alert, which does not have all fields"

// withFindings adds to a batch the findings that its events completed, as far as
// they have an alert, each behind its event.
func (m *Mending) withFindings(ctx context.Context, b store.Batch) (store.Batch, error) {
	found, err := m.alertsOf(ctx, b.Events)
	if err != nil || len(found) == 0 {
		return b, err
	}
	out := store.Batch{First: b.First, Next: b.Next}
	for i := range b.Events {
		e := &b.Events[i]
		out.Events, out.Offsets = append(out.Events, *e), append(out.Offsets, b.Offsets[i])
		for _, a := range found[completing{e.Source, e.Dataset, e.ID}] {
			out.Events, out.Offsets = append(out.Events, event.Event{}), append(out.Offsets, b.Offsets[i])
			findingOf(&a, e, &out.Events[len(out.Events)-1])
		}
	}
	return out, nil
}

// completing names the event that completed a finding.
type completing struct{ source, dataset, id string }

// alertsOf returns the alerts of findings that events completed: both were
// received at one time.
func (m *Mending) alertsOf(ctx context.Context, events []event.Event) (map[completing][]state.Alert, error) {
	if m.Alerts == nil || len(events) == 0 {
		return nil, nil
	}
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range events {
		lo, hi = min(lo, events[i].Received), max(hi, events[i].Received)
	}
	var found map[completing][]state.Alert
	err := m.Alerts.Alerts(ctx, state.Place{Found: time.Unix(0, hi).Add(1)}, func(a state.Alert) bool {
		n := len(a.EventIDs)
		if a.Found.UnixNano() < lo {
			return false
		}
		if n > 0 {
			if found == nil {
				found = map[completing][]state.Alert{}
			}
			k := completing{a.Source, a.Dataset, a.EventIDs[n-1]}
			found[k] = append(found[k], a)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("look for findings: %w", err)
	}
	return found, nil
}

// findingOf makes the event of a finding from its alert and the event that
// completed it.
func findingOf(a *state.Alert, completed, e *event.Event) {
	f := detection.Finding{
		Rule:   &detection.Rule{ID: a.RuleID, Name: a.RuleName, Severity: int(a.Severity)},
		Event:  completed,
		Events: a.EventIDs[:len(a.EventIDs)-1],
	}
	f.Write(e)
	e.ID = a.ID // it says more than an alert keeps
	e.AddText(event.ErrorMessage, fromAlert)
}
