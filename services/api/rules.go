package api

import (
	"context"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/rules"
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
	for _, w := range set.Warnings {
		resp.Warnings = append(resp.Warnings, &gatewatchv1.RuleWarning{
			Path: w.Path, Line: int32(w.Pos.Line), Column: int32(w.Pos.Column), Reason: w.Reason,
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

// document returns a rule by the id that findings give it, or a name of its own.
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

func newProtoRule(d *rules.Document) *gatewatchv1.Rule {
	r := &gatewatchv1.Rule{
		Id: d.ID, Name: d.Name, Title: d.Title, Description: d.Description, Level: d.EffectiveLevel().String(), Status: string(d.Status),
		Author: d.Author, License: d.License, References: d.References, Tags: d.Tags, FalsePositives: d.FalsePos,
		Correlation: d.Correlation, Silent: d.Silent, Path: d.Path, Ruleset: d.Ruleset,
	}
	for _, to := range d.Refers {
		r.Refers = append(r.Refers, to.ID)
	}
	for _, by := range d.ReferredBy {
		r.ReferredBy = append(r.ReferredBy, by.ID)
	}
	return r
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
		v := r.Item.Values[r.Pattern]
		p.Pattern = v.Text
		if v.Pos != (sigma.Pos{}) {
			p.Line, p.Column = int32(v.Pos.Line), int32(v.Pos.Column)
		}
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
