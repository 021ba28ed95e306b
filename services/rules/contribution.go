package rules

import (
	"slices"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Contribution is one way in which events come to a finding of a correlation: they
// have these values, and a rule matches them.
type Contribution struct {
	Document *Document
	Where    []detection.Member // fields of events and the group's values

	reference *sigma.Reference
}

// maxContributions bounds the ways into one finding: chains of correlations multiply.
const maxContributions = 256

// Contributions returns the ways into a finding of a correlation with a group, as
// the finding has it. What the field of a chain has no value for is not asked for.
func (d *Document) Contributions(group []detection.Member) ([]Contribution, error) {
	var all []Contribution
	var visit func(d *Document, group []detection.Member) error
	visit = func(d *Document, group []detection.Member) error {
		for n, r := range d.Refers {
			var where []detection.Member
			for _, m := range group {
				where = append(where, detection.Member{Field: d.fieldOf(m.Field, n), Value: m.Value})
			}
			if len(all) == maxContributions {
				return nil
			}
			if r.Correlation {
				inner := slices.DeleteFunc(where, func(m detection.Member) bool { return !slices.Contains(r.correlation.GroupBy, m.Field) })
				if err := visit(r, inner); err != nil {
					return err
				}
				continue
			}
			ref, err := sigma.NewReference(r.rule)
			if err != nil {
				return err
			}
			all = append(all, Contribution{Document: r, Where: where, reference: ref})
		}
		return nil
	}
	return all, visit(d, group)
}

// fieldOf is what a group-by field is called in the events of a reference.
func (d *Document) fieldOf(name string, ref int) string {
	c := d.correlation
	for _, a := range c.Aliases {
		for _, f := range a.Fields {
			if a.Name == name && (f.Rule == c.Rules[ref].Name || f.Rule == d.Refers[ref].Header.ID || f.Rule == d.Refers[ref].Name) {
				return f.Field
			}
		}
	}
	return name
}

// Matches tells whether an event came in this way: it is of the rule's logsource, has
// the values, and the rule matches it.
func (c *Contribution) Matches(e *event.Event) bool {
	for _, m := range c.Where {
		if !hasValue(e, m) {
			return false
		}
	}
	return slices.ContainsFunc(sigma.RouteEvent(nil, e), c.Document.rule.Logsource.Accepts) && c.reference.Matches(e)
}

// hasValue tells whether an event has a value of a group, which may be cut.
func hasValue(e *event.Event, m detection.Member) bool {
	for v := range e.Values(event.Intern(m.Field)) {
		if text := v.String(); text == m.Value || len(m.Value) == sigma.MaxGroupText && len(text) > len(m.Value) &&
			text[:sigma.CutGroupText] == m.Value[:sigma.CutGroupText] {
			return true
		}
	}
	return false
}
