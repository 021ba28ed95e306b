package detection_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
)

func completing() *event.Event {
	e := &event.Event{ID: "e-7", Source: "edge-1", Dataset: "nginx.access", Time: 1_795_000_000_000_000_000, Received: 1_795_000_001_000_000_000}
	e.AddIP(event.SourceIP, "203.0.113.9")
	e.AddText(event.URLPath, "/login")
	e.AddText(event.URLQuery, "not taken over")
	return e
}

var rule = &detection.Rule{
	ID: "r1", Version: "v1", Name: "Many refused sign-ins", Author: "A. Nalyst", License: "Apache-2.0", Severity: 70,
	Tactics: []string{"TA0006"}, Techniques: []string{"T1110"},
}

func TestFindingIsAnEvent(t *testing.T) {
	f := detection.Finding{
		Rule: rule, Event: completing(), Events: []string{"e-5", "e-6"}, Count: 3,
		Group: []detection.Member{{Field: "source.ip", Value: "203.0.113.9"}},
	}
	var e event.Event
	f.Write(&e)
	want := `{"@timestamp":"2026-11-18T11:06:40.000Z","event.id":"` + f.ID() + `","event.dataset":"gatewatch.finding",` +
		`"event.ingested":"2026-11-18T11:06:41.000Z","gatewatch.source":"gatewatch","event.kind":"alert","message":"Many refused sign-ins",` +
		`"event.severity":70,"rule.id":"r1","rule.version":"v1","rule.name":"Many refused sign-ins","rule.author":"A. Nalyst",` +
		`"rule.license":"Apache-2.0","threat.tactic.id":["TA0006"],"threat.technique.id":["T1110"],` +
		`"finding.event_ids":["e-5","e-6","e-7"],"finding.count":3,"finding.group":["source.ip=203.0.113.9"],` +
		`"finding.dataset":"nginx.access","finding.source":"edge-1","source.ip":"203.0.113.9","url.path":"/login"}`
	if diff := cmp.Diff(want, strings.TrimSpace(string(e.AppendJSON(nil)))); diff != "" {
		t.Error(diff)
	}
}

// TestFindingID: what makes a finding another one changes its id, and moving
// text from one part into the next does.
func TestFindingID(t *testing.T) {
	group := func(kv ...string) (g []detection.Member) {
		for i := 0; i < len(kv); i += 2 {
			g = append(g, detection.Member{Field: kv[i], Value: kv[i+1]})
		}
		return g
	}
	seen := map[string]string{}
	f := func(name string, change func(*detection.Finding, *detection.Rule)) {
		r := *rule
		finding := detection.Finding{Rule: &r, Event: completing(), Group: group("a", "b")}
		change(&finding, &r)
		if other, ok := seen[finding.ID()]; ok {
			t.Errorf("%s and %s have one id", name, other)
		}
		seen[finding.ID()] = name
	}
	f("as it is", func(*detection.Finding, *detection.Rule) {})
	f("other rule", func(_ *detection.Finding, r *detection.Rule) { r.ID = "r2" })
	f("other version", func(_ *detection.Finding, r *detection.Rule) { r.Version = "v2" })
	f("moved text", func(_ *detection.Finding, r *detection.Rule) { r.ID, r.Version = "r1v", "1" })
	f("other event", func(f *detection.Finding, _ *detection.Rule) { f.Event.ID = "e-8" })
	f("other source", func(f *detection.Finding, _ *detection.Rule) { f.Event.Source = "edge-2" })
	f("other group", func(f *detection.Finding, _ *detection.Rule) { f.Group = group("a", "c") })
	f("moved group", func(f *detection.Finding, _ *detection.Rule) { f.Group = group("ab", "") })
}

func TestFindingNamesTheNewestEvents(t *testing.T) {
	f := detection.Finding{Rule: rule, Event: completing(), Events: strings.Fields(strings.Repeat("old ", 500) + "new")}
	var e event.Event
	f.Write(&e)
	var ids []string
	for v := range e.Values(event.FindingEventIDs) {
		ids = append(ids, v.Text())
	}
	if n := len(ids); n != 100 || ids[n-1] != "e-7" || ids[n-2] != "new" {
		t.Errorf("%d ids, the last ones are %v", n, ids[max(0, n-2):])
	}
}
