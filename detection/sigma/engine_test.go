package sigma

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

const webRules = `title: SQL
id: sql
logsource: {category: webserver}
detection:
  sel: {cs-uri-query|contains: ['union select', 'information_schema', ' or 1=1']}
  re: {cs-uri-query|re: 'select.{1,20}from'}
  cs: {sc-status: 200}
  flt: {cs-user-agent|endswith: scanner}
  condition: (sel or re) and cs and not flt
---
title: Shell
id: shell
logsource: {product: linux}
detection:
  kw: ['/bin/sh', 'nc -e']
  condition: kw
`

func compileText(t testing.TB, text string, o Options) *Engine {
	t.Helper()
	var rules []*Rule
	for _, d := range Parse("t.yml", []byte(text)).Documents {
		if d.Err != nil {
			t.Fatal(d.Err)
		}
		rules = append(rules, d.Rule)
	}
	e, rejected := Compile(rules, o)
	if len(rejected) > 0 {
		t.Fatal(rejected[0])
	}
	return e
}

func decode(t testing.TB, text string) *event.Event {
	t.Helper()
	var e event.Event
	dec := event.Decoder{Nulls: true}
	if err := dec.Decode([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// TestNoAllocation holds that events without a match cost no memory.
func TestNoAllocation(t *testing.T) {
	m := compileText(t, webRules, Options{Fields: true}).NewMatcher()
	e := decode(t, `{"cs-uri-query":"SELECT x yfro; UNION  SELECT é 日本","sc-status":200,"sc-bytes":55,"x":null,"cs-user-agent":"a scanner","deep":{"er":[1,2.5,true]}}`)
	var matches []Match
	run := func() {
		if matches = m.Match(matches[:0], e); len(matches) > 0 {
			t.Fatal("event matches")
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func TestMatchFields(t *testing.T) {
	m := compileText(t, webRules, Options{Fields: true}).NewMatcher()
	got := m.Match(nil, decode(t, `{"cs-uri-query":["x","id=1 UNION SELECT 2"],"sc-status":"200","ua":"run NC -E now"}`))
	var fields []string
	for _, x := range got {
		for _, f := range x.Fields {
			fields = append(fields, x.Rule.ID+" "+f.Detection.Name+" "+f.Field+" "+f.Value.String()+" "+f.Item.Values[f.Pattern].Text)
		}
	}
	want := []string{
		"sql sel cs-uri-query id=1 UNION SELECT 2 union select",
		"sql cs sc-status 200 200",
		"shell kw ua run NC -E now nc -e",
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
}

func TestRoute(t *testing.T) {
	e := compileText(t, webRules, Options{Route: RouteEvent})
	f := func(ev string, want ...string) {
		t.Helper()
		var got []string
		for _, m := range e.NewMatcher().Match(nil, decode(t, ev)) {
			got = append(got, m.Rule.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", ev, diff)
		}
	}
	const both = `"cs-uri-query":"union select /bin/sh","sc-status":200}`
	f(`{"event.dataset":"nginx.access",`+both, "sql")
	f(`{"category":"webserver","product":"linux",`+both, "sql", "shell")
	f(`{"event.dataset":"sshd",`+both, "shell")
	f(`{"event.dataset":"app","event.category":["authentication","web"],`+both, "sql")
	f(`{"product":"windows",` + both)
	f(`{` + both)
}

// TestManyLogsources holds that events cannot make the engine keep plans without end.
func TestManyLogsources(t *testing.T) {
	var text strings.Builder
	for i := range 40 {
		n := string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		text.WriteString("---\ntitle: " + n + "\nlogsource: {category: c" + n + "}\ndetection: {s: {F: 1}, condition: s}\n")
		text.WriteString("---\ntitle: " + n + "\nlogsource: {product: p" + n + "}\ndetection: {s: {F: 1}, condition: s}\n")
	}
	var sources []Logsource
	e := compileText(t, text.String(), Options{Route: func(dst []Logsource, _ *event.Event) []Logsource { return append(dst, sources...) }})
	m := e.NewMatcher()
	ev := decode(t, `{"F":1}`)
	for _, c := range e.Rules() {
		for _, p := range e.Rules() {
			l := Logsource{Category: c.Logsource.Category, Product: p.Logsource.Product}
			for n := range maxSources + 2 {
				sources = append(sources[:0], l)
				for k := range n {
					sources = append(sources, e.Rules()[7*k].Logsource)
				}
				want := 0
				for _, r := range e.Rules() {
					if slices.ContainsFunc(sources, r.Logsource.Accepts) {
						want++
					}
				}
				if got := len(m.Match(nil, ev)); got != want {
					t.Fatalf("%v: %d matches, want %d", sources, got, want)
				}
			}
		}
	}
	if e.made > maxPlans || len(m.states) > maxPlans+1 || len(e.plans)+len(e.sets) > maxRoutes {
		t.Errorf("%d plans, %d states, %d and %d routes", e.made, len(m.states), len(e.plans), len(e.sets))
	}
}

// TestConcurrentMatchers runs matchers of one engine side by side.
func TestConcurrentMatchers(t *testing.T) {
	e := compileText(t, webRules, Options{Route: RouteEvent})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			m := e.NewMatcher()
			for _, dataset := range []string{"nginx.access", "sshd", "syslog", "postfix"} {
				var ev event.Event
				ev.Dataset = dataset
				ev.AddText(event.Intern("F"), "nc -e")
				m.Match(nil, &ev)
			}
		})
	}
	wg.Wait()
}

// TestHostileText bounds the time that text made against the patterns takes.
func TestHostileText(t *testing.T) {
	f := func(detection, piece string) {
		t.Helper()
		e := compileText(t, "title: t\nlogsource: {category: c}\ndetection: {s: "+detection+", condition: s}\n", Options{})
		m := e.NewMatcher()
		var ev event.Event
		ev.Add(event.Intern("F"), event.String(strings.Repeat(piece, (1<<20)/len(piece))))
		if d := spent(t, func() { m.Match(nil, &ev) }); d > 5*time.Second {
			t.Errorf("%s on 1 MiB takes %v", detection, d)
		}
	}
	f(`{F|re: '(a+)+$'}`, "a")
	f(`{F|re: '(x+x+)+y'}`, "x")
	f(`{F: '*a*a*a*a*a*a*b'}`, "a")
	f(`{F: '*?a?a?a?a?a?a?b*'}`, "a")
	f(`{F|contains: [aaaaaaaaaaaaaaaa, aaaaaaaaaaaaaaab, baaaaaaaaaaaaaaa]}`, "a")
	f(`{F|endswith: [aaaaaaaaaaaaaaaa]}`, "é")
}
