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
	Correlation bool
	Silent      bool // gives no findings of its own

	rule *sigma.Rule
}

// document lists what is in use.
func (s *Set) document(texts map[string][]byte) {
	for i, r := range s.engine.Rules() {
		s.documents = append(s.documents, &Document{
			Header: r.Header, ID: r.Key(), Text: string(texts[r.Path]), Silent: s.links.Silent(i), rule: r,
		})
	}
	for _, c := range s.links.Correlations() {
		s.documents = append(s.documents, &Document{
			Header: c.Header, ID: c.Key(), Text: string(texts[c.Path]), Correlation: true,
		})
	}
	slices.SortStableFunc(s.documents, func(a, b *Document) int { return cmp.Compare(a.ID, b.ID) })
}

// Documents returns what is in use in order of the ids.
func (s *Set) Documents() []*Document { return s.documents }

// Document returns the rule of an id.
func (s *Set) Document(id string) (*Document, bool) {
	i, ok := slices.BinarySearchFunc(s.documents, id, func(d *Document, id string) int { return cmp.Compare(d.ID, id) })
	if !ok {
		return nil, false
	}
	return s.documents[i], true
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
