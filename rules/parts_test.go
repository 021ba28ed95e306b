package rules

import (
	"slices"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// TestEveryPartIsShown holds that the examples need every part of a rule: if a search
// identifier held always, or never, an example would come out otherwise.
func TestEveryPartIsShown(t *testing.T) {
	parts := 0
	for _, r := range loadPack(t).set.Rules {
		var events []*event.Event
		var want []bool
		for _, x := range examplesOf(t, &r.Header) {
			list, err := eventsOf(x)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				events, want = append(events, e), append(want, x.Match)
			}
		}
		for i, d := range r.Detections {
			for name, op := range map[string]sigma.Op{"always": sigma.OpAnd, "never": sigma.OpOr} {
				parts++
				if holds(t, withPart(r, i, &sigma.Node{Op: op}), events, want) {
					t.Errorf("%s: examples hold where %s %s matches", r.Path, d.Name, name)
				}
			}
		}
	}
	if parts < 150 {
		t.Fatalf("%d parts only", parts)
	}
}

// withPart returns the rule with another node for one of its search identifiers.
func withPart(r *sigma.Rule, i int, n *sigma.Node) *sigma.Rule {
	other := *r
	d := *r.Detections[i]
	d.Node = n
	other.Detections = slices.Clone(r.Detections)
	other.Detections[i] = &d
	return &other
}

func holds(t *testing.T, r *sigma.Rule, events []*event.Event, want []bool) bool {
	t.Helper()
	reference, err := sigma.NewReference(r)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if reference.Matches(e) != want[i] {
			return false
		}
	}
	return true
}
