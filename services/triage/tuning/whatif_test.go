package tuning

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// graded is a request with a score at each level.
func graded(score int, pAttack, weight float64) Observed {
	o := Observed{Decided: verdict.Decided{PAttack: pAttack}, Weight: weight}
	for i := range o.Scores {
		o.Scores[i] = score
	}
	return o
}

// TestCurveWeights counts a request for as many as it stands for.
func TestCurveWeights(t *testing.T) {
	var all []Observed
	for range 100 {
		all = append(all, graded(5, 0.5, 1), graded(0, 0.01, 99))
	}
	points, err := Curve(t.Context(), []int{5, 6}, all)
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 2*waf.MaxParanoia {
		t.Fatalf("%d points", len(points))
	}
	b := points[0].Blocked
	if math.Abs(b.Value-0.01) > 1e-9 || b.N != 200 || math.Abs(b.Effective-1e8/980200) > 0.01 || b.Low > 0.005 || b.High < 0.02 || b.High > 0.06 {
		t.Errorf("blocked %+v", b)
	}
	if e := points[0].FalsePositive; e.Decisions != 10_000 || e.Enough || !strings.HasPrefix(e.Why, "not enough labels") {
		t.Errorf("false positives without labels: %+v", e)
	}
	if points[1].Blocked.Value != 0 {
		t.Errorf("above every score %+v", points[1].Blocked)
	}
}

// TestCurveLabels estimates the rates of the requests that others stand for, from labels.
func TestCurveLabels(t *testing.T) {
	var all []Observed
	add := func(n, score int, pAttack, weight float64, truth verdict.Truth, drawn float64) {
		for range n {
			o := graded(score, pAttack, weight)
			o.Truth = truth
			if truth != verdict.Unknown {
				o.Probability = drawn / weight
			}
			all = append(all, o)
		}
	}
	add(100, 5, 0.9, 1, verdict.Attack, 1)
	add(100, 5, 0.1, 1, verdict.Legitimate, 1)
	add(100, 0, 0.01, 99, verdict.Legitimate, 1) // for 9,900, of which 100 were drawn
	points, err := Curve(t.Context(), []int{5}, all)
	if err != nil {
		t.Fatal(err)
	}
	fp := points[0].FalsePositive
	if !fp.Enough || fp.Low > 0.01 || fp.High < 0.01 || fp.High > 0.06 || math.Abs(fp.Value-0.01) > 0.003 {
		t.Errorf("100 of 10,000 legitimate requests: %+v", fp)
	}
	if fp.Labels != 300 || fp.Decisions != 10_100 {
		t.Errorf("labels of %+v", fp)
	}
}

// TestWeightedIntervals draws requests with unequal probabilities from traffic whose
// share is known.
func TestWeightedIntervals(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 7))
	const campaigns = 1000
	for _, c := range []struct{ share, p, always float64 }{
		{0.3, 0.05, 0.1}, {0.05, 0.05, 0.1}, {0.02, 0.01, 0.02}, {0.5, 0.02, 0.5}, {0.9, 0.1, 0.3},
	} {
		covered := 0
		for range campaigns {
			var w weighted
			for range 5000 {
				// What is kept always is hit more often.
				p, hit := c.p, rng.Float64() < c.share
				if rng.Float64() < c.always {
					p, hit = 1, rng.Float64() < math.Sqrt(c.share)
				}
				if rng.Float64() < p {
					w.add(1/p, 1, hit)
				}
			}
			truth := c.share*(1-c.always) + math.Sqrt(c.share)*c.always
			if x := w.share(0); x.Low <= truth && truth <= x.High {
				covered++
			}
		}
		coverage := float64(covered) / campaigns
		t.Logf("%+v: coverage %.4f", c, coverage)
		if coverage < 0.94 {
			t.Errorf("%+v: coverage %.4f", c, coverage)
		}
	}
}

// shop keeps the traffic of a site: 3 blocked requests, 2 suspects that level 2 blocks,
// and 10 of a sample of 200, of which level 2 blocks one.
func (b *bench) shop() {
	b.tb.Helper()
	request := func(id, uri string) *verdict.Request {
		return &verdict.Request{
			ID: id, Site: "shop", Method: "GET", URI: uri, Proto: "HTTP/1.1",
			Headers: [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}},
		}
	}
	const injection, template = "/a?q=1%27+OR+%271%27=%271+UNION+SELECT+password+FROM+users--", "/p?name=%7B%7B7*7%7D%7D"
	for i := range 3 {
		b.keep(request(fmt.Sprint("blocked", i), injection), 0.97, nil)
	}
	for i := range 2 {
		b.keep(request(fmt.Sprint("suspect", i), template), 0.8, func(c *kept.Copy) { c.Why = kept.Suspect })
	}
	for i := range 10 {
		uri := fmt.Sprint("/p?name=ann&n=", i)
		if i == 0 {
			uri = template
		}
		b.keep(request(fmt.Sprint("sample", i), uri), 0.01, func(c *kept.Copy) { c.Probability = 0.05 })
	}
	var others []event.Event
	for i := range 190 {
		others = append(others, b.decision(request(fmt.Sprint("other", i), "/p?name=bob"), false, 0.01, began.Add(-time.Duration(i+1)*time.Second)))
	}
	if err := b.store.Write(b.tb.Context(), store.Batch{Events: others}); err != nil {
		b.tb.Fatal(err)
	}
}

func (b *bench) whatIf(q WhatIf) *LiveCurves {
	b.tb.Helper()
	found, err := b.WhatIf(b.tb.Context(), q, nil)
	if err != nil {
		b.tb.Fatal(err)
	}
	return found
}

// at is a point of a curve.
func (c *SiteCurve) at(tb testing.TB, paranoia, threshold int) *Point {
	tb.Helper()
	i := slices.IndexFunc(c.Points, func(p Point) bool { return p.Paranoia == paranoia && p.Threshold == threshold })
	if i < 0 {
		tb.Fatalf("no point at level %d and threshold %d: %+v", paranoia, threshold, c)
	}
	return &c.Points[i]
}

// TestLiveWhatIf draws a curve from kept copies, each of which stands for others.
func TestLiveWhatIf(t *testing.T) {
	b := openBench(t)
	b.shop()
	b.forum()
	var stages []string
	found, err := b.WhatIf(t.Context(), WhatIf{Thresholds: []int{10, 20}, Site: "shop"}, func(p Progress) {
		if p.Done == 0 {
			stages = append(stages, p.Stage)
		}
	})
	if err != nil || len(found.Sites) != 1 || !slices.Equal(stages, []string{"read"}) {
		t.Fatalf("%+v, %v, stages %v", found, err, stages)
	}
	c := &found.Sites[0]
	if c.Site != "shop" || c.N != 15 || c.Requests != 205 || c.Settings.Paranoia != 1 || len(c.Points) != 3*waf.MaxParanoia || found.LeftOut != (LeftOut{}) {
		t.Errorf("curve %+v, left out %+v", c, found.LeftOut)
	}
	f := func(paranoia int, want float64) {
		t.Helper()
		x := c.at(t, paranoia, 5).Blocked
		if math.Abs(x.Value-want) > 1e-9 || x.N != 15 || x.Effective < 9 || x.Effective > 11 || x.Low >= want || x.High <= want {
			t.Errorf("level %d: blocked %+v, want %v", paranoia, x, want)
		}
	}
	f(1, 3./205)
	f(2, 25./205)
	if all := b.whatIf(WhatIf{}); len(all.Sites) < 3 || all.LeftOut.Unfaithful != 1 {
		t.Errorf("all sites %+v", all)
	}
	if none := b.whatIf(WhatIf{From: began}); len(none.Sites) > 0 {
		t.Errorf("of another time %+v", none)
	}
}

// TestLiveWhatIfLabels takes the truth from labels that were drawn.
func TestLiveWhatIfLabels(t *testing.T) {
	b := openBench(t)
	b.shop()
	drawn, _, err := b.Desk.Sample(t.Context(), triage.Draw{Budget: 205, Seed: 1, Actor: "ann"})
	if err != nil || len(drawn) != 205 {
		t.Fatalf("%d drawn, %v", len(drawn), err)
	}
	for _, d := range drawn {
		label := triage.Benign
		if strings.HasPrefix(d.ID, "blocked") || strings.HasPrefix(d.ID, "suspect") {
			label = triage.TruePositive
		}
		b.label(d.ID, label)
	}
	c := b.whatIf(WhatIf{}).Sites[0]
	one, two := c.at(t, 1, 5), c.at(t, 2, 5)
	if !one.Missed.Enough || one.Missed.Low > 0.3 || one.Missed.High < 0.5 || one.Missed.Labels != 15 || one.Missed.Decisions != 205 {
		t.Errorf("missed at level 1: %+v, want 2 of 5", one.Missed)
	}
	if !one.FalsePositive.Enough || one.FalsePositive.Value != 0 || two.FalsePositive.Value < 0.05 || two.FalsePositive.Value > 0.15 {
		t.Errorf("false positives at level 1: %+v, at level 2: %+v, want 0 and 20 of 200", one.FalsePositive, two.FalsePositive)
	}
	if two.Missed.Value != 0 {
		t.Errorf("missed at level 2: %+v", two.Missed)
	}
}

// TestLiveWhatIfBundle takes the exclusions, the level and the threshold in use for the
// site, and not those of others.
func TestLiveWhatIfBundle(t *testing.T) {
	b := openBench(t)
	b.shop()
	b.Levels = func(site string) (*waf.Levels, error) {
		return waf.CompileSiteLevels(waf.CorpusSettings(), &bundle.Bundle{
			Version: bundle.Version, CRS: waf.CRSVersion, Sites: []bundle.Site{{Name: "shop", Paranoia: 2, InboundThreshold: 8}},
			Exclusions: []bundle.Exclusion{
				{ID: "a", Site: "shop", Owner: "ann", Reason: "x", Directive: `SecRule REQUEST_FILENAME "@streq /a" "id:9900001,phase:1,pass,nolog,t:none,ctl:ruleRemoveById=930000-944999"`},
				{ID: "b", Site: "blog", Owner: "ann", Reason: "x", Directive: `SecAction "id:9900002,phase:1,pass,nolog,t:none,ctl:ruleRemoveById=934000-934999"`},
			},
		}, site, began)
	}
	c := b.whatIf(WhatIf{}).Sites[0]
	if c.Settings.Paranoia != 2 || c.Settings.InboundThreshold != 8 {
		t.Errorf("in use: %+v", c.Settings)
	}
	if one, two := c.at(t, 1, 8).Blocked.Value, c.at(t, 2, 5).Blocked.Value; one != 0 || math.Abs(two-22./205) > 1e-9 {
		t.Errorf("blocked %v at level 1, %v at level 2", one, two)
	}
}

// TestLiveWhatIfUnsampled tells that nothing stands for the allowed requests.
func TestLiveWhatIfUnsampled(t *testing.T) {
	b := openBench(t)
	legit, _, _ := posts()
	b.keep(legit[0], 0.1, nil)
	other := *legit[0]
	other.ID = "uncopied"
	if err := b.store.Write(t.Context(), store.Batch{Events: []event.Event{b.decision(&other, false, 0.01, began.Add(-time.Hour))}}); err != nil {
		t.Fatal(err)
	}
	found := b.whatIf(WhatIf{})
	if c := found.Sites[0]; len(c.Points) > 0 || !strings.HasPrefix(c.Why, "no random sample of its 1 allowed requests") {
		t.Errorf("curve %+v", c)
	}
}

// TestLiveWhatIfInTime draws of what was judged when the time is over, a random part, and
// says so.
func TestLiveWhatIfInTime(t *testing.T) {
	b := openBench(t)
	total := 60 + 4*runtime.GOMAXPROCS(0)
	for i := range total {
		q := &verdict.Request{
			ID: fmt.Sprint("r", i), Site: "shop", Method: "GET", URI: "/p?name=bob", Proto: "HTTP/1.1",
			Headers: [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}},
		}
		if i < total/2 {
			q.URI = "/a?q=1%27+OR+%271%27=%271+UNION+SELECT+password+FROM+users--"
			b.keep(q, 0.97, nil)
			continue
		}
		b.keep(q, 0.01, func(c *kept.Copy) { c.Probability = 0.05 })
	}
	ask := func(judged int) (*LiveCurves, *SiteCurve) {
		t.Helper()
		enough := make(chan struct{})
		var once sync.Once
		found, err := b.WhatIf(t.Context(), WhatIf{Site: "shop", Enough: enough}, func(p Progress) {
			if p.Done >= judged {
				once.Do(func() { close(enough) })
			}
		})
		if err != nil || len(found.Sites) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		return found, &found.Sites[0]
	}
	found, c := ask(20)
	if c.N < 20 || c.Late == 0 || c.N+c.Late != total || found.LeftOut != (LeftOut{Late: c.Late}) {
		t.Errorf("%d judged, %d late of %d, left out %+v", c.N, c.Late, total, found.LeftOut)
	}
	if want := fmt.Sprintf("the time was over when %d of %d requests", c.N, total); len(found.Partial) != 1 || !strings.HasPrefix(found.Partial[0], want) {
		t.Errorf("%q, want %q", found.Partial, want)
	}
	if x := c.at(t, 1, 5).Blocked; math.Abs(x.Value-0.5) > 1e-9 || x.N != c.N {
		t.Errorf("blocked %+v", x)
	}
	if found, c := ask(0); c.N != 0 || len(c.Points) > 0 || !strings.HasPrefix(c.Why, "the time was over when 0 of ") || len(found.Partial) != 1 {
		t.Errorf("%+v, %q", c, found.Partial)
	}
}

// TestLiveWhatIfEnds ends with its context.
func TestLiveWhatIfEnds(t *testing.T) {
	b := openBench(t)
	b.shop()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := b.WhatIf(ctx, WhatIf{}, func(p Progress) {
		if p.Stage == "judge" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestFrame takes a random part of many requests, which stands for all of them, and the
// sites with the most.
func TestFrame(t *testing.T) {
	f := &frame{sites: map[string]*siteFrame{}, limit: 300, room: maxDecisions}
	for i := range 4000 {
		x := &triage.Decision{Ref: triage.Ref{ID: fmt.Sprint(i), Source: "edge-1"}, Request: fmt.Sprint(i), Kept: 0.5, Judged: true, Site: "shop"}
		if i%4 == 0 {
			x.Blocked, x.Kept = true, 1
		}
		if i%1000 == 999 {
			x.Site = fmt.Sprint("small", i)
		}
		if err := f.add(x, verdict.Decided{}); err != nil {
			t.Fatal(err)
		}
	}
	if gone := f.largest(1, 10_000); gone != 4 || len(f.sites) != 1 {
		t.Errorf("%d sites gone of %v", gone, f.sites)
	}
	s := f.sites["shop"]
	if s.blocked != 1000 || s.allowed != 2996 {
		t.Errorf("%d blocked, %d allowed", s.blocked, s.allowed)
	}
	var all []request
	for _, d := range f.wanted() {
		all = append(all, request{d, &kept.Copy{Probability: map[stratum]float64{ofBlocked: 1, ofSample: 0.5}[d.stratum]}})
	}
	if len(all) < 100 || len(all) > 200 {
		t.Errorf("%d requests to judge", len(all))
	}
	observed, sum := make([]Observed, len(all)), 0.0
	if why := s.weigh(all, observed); why != "" {
		t.Error(why)
	}
	for i := range observed {
		sum += observed[i].Weight
	}
	if math.Abs(sum-3996) > 1e-6 {
		t.Errorf("weights add up to %v", sum)
	}
	for i := range maxFrameSites + 1 {
		if err := f.add(&triage.Decision{Site: fmt.Sprint(i)}, verdict.Decided{}); err != nil {
			if !errors.Is(err, triage.ErrInvalid) || i < maxFrameSites-1 {
				t.Errorf("site %d: %v", i, err)
			}
			return
		}
	}
	t.Error("no bound of sites")
}
