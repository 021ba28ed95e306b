package triage

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

func TestPoints(t *testing.T) {
	f := func(score int64, rules []string, matches []Match, want []Points) {
		t.Helper()
		if diff := cmp.Diff(want, points(matches, rules, score)); diff != "" {
			t.Errorf("points of %v for %d (-want +got):\n%s", matches, score, diff)
		}
	}
	a, b := Match{Rule: "942100", Severity: "critical"}, Match{Rule: "920350", Severity: "WARNING"}
	other := Match{Rule: "949110", Severity: "critical"}
	f(8, []string{"942100", "920350"}, []Match{a, b, other}, []Points{{5, 5}, {3, 8}, {}})
	f(10, []string{"942100"}, []Match{a, a}, []Points{{5, 5}, {5, 10}})
	f(5, []string{"942100"}, []Match{a, a}, []Points{{5, 5}, {}}) // the rule scored once
	f(7, []string{"942100"}, []Match{a, a}, []Points{{}, {}})     // scored by other weights
	f(0, nil, nil, []Points{})
}

func TestDescribe(t *testing.T) {
	b := open(t)
	at := []event.Event{}
	for i, path := range []string{"/item/1", "/item/2", "/other", "/item/3"} {
		var e event.Event
		e.ID, e.Source, e.Dataset, e.Time = "d"+path, "edge-1", "coraza.waf", began.Add(time.Duration(i)*time.Hour).UnixNano()
		e.AddText(event.WAFSite, "shop")
		e.AddText(event.WAFDecision, "block")
		e.AddText(event.URLPath, path)
		e.AddText(event.URLOriginal, path+"?q=\x1b[31m")
		e.AddText(event.RuleID, "942100")
		e.AddInt(event.WAFThreshold, 5)
		e.Add(event.VerdictPAttack, event.Float(0.25))
		at = append(at, e)
	}
	far := at[1]
	far.ID, far.Time = "far", began.Add(-alikeSpan-time.Hour).UnixNano()
	b.write(append(at, far))
	b.label("d/item/2", FalsePositive)
	x, err := b.Describe(t.Context(), Ref{ID: "d/item/1"})
	if err != nil {
		t.Fatal(err)
	}
	if x.HTTP.URL != "/item/1?q=\x1b[31m" || x.Under.Threshold != 5 || x.PAttack != 0.25 {
		t.Errorf("described: %+v", x)
	}
	if a := x.Alike; a.N != 3 || a.Open != 2 || a.Labels[FalsePositive] != 1 || len(a.Examples) != 2 || a.More {
		t.Errorf("alike: %+v", a)
	}
	if _, err := b.Describe(t.Context(), Ref{ID: "none"}); err == nil {
		t.Error("there is no such decision")
	}
}
