package wall

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// answered returns a line of a gateway's log.
func answered(n int, name string, status int64, seconds float64) event.Event {
	e := event.Event{ID: fmt.Sprint("log-", n), Source: "gateway-1", Dataset: "nginx.access", Time: noon.UnixNano()}
	e.AddText(event.NginxUpstreamName, name)
	e.AddInt(event.HTTPResponseStatusCode, status)
	e.Add(event.NginxUpstreamTime, event.Float(seconds))
	return e
}

func TestUpstreams(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	for i := range 100 {
		status := int64(200)
		switch {
		case i < 10:
			status = 502
		case i < 30:
			status = 404
		}
		e := answered(i, "shop", status, 0.008)
		n.add(&e)
	}
	s := n.state(noon.Add(time.Second), dayOf(noon), 3*time.Second)
	want := Upstream{Name: "shop", Gateway: "gateway-1", Rate: 100. / 3, Errors: 0.1, Refused: 0.2, P50: 6144 * time.Microsecond, P95: 6144 * time.Microsecond}
	want.Requests[upstreamMinutes-1], want.Failed[upstreamMinutes-1], want.MinuteP95[upstreamMinutes-1] = 100, 10, 6
	if diff := cmp.Diff([]Upstream{want}, s.Upstreams); diff != "" {
		t.Errorf("upstreams differ (-want +got):\n%s", diff)
	}
	if s.Totals != (Totals{}) || len(s.Sites) != 0 {
		t.Errorf("lines of a gateway count as decisions: %+v", s.Totals)
	}
	// Minutes move on, and after an hour it is forgotten.
	later := n.state(noon.Add(2*time.Minute), dayOf(noon), 3*time.Second).Upstreams
	if len(later) != 1 || later[0].Requests[upstreamMinutes-3] != 100 || later[0].Requests[upstreamMinutes-1] != 0 {
		t.Errorf("two minutes later: %+v", later)
	}
	if later = n.state(noon.Add(time.Hour+time.Minute), dayOf(noon), 3*time.Second).Upstreams; len(later) != 0 || len(n.upstreams) != 0 {
		t.Errorf("an hour later: %+v", later)
	}
}

func TestUpstreamsAreBounded(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	for i := range 10 * maxUpstreams {
		e := answered(i, fmt.Sprint("up-", i), 200, 1e300)
		n.add(&e)
	}
	if got := len(n.state(noon, dayOf(noon), time.Second).Upstreams); got != maxUpstreams {
		t.Errorf("%d upstreams are shown", got)
	}
}

// TestUpstreamsThatAreUsed: names that somebody makes up do not keep services off the
// screen.
func TestUpstreamsThatAreUsed(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	line := 0
	add := func(name string, times int) {
		for range times {
			e := answered(line, name, 200, 0.008)
			n.add(&e)
			line++
		}
	}
	for i := range 2 * maxUpstreams {
		add(fmt.Sprint("made-up-", i), 1)
	}
	add("shop", 100)
	n.state(noon.Add(time.Second), dayOf(noon), time.Second)
	for i := range 2 * maxNewUpstreams {
		add(fmt.Sprint("later-", i), 1)
	}
	add("shop", 1)
	all := n.state(noon.Add(2*time.Second), dayOf(noon), time.Second).Upstreams
	if len(all) != maxUpstreams || len(n.upstreams) != maxUpstreams || all[0].Name != "shop" || all[0].Requests[upstreamMinutes-1] != 101 {
		t.Errorf("%d are shown, %d kept, the first is %+v", len(all), len(n.upstreams), all[0])
	}
}

func TestSuspects(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	f := func(i int, blocked bool, key event.Key, p float64) {
		e := decision(i, noon, blocked, "192.0.2.1", "/a")
		e.Add(key, event.Float(p))
		n.add(&e)
	}
	f(1, true, event.VerdictPFalse, 0.9)
	f(2, true, event.VerdictPFalse, 0.1)
	f(3, false, event.VerdictPMissed, 0.8)
	f(4, false, event.VerdictPMissed, 0.2)
	s := n.state(noon, dayOf(noon), time.Second)
	var got []Suspect
	for _, i := range s.Feed {
		got = append(got, i.Suspect)
	}
	if diff := cmp.Diff([]Suspect{Missed, "", FalsePositive}, got); diff != "" {
		t.Errorf("suspects differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Arc{{"FR", "", "shop", 2, 2, false}, {"FR", "", "shop", 1, 1, true}}, s.Arcs); diff != "" {
		t.Errorf("arcs differ (-want +got):\n%s", diff)
	}
}

func TestDayBefore(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	n.count(noon.Add(-25*time.Hour), false, 7)
	n.count(noon.Add(-23*time.Hour), false, 5) // later than now
	n.count(noon.Add(-37*time.Hour), false, 3) // of the day before that
	s := n.state(noon, dayOf(noon), time.Second)
	if s.Totals.Before != 7 || len(s.Trend) != 1 {
		t.Errorf("%d requests before, %d steps", s.Totals.Before, len(s.Trend))
	}
}
