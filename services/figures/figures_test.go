package figures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/triage"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// decision returns an event of a node that scored so much at level 1, threshold 5.
func decision(n int, at time.Time, score int64, client, country, path string, status int64) event.Event {
	var e event.Event
	e.ID, e.Source, e.Dataset = fmt.Sprint("id-", n), "edge-1", "coraza.waf"
	e.Time, e.Received = at.UnixNano(), at.UnixNano()
	what := "allow"
	if score >= 5 {
		what = "block"
		e.Add(event.RuleID, event.String("942100"))
	}
	e.AddText(event.GatewatchWAF, event.WAFByNode)
	e.AddText(event.WAFDecision, what)
	e.AddText(event.WAFSite, "shop")
	e.AddText(event.URLPath, path)
	e.AddIP(event.ClientIP, client)
	e.AddText(event.Intern("client.geo.country_iso_code"), country)
	e.AddInt(event.WAFAnomalyScore, score)
	e.AddInt(event.WAFThreshold, 5)
	e.AddInt(event.WAFParanoiaLevel, 1)
	if status > 0 {
		e.AddInt(event.HTTPResponseStatusCode, status)
	}
	return e
}

// newReader returns one of two hours with five decisions.
func newReader(t *testing.T) *Reader {
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
	err = s.Write(t.Context(), store.Batch{Events: []event.Event{
		decision(1, noon.Add(-9*time.Hour), 25, "192.0.2.9", "FR", "/old", 403), // before the range
		decision(2, noon, 5, "192.0.2.1", "FR", "/a", 403),
		decision(3, noon, 15, "192.0.2.1", "FR", "/a", 403),
		decision(4, noon.Add(2*time.Minute), 0, "192.0.2.2", "DE", "/b", 200),
		decision(5, noon.Add(2*time.Minute), 0, "192.0.2.2", "DE", "/b", 503),
		decision(6, noon.Add(2*time.Minute), 40, "192.0.2.3", "ZZ", "/c", 0),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &Reader{Events: s, From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}
}

// rates is a desk with one answer.
type rates struct{}

func (rates) Rates(_ context.Context, l triage.RateList) (*triage.RatePage, error) {
	if len(l.By) != 2 {
		return nil, errors.New("other scopes were asked for")
	}
	return &triage.RatePage{Unjudged: 3, Partial: []string{"late"}, Scopes: []triage.ScopeRates{
		{Scope: "all", Rates: []triage.Rate{{Estimate: verdict.Estimate{Rate: verdict.Missed, Why: "few", Labels: 2, Decisions: 9}}}},
		{Scope: "site:a:b", Rates: []triage.Rate{{Estimate: verdict.Estimate{Rate: verdict.FalseBlockShare, Enough: true, Value: 0.5, Low: 0.4, High: 0.6, Labels: 20, Decisions: 90}}}},
	}}, nil
}

// TestCharts: each chart that can be drawn is counted for.
func TestCharts(t *testing.T) {
	r := newReader(t)
	answers := dashboards.Answers{1, 0, 1, 0, 2, 1}
	want := map[string]dashboards.Chart{
		"traffic": dashboards.Traffic{Points: []dashboards.TrafficPoint{
			{Time: noon, Blocked: 2}, {Time: noon.Add(time.Minute)}, {Time: noon.Add(2 * time.Minute), Blocked: 1, Allowed: 2},
		}},
		"rules":     dashboards.Rules{{Name: "942100", N: 3}},
		"attackers": dashboards.Attackers{{Name: "192.0.2.1", Detail: "FR", N: 2}, {Name: "192.0.2.3", Detail: "ZZ", N: 1}},
		"targets":   dashboards.Targets{{Name: "/a", Detail: "shop", N: 2}, {Name: "/c", Detail: "shop", N: 1}},
		"status": dashboards.Status{Points: []dashboards.StatusPoint{
			{Time: noon, Answers: dashboards.Answers{4: 2}}, {Time: noon.Add(time.Minute)}, {Time: noon.Add(2 * time.Minute), Answers: dashboards.Answers{0: 1, 2: 1, 5: 1}},
		}},
		"upstreams": dashboards.Upstreams{{Site: "shop", Answers: answers}},
		"arcs":      dashboards.Arcs{To: &dashboards.Place{Latitude: 1, Longitude: 2}, Origins: []dashboards.Origin{{Name: "FR", Place: dashboards.Place{Latitude: 46, Longitude: 2}, N: 2}}},
		"rates": dashboards.Rates{
			{Kind: "missed", Why: "few", Labels: 2, N: 9},
			{Kind: "false_share", Scope: "a:b", Enough: true, Value: 0.5, Low: 0.4, High: 0.6, Labels: 20, N: 90},
		},
	}
	for _, name := range dashboards.Names() {
		if charts[name] == nil {
			t.Errorf("nothing counts for %s", name)
			continue
		}
		got, err := r.Chart(t.Context(), name, Question{Desk: rates{}, To: &dashboards.Place{Latitude: 1, Longitude: 2}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := dashboards.Option(got, dashboards.Look{Language: dashboards.Chinese}); err != nil {
			t.Error(err)
		}
		if name == "whatif" {
			checkCurve(t, got)
			continue
		}
		if diff := cmp.Diff(want[name], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(charts) != len(dashboards.Names()) {
		t.Errorf("%d charts are counted for, %d can be drawn", len(charts), len(dashboards.Names()))
	}
	if want := []string{"late", "3 decisions have no verdict and are not in the rates"}; !slices.Equal(r.Partial, want) {
		t.Errorf("partial: %q", r.Partial)
	}
}

// checkCurve: of five requests three score 5, one of these 15, one 40.
func checkCurve(t *testing.T, c dashboards.Chart) {
	t.Helper()
	w, ok := c.(dashboards.WhatIf)
	if !ok || w.Threshold != 5 || len(w.Curves) != 1 || w.Curves[0].Paranoia != 1 {
		t.Fatalf("%+v", c)
	}
	f := func(threshold int, want float64) {
		t.Helper()
		if p := w.Curves[0].Points[threshold-1]; p.Threshold != threshold || p.Blocked != want {
			t.Errorf("%+v, want %v", p, want)
		}
	}
	f(1, 0.6)
	f(5, 0.6)
	f(6, 0.4)
	f(15, 0.4)
	f(16, 0.2)
	f(30, 0.2)
}

func TestNoDesk(t *testing.T) {
	r := &Reader{}
	if _, err := r.Chart(t.Context(), "rates", Question{}); !errors.Is(err, ErrNoDesk) {
		t.Errorf("%v", err)
	}
}

// full answers with as many rows as there may be, and says that a block is damaged.
type full struct{}

func (full) Aggregate(context.Context, store.AggregateRequest) (*query.Table, store.Stats, error) {
	row := []event.Value{event.Time(0), event.String("x"), event.Int(1)}
	return &query.Table{Rows: slices.Repeat([][]event.Value{row}, maxRows)}, store.Stats{Partial: []string{"damaged"}}, nil
}

func TestPartial(t *testing.T) {
	r := &Reader{Events: full{}, From: noon, To: noon}
	for range 2 {
		if _, err := r.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"damaged", "more than 20000 groups: the rarest are not counted"}; !slices.Equal(r.Partial, want) {
		t.Errorf("%q", r.Partial)
	}
}

// TestSteps: a range of any width has so many steps that they are told apart.
func TestSteps(t *testing.T) {
	f := func(span time.Duration, want string) {
		t.Helper()
		r := &Reader{From: noon, To: noon.Add(span)}
		if got, _ := r.step(); got != want {
			t.Errorf("%v is divided by %s, want %s", span, got, want)
		}
	}
	f(0, "1m")
	f(2*time.Hour, "1m")
	f(24*time.Hour, "15m")
	f(7*24*time.Hour, "6h")
	f(30*24*time.Hour, "6h")
	f(90*24*time.Hour, "1d")
	f(120*28*24*time.Hour, "4w")
	f(120*28*24*time.Hour+1, "5w")
	f(200*365*24*time.Hour, "87w")
}

// TestLongRange: nothing is left out of a range of many years, which has wider steps.
func TestLongRange(t *testing.T) {
	r := newReader(t)
	old := time.Date(1971, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := r.Events.(*store.Columnar).Write(t.Context(), store.Batch{Events: []event.Event{decision(7, old, 5, "192.0.2.1", "FR", "/a", 403)}}); err != nil {
		t.Fatal(err)
	}
	for _, from := range []time.Time{old, {}} {
		r.From = from
		traffic, err := r.Traffic(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var n int64
		for _, p := range traffic.Points {
			n += p.Blocked + p.Allowed
		}
		if len(traffic.Points) > 2*maxSteps || n != 7 || len(r.Partial) > 0 {
			t.Errorf("since %v: %d points of %d requests, want 7; %q", from, len(traffic.Points), n, r.Partial)
		}
	}
}

func TestCentres(t *testing.T) {
	if len(centres) < 230 {
		t.Errorf("%d countries", len(centres))
	}
	for code, p := range centres {
		if len(code) != 2 || p.Latitude < -60 || p.Latitude > 80 || p.Longitude < -180 || p.Longitude > 180 {
			t.Errorf("%s %+v", code, p)
		}
	}
}
