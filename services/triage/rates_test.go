package triage

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// population makes n decisions of two sites, with what they truly are: the model
// is right about how sure it is.
func population(n int) ([]event.Event, map[string]bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	events, attacks := make([]event.Event, n), map[string]bool{}
	for i := range events {
		e := &events[i]
		blocked := rng.Float64() < 0.3
		p := rng.Float64() * 0.02
		if blocked {
			p = 1 - math.Pow(rng.Float64(), 4)
		}
		e.ID, e.Source, e.Time = fmt.Sprint("e", i), "edge-1", began.Add(time.Duration(i)*time.Second).UnixNano()
		attacks[e.ID] = rng.Float64() < p
		e.AddText(event.WAFSite, []string{"shop", "blog"}[i%2])
		e.AddText(event.WAFNode, "edge-1")
		e.AddText(event.URLPath, fmt.Sprintf("/item/%d", i))
		e.AddText(event.ClientIP, fmt.Sprintf("192.0.2.%d", i%200))
		e.Add(event.VerdictPAttack, event.Float(p))
		e.AddText(event.WAFDecision, "allow")
		if blocked {
			e.Set(event.WAFDecision, event.String("block"))
			e.AddText(event.RuleID, "942100")
		}
	}
	return events, attacks
}

// TestDrawnFromAPart labels the draw of one site: what it says of that site it does
// not say of the other, nor of what came in later.
func TestDrawnFromAPart(t *testing.T) {
	b := open(t)
	events, attacks := population(2000)
	for i := range events {
		events[i].Received = events[i].Time
	}
	b.write(events[:1900])
	q, err := query.Parse("url.path: * and waf.site: shop", began)
	if err != nil {
		t.Fatal(err)
	}
	drawn, _, err := b.Sample(t.Context(), Draw{Selection: Selection{Filter: q.Filter}, Budget: 300, Seed: 3, Actor: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range drawn {
		label := Benign
		if attacks[d.ID] {
			label = TruePositive
		}
		b.label(d.ID, label)
	}
	rates := func() *RatePage {
		t.Helper()
		page, err := b.Rates(t.Context(), RateList{Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	page := rates()
	shop := rateOf(t, page, "site:shop", verdict.FalseBlockShare)
	if !shop.Enough || shop.Covered != shop.Decisions || shop.High-shop.Low > 0.2 {
		t.Errorf("what was drawn from: %+v", shop)
	}
	if r := rateOf(t, page, "site:blog", verdict.FalseBlockShare); r.Enough || r.Covered != 0 || r.Why == "" {
		t.Errorf("what was not drawn from: %+v", r)
	}
	if r := rateOf(t, page, ScopeAll, verdict.FalseBlockShare); r.Enough && r.High-r.Low < 0.4 || r.Covered >= r.Decisions {
		t.Errorf("half of it was drawn from: %+v", r)
	}
	b.write(events[1900:])
	later := rateOf(t, rates(), "site:shop", verdict.FalseBlockShare)
	if later.Covered != shop.Covered || later.Decisions <= shop.Decisions || later.Low >= shop.Low || later.High <= shop.High {
		t.Errorf("with what came in later: %+v, before %+v", later, shop)
	}
	for _, s := range page.Scopes {
		if strings.HasPrefix(s.Scope, "rule:") && len(s.Rates) != 1 {
			t.Errorf("%s has rates that it can't have: %+v", s.Scope, s.Rates)
		}
	}
}

func rateOf(t *testing.T, page *RatePage, name string, rate verdict.Rate) Rate {
	t.Helper()
	for _, s := range page.Scopes {
		if s.Scope == name {
			for _, r := range s.Rates {
				if r.Rate == rate {
					return r
				}
			}
		}
	}
	t.Fatalf("no scope %q", name)
	return Rate{}
}

// TestRates draws a sample, labels it as it truly is, and finds the true rate
// inside the interval.
func TestRates(t *testing.T) {
	b := open(t)
	events, attacks := population(3000)
	b.write(events)
	ctx := t.Context()
	before, err := b.Rates(ctx, RateList{By: []string{ScopeAll, ScopePath}, Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	r := rateOf(t, before, ScopeAll, verdict.FalseBlockShare)
	if r.Enough || len(r.Narrowing) != 0 || r.Why != "not enough labels: 0 drawn, and at least 3 of blocked requests are needed" {
		t.Errorf("before a draw there is nothing to label: %+v", r)
	}
	if r := rateOf(t, before, "path:shop /item/{id}", verdict.Missed); r.Decisions != 1500 {
		t.Errorf("a path: %+v", r)
	}

	draw := Draw{Budget: 300, Seed: 3, Actor: "ann"}
	drawn, candidates, err := b.Sample(ctx, draw)
	if err != nil || len(drawn) != 300 || candidates != 3000 {
		t.Fatalf("%d drawn of %d, %v", len(drawn), candidates, err)
	}
	for i, d := range drawn {
		if i == len(drawn)/2 {
			between, err := b.Rates(ctx, RateList{By: []string{ScopeAll}, Size: 1})
			if err != nil {
				t.Fatal(err)
			}
			r = rateOf(t, between, ScopeAll, verdict.FalseBlockShare)
			if len(r.Narrowing) != maxSuggestions || r.Narrowing[0].Share < r.Narrowing[2].Share || !r.Narrowing[0].Blocked {
				t.Errorf("half of the draw is labelled: %+v", r)
			}
		}
		label := Benign
		if attacks[d.ID] {
			label = TruePositive
		}
		b.label(d.ID, label)
	}
	blocks, wrong := 0, 0
	for i := range events {
		if isBlock(&events[i]) {
			blocks++
			if !attacks[events[i].ID] {
				wrong++
			}
		}
	}
	after, err := b.Rates(ctx, RateList{Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	truth := float64(wrong) / float64(blocks)
	for _, scope := range []string{ScopeAll, "node:edge-1", "rule:942100"} {
		r = rateOf(t, after, scope, verdict.FalseBlockShare)
		if !r.Enough || r.Low > truth || r.High < truth || r.Decisions != blocks || r.Labels == 0 || r.High-r.Low > 0.2 {
			t.Errorf("%s: %+v, truth %.3f of %d", scope, r, truth, blocks)
		}
	}
	if n := len(b.leaves); n != 301 {
		t.Errorf("%d leaves, want one of the draw and one of each label", n)
	}

	// What was drawn or labelled is not drawn again.
	again, candidates, err := b.Sample(ctx, draw)
	if err != nil || candidates != 2700 {
		t.Fatalf("%d candidates, %v", candidates, err)
	}
	seen := map[Ref]bool{}
	for _, d := range append(again, drawn...) {
		if seen[d.Ref] {
			t.Errorf("%s was drawn twice", d.ID)
		}
		seen[d.Ref] = true
	}
	same, err := b.Rates(ctx, RateList{Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []*RatePage{after, same} { // the second draw is there to be labelled
		for i := range page.Scopes {
			for k := range page.Scopes[i].Rates {
				page.Scopes[i].Rates[k].Narrowing = nil
			}
		}
	}
	if diff := cmp.Diff(after, same); diff != "" {
		t.Errorf("asked again (-first +second):\n%s", diff)
	}
}

func TestSampleMistakes(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	for _, budget := range []int{-1, 0, MaxBudget + 1} {
		if _, _, err := b.Sample(t.Context(), Draw{Budget: budget}); !errors.Is(err, ErrInvalid) {
			t.Errorf("budget %d: %v", budget, err)
		}
	}
	b.refuse = errors.New("no room")
	if _, _, err := b.Sample(t.Context(), Draw{Budget: 1}); !errors.Is(err, b.refuse) {
		t.Errorf("a draw without a leaf: %v", err)
	}
	b.refuse = nil
	drawn, _, err := b.Sample(t.Context(), Draw{Budget: 1})
	if err != nil || len(drawn) != 1 {
		t.Errorf("a draw that was not made keeps nothing: %v, %v", drawn, err)
	}
	if _, err := b.Rates(t.Context(), RateList{By: []string{"country"}, Size: 1}); !errors.Is(err, ErrInvalid) {
		t.Errorf("unknown scopes: %v", err)
	}
}

// TestHostile stores what an attacker may write, of more paths than are told
// apart: all of it is counted, and memory stays bounded.
func TestHostile(t *testing.T) {
	b := open(t)
	const n = 2*maxGroups + 2000
	events := make([]event.Event, n)
	for i := range events {
		e := &events[i]
		e.ID, e.Source, e.Time = fmt.Sprint("e", i), "edge-1", began.Add(time.Duration(i)*time.Second).UnixNano()
		e.AddText(event.WAFSite, "shop")
		e.AddText(event.WAFDecision, "block")
		e.AddText(event.URLPath, fmt.Sprintf("/x%dq/\x1b]0;a\a\xff\u202e", i))
		e.AddText(event.ClientIP, fmt.Sprintf("198.51.%d.%d", i/250, i%250))
		e.Add(event.VerdictPAttack, event.Float(0.5+float64(i)/4/n))
	}
	for i := range 10 { // one group that matters, the oldest of all
		e := &events[i]
		e.Set(event.URLPath, event.String("/forum/"+strings.Repeat("漢", 5000)))
		e.Set(event.VerdictPAttack, event.Float(0.1))
		for k := range 500 {
			e.Add(event.RuleID, event.String(fmt.Sprint("rule\n", k)))
			e.Add(event.WAFMatchRuleID, event.String(fmt.Sprint("rule\n", k)))
			e.Add(event.WAFMatchVariable, event.String("ARGS:\x00"+strings.Repeat("<script>", 500)))
		}
	}
	b.write(events)
	page, err := b.Groups(t.Context(), GroupList{Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	first := page.Groups[0]
	if first.N != 10 || first.Path != "/forum/{id}" || len(first.Variable) > maxVariable || strings.ContainsAny(first.Rule+first.Variable, "\x00\n") || len(first.Rules) > maxRulesOf {
		t.Errorf("the group that matters: %+v", first)
	}
	if strings.ContainsAny(page.Groups[1].Path, "\x1b\a\u202e") {
		t.Errorf("path %q", page.Groups[1].Path)
	}
	counted := page.Other.N
	all, err := b.Groups(t.Context(), GroupList{Size: maxGroups})
	if err != nil || all.More || len(all.Groups) != maxGroups {
		t.Fatalf("%d groups, %v", len(all.Groups), err)
	}
	for _, g := range all.Groups {
		counted += g.N
	}
	if counted != n || page.Decisions != n {
		t.Errorf("%d decisions in groups, %d in all, want %d", counted, page.Decisions, n)
	}
	if other := page.Other.Clients; math.Abs(float64(other-page.Other.N)) > 0.1*float64(page.Other.N) {
		t.Errorf("%d clients among the others, want about %d", other, page.Other.N)
	}
	rates, err := b.Rates(t.Context(), RateList{By: []string{ScopePath, ScopeRule}, Size: 2})
	if err != nil || len(rates.Scopes) != 4 || rates.LeftOut < 1000 {
		t.Errorf("%d scopes, %d left out, %v", len(rates.Scopes), rates.LeftOut, err)
	}
	if list, err := b.Decisions(t.Context(), List{Order: ByWrong, Size: 3}); err != nil || len(list.Decisions[0].Path) > maxText+3 {
		t.Errorf("list: %v", err)
	}
}

func TestClients(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 500, 10_000} {
		var a, b, all clients
		for i := range n {
			address := fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
			all.add(address)
			all.add(address)
			if i%3 == 0 {
				a.add(address)
			} else {
				b.add(address)
			}
		}
		a.merge(&b)
		if a.count() != all.count() {
			t.Errorf("%d clients: %d joined, %d together", n, a.count(), all.count())
		}
		if got := all.count(); n <= exactClients && got != n || math.Abs(float64(got-n)) > 0.05*float64(n) {
			t.Errorf("%d clients counted as %d", n, got)
		}
	}
}

// BenchmarkGroups and BenchmarkRates go over 20,000 decisions.
func BenchmarkGroups(b *testing.B) {
	d := open(b)
	events, _ := population(20_000)
	d.write(events)
	for b.Loop() {
		if page, err := d.Groups(b.Context(), GroupList{Size: 10}); err != nil || page.Decisions != 20_000 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

func BenchmarkRates(b *testing.B) {
	d := open(b)
	events, _ := population(20_000)
	d.write(events)
	for b.Loop() {
		if page, err := d.Rates(b.Context(), RateList{Size: 10}); err != nil || page.Decisions != 20_000 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

// BenchmarkRatesOfLabels has 300 labels that were drawn, so that there are intervals.
func BenchmarkRatesOfLabels(b *testing.B) {
	d := open(b)
	events, _ := population(20_000)
	d.write(events)
	drawn, _, err := d.Sample(b.Context(), Draw{Budget: 300, Seed: 1, Actor: "ann"})
	if err != nil {
		b.Fatal(err)
	}
	for i, x := range drawn {
		d.label(x.ID, []string{FalsePositive, TruePositive}[i%2])
	}
	for b.Loop() {
		if page, err := d.Rates(b.Context(), RateList{Size: 10}); err != nil || page.Decisions != 20_000 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
