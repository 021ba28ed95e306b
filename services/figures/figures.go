// Package figures counts what charts and reports show, by bounded questions to the
// stored events.
package figures

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Events is what is needed of a store.
type Events interface {
	Aggregate(ctx context.Context, r store.AggregateRequest) (*query.Table, store.Stats, error)
}

// Reader counts in one time range. It must not be used concurrently.
type Reader struct {
	Events   Events
	From, To time.Time // From <= @timestamp < To
	// Partial grows by why figures are not whole.
	Partial []string
}

const (
	maxSteps = 120 // that a time range is divided into, about
	maxTop   = 10  // names of a list
	maxSites = 20
	maxRows  = 20_000 // of a question whose groups somebody else may multiply
)

// decisions are those of nodes and logs, told as packages triage and wall tell them.
const decisions = "(" + verdict.Decisions + ")"

const blocks = decisions + " and waf.decision: block"

// ask counts the events of a query.
func (r *Reader) ask(ctx context.Context, text string) ([][]event.Value, error) {
	q, err := query.Parse(text, r.To)
	if err != nil {
		return nil, fmt.Errorf("ask for figures: %w", err)
	}
	table, stats, err := r.Events.Aggregate(ctx, store.AggregateRequest{Query: q, From: r.From, To: r.To})
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	for _, why := range stats.Partial {
		r.amiss(why)
	}
	if len(table.Rows) == maxRows {
		r.amiss(fmt.Sprintf("more than %d groups: the rarest are not counted", maxRows))
	}
	return table.Rows, nil
}

// amiss remembers once why figures are not whole.
func (r *Reader) amiss(why string) {
	for _, known := range r.Partial {
		if known == why {
			return
		}
	}
	r.Partial = append(r.Partial, why)
}

// steps are the widths of a step, as a query writes them.
var steps = []struct {
	text string
	time.Duration
}{
	{"1m", time.Minute},
	{"5m", 5 * time.Minute},
	{"15m", 15 * time.Minute},
	{"1h", time.Hour},
	{"6h", 6 * time.Hour},
	{"1d", 24 * time.Hour},
	{"1w", 7 * 24 * time.Hour},
	{"4w", 28 * 24 * time.Hour},
}

// step returns the width of the steps of the range: as few as are told apart well.
func (r *Reader) step() (text string, width time.Duration) {
	for _, s := range steps {
		if r.To.Sub(r.From) <= maxSteps*s.Duration {
			return s.text, s.Duration
		}
	}
	const week = 7 * 24 * time.Hour
	weeks := (r.To.Sub(r.From)-1)/(maxSteps*week) + 1
	return fmt.Sprintf("%dw", weeks), weeks * week
}

// moments calls f with the beginnings of all steps from the first to the last that has
// something; others may be empty. There are as few of them as [Reader.step] says: times
// of events span no more than twice the longest range.
func moments(first, last time.Time, width time.Duration, f func(time.Time)) {
	for !first.After(last) {
		f(first)
		first = first.Add(width)
	}
}

// text is a value as text, "" if it is missing.
func text(v event.Value) string {
	if v.Kind() == event.KindNone {
		return ""
	}
	return strings.ToValidUTF8(v.String(), "\ufffd")
}
