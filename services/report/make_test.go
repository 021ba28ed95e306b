package report

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
)

// desk answers with what it was asked for.
type desk struct{}

func (desk) Rates(_ context.Context, l triage.RateList) (*triage.RatePage, error) {
	page := &triage.RatePage{Partial: []string{"a block is damaged"}}
	for _, by := range l.By {
		page.Scopes = append(page.Scopes, triage.ScopeRates{Scope: by + ":x", Rates: []triage.Rate{
			{Estimate: verdict.Estimate{Rate: verdict.FalsePositive, Enough: true, Value: 0.1, Low: 0.05, High: 0.2, Labels: 7, Decisions: int(l.To.Sub(l.From) / time.Hour)}},
			{Estimate: verdict.Estimate{Rate: verdict.Missed, Why: "not enough labels", Decisions: 9}},
		}})
	}
	return page, nil
}

func (desk) Groups(_ context.Context, l triage.GroupList) (*triage.GroupPage, error) {
	return &triage.GroupPage{Groups: []triage.Group{
		{GroupKey: triage.GroupKey{Rule: string(l.Order), Site: "shop", Path: "/a"}, N: 9, Clients: 4, Open: 9, Expected: 6},
		{GroupKey: triage.GroupKey{Rule: "right"}, N: 9, Open: 9, Expected: 0.1},
	}}, nil
}

type memory struct{}

func (memory) LabelsThatHold(context.Context, time.Time, time.Time, int) ([]state.Label, error) {
	return []state.Label{
		{Source: "a", EventID: "1", Label: triage.Benign}, {Source: "a", EventID: "1", Label: triage.TruePositive}, // the later one counts
		{Source: "b", EventID: "1", Label: triage.TruePositive}, {Source: "a", EventID: "2", Label: triage.Unsure},
	}, nil
}

func (memory) Alerts(_ context.Context, _ state.Place, yield func(state.Alert) bool) error {
	for i, a := range []state.Alert{
		{RuleID: "r1", RuleName: "one", Severity: 40, Status: state.StatusNew, Time: noon.Add(-time.Hour)},
		{RuleID: "r2", RuleName: "two", Severity: 90, Status: state.StatusClosed, Time: noon.Add(-time.Hour)},
		{RuleID: "r1", RuleName: "one", Severity: 80, Status: state.StatusClosed, Time: noon.Add(-2 * time.Hour)},
		{RuleID: "r3", RuleName: "old", Severity: 99, Time: noon.Add(-30 * 24 * time.Hour)},
	} {
		if a.ID = fmt.Sprint(i); !yield(a) {
			break
		}
	}
	return nil
}

// changed is when the proposal of the test was applied.
var changed = noon.Add(-48 * time.Hour)

func proposed(_ context.Context, after int64, _ int) ([]*proposals.Proposal, error) {
	if after > 0 {
		return nil, nil
	}
	row := func(id int64, status state.ProposalStatus, at time.Time) state.Proposal {
		return state.Proposal{ID: id, Kind: proposals.Exclusion, Site: "shop", Path: "/a", Status: status, Updated: at}
	}
	content := proposals.Content{Rules: []int{942100}, Unblocks: []string{"x", "y"}}
	return []*proposals.Proposal{
		{Proposal: row(1, state.Applied, changed), Content: content, Stage: "all", Hits: state.Hits{Total: 12}},
		{Proposal: row(2, state.Proposed, changed), Content: content},
		{Proposal: row(3, state.RolledBack, noon.Add(-90*24*time.Hour)), Content: content}, // long ago
		{Proposal: row(4, state.Applied, noon.Add(-90*24*time.Hour)), Content: content, Stage: "all", Retire: "unused"},
	}, nil
}

// parts are those of a store with requests to one path, blocked until it was changed.
func parts(t *testing.T) Parts {
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
	var events []event.Event
	for i := range 10 {
		var e event.Event
		at := changed.Add(time.Duration(i-4) * time.Hour)
		e.ID, e.Source, e.Dataset, e.Time, e.Received = fmt.Sprint(i), "edge-1", "coraza.waf", at.UnixNano(), at.UnixNano()
		what := "allow"
		if i < 4 {
			what = "block"
			e.Add(event.RuleID, event.String("942100"))
		}
		e.AddText(event.GatewatchWAF, event.WAFByNode)
		e.AddText(event.WAFDecision, what)
		e.AddText(event.WAFSite, "shop")
		e.AddText(event.URLPath, "/a")
		events = append(events, e)
	}
	if err := s.Write(t.Context(), store.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	no := false
	return Parts{
		Events: s, Desk: desk{}, State: memory{}, Proposals: proposed, Version: "v", Now: func() time.Time { return noon },
		Nodes: func() []Node { return []Node{{Name: "edge-1", Connected: &no, Seen: noon}} },
		Rules: func() RuleSet { return RuleSet{Stable: "abc", Since: changed} },
	}
}

func TestMake(t *testing.T) {
	w, err := Make(t.Context(), parts(t), Ask{Language: dashboards.English})
	if err != nil {
		t.Fatal(err)
	}
	if !w.To.Equal(noon) || !w.From.Equal(noon.Add(-DefaultRange)) {
		t.Errorf("it is about %v to %v", w.From, w.To)
	}
	if w.Requests != 10 || w.Blocked != 4 || w.BlockRate.Value != 0.4 || w.BlockRate.Low >= 0.4 || w.BlockRate.High <= 0.4 {
		t.Errorf("%d of %d were blocked, %+v", w.Blocked, w.Requests, w.BlockRate)
	}
	if diff := cmp.Diff([]Labelled{{triage.TruePositive, 2}, {triage.Unsure, 1}}, w.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if len(w.Rates) != 4 || len(w.RuleShares) != 1 {
		t.Errorf("rates %+v, of rules %+v", w.Rates, w.RuleShares)
	}
	if diff := cmp.Diff([]Finding{
		{RuleID: "r2", Rule: "two", Severity: 90, N: 1, Last: noon.Add(-time.Hour)},
		{RuleID: "r1", Rule: "one", Severity: 80, N: 2, Unclosed: 1, Last: noon.Add(-time.Hour)},
	}, w.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if len(w.Suspects) != 1 || len(w.Missed) != 1 || w.Missed[0].Rule != "missed" {
		t.Errorf("suspects %+v, missed %+v", w.Suspects, w.Missed)
	}
	if diff := cmp.Diff([]string{"a block is damaged"}, w.Partial); diff != "" {
		t.Errorf("partial (-want +got):\n%s", diff)
	}
}

// TestTuned: a change is told with what was blocked at its place before and since, and
// the rates are those before the first and after the last change.
func TestTuned(t *testing.T) {
	w, err := Make(t.Context(), parts(t), Ask{Language: dashboards.English})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Changes) != 2 || w.Changes[0].ID != 1 || w.Changes[1].ID != 4 {
		t.Fatalf("changes %+v", w.Changes)
	}
	c := w.Changes[0]
	if c.Before == nil || c.Before.Value != 1 || c.Before.N != 4 || c.After == nil || c.After.Value != 0 || c.After.N != 6 || c.Hits != 12 {
		t.Errorf("before %+v, after %+v, %d hits", c.Before, c.After, c.Hits)
	}
	if w.Changes[1].Before != nil || !w.Changes[1].Retire {
		t.Errorf("a change from before the range: %+v", w.Changes[1])
	}
	if w.Before == nil || !w.Before.To.Equal(changed) || w.After == nil || !w.After.From.Equal(changed) || w.Before.Rates[0].N != 5*24 || w.After.Rates[0].N != 2*24 {
		t.Errorf("before %+v, after %+v", w.Before, w.After)
	}
	if len(w.Open) != 1 || w.Open[0].ID != 2 || w.Open[0].Unblocks != 2 {
		t.Errorf("open %+v", w.Open)
	}
}

// TestTunedLongPath: the figures of a change are those of its whole path, of which the
// report tells the beginning.
func TestTunedLongPath(t *testing.T) {
	long := "/" + strings.Repeat("long/", 60)
	p := parts(t)
	var events []event.Event
	for i := range 3 {
		at := changed.Add(time.Duration(i-1) * time.Hour)
		e := event.Event{ID: fmt.Sprint("long", i), Source: "edge-1", Dataset: "coraza.waf", Time: at.UnixNano(), Received: at.UnixNano()}
		e.AddText(event.GatewatchWAF, event.WAFByNode)
		e.AddText(event.WAFDecision, []string{"block", "allow", "allow"}[i])
		e.AddText(event.WAFSite, "shop")
		e.AddText(event.URLPath, long)
		events = append(events, e)
	}
	if err := p.Events.(store.Store).Write(t.Context(), store.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	p.Proposals = func(ctx context.Context, after int64, n int) ([]*proposals.Proposal, error) {
		all, err := proposed(ctx, after, n)
		for _, x := range all {
			x.Path = long
		}
		return all, err
	}
	w, err := Make(t.Context(), p, Ask{Language: dashboards.English})
	if err != nil {
		t.Fatal(err)
	}
	c := w.Changes[0]
	if c.Before == nil || c.Before.N != 1 || c.Before.Value != 1 || c.After == nil || c.After.N != 2 || len(c.Path) >= len(long) {
		t.Errorf("change %+v, before %+v, after %+v", c, c.Before, c.After)
	}
}

// TestAdvice: what is most urgent comes first, and each piece is said in both languages.
func TestAdvice(t *testing.T) {
	for _, l := range languages {
		w, err := Make(t.Context(), parts(t), Ask{Language: l})
		if err != nil {
			t.Fatal(err)
		}
		kinds := ""
		for _, a := range w.Advice {
			kinds += a.Kind + " "
			if strings.Contains(a.Text, "%!") || a.Text == "" {
				t.Errorf("%+v", a)
			}
		}
		if want := "node alerts apply suspect missed retire "; kinds != want {
			t.Errorf("%s: %s, want %s", l, kinds, want)
		}
	}
}

// TestAdviceKnown: each kind of advice that has words is given.
func TestAdviceKnown(t *testing.T) {
	given := map[string]bool{}
	for _, w := range []*WAF{example(dashboards.English, evil), {Language: dashboards.English, Rates: dashboards.Rates{{Kind: "missed", N: 3}}}} {
		a := adviser{WAF: w, speaker: w.speaker()}
		a.nodes()
		a.alerts()
		a.proposals()
		a.groups("suspect", w.Suspects)
		a.groups("missed", w.Missed)
		a.changes()
		a.rates()
		for _, x := range a.all {
			given[x.Kind] = true
		}
	}
	for key := range words {
		if kind, ok := strings.CutPrefix(key, "do."); ok && !given[kind] {
			t.Errorf("%s is never said", key)
		}
	}
}

// broken is a desk that fails.
type broken struct{ desk }

func (broken) Groups(context.Context, triage.GroupList) (*triage.GroupPage, error) {
	return nil, context.DeadlineExceeded
}

func TestMakeFails(t *testing.T) {
	p := parts(t)
	p.Desk = broken{}
	if _, err := Make(t.Context(), p, Ask{}); err == nil || !strings.Contains(err.Error(), "group decisions") {
		t.Errorf("%v", err)
	}
}
