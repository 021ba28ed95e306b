package tuning

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/waf"
)

func page(id, query string) *verdict.Request {
	return &verdict.Request{
		ID: id, Site: "shop", Method: "GET", URI: "/p?" + query, Proto: "HTTP/1.1",
		Headers: [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}},
	}
}

func sternRules(t testing.TB) SternRules {
	t.Helper()
	s, err := waf.CompileSterner()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return func(c *kept.Copy) ([]int, error) { return s.Rules(c, time.Minute) }
}

// TestMissed promotes one rule against template injection, which costs nothing, and
// says what CRS has no answer to.
func TestMissed(t *testing.T) {
	b := openBench(t)
	attack := func(r *verdict.Request) {
		b.keep(r, 0.95, nil)
	}
	attack(page("ssti1", "name="+url.QueryEscape("{{7*7}}")))
	attack(page("ssti2", "name="+url.QueryEscape("{{config.items()}}")))
	xxe := `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///srv/data">]><r>&x;</r>`
	attack(post("xxe", "shop", "/api", "text/xml", xxe))
	attack(page("plain", "name=ann"))
	for i := range 20 {
		b.keep(page(fmt.Sprint("ok", i), fmt.Sprint("name=ann&page=", i)), 0.01, nil)
	}
	b.keep(page("unsure", "name=bob"), 0.7, nil)
	plan, err := b.Missed(t.Context(), MissedConfig{}, Selection{}, sternRules(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Promotions) != 1 || plan.Missed != 4 || plan.Legit != 20 {
		t.Fatalf("plan %+v", plan)
	}
	p := plan.Promotions[0]
	t.Log(p.Directive)
	if slices.Sort(p.Catches); !slices.Equal(p.Catches, []string{"ssti1", "ssti2"}) || len(p.Blocks) > 0 || p.Cost != 0 || p.CostHigh < 0.1 || p.CostHigh > 0.2 {
		t.Errorf("promotion %+v", p)
	}
	why := map[string]string{}
	for _, u := range plan.Unanswered {
		why[u.ID] = u.Why
	}
	if !strings.Contains(why["xxe"], "XXE") || !strings.Contains(why["plain"], "no rule of CRS matches") || len(why) != 2 {
		t.Errorf("unanswered %v", why)
	}
}

// TestMissedCost leaves out a rule that would block legitimate requests of the site.
func TestMissedCost(t *testing.T) {
	b := openBench(t)
	b.keep(page("ssti", "name="+url.QueryEscape("{{7*7}}")), 0.1, nil)
	b.label("ssti", triage.TruePositive)
	for i := range 9 {
		b.keep(page(fmt.Sprint("ok", i), "name="+url.QueryEscape("{{user}} said hello")), 0.01, nil)
	}
	plan, err := b.Missed(t.Context(), MissedConfig{}, Selection{}, sternRules(t))
	if err != nil || len(plan.Promotions) > 0 || len(plan.Unanswered) != 1 || !strings.Contains(plan.Unanswered[0].Why, "100.00 % of the legitimate requests") {
		t.Errorf("plan %+v, %v", plan, err)
	}
}

// TestPromotions compiles every rule above paranoia level 1, apart and together.
func TestPromotions(t *testing.T) {
	made, refused, all := 0, 0, ""
	for _, rule := range slices.Sorted(maps.Keys(sources())) {
		if !levelTwo.MatchString(sources()[rule]) {
			continue
		}
		text, err := promotion(rule, FirstID+made)
		if err != nil {
			t.Log(err)
			refused++
			continue
		}
		made++
		all += text
	}
	engine, err := waf.CompileWith(waf.CorpusSettings(), all)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	plain, err := waf.Compile(waf.CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if engine.Rules()-plain.Rules() != made || made < 90 {
		t.Errorf("%d rules more, %d made, %d refused", engine.Rules()-plain.Rules(), made, refused)
	}
	t.Logf("%d rules can be promoted, %d can not", made, refused)
}
