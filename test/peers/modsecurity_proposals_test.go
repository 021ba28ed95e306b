package peers

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
)

const (
	form      = "application/x-www-form-urlencoded"
	injection = "1' union select password from users-- "
	script    = "<script>alert(1)</script>"
)

// visitor is a request of a browser; headers that it gives win.
func visitor(id, host, method, uri, body string, headers ...string) *verdict.Request {
	r := &verdict.Request{ID: id, Site: host, Method: method, URI: uri, Proto: "HTTP/1.1", Body: []byte(body)}
	all := append([]string{"Host", host, "User-Agent", "Mozilla/5.0", "Accept", "*/*"}, headers...)
	if method != http.MethodGet {
		all = append(all, "Content-Length", fmt.Sprint(len(body)))
	}
	for i := 0; i < len(all); i += 2 {
		h := [2]string{all[i], all[i+1]}
		if at := slices.IndexFunc(r.Headers, func(x [2]string) bool { return x[0] == h[0] }); at >= 0 {
			r.Headers[at] = h
		} else {
			r.Headers = append(r.Headers, h)
		}
	}
	return r
}

func sendForm(id, host, uri, values string) *verdict.Request {
	return visitor(id, host, "POST", uri, values, "Content-Type", form)
}

// mistake is a false positive with what the directive against it has to hold.
type mistake struct {
	*verdict.Request
	want []string
}

// mistakes need every form of directive that proposals have, each on a site of its own.
func mistakes() []mistake {
	upload := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.php\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
	list := `{"items":[{"text":"hello"},{"text":"` + injection + `"}]}`
	text := "text=" + url.QueryEscape(injection)
	return []mistake{
		{sendForm("argument", "argument.example", "/reply", text), []string{";ARGS:text", `"@streq /reply"`}},
		{sendForm("bracket", "bracket.example", "/reply", "a%5Bb%5D.c-d="+url.QueryEscape(injection)), []string{";ARGS:a[b].c-d"}},
		{visitor("get", "get.example", "GET", "/search?q="+url.QueryEscape(injection), ""), []string{";ARGS:q"}},
		{sendForm("template1", "template.example", "/t/17/reply", text), []string{`"@rx ^/t/[0-9]+/reply$"`}},
		{sendForm("template2", "template.example", "/t/18/reply", text), nil},
		{sendForm("names", "names.example", "/reply", url.QueryEscape(script)+"=1"), []string{";ARGS_NAMES"}},
		{visitor("json", "json.example", "POST", "/api", list, "Content-Type", "application/json"), []string{";ARGS"}},
		{visitor("key", "key.example", "POST", "/api", `{"note":"`+injection+`"}`, "Content-Type", "application/json"), []string{";ARGS:json.note"}},
		{visitor("header", "header.example", "GET", "/", "", "User-Agent", script), []string{"REQUEST_HEADERS:User-Agent"}},
		{visitor("lower", "lower.example", "GET", "/", "", "referer", script), []string{";REQUEST_HEADERS:Referer", ";REQUEST_HEADERS:referer"}},
		{visitor("cookie", "cookie.example", "GET", "/", "", "Cookie", "Pref="+script), []string{";REQUEST_COOKIES:Pref"}},
		{visitor("file", "file.example", "POST", "/up", upload, "Content-Type", "multipart/form-data; boundary=b"), []string{";FILES"}},
		{visitor("path", "path.example", "GET", "/docs/.git/config", ""), []string{";REQUEST_FILENAME"}},
		{visitor("xml", "xml.example", "POST", "/api", "<a><b>"+injection+"</b></a>", "Content-Type", "text/xml"), []string{"ctl:ruleRemoveById=942100"}},
		{visitor("type", "type.example", "POST", "/beacon", "hello", "Content-Type", "text/plain;charset=UTF-8"), []string{"tx.allowed_request_content_type=", "|text/plain|"}},
		{visitor("method", "method.example", "PUT", "/a", "a=1", "Content-Type", form), []string{"tx.allowed_methods=", " PUT'"}},
		{visitor("odd", "odd.example", "POST", "/a", "hello", "Content-Type", "odd$/thing"), []string{"=920420;REQUEST_HEADERS:Content-Type"}},
	}
}

// planned proposes against false positives, all of which must go.
func planned(t *testing.T, cfg tuning.Config, wrong, guard []*verdict.Request) []tuning.Proposal {
	t.Helper()
	compile := func(directives string) (*waf.Engine, error) { return waf.CompileWith(waf.CorpusSettings(), directives) }
	engine, err := compile("")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	cases := func(all []*verdict.Request, pAttack float64) (cases []*tuning.Case) {
		for _, r := range all {
			d, err := engine.JudgeRequest(t.Context(), r)
			if err != nil || !d.Block {
				t.Fatalf("%s: block %v, %v", r.ID, d.Block, err)
			}
			cases = append(cases, &tuning.Case{Request: r, Decision: d, PAttack: pAttack})
		}
		return cases
	}
	plan, err := tuning.Propose(t.Context(), cfg, waf.CorpusSettings(), compile, cases(wrong, 0), cases(guard, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	freed := 0
	for _, p := range plan.Proposals {
		freed += len(p.Unblocks)
	}
	if freed != len(wrong) {
		t.Fatalf("%d of %d requests are freed by %d proposals", freed, len(wrong), len(plan.Proposals))
	}
	return plan.Proposals
}

// forModSecurity is the text of a proposal that ModSecurity takes.
func forModSecurity(p tuning.Proposal) string {
	if p.Portable != "" {
		return p.Portable
	}
	return p.Directive
}

// TestModSecurityProposals frees with the text for ModSecurity what it frees in Coraza,
// and nothing beside it.
func TestModSecurityProposals(t *testing.T) {
	all := mistakes()
	var wrong []*verdict.Request
	for _, m := range all {
		wrong = append(wrong, m.Request)
	}
	var site []*verdict.Request
	for i := range 3 {
		site = append(site, sendForm(fmt.Sprint("site", i), "site.example", fmt.Sprintf("/%c/reply", 'a'+i), "text="+url.QueryEscape(injection)))
	}
	query := visitor("query", "query.example", "POST", "/beacon?id=a1", "hello", "Content-Type", "text/plain")
	bound := []*verdict.Request{visitor("guard", "query.example", "POST", "/beacon?id=//evil.example/x", "hello", "Content-Type", "text/plain")}

	proposals := planned(t, tuning.Config{}, wrong, nil)
	proposals = append(proposals, planned(t, tuning.Config{Scope: tuning.Site, FirstID: tuning.FirstID + 100}, site, nil)...)
	proposals = append(proposals, planned(t, tuning.Config{FirstID: tuning.FirstID + 200}, []*verdict.Request{query}, bound)...)
	directives := ""
	for _, p := range proposals {
		directives += forModSecurity(p)
	}
	nginx := startModSecurity(t, directives)
	text := func(id string) string {
		i := slices.IndexFunc(proposals, func(p tuning.Proposal) bool { return slices.Contains(p.Unblocks, id) })
		if i < 0 {
			t.Fatalf("%s is freed by nothing", id)
		}
		return forModSecurity(proposals[i])
	}
	for _, m := range append(all, mistake{site[0], nil}, mistake{site[1], nil}, mistake{site[2], nil}, mistake{query, []string{"QUERY_STRING"}}) {
		for _, want := range m.want {
			if !strings.Contains(text(m.ID), want) {
				t.Errorf("%s needs %q, and has %s", m.ID, want, text(m.ID))
			}
		}
		nginx.check(text(m.ID), m.Request, http.StatusForbidden, http.StatusOK)
		elsewhere := *m.Request
		elsewhere.Headers = slices.Clone(m.Headers)
		elsewhere.Headers[0][1] = "elsewhere.example"
		nginx.check("on another site", &elsewhere, http.StatusForbidden, http.StatusForbidden)
	}
	for _, name := range []string{"User-Agent", "user-agent"} { // HTTP/1.1 and HTTP/2
		other := visitor(name, "header.example", "GET", "/", "")
		other.Headers[1] = [2]string{name, script}
		nginx.check(text("header"), other, http.StatusForbidden, http.StatusOK)
	}
	nginx.check("an attack in the query", bound[0], http.StatusForbidden, http.StatusForbidden)
}

// promoted looks for promotions against attacks that pass at paranoia level 1. compiled
// is called with all directives that are tried.
func promoted(t *testing.T, all []tuning.Allowed, stern tuning.SternRules, compiled func(directives string)) []tuning.Promotion {
	t.Helper()
	compile := func(directives string) (*waf.Engine, error) {
		compiled(directives)
		return waf.CompileWith(waf.CorpusSettings(), directives)
	}
	plan, err := tuning.Missed(t.Context(), tuning.MissedConfig{}, "shop.example", compile, stern, all)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Promotions
}

func missedAttack(id, query string) tuning.Allowed {
	r := visitor(id, "shop.example", "GET", "/p?name="+url.QueryEscape(query), "")
	return tuning.Allowed{ID: id, Attack: true, Weight: 1, Copy: &kept.Copy{ID: id, Request: *r}}
}

// TestModSecurityPromotions blocks attacks by rules of higher paranoia levels.
func TestModSecurityPromotions(t *testing.T) {
	sterner, err := waf.CompileSterner()
	if err != nil {
		t.Fatal(err)
	}
	defer sterner.Close()
	stern := func(c *kept.Copy) ([]int, error) { return sterner.Rules(c, time.Minute) }
	all := []tuning.Allowed{
		missedAttack("template", "{{config.items()}}"), missedAttack("wildcard", "/bin/ca?"), missedAttack("comment", "1;--"), missedAttack("backtick", "`id`"),
	}
	promotions := promoted(t, all, stern, func(string) {})
	directives := ""
	for _, p := range promotions {
		directives += p.Directive
	}
	if len(promotions) != len(all) {
		t.Fatalf("%d promotions for %d attacks: %s", len(promotions), len(all), directives)
	}
	nginx := startModSecurity(t, directives)
	for i := range all {
		nginx.check("a promotion", &all[i].Copy.Request, http.StatusOK, http.StatusForbidden)
	}
	nginx.check("promotions", visitor("ok", "shop.example", "GET", "/p?name=ann", ""), http.StatusOK, http.StatusOK)
}

// TestModSecurityPromotable compiles every promotion that can be proposed.
func TestModSecurityPromotable(t *testing.T) {
	every := func(*kept.Copy) (ids []int, err error) {
		for id := 910000; id < 949000; id++ {
			ids = append(ids, id)
		}
		return ids, nil
	}
	widest := ""
	promoted(t, []tuning.Allowed{missedAttack("template", "{{config.items()}}")}, every, func(directives string) {
		if len(directives) > len(widest) {
			widest = directives
		}
	})
	if n := strings.Count(widest, "at paranoia level 1: "); n < 60 {
		t.Fatalf("%d promotions", n)
	}
	configureModSecurity(t, widest)
}
