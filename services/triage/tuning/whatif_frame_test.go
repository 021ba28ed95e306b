package tuning

import (
	"fmt"
	"math"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage"
)

// TestFrameIsBounded holds no more requests than there is room for while it reads,
// however many sites there are, and counts all.
func TestFrameIsBounded(t *testing.T) {
	f := &frame{sites: map[string]*siteFrame{}, limit: 6000, room: 2000}
	for i := range 20_000 {
		x := &triage.Decision{Ref: triage.Ref{ID: fmt.Sprint(i), Source: "edge-1"}, Request: fmt.Sprint(i), Kept: 0.5, Judged: true, Site: fmt.Sprint("site", i%50)}
		if err := f.add(x, verdict.Decided{}); err != nil {
			t.Fatal(err)
		}
		if f.held > f.room {
			t.Fatalf("%d requests are held after %d", f.held, i)
		}
	}
	held := 0
	for name, s := range f.sites {
		held += len(s.kept[ofSample].members)
		if s.allowed != 400 || s.kept[ofSample].n != 400 || len(s.kept[ofSample].members) == 0 {
			t.Errorf("%s: %d allowed, %d kept, %d held", name, s.allowed, s.kept[ofSample].n, len(s.kept[ofSample].members))
		}
	}
	if held != f.held || held < f.room/8 {
		t.Errorf("%d requests are held, %d counted", held, f.held)
	}
}

// TestFrameOfWholeSample draws a curve of a site that keeps all requests, though a few
// copies were lost: the others stand for them.
func TestFrameOfWholeSample(t *testing.T) {
	f := &frame{sites: map[string]*siteFrame{}, limit: 6000, room: maxDecisions}
	for i := range 100 {
		x := &triage.Decision{Ref: triage.Ref{ID: fmt.Sprint(i), Source: "edge-1"}, Request: fmt.Sprint(i), Kept: 1, Judged: true, Site: "shop"}
		if i%20 == 0 {
			x.Kept = 0
		}
		if err := f.add(x, verdict.Decided{}); err != nil {
			t.Fatal(err)
		}
	}
	var all []request
	for _, d := range f.wanted() {
		c := &kept.Copy{Why: kept.Sampled, Probability: 1}
		if len(all) < 10 {
			c.Why = kept.Suspect
		}
		all = append(all, request{d, c})
	}
	observed := make([]Observed, len(all))
	if why := f.sites["shop"].weigh(all, observed); why != "" || len(all) != 95 {
		t.Fatalf("%d requests: %q", len(all), why)
	}
	for i := range observed {
		if math.Abs(observed[i].Weight-100./95) > 1e-9 {
			t.Errorf("a request stands for %v", observed[i].Weight)
		}
	}
}
