package tuning

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// post is a form sent to a site.
func post(id, host, path, contentType, body string) *verdict.Request {
	return &verdict.Request{
		ID: id, Site: host, Method: "POST", URI: path, Proto: "HTTP/1.1", Body: []byte(body),
		Headers: [][2]string{
			{"Host", host}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}, {"Content-Type", contentType}, {"Content-Length", fmt.Sprint(len(body))},
		},
	}
}

const form = "application/x-www-form-urlencoded"

// posts is traffic of a forum where people write about SQL, of a beacon that
// sends plain text, and of an attacker.
func posts() (legit, attacks, guard []*verdict.Request) {
	words := []string{
		"use select name from users where id=1 union select 2", "try ' or 1=1-- to see it", "and 1=1 union all select 1,2,3 from information_schema.tables",
		"select count(*) from orders group by 1", "1' union select null,version()--", "x' and sleep(5)-- is slow; select * from t",
	}
	for i, w := range words {
		legit = append(legit, post(fmt.Sprintf("post%d", i), "forum.example", "/t/"+fmt.Sprint(100+i)+"/reply", form, "text="+url.QueryEscape(w)+"&page=1"))
	}
	for i := range 3 {
		legit = append(legit, post(fmt.Sprintf("beacon%d", i), "stats.example:8443", "/beacon?id=a1", "text/plain;charset=UTF-8", "hello"))
	}
	inject := func(id, parameter string) *verdict.Request {
		return post(id, "forum.example", "/t/7/reply", form, parameter+"="+url.QueryEscape("1' union select password from users-- "))
	}
	return legit, []*verdict.Request{inject("attack", "page")}, []*verdict.Request{
		inject("guard0", "page"), inject("guard1", "id"),
		post("guard2", "stats.example", "/beacon?id=//evil.example/x", "text/plain", "hello"), // that no attack rule sees
	}
}

func compile(t testing.TB) Compile {
	return func(directives string) (*waf.Engine, error) {
		e, err := waf.CompileWith(waf.CorpusSettings(), directives)
		if err != nil {
			t.Errorf("%v: %s", err, directives)
		}
		return e, err
	}
}

// blocked judges requests, all of which have to be blocked.
func blocked(t testing.TB, engine *waf.Engine, all []*verdict.Request, pAttack float64) []*Case {
	t.Helper()
	var cases []*Case
	for _, r := range all {
		d, err := engine.JudgeRequest(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if !d.Block {
			t.Errorf("%s is not blocked", r.ID)
			continue
		}
		cases = append(cases, &Case{Request: r, Decision: d, PAttack: pAttack})
	}
	return cases
}

// propose runs the planner over posts.
func propose(t *testing.T, cfg Config) *Plan {
	t.Helper()
	engine, err := waf.Compile(waf.CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	legit, attacks, guard := posts()
	cases := append(blocked(t, engine, legit, 0), blocked(t, engine, attacks, 1)...)
	plan, err := Propose(t.Context(), cfg, waf.CorpusSettings(), compile(t), cases, blocked(t, engine, guard, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestPropose mends a forum and a beacon without letting an attack in.
func TestPropose(t *testing.T) {
	plan := propose(t, Config{})
	var freed []string
	for _, p := range plan.Proposals {
		t.Log(p.Directive)
		freed = append(freed, p.Unblocks...)
		if len(p.Released) > 0 || len(p.Guard) > 0 {
			t.Errorf("%s lets attacks pass: %v %v", p.Directive, p.Released, p.Guard)
		}
		if strings.Contains(p.Directive, "ruleRemoveById") {
			t.Errorf("a rule is off, though a target would do: %s", p.Directive)
		}
	}
	slices.Sort(freed)
	want := []string{"beacon0", "beacon1", "beacon2", "post0", "post1", "post2", "post3", "post4", "post5"}
	if diff := cmp.Diff(want, freed); diff != "" || plan.Wrong != 9 || plan.Guard != 3 {
		t.Errorf("plan of %d wrong blocks and a guard of %d (-want +got):\n%s", plan.Wrong, plan.Guard, diff)
	}
	if last := plan.Proposals[len(plan.Proposals)-1]; !strings.Contains(last.Directive, `QUERY_STRING "@rx ^[A-Za-z0-9\x26`) {
		t.Errorf("an attack is kept out by nothing: %s", last.Directive)
	}
	if first := plan.Proposals[0]; first.Path != "/t/{id}/reply" || len(first.Unblocks) < 4 {
		t.Errorf("the first proposal frees %d on %s, want most of the posts", len(first.Unblocks), first.Path)
	}
}

// TestSite takes all paths of a site.
func TestSite(t *testing.T) {
	for _, p := range propose(t, Config{Scope: Site}).Proposals {
		if p.Path != "*" || strings.Contains(p.Directive, "REQUEST_FILENAME") {
			t.Errorf("a proposal for a site is bound to a path: %s", p.Directive)
		}
	}
}

// TestSharedHost proves proposals of sites that have a host in common: what one of them
// lets pass is not lost to the other.
func TestSharedHost(t *testing.T) {
	engine, err := waf.Compile(waf.CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	legit, _, _ := posts()
	var all []*verdict.Request
	for i, r := range legit[:6] {
		one := *r
		one.Site = []string{"a", "b"}[i%2]
		all = append(all, &one)
	}
	for i := range 4 { // each site wants another value in one list
		one := post(fmt.Sprint("beacon", i), "forum.example", "/beacon", []string{"text/plain", "text/x-a"}[i%2], "hello")
		one.Site = []string{"a", "b"}[i%2]
		all = append(all, one)
	}
	cases := blocked(t, engine, all, 0)
	plan, err := Propose(t.Context(), Config{Scope: Site}, waf.CorpusSettings(), compile(t), cases, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	directives, freed := "", map[string]bool{}
	for _, p := range plan.Proposals {
		directives += p.Directive
		for _, id := range p.Unblocks {
			if freed[id] {
				t.Errorf("%s is freed twice", id)
			}
			freed[id] = true
		}
	}
	together, err := compile(t)(directives)
	if err != nil {
		t.Fatal(err)
	}
	defer together.Close()
	for _, c := range cases {
		d, err := together.JudgeRequest(t.Context(), c.Request)
		if err != nil || d.Block == freed[c.Request.ID] {
			t.Errorf("%s: block %v with all proposals, said to pass %v, %v", c.Request.ID, d.Block, freed[c.Request.ID], err)
		}
	}
}

// TestGuard frees nothing where the guard would lose more than it may: in the
// same parameter the same text is an attack.
func TestGuard(t *testing.T) {
	engine, err := waf.Compile(waf.CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	legit, _, _ := posts()
	legit = legit[:6]
	var guard []*verdict.Request
	for i, r := range legit {
		attack := *r
		attack.ID = fmt.Sprint("guard", i)
		guard = append(guard, &attack)
	}
	plan, err := Propose(t.Context(), Config{}, waf.CorpusSettings(), compile(t), blocked(t, engine, legit, 0), blocked(t, engine, guard, 1), nil)
	if err != nil || len(plan.Proposals) > 0 || plan.Guarded != 1 {
		t.Errorf("proposals %+v, %v", plan, err)
	}
}

// TestCanceled ends with its context.
func TestCanceled(t *testing.T) {
	engine, err := waf.Compile(waf.CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	legit, _, _ := posts()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Propose(ctx, Config{}, waf.CorpusSettings(), compile(t), blocked(t, engine, legit, 0), nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestTargetOf(t *testing.T) {
	f := func(variable, want string) {
		t.Helper()
		if got, ok := targetOf(variable); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", variable, got, ok, want)
		}
	}
	f("ARGS:text", "ARGS:text")
	f("ARGS:a[b].c-d", "ARGS:a[b].c-d")
	f("ARGS:json.Items.12.name", "ARGS:/^json.items.[0-9a-z_-]+.name$/")
	f("ARGS:x',ctl:ruleEngine=Off", "ARGS")
	f("ARGS:/.*/", "ARGS")
	f("ARGS_NAMES:<script>", "ARGS_NAMES")
	f("ARGS_NAMES:q", "ARGS_NAMES:q")
	f("REQUEST_HEADERS:User-Agent", "REQUEST_HEADERS:User-Agent")
	f("REQUEST_BODY", "REQUEST_BODY")
	f("TX:content_type", "")
	f("", "")
}

func TestPortable(t *testing.T) {
	f := func(target string, want ...string) {
		t.Helper()
		var got []string
		for _, c := range (change{kind: removeTarget, rule: 942100, target: target}).portable() {
			got = append(got, c.target)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	f("ARGS", "ARGS")
	f("ARGS:Text", "ARGS:Text")
	f("ARGS:/^json.items.[0-9a-z_-]+$/", "ARGS")
	f("REQUEST_HEADERS:User-Agent", "REQUEST_HEADERS:User-Agent", "REQUEST_HEADERS:user-agent")
	f("REQUEST_HEADERS:x-A-b", "REQUEST_HEADERS:X-A-B", "REQUEST_HEADERS:x-A-b", "REQUEST_HEADERS:x-a-b")
	f("REQUEST_HEADERS:/^x-[0-9a-z_-]+$/", "REQUEST_HEADERS")
}

func TestTouchable(t *testing.T) {
	for _, rule := range []int{949110, 959100, 980170, 901340, 200002, 9900002, 905100, 999, 0, -1} {
		if touchable(rule) {
			t.Errorf("rule %d may be changed", rule)
		}
	}
	for _, rule := range []int{911100, 920420, 942100, 955100} {
		if !touchable(rule) {
			t.Errorf("rule %d may not be changed", rule)
		}
	}
}

// FuzzDirective writes hosts, paths and names of an attacker into directives:
// what is not refused compiles, and is one rule for one request.
func FuzzDirective(f *testing.F) {
	f.Add("shop.example", "/a/b", "ARGS:q", "text/plain")
	f.Add("x\" \"id:1,phase:1,allow", "/\" \"id:2", "ARGS:a',ctl:ruleEngine=Off", "a/b'")
	f.Add("shop.example", "/%{tx.x}/\\\"/7", "ARGS:/.*/", "text/plain|")
	f.Add("shop.example", "/a;b=c/\x00\xff/12/", "ARGS:a.1.b", "")
	f.Fuzz(func(t *testing.T, host, path, variable, contentType string) {
		c := &Case{Request: post("x", host, path, contentType, "")}
		p, _ := newPlace("s", triage.PathTemplate(pathOf(c.Request)), []*Case{c})
		if p == nil {
			return
		}
		var changes []change
		for _, rule := range []int{942100, 920420} {
			changes = append(changes, changesOf(c, &waf.Match{RuleID: rule, Variable: variable})...)
		}
		text := directive(FirstID, p, &set{changes: changes}, nil)
		engine, err := waf.CompileWith(waf.CorpusSettings(), text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		defer engine.Close()
		plain, err := waf.Compile(waf.CorpusSettings())
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		if more := engine.Rules() - plain.Rules(); more != 1 {
			t.Errorf("%d rules more: %s", more, text)
		}
	})
}

// TestBundle puts proposals into a rule-set bundle, whose allow-list nodes check.
func TestBundle(t *testing.T) {
	b := &bundle.Bundle{Version: bundle.Version, CRS: waf.CRSVersion}
	for _, scope := range []Scope{Path, Site} {
		for i, p := range propose(t, Config{Scope: scope, FirstID: FirstID + len(b.Exclusions)}).Proposals {
			b.Exclusions = append(b.Exclusions, bundle.Exclusion{ID: fmt.Sprint(scope, i), Owner: "ann", Reason: "test", Directive: p.Directive})
		}
	}
	if _, err := b.Encode(); err != nil || len(b.Exclusions) < 4 {
		t.Errorf("%d proposals: %v", len(b.Exclusions), err)
	}
}

// TestTemplateRegexp writes templates as narrow as the paths are.
func TestTemplateRegexp(t *testing.T) {
	f := func(want string, paths ...string) {
		t.Helper()
		var all []*Case
		for _, p := range paths {
			all = append(all, &Case{Request: post("x", "shop.example", p, form, "")})
		}
		got := ""
		if p, _ := newPlace("shop", triage.PathTemplate(paths[0]), all); p != nil {
			got = p.exact + p.rx
		}
		if got != want {
			t.Errorf("%q: %q, want %q", paths, got, want)
		}
	}
	f("/a/b.php", "/a/b.php?x=1", "/a/b.php")
	f("^/t/[0-9]+/reply$", "/t/1/reply", "/t/22/reply")
	f("^/t/[0-9A-Fa-f-]+$", "/t/12345678-aaaa", "/t/22")
	f(`^/a(?:;[^/]*)?/x(?:;[^/]*)?$`, "/a;v=2/x", "/a;v=3/x")
	f(`^/\x22\x20\x5c$`, "/\" \\")
	f("", "/a\x00b")
}

// TestHosts leaves out requests with hosts that no directive can name, not all.
func TestHosts(t *testing.T) {
	var all []*Case
	for i, host := range []string{"shop.example", "a b", "shop.example:8443", "[::1]:80", "SHOP.example"} {
		all = append(all, &Case{Request: post(fmt.Sprint(i), host, "/x", form, "")})
	}
	p, kept := newPlace("shop", "/x", all)
	if p == nil || len(kept) != 3 || !slices.Equal(p.hosts, []string{"shop.example"}) {
		t.Fatalf("place %v of %d requests", p, len(kept))
	}
	for i := range 2 * maxHosts {
		for range 1 + i {
			all = append(all, &Case{Request: post("x", fmt.Sprintf("h%d.example", i), "/x", form, "")})
		}
	}
	if p, _ = newPlace("shop", "/x", all); len(p.hosts) != maxHosts || !slices.Contains(p.hosts, "h15.example") || slices.Contains(p.hosts, "h0.example") {
		t.Errorf("hosts %v, want the most frequent ones", p.hosts)
	}
}
