package waf

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// nextCRS writes a release of CRS of which the next version has one rule and one word
// more, and returns its folder.
func nextCRS(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	rules, err := fs.Sub(coreruleset.FS, "@owasp_crs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "rules"), rules); err != nil {
		t.Fatal(err)
	}
	change := func(name string, to func(string) string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, "rules", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "rules", name), []byte(to(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const levelTwo = `SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"`
	for _, name := range []string{"REQUEST-901-INITIALIZATION.conf", "REQUEST-930-APPLICATION-ATTACK-LFI.conf"} {
		change(name, func(s string) string { return strings.ReplaceAll(s, "OWASP_CRS/"+CRSVersion, "OWASP_CRS/4.99.0") })
	}
	change("REQUEST-930-APPLICATION-ATTACK-LFI.conf", func(s string) string {
		return strings.Replace(s, levelTwo, `SecRule ARGS "@contains nextdoor" "id:930990,phase:2,block,t:none,msg:'next',ver:'OWASP_CRS/4.99.0',tag:'OWASP_CRS',`+
			`severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"`+"\n"+levelTwo, 1)
	})
	change("lfi-os-files.data", func(s string) string { return s + "gatewatch-word/of-next\n" })
	return dir
}

func asked(t *testing.T, e *Engine, query string) Decision {
	t.Helper()
	d, err := e.JudgeRequest(t.Context(), &verdict.Request{ID: "x", Method: "GET", URI: "/?q=" + query, Proto: "HTTP/1.1", Headers: browser})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRuleset judges by the rules and the words of another version, while an engine of
// the one that comes with the program has its own.
func TestRuleset(t *testing.T) {
	set, err := LoadRuleset(nextCRS(t))
	if err != nil || set.Version() != "4.99.0" {
		t.Fatalf("version %v, %v", set, err)
	}
	next := &SiteRules{Settings: CorpusSettings(), Set: set}
	defer next.Close()
	candidate, err := next.Of("shop")
	if err != nil {
		t.Fatal(err)
	}
	own, err := Compile(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	f := func(query string, before, after bool) {
		t.Helper()
		if got := asked(t, own, query).Block; got != before {
			t.Errorf("%s: own rules block: %v", query, got)
		}
		if got := asked(t, candidate, query).Block; got != after {
			t.Errorf("%s: next rules block: %v", query, got)
		}
	}
	f("hello", false, false)
	f("nextdoor", false, true)
	f("gatewatch-word/of-next", false, true)
	f("/etc/passwd", true, true)
	if !strings.HasPrefix(candidate.Fingerprint(), "crs/4.99.0+sha256:") || candidate.Rules() != own.Rules()+1 {
		t.Errorf("fingerprint %s, %d rules, own ones are %d", candidate.Fingerprint(), candidate.Rules(), own.Rules())
	}
	again, err := LoadRuleset(nextCRS(t)) // the same content elsewhere
	if err != nil || again.prefix != set.prefix {
		t.Errorf("one content has two names: %v", err)
	}
}

func TestRulesetRefused(t *testing.T) {
	f := func(want string, files map[string]string) {
		t.Helper()
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		set, err := LoadRuleset(dir)
		if err == nil {
			_, err = (&SiteRules{Settings: CorpusSettings(), Set: set}).Of("")
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f("there is no rules/*.conf", nil)
	f("there is no rules/*.conf", map[string]string{"plugins/a-before.conf": "", "rules/x.data": ""})
	f("it is CRS 3.3.5; version 4 is needed", map[string]string{"rules/a.conf": `SecAction "id:1,pass,ver:'OWASP_CRS/3.3.5'"`})
	f("more than 65536 bytes", map[string]string{"a.conf": "# " + strings.Repeat("x", maxSetLine)})
	f("compile rules", map[string]string{"a.conf": "SecRule nonsense"})
	f("compile rules", map[string]string{"a.conf": "Include ../../secret.conf"})
	if _, err := LoadRuleset(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there is read")
	}
}

// TestRulesetLayout reads set-up, plugins and a folder that holds the rules alone.
func TestRulesetLayout(t *testing.T) {
	rule := func(id, query string) string {
		return `SecRule ARGS "@streq ` + query + `" "id:` + id + `,phase:2,deny,t:none"` + "\n"
	}
	f := func(files map[string]string, denied ...string) {
		t.Helper()
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		set, err := LoadRuleset(dir)
		if err != nil {
			t.Fatal(err)
		}
		rules := &SiteRules{Settings: CorpusSettings(), Set: set}
		defer rules.Close()
		e, err := rules.Of("any")
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"setup", "rule", "before", "other"} {
			want := false
			for _, d := range denied {
				want = want || d == query
			}
			if got := asked(t, e, query).Block; got != want {
				t.Errorf("%v: %s is denied: %v", files, query, got)
			}
		}
	}
	f(map[string]string{"own.conf": rule("1", "rule")}, "rule")
	f(map[string]string{
		"crs-setup.conf": rule("2", "setup"), "crs-setup.conf.example": rule("3", "other"), "rules/own.conf": rule("1", "rule"),
		"plugins/x-before.conf": rule("4", "before"), "plugins/README.md": "x", "other.conf": rule("5", "other"),
	}, "setup", "rule", "before")
}

// TestSiteRules compiles one engine for all sites that are judged alike.
func TestSiteRules(t *testing.T) {
	b := &bundle.Bundle{
		Version: bundle.Version, CRS: CRSVersion, Sites: []bundle.Site{{Name: "lax", InboundThreshold: 1000}},
		Exclusions: []bundle.Exclusion{{ID: "a", Site: "shop", Owner: "ann", Reason: "x", Directive: `SecRule REQUEST_FILENAME "@streq /" "id:9900001,phase:1,pass,nolog,t:none,ctl:ruleRemoveById=930120"`}},
	}
	if _, err := b.Encode(); err != nil {
		t.Fatal(err)
	}
	rules := &SiteRules{Settings: CorpusSettings(), Bundle: b, Now: time.Unix(1_800_000_000, 0)}
	defer rules.Close()
	f := func(site string, score int, block bool) *Engine {
		t.Helper()
		e, err := rules.Of(site)
		if err != nil {
			t.Fatal(err)
		}
		d := asked(t, e, "/etc/passwd")
		if d.Block != block || (d.Score >= score) != (score > 0) {
			t.Errorf("%s: %+v, want a score of %d or more and block %v", site, d, score, block)
		}
		return e
	}
	plain := f("any", 10, true)
	f("lax", 10, false)
	if shop := asked(t, f("shop", 5, true), "/etc/passwd"); shop.Score >= asked(t, plain, "/etc/passwd").Score {
		t.Errorf("an exclusion does nothing: %+v", shop)
	}
	if again := f("other", 10, true); again != plain {
		t.Error("sites that are judged alike have engines of their own")
	}
	b.CRS = "4.0.0"
	if _, err := (&SiteRules{Settings: CorpusSettings(), Bundle: b}).Of(""); err == nil || !strings.Contains(err.Error(), "made for CRS 4.0.0") {
		t.Errorf("a bundle of another version: %v", err)
	}
}
