package rules

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/sigma"
	service "github.com/gatewatch/gatewatch/services/rules"
)

// pack is everything in FS, ready to be evaluated.
type pack struct {
	set    *sigma.Set
	engine *sigma.Engine
	links  *sigma.Links
}

// newPack loads and compiles all of FS, with the rules for the logsource of an
// event or with all of them. Every document must be usable.
func newPack(options sigma.Options) (*pack, error) {
	set, err := sigma.Load(FS, ".")
	if err != nil {
		return nil, err
	}
	built := service.Sources{Set: set, Unique: true}.Build(options)
	var all []error
	for _, e := range built.Rejected {
		all = append(all, e)
	}
	return &pack{set, built.Engine, built.Links}, errors.Join(all...)
}

// routed evaluates rules as a server does.
var routed = sigma.Options{Route: sigma.RouteEvent}

func loadPack(t *testing.T) *pack {
	t.Helper()
	p, err := newPack(routed)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.set.Rules) < 50 || len(p.set.Correlations) < 12 {
		t.Fatalf("loaded %d rules and %d correlations only", len(p.set.Rules), len(p.set.Correlations))
	}
	return p
}

// headers returns the header of every document by its path.
func (p *pack) headers() map[string]*sigma.Header {
	all := map[string]*sigma.Header{}
	for _, r := range p.set.Rules {
		all[r.Path] = &r.Header
	}
	for _, c := range p.set.Correlations {
		all[c.Path] = &c.Header
	}
	return all
}

func TestEveryFileIsOneDocument(t *testing.T) {
	p := loadPack(t)
	files := 0
	err := fs.WalkDir(FS, ".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(p.headers()); got != files {
		t.Errorf("%d files hold %d documents", files, got)
	}
}

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	date = regexp.MustCompile(`^20\d\d-\d\d-\d\d$`)
	tag  = regexp.MustCompile(`^(attack\.([a-z]+(-[a-z]+)*|t\d{4}(\.\d{3})?)|cve\.\d{4}-\d{4,})$`)
)

// untagged are the documents about what is no technique of an attacker: the WAF's own
// mistakes, and mail that was refused for any reason.
var untagged = map[string]bool{
	"waf_policy_block": true, "waf_policy_storm": true,
	"smtp_rejected": true, "smtp_rejected_burst": true,
}

func TestMetadata(t *testing.T) {
	seen := map[string]string{}
	once := func(at, what, value string) {
		if other, ok := seen[what+value]; ok {
			t.Errorf("%s: %s %q is that of %s too", at, what, value, other)
		}
		seen[what+value] = at
	}
	for at, h := range loadPack(t).headers() {
		once(at, "id", h.ID)
		once(at, "name", h.Name)
		once(at, "title", h.Title)
		require := func(ok bool, what string) {
			if !ok {
				t.Errorf("%s: %s", at, what)
			}
		}
		require(uuid.MatchString(h.ID), "id is no random UUID")
		require(h.Name+".yml" == path.Base(at), "name is not that of the file")
		require(len(h.Title) <= 100, "title is longer than 100 characters")
		require(h.Description != "", "no description")
		require(h.Author == "Gatewatch" && h.License == "Apache-2.0", "author or license")
		require(h.Taxonomy == "ecs", "taxonomy is not ecs")
		require(date.MatchString(h.Date), "no date")
		require(h.Status != "", "no status")
		require(h.Level != sigma.LevelNone, "no level")
		require(len(h.References) > 0, "no references")
		require(len(h.FalsePos) > 0, "no notes on false positives")
		require((len(h.Tags) > 0) != untagged[h.Name], "tags are missing, or not expected")
		for _, name := range h.Tags {
			require(tag.MatchString(name), "tag "+name)
		}
	}
}

// examplesOf returns the examples of a document. There must be some of each kind.
func examplesOf(t *testing.T, h *sigma.Header) []sigma.Example {
	t.Helper()
	list, err := h.Examples()
	if err != nil {
		t.Error(err)
	}
	kinds := map[bool]int{}
	for _, x := range list {
		kinds[x.Match]++
	}
	if kinds[true] == 0 || kinds[false] == 0 {
		t.Errorf("%s: %d examples that match and %d that do not", h.Path, kinds[true], kinds[false])
	}
	return list
}

// examples tries examples on a rule set.
func (p *pack) examples() *service.Examples {
	return service.NewExamples(&sigma.Ruleset{Engine: p.engine, Links: p.links})
}

// TestExamples holds that the examples of all documents come out in the pack as a
// server uses it, and without regard to logsources.
func TestExamples(t *testing.T) {
	f := func(name string, options sigma.Options) {
		t.Helper()
		p, err := newPack(options)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range p.headers() {
			examplesOf(t, h)
		}
		cases := 0
		p.examples().Each(func(trial service.Trial) bool {
			for _, e := range trial.Failed {
				t.Errorf("%s: %v", name, e)
			}
			cases += trial.Passed
			return true
		})
		if want := 2 * (len(p.set.Rules) + len(p.set.Correlations)); cases < want {
			t.Fatalf("%s: %d examples passed only, want %d", name, cases, want)
		}
	}
	f("routed", routed)
	f("all rules", sigma.Options{})
}

// TestThresholds holds that the examples show where a threshold is: with a higher one
// not all that must fire does.
func TestThresholds(t *testing.T) {
	p := loadPack(t)
	tried := 0
	for i, c := range p.set.Correlations {
		if len(c.Bounds) == 0 {
			continue
		}
		tried++
		higher := *c
		higher.Bounds = slices.Clone(c.Bounds)
		higher.Bounds[0].Value++
		list := slices.Clone(p.set.Correlations)
		list[i] = &higher
		links, errs := sigma.Link(p.set.Rules, list)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		changed := &pack{p.set, p.engine, links}
		shown := slices.ContainsFunc(changed.examples().Correlation(&higher).Failed, func(e *sigma.Error) bool {
			return strings.HasPrefix(e.Reason, "want firing true")
		})
		if !shown {
			t.Errorf("%s: examples hold with %v for %v too", c.Path, higher.Bounds[0].Value, c.Bounds[0].Value)
		}
	}
	if tried < 12 {
		t.Fatalf("%d thresholds only", tried)
	}
}

// TestReadmeNamesEveryDocument holds the table of hits complete.
func TestReadmeNamesEveryDocument(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for at, h := range loadPack(t).headers() {
		if !strings.Contains(string(text), "| "+h.Name+" |") {
			t.Errorf("README.md has no line for %s", at)
		}
	}
}
