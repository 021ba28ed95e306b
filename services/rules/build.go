package rules

import (
	"fmt"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Sources are documents and what is done to them before they are used. Server and
// command line make their rule sets of them alike.
type Sources struct {
	Set      *sigma.Set      // is changed
	Overlay  *Overlay        // may be nil
	Pipeline *sigma.Pipeline // may be nil; rules of taxonomy ecs pass by it
	Unique   bool            // leave out documents whose key another one has: their findings would be one
}

// Built is a rule set and what of its sources could not be honoured.
type Built struct {
	*sigma.Ruleset
	Rejected []*sigma.Error // those of the documents themselves first
	Warnings []*sigma.Error // what is honoured and may not be meant

	twins int // of Rejected, those that have the key of another
}

// taxonomyECS is the taxonomy of rules that name fields as events do: they pass
// by the pipelines.
const taxonomyECS = "ecs"

// Build applies the overlay, then the filters, then the pipeline, and compiles.
func (s Sources) Build(options sigma.Options) *Built {
	b := new(Built)
	if s.Overlay != nil {
		b.Warnings = s.Overlay.apply(s.Set)
	}
	if s.Unique {
		twins := dropDuplicates(s.Set)
		s.Set.Errors, b.twins = append(s.Set.Errors, twins...), len(twins)
	}
	options.Native = taxonomyECS
	b.Ruleset, b.Rejected = sigma.Build(s.Set, s.Pipeline, options)
	if s.Overlay != nil {
		s.Overlay.blame(b.Rejected)
		b.warnOfLevels(s.Overlay)
	}
	b.warnOfHushes()
	return b
}

// warnOfHushes warns where a correlation takes its findings from a rule in another
// file: Sigma has it so, and few know it.
func (b *Built) warnOfHushes() {
	for h := range b.Links.Hushes(b.Engine.Rules()) {
		if h.Header.Path == h.Correlation.Path || h.Header.Level <= sigma.LevelInformational {
			continue
		}
		b.Warnings = append(b.Warnings, &sigma.Error{
			Path: h.Correlation.Path, Pos: h.Ref.Pos, Rule: h.Correlation.Key(),
			Reason: fmt.Sprintf("rule %q (%s) gives no findings of its own any more, because this correlation refers to it without generate: true", h.Ref.Name, h.Header.Path),
		})
	}
}

// warnOfLevels warns of new levels of what gives no findings.
func (b *Built) warnOfLevels(o *Overlay) {
	silent := map[string]bool{}
	add := func(h *sigma.Header, yes bool) {
		for _, name := range []string{h.ID, h.Name, h.Title} {
			silent[name] = yes
		}
	}
	for i, r := range b.Engine.Rules() {
		add(&r.Header, b.Links.Silent(i))
	}
	for i, c := range b.Links.Correlations() {
		add(&c.Header, b.Links.SilentCorrelation(i))
	}
	for _, m := range o.levels {
		if silent[m.name] {
			b.Warnings = append(b.Warnings, o.warn(m, "level is for nothing: rule %q gives no findings of its own", m.name))
		}
	}
}
