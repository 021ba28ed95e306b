package rules

import (
	"maps"
	"slices"
	"testing"

	"github.com/gatewatch/gatewatch/detection/sigma"
	service "github.com/gatewatch/gatewatch/services/rules"
)

// TestBuildingBlocks holds that a document is informational just if it says that it is
// a building block, that such a rule gives no findings of its own, and that a
// correlation needs it.
func TestBuildingBlocks(t *testing.T) {
	p := loadPack(t)
	needed := map[string]bool{}
	for _, c := range p.set.Correlations {
		for _, ref := range c.Rules {
			needed[ref.Name] = true
		}
	}
	for _, c := range p.set.Correlations {
		if c.BuildingBlock() != (c.Level == sigma.LevelInformational) || c.BuildingBlock() && !needed[c.Name] {
			t.Errorf("%s: level is %s, building block is %v, needed is %v", c.Path, c.Level, c.BuildingBlock(), needed[c.Name])
		}
	}
	for i, r := range p.set.Rules {
		block := r.BuildingBlock()
		if block != (r.Level == sigma.LevelInformational) || block != p.links.Silent(i) {
			t.Errorf("%s: level is %s, building block is %v, silent is %v", r.Path, r.Level, block, p.links.Silent(i))
		}
		if block && !needed[r.Name] {
			t.Errorf("%s: no correlation refers to it", r.Path)
		}
	}
}

// TestEachDocumentReportsByItself takes off every document in turn, as an overlay
// may, and holds that those left report as before: no rule or correlation falls
// silent, and no building block begins to report. Only the correlations that refer
// to what was taken off go with it.
func TestEachDocumentReportsByItself(t *testing.T) {
	p := loadPack(t)
	want := reporting(t, p.set.Rules, p.set.Correlations, "")
	if n := len(want); n != len(p.headers()) {
		t.Fatalf("%d documents report or are silent, want %d", n, len(p.headers()))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		gone := p.without(name)
		got := reporting(t, p.set.Rules, p.set.Correlations, name)
		for other, reports := range want {
			switch now, ok := got[other]; {
			case ok == gone[other]:
				t.Errorf("without %s: %s is in use: %v", name, other, ok)
			case ok && now != reports:
				t.Errorf("without %s: %s reports: %v", name, other, now)
			}
		}
	}
}

// without returns a document and the correlations that cannot be without it.
func (p *pack) without(name string) map[string]bool {
	gone := map[string]bool{name: true}
	for n := 0; n != len(gone); {
		n = len(gone)
		for _, c := range p.set.Correlations {
			for _, ref := range c.Rules {
				if gone[ref.Name] {
					gone[c.Name] = true
				}
			}
		}
	}
	return gone
}

// reporting tells of each document in use whether it reports, if one is taken off: of
// a correlation that others refer to, whether it fires in its examples.
func reporting(t *testing.T, rules []*sigma.Rule, correlations []*sigma.Correlation, off string) map[string]bool {
	t.Helper()
	set := &sigma.Set{
		Rules:        slices.DeleteFunc(slices.Clone(rules), func(r *sigma.Rule) bool { return r.Name == off }),
		Correlations: slices.DeleteFunc(slices.Clone(correlations), func(c *sigma.Correlation) bool { return c.Name == off }),
	}
	built := service.Sources{Set: set}.Build(routed)
	inner := map[string]bool{}
	for _, c := range correlations {
		for _, ref := range c.Rules {
			inner[ref.Name] = true
		}
	}
	all := map[string]bool{}
	for i, r := range built.Engine.Rules() {
		all[r.Name] = !built.Links.Silent(i)
	}
	for _, c := range built.Links.Correlations() {
		all[c.Name] = !inner[c.Name] || fires(t, built.Ruleset, c)
	}
	return all
}

// fires tells whether a correlation fires in the first example where it must hold.
func fires(t *testing.T, rules *sigma.Ruleset, c *sigma.Correlation) (yes bool) {
	t.Helper()
	list := examplesOf(t, &c.Header)
	x := list[slices.IndexFunc(list, func(x sigma.Example) bool { return x.Match })]
	events, err := eventsOf(x)
	if err != nil {
		t.Fatal(err)
	}
	matcher, correlator := rules.Engine.NewMatcher(), sigma.NewCorrelator(rules.Links, sigma.CorrelatorConfig{})
	for _, e := range events {
		correlator.Observe(e, matcher.Match(nil, e), func(f *sigma.Firing) { yes = yes || f.Correlation == c })
	}
	return yes
}
