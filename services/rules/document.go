package rules

import (
	"cmp"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Document is one rule or correlation in use, for people. It does not change.
type Document struct {
	sigma.Header
	ID          string // as findings name it
	Text        string // of its file
	Ruleset     string
	Correlation bool
	Silent      bool        // gives no findings of its own
	Refers      []*Document // of a correlation: what it refers to, in its order
	ReferredBy  []*Document // correlations that refer to it, in order of their ids

	rule        *sigma.Rule
	correlation *sigma.Correlation
}

// document lists what is in use.
func (s *Set) document(files map[string]source) {
	var rules, correlations []*Document
	add := func(h *sigma.Header, silent bool) *Document {
		d := &Document{Header: *h, ID: h.Key(), Text: string(files[h.Path].text), Ruleset: files[h.Path].ruleset, Silent: silent}
		s.documents = append(s.documents, d)
		return d
	}
	for i, r := range s.engine.Rules() {
		d := add(&r.Header, s.links.Silent(i))
		d.rule = r
		rules = append(rules, d)
	}
	for i, c := range s.links.Correlations() {
		d := add(&c.Header, s.links.SilentCorrelation(i))
		d.Correlation, d.correlation = true, c
		correlations = append(correlations, d)
	}
	slices.SortStableFunc(s.documents, func(a, b *Document) int { return cmp.Compare(a.ID, b.ID) })
	for i, d := range correlations {
		for rule, corr := range s.links.Referred(i) {
			if rule >= 0 {
				d.Refers = append(d.Refers, rules[rule])
			} else {
				d.Refers = append(d.Refers, correlations[corr])
			}
		}
	}
	for _, d := range s.documents {
		for _, r := range d.Refers {
			if !slices.Contains(r.ReferredBy, d) {
				r.ReferredBy = append(r.ReferredBy, d)
			}
		}
	}
}

// Documents returns what is in use in order of the ids.
func (s *Set) Documents() []*Document { return s.documents }

// Document returns the rule of an id, else of a name or a title that only one has.
func (s *Set) Document(id string) (*Document, bool) {
	i, ok := slices.BinarySearchFunc(s.documents, id, func(d *Document, id string) int { return cmp.Compare(d.ID, id) })
	if ok {
		return s.documents[i], true
	}
	for _, name := range []func(*Document) string{
		func(d *Document) string { return d.Name }, func(d *Document) string { return d.Title },
	} {
		var found []*Document
		for _, d := range s.documents {
			if id != "" && name(d) == id {
				found = append(found, d)
			}
		}
		if len(found) == 1 {
			return found[0], true
		}
	}
	return nil, false
}

// EffectiveLevel is the level that findings have: medium if the rule gives none.
func (d *Document) EffectiveLevel() sigma.Level {
	return cmp.Or(d.Level, sigma.LevelMedium)
}

// Explain says why a rule matches an event or does not. The document must not be
// a correlation.
func (d *Document) Explain(e *event.Event) (sigma.Explanation, error) {
	ref, err := sigma.NewReference(d.rule)
	if err != nil {
		return sigma.Explanation{}, err
	}
	return ref.Explain(e), nil
}
