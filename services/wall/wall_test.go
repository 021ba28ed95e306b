package wall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// decision returns an event of a node.
func decision(n int, at time.Time, blocked bool, client, path string) event.Event {
	var e event.Event
	e.ID, e.Source, e.Dataset = fmt.Sprint("id-", n), "edge-1", "coraza.waf"
	e.Time, e.Received = at.UnixNano(), at.UnixNano()
	what := "allow"
	if blocked {
		what = "block"
		e.Add(event.RuleID, event.String("942100"))
	}
	e.AddText(event.GatewatchWAF, event.WAFByNode)
	e.AddText(event.WAFDecision, what)
	e.AddText(event.WAFSite, "shop")
	e.AddText(event.URLPath, path)
	e.AddIP(event.ClientIP, client)
	e.AddText(event.SourceCountry, "US") // of a proxy
	e.AddText(clientCountry, "FR")
	e.AddInt(event.HTTPResponseStatusCode, 200)
	e.AddInt(event.WAFUpstream, int64(8*time.Millisecond))
	return e
}

func openStore(t *testing.T, events ...event.Event) store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Config{RetainAge: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if len(events) > 0 {
		if err := s.Write(t.Context(), store.Batch{Events: events}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestBoard counts what was stored and what comes in, in time that is not real: a site
// is shown for so many steps, however long a goroutine waits for its turn.
func TestBoard(t *testing.T) { synctest.Test(t, testBoard) }

func testBoard(t *testing.T) {
	yesterday := noon.Add(-13 * time.Hour)
	finding := event.Event{ID: "f", Source: "gatewatch", Dataset: detection.Dataset, Time: noon.UnixNano()}
	s := openStore(t,
		decision(1, yesterday, true, "192.0.2.9", "/old"), decision(2, noon, true, "192.0.2.1", "/a"),
		decision(3, noon, true, "192.0.2.1", "/a"), decision(4, noon.Add(-time.Hour), false, "192.0.2.2", "/b"), finding)
	b := New(Options{Events: s, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	defer b.Close()
	first, err := b.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := State{
		Time: noon, DayStart: noon.Add(-12 * time.Hour), Since: noon, Totals: Totals{Requests: 3, Blocked: 2, Allowed: 1, Findings: 1, Minute: 2, Peak: 2},
		Trend:     []Point{{Time: yesterday, Blocked: 1}, {Time: noon.Add(-time.Hour), Allowed: 1}, {Time: noon, Blocked: 2}},
		Attackers: []Count{{"192.0.2.1", "FR", 2}}, Targets: []Count{{"/a", "shop", 2}}, Rules: []Count{{"942100", "", 2}},
		Types: []Count{{"942", "", 2}}, Arcs: []Arc{{"FR", "", "shop", 2, 0, false}},
	}
	if diff := cmp.Diff(&want, first); diff != "" {
		t.Errorf("state differs (-want +got):\n%s", diff)
	}
	// What comes in is counted, and all who look see the same.
	if err := s.Write(t.Context(), store.Batch{Events: []event.Event{decision(5, noon, true, "192.0.2.3", "/a")}}); err != nil {
		t.Fatal(err)
	}
	recent := uint64(0)
	watched, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	err = b.Watch(watched, func(now *State) error {
		for _, a := range now.Arcs {
			recent += a.Recent
		}
		if now.Totals.Blocked < 3 {
			return nil
		}
		if len(now.Feed) != 1 || now.Feed[0].Client != "192.0.2.3" || len(now.Sites) != 1 || now.Sites[0].Blocked != 1 {
			t.Errorf("state is %+v", now)
		}
		return errSeen
	})
	if !errors.Is(err, errSeen) || recent > 1 {
		t.Errorf("watch: %v, %d recent", err, recent)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Watch(ctx, func(*State) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("watch that is over: %v", err)
	}
}

func TestTallyIsBounded(t *testing.T) {
	day := dayOf(noon)
	n := newTally(day, day)
	for i := range 10 * maxNamed {
		e := decision(i, noon.Add(time.Duration(i%2000)*time.Hour), true, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), fmt.Sprint("/", i))
		e.Set(event.WAFSite, event.String(fmt.Sprint("site", i%1000)))
		n.add(&e)
		if i%100 == 0 {
			e := decision(i, noon, true, "192.0.2.1", "/often")
			n.add(&e)
		}
	}
	if len(n.attackers) > maxNamed || len(n.targets) > maxNamed || len(n.arcs) > maxNamed || len(n.feed) > maxFeed || len(n.sites) > maxSites || len(n.trend) > 3*maxTrend || len(n.upstreams) > maxUpstreams {
		t.Errorf("kept: %d clients, %d paths, %d arcs, %d items, %d sites, %d steps",
			len(n.attackers), len(n.targets), len(n.arcs), len(n.feed), len(n.sites), len(n.trend))
	}
	s := n.state(noon, day, time.Second)
	if len(s.Attackers) != maxTop || s.Attackers[0].Name != "192.0.2.1" || s.Attackers[0].Count != 10*maxNamed/100+1 || s.Targets[0].Name != "/often" {
		t.Errorf("most are %+v, %+v", s.Attackers[0], s.Targets[0])
	}
	if len(s.Arcs) != maxArcs || len(s.Feed) != maxFeed {
		t.Errorf("%d arcs, %d items", len(s.Arcs), len(s.Feed))
	}
	for range siteTicks {
		s = n.state(noon, day, time.Second)
	}
	if len(s.Sites) != 0 || len(n.sites) != 0 {
		t.Errorf("%d idle sites are shown, %d kept", len(s.Sites), len(n.sites))
	}
	if s = n.state(noon.Add(24*time.Hour), day.Add(24*time.Hour), time.Second); s.Totals != (Totals{}) || len(s.Attackers) != 0 {
		t.Errorf("the next day begins with %+v", s.Totals)
	}
}

func TestSites(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	for i := range 100 {
		e := decision(i, noon, i < 10, "192.0.2.1", "/a")
		if i >= 80 {
			e.Set(event.HTTPResponseStatusCode, event.Int(502))
			e.Set(event.WAFUpstream, event.Int(int64(time.Second)))
		}
		n.add(&e)
	}
	got := n.state(noon, dayOf(noon), 3*time.Second).Sites
	want := []Site{{Name: "shop", Rate: 100. / 3, Blocked: 0.1, Errors: 0.2, P50: 6144 * time.Microsecond, P95: 786432 * time.Microsecond}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sites differ (-want +got):\n%s", diff)
	}
}

func TestTextsAreClipped(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	long := ""
	for range 100 {
		long += "攻击"
	}
	e := decision(1, noon, true, "192.0.2.1", long+"\xff")
	n.add(&e)
	got := n.state(noon, dayOf(noon), time.Second).Targets[0].Name
	if len(got) > maxText || got != long[:len(got)] || len(got) < maxText-3 {
		t.Errorf("path of %d bytes: %q", len(got), got)
	}
}
