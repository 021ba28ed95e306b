package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatewatch/gatewatch/detection/event"
	formats "github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/rules"
)

const (
	maxTried = 256 << 10 // bytes of a record
	// maxTriedRules are those of one correlation that are tested.
	maxTriedRules = 32
	autoFormat    = "auto"
)

// TestRule implements RuleService. Nothing is stored.
func (s ruleServer) TestRule(ctx context.Context, req *gatewatchv1.TestRuleRequest) (*gatewatchv1.TestRuleResponse, error) {
	d, err := s.document(req.GetId())
	if err != nil {
		return nil, err
	}
	name := req.GetFormat()
	if name == "" {
		name = autoFormat
	}
	format, ok := formats.Lookup(name)
	switch {
	case !ok:
		return nil, &badField{"format", fmt.Errorf("there is no format %.80q", name)}
	case req.GetRecord() == "":
		return nil, &badField{"record", errors.New("is empty")}
	case len(req.GetRecord()) > maxTried:
		return nil, &badField{"record", fmt.Errorf("has more than %d bytes", maxTried)}
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	var e event.Event
	resp := &gatewatchv1.TestRuleResponse{}
	if err := format.Read([]byte(req.GetRecord()), &formats.Context{Received: s.api.parts.Now().UnixNano()}, &e); err != nil {
		resp.ParseError = valid(err.Error())
	}
	resp.Event = newProtoEvent(&e)
	for _, d := range singleRules(d) {
		result, err := explainRule(d, &e)
		if err != nil {
			return nil, err
		}
		resp.Tests = append(resp.Tests, &gatewatchv1.RuleTest{Id: valid(d.ID), Title: valid(d.Title), Result: result})
	}
	return resp, nil
}

// singleRules returns the rule, or those of single events that a correlation comes
// down to.
func singleRules(d *rules.Document) []*rules.Document {
	if !d.Correlation {
		return []*rules.Document{d}
	}
	var all []*rules.Document
	seen := map[*rules.Document]bool{d: true}
	for next := []*rules.Document{d}; len(next) > 0 && len(all) < maxTriedRules; next = next[1:] {
		for _, to := range next[0].Refers {
			if seen[to] {
				continue
			}
			seen[to] = true
			if to.Correlation {
				next = append(next, to)
			} else {
				all = append(all, to)
			}
		}
	}
	return all
}
