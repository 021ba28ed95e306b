package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Bounds of one look for the events that led to a finding.
const (
	maxCandidates    = 20000 // events that are looked at
	maxContributions = 100   // that are listed
)

// ExplainRule implements RuleService.
func (s ruleServer) ExplainRule(ctx context.Context, req *gatewatchv1.ExplainRuleRequest) (*gatewatchv1.ExplainRuleResponse, error) {
	d, err := s.document(req.GetId())
	if err != nil {
		return nil, err
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	e, err := s.event(ctx, req.GetEventId(), req.GetSource())
	if err != nil {
		return nil, err
	}
	if d.Correlation {
		return s.explainCorrelation(ctx, d, e)
	}
	resp, err := explainRule(d, e)
	if err != nil || resp.GetMatched() || e.Dataset != detection.Dataset {
		return resp, err
	}
	id, source := completing(e)
	if e, err = s.event(ctx, id, source); err != nil {
		return nil, err
	}
	return explainRule(d, e)
}

func explainRule(d *rules.Document, e *event.Event) (*gatewatchv1.ExplainRuleResponse, error) {
	x, err := d.Explain(e)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ExplainRuleResponse{
		Matched: x.Matched, Condition: x.Condition.Text, EventId: valid(e.ID), Source: valid(e.Source),
	}
	for i := range x.Reasons {
		resp.Reasons = append(resp.Reasons, newProtoReason(&x.Reasons[i]))
	}
	return resp, nil
}

// valid is a text that proto can hold.
func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// completing returns the event that completed a finding.
func completing(finding *event.Event) (id, source string) {
	for v := range finding.Values(event.FindingEventIDs) {
		id = v.Text() // the last one
	}
	return id, finding.Get(event.FindingSource).Text()
}

// explainCorrelation finds what led to a finding of a correlation. The event is the
// finding, or one that completed some: the newest of these counts.
func (s ruleServer) explainCorrelation(ctx context.Context, d *rules.Document, e *event.Event) (*gatewatchv1.ExplainRuleResponse, error) {
	if e.Dataset != detection.Dataset || e.Get(event.RuleID).Text() != d.ID {
		text := "event.dataset: " + query.Quote(detection.Dataset) + " and rule.id: " + query.Quote(d.ID) +
			" and finding.event_ids: " + query.Quote(e.ID) + " and finding.source: " + query.Quote(e.Source)
		at := e.ID
		e = nil
		if err := s.search(ctx, text, time.Time{}, time.Time{}, 1, func(found *event.Event) { e = found.Clone() }); err != nil {
			return nil, err
		}
		if e == nil {
			return nil, &notFound{"finding of this correlation that was completed by event", at}
		}
	}
	c, err := s.contributions(ctx, d, e)
	if err != nil {
		return nil, err
	}
	id, source := completing(e)
	return &gatewatchv1.ExplainRuleResponse{Matched: true, EventId: valid(id), Source: valid(source), Contributions: c}, nil
}

// contributions looks for the events of a finding.
func (s ruleServer) contributions(ctx context.Context, d *rules.Document, finding *event.Event) (*gatewatchv1.RuleContributions, error) {
	var group []detection.Member
	for v := range finding.Values(event.FindingGroup) {
		if field, value, ok := strings.Cut(v.Text(), "="); ok {
			group = append(group, detection.Member{Field: field, Value: value})
		}
	}
	ways, err := d.Contributions(group)
	if err != nil {
		return nil, err
	}
	// Times may have been stored to the millisecond.
	from := time.Unix(0, finding.Get(event.EventStart).Int()).UTC().Truncate(time.Millisecond)
	to := time.Unix(0, finding.Get(event.EventEnd).Int()).UTC().Truncate(time.Millisecond).Add(time.Millisecond)
	resp := &gatewatchv1.RuleContributions{
		FindingId: valid(finding.ID), Query: candidates(ways), FromTime: timestamppb.New(from), ToTime: timestamppb.New(to),
	}
	seen := 0
	err = s.search(ctx, resp.GetQuery(), from, to, maxCandidates, func(e *event.Event) {
		seen++
		for i := range ways {
			if !ways[i].Matches(e) {
				continue
			}
			if len(resp.Events) == maxContributions {
				resp.More = true
				return
			}
			resp.Events = append(resp.Events, &gatewatchv1.RuleContribution{
				Rule: ways[i].Document.ID, EventId: valid(e.ID), Source: valid(e.Source), Time: timestamppb.New(time.Unix(0, e.Time)),
			})
			return
		}
	})
	if resp.More = resp.More || seen == maxCandidates; !resp.More && len(resp.Events) > 0 {
		resp.Query = listed(resp.Events)
	}
	return resp, err
}

// plainField is a field that a query can name.
var plainField = regexp.MustCompile(`^[A-Za-z_@][A-Za-z0-9_@.-]*$`)

// candidates is a query for all events that have the values of a way.
func candidates(ways []rules.Contribution) string {
	var parts []string
	seen := map[string]bool{}
	for _, w := range ways {
		var terms []string
		for _, m := range w.Where {
			if len(m.Value) < sigma.MaxGroupText && plainField.MatchString(m.Field) { // a longer one is cut
				terms = append(terms, m.Field+": "+query.Quote(m.Value))
			}
		}
		if part := strings.Join(terms, " and "); part != "" && !seen[part] {
			seen[part] = true
			parts = append(parts, "("+part+")")
		} else if part == "" {
			parts = nil
			break
		}
	}
	if len(parts) == 0 {
		return "not event.dataset: " + query.Quote(detection.Dataset)
	}
	all := parts[0]
	if len(parts) > 1 {
		all = "(" + strings.Join(parts, " or ") + ")"
	}
	return all + " and not event.dataset: " + query.Quote(detection.Dataset)
}

// listed is a query for these events.
func listed(events []*gatewatchv1.RuleContribution) string {
	var ids []string
	for _, e := range events {
		ids = append(ids, query.Quote(e.GetEventId()))
	}
	return "event.id: (" + strings.Join(ids, " or ") + ")"
}

// search calls f with the newest events of a query, at most so many. They are valid
// until f returns.
func (s ruleServer) search(ctx context.Context, text string, from, to time.Time, limit int, f func(*event.Event)) error {
	q, err := query.Parse(fmt.Sprintf("%s | limit %d", text, limit), s.api.parts.Now())
	if err != nil {
		return err
	}
	_, err = s.api.parts.Store.Search(ctx, store.SearchRequest{Query: q, From: from, To: to}, func(e *event.Event) error {
		f(e)
		return nil
	})
	return err
}

// event finds a stored event.
func (s ruleServer) event(ctx context.Context, id, source string) (found *event.Event, err error) {
	if id == "" {
		return nil, &badField{"event_id", errors.New("is needed")}
	}
	text := "event.id: " + query.Quote(id)
	if source != "" {
		text += " and gatewatch.source: " + query.Quote(source)
	}
	n := 0
	err = s.search(ctx, text, time.Time{}, time.Time{}, 2, func(e *event.Event) {
		n++
		found = e.Clone()
	})
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, &notFound{"event", id}
	case n > 1:
		return nil, &badField{"source", errors.New("is needed: events of several sources have this id")}
	}
	return found, nil
}
