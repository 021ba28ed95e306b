package api

import (
	"context"
	"errors"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// ruleServer is RuleService over the rules in use and the stored events.
type ruleServer struct {
	gatewatchv1.UnimplementedRuleServiceServer
	api *API
}

// ListRules implements RuleService.
func (s ruleServer) ListRules(_ context.Context, req *gatewatchv1.ListRulesRequest) (*gatewatchv1.ListRulesResponse, error) {
	set, err := s.api.parts.Rules()
	if err != nil {
		return nil, err
	}
	var all []*gatewatchv1.Rule
	for _, d := range set.Documents() {
		if holds(d, strings.ToLower(req.GetFilter())) {
			all = append(all, newProtoRule(d))
		}
	}
	page, next, err := pageOf(all, req, (*gatewatchv1.Rule).GetId)
	resp := &gatewatchv1.ListRulesResponse{Rules: page, NextPageToken: next, Ruleset: set.Fingerprint}
	for _, e := range set.Rejected {
		resp.Rejected = append(resp.Rejected, &gatewatchv1.RejectedRule{
			Path: e.Path, Line: int32(e.Pos.Line), Column: int32(e.Pos.Column), Reason: e.Reason,
		})
	}
	return resp, err
}

// holds tells whether one of the texts that a rule is known by holds a text in
// lower case.
func holds(d *rules.Document, filter string) bool {
	for _, text := range append([]string{d.ID, d.Name, d.Title, d.Path}, d.Tags...) {
		if strings.Contains(strings.ToLower(text), filter) {
			return true
		}
	}
	return false
}

// document returns a rule by the id that findings give it.
func (s ruleServer) document(id string) (*rules.Document, error) {
	set, err := s.api.parts.Rules()
	if err != nil {
		return nil, err
	}
	d, ok := set.Document(id)
	if !ok {
		return nil, &notFound{"rule", id}
	}
	return d, nil
}

// GetRule implements RuleService.
func (s ruleServer) GetRule(_ context.Context, req *gatewatchv1.GetRuleRequest) (*gatewatchv1.GetRuleResponse, error) {
	d, err := s.document(req.GetId())
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.GetRuleResponse{Rule: newProtoRule(d), Text: strings.ToValidUTF8(d.Text, "\ufffd")}, nil
}

// ExplainRule implements RuleService.
func (s ruleServer) ExplainRule(ctx context.Context, req *gatewatchv1.ExplainRuleRequest) (*gatewatchv1.ExplainRuleResponse, error) {
	d, err := s.document(req.GetId())
	if err != nil {
		return nil, err
	}
	if d.Correlation {
		return nil, &badField{"id", errors.New("is a correlation: explain the rules that it refers to")}
	}
	e, err := s.event(ctx, req.GetEventId(), req.GetSource())
	if err != nil {
		return nil, err
	}
	x, err := d.Explain(e)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ExplainRuleResponse{Matched: x.Matched, Condition: x.Condition.Text}
	for i := range x.Reasons {
		resp.Reasons = append(resp.Reasons, newProtoReason(&x.Reasons[i]))
	}
	return resp, nil
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
	q, err := query.Parse(text+" | limit 2", s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	_, err = s.api.parts.Store.Search(ctx, store.SearchRequest{Query: q}, func(e *event.Event) error {
		if found != nil {
			return &badField{"source", errors.New("is needed: events of several sources have this id")}
		}
		found = e.Clone()
		return nil
	})
	if err == nil && found == nil {
		err = &notFound{"event", id}
	}
	return found, err
}

func newProtoRule(d *rules.Document) *gatewatchv1.Rule {
	return &gatewatchv1.Rule{
		Id: d.ID, Title: d.Title, Description: d.Description, Level: d.Level.String(), Status: string(d.Status),
		Author: d.Author, License: d.License, References: d.References, Tags: d.Tags, FalsePositives: d.FalsePos,
		Correlation: d.Correlation, Silent: d.Silent, Path: d.Path,
	}
}

// itemName is the key of an item as rules write it.
func itemName(it *sigma.Item) string {
	name := it.Field
	for _, m := range it.Modifiers {
		name += "|" + m.String()
	}
	return name
}

func newProtoReason(r *sigma.Reason) *gatewatchv1.RuleReason {
	p := &gatewatchv1.RuleReason{
		Detection: r.Detection.Name, Item: itemName(r.Item), Line: int32(r.Item.Pos.Line), Column: int32(r.Item.Pos.Column),
		Wanted: r.Wanted, Holds: r.Holds, Field: r.Field,
	}
	if r.Pattern >= 0 && r.Pattern < len(r.Item.Values) {
		p.Pattern = r.Item.Values[r.Pattern].Text
	}
	value := func(v event.Value) *gatewatchv1.Value {
		out := new(gatewatchv1.Value)
		setProtoValue(out, new(gatewatchv1.Value_StringValue), v)
		return out
	}
	if r.Value.Kind() != event.KindNone {
		p.Value = value(r.Value)
	}
	for _, v := range r.Present {
		p.Present = append(p.Present, value(v))
	}
	return p
}
