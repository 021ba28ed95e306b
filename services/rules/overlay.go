package rules

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Overlay changes rules without touching their files. In YAML:
//
//	disable: [rule, …]          takes rules off, by id, name or title
//	silence: [rule, …]          takes their findings off; correlations still see their matches
//	level: {rule: low, …}       another level
//	filters: [filter, …]        filter documents of Sigma
type Overlay struct {
	path             string
	disable, silence []mention
	levels           []mention
	filters          []sigma.Document
	disabled         map[string]mention // ids and names of what was taken off
}

// mention is a name of a rule in an overlay.
type mention struct {
	name  string
	pos   sigma.Pos
	level sigma.Level // of those in levels
}

const (
	overlayName = "overlay.yml" // in a bundle
	maxFilters  = 1000
)

var overlayKeys = []string{"disable", "silence", "level", "filters"}

// ReadOverlay reads an overlay. The path is what errors call it; they are those of
// sigma. What is wrong with one filter is in its place, and the others count.
func ReadOverlay(path string, text []byte) (*Overlay, error) {
	root, err := sigma.ReadYAML(path, text)
	o := &Overlay{path: path, disabled: map[string]mention{}}
	if err != nil || root == nil {
		return o, err
	}
	members, err := o.members(root, "overlay")
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		switch m.key.Value {
		case "disable":
			o.disable, err = o.names(m)
		case "silence":
			o.silence, err = o.names(m)
		case "level":
			o.levels, err = o.readLevels(m)
		case "filters":
			err = o.readFilters(m)
		default:
			err = o.fail(m.key, "unknown member %q of an overlay; known are %s", m.key.Value, strings.Join(overlayKeys, ", "))
		}
		if err != nil {
			return nil, err
		}
	}
	return o, nil
}

// IsOverlay tells whether a file that holds nothing of Sigma is meant as an overlay.
func IsOverlay(text []byte) bool {
	root, err := sigma.ReadYAML("", text)
	if err != nil || root == nil || root.Kind != yaml.MappingNode {
		return false
	}
	yes := false
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch root.Content[i].Value {
		case "title", "logsource", "detection", "correlation", "filter", "action":
			return false
		case "disable", "silence", "filters":
			yes = true
		case "level":
			yes = yes || root.Content[i+1].Kind == yaml.MappingNode
		}
	}
	return yes
}

func (o *Overlay) fail(n *yaml.Node, format string, args ...any) error {
	return &sigma.Error{Path: o.path, Pos: sigma.Pos{Line: n.Line, Column: n.Column}, Reason: fmt.Sprintf(format, args...)}
}

// pair is one member of a mapping.
type pair struct{ key, value *yaml.Node }

func (o *Overlay) members(n *yaml.Node, what string) (list []pair, err error) {
	if isNull(n) {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, o.fail(n, "%s must be a mapping", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || isNull(key):
			return nil, o.fail(key, "%s has a key that is no text", what)
		case seen[key.Value]:
			return nil, o.fail(key, "%s has %q twice", what, key.Value)
		}
		seen[key.Value] = true
		list = append(list, pair{key, n.Content[i+1]})
	}
	return list, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// items returns the elements of a list.
func (o *Overlay) items(m pair) ([]*yaml.Node, error) {
	switch {
	case isNull(m.value):
		return nil, nil
	case m.value.Kind != yaml.SequenceNode:
		return nil, o.fail(m.value, "%s must be a list", m.key.Value)
	}
	return m.value.Content, nil
}

func (o *Overlay) names(m pair) (list []mention, err error) {
	items, err := o.items(m)
	for _, n := range items {
		if n.Kind != yaml.ScalarNode || isNull(n) {
			return nil, o.fail(n, "%s must be a list of ids, names or titles of rules", m.key.Value)
		}
		list = append(list, mention{name: n.Value, pos: sigma.Pos{Line: n.Line, Column: n.Column}})
	}
	return list, err
}

func (o *Overlay) readLevels(m pair) (list []mention, err error) {
	members, err := o.members(m.value, "level")
	for _, p := range members {
		level, ok := sigma.ParseLevel(p.value.Value)
		if !ok {
			return nil, o.fail(p.value, "level of %q must be informational, low, medium, high or critical, not %q", p.key.Value, p.value.Value)
		}
		list = append(list, mention{p.key.Value, sigma.Pos{Line: p.key.Line, Column: p.key.Column}, level})
	}
	return list, err
}

func (o *Overlay) readFilters(m pair) error {
	items, err := o.items(m)
	if len(items) > maxFilters {
		return o.fail(m.value, "overlay has more than %d filters", maxFilters)
	}
	for _, n := range items {
		o.filters = append(o.filters, sigma.ParseFilter(o.path, n))
	}
	return err
}

// apply changes a set and returns warnings of what in the overlay is for nothing.
func (o *Overlay) apply(s *sigma.Set) (warnings []*sigma.Error) {
	named := map[string][]*sigma.Header{}
	add := func(h *sigma.Header) {
		for i, name := range []string{h.ID, h.Name, h.Title} {
			if name != "" && !slices.Contains([]string{h.ID, h.Name, h.Title}[:i], name) {
				named[name] = append(named[name], h)
			}
		}
	}
	for _, r := range s.Rules {
		add(&r.Header)
	}
	for _, c := range s.Correlations {
		add(&c.Header)
	}
	each := func(list []mention, f func(mention, *sigma.Header)) {
		for _, m := range list {
			if len(named[m.name]) == 0 {
				warnings = append(warnings, o.warn(m, "no rule is called %q", m.name))
			}
			for _, h := range named[m.name] {
				f(m, h)
			}
		}
	}
	off := map[*sigma.Header]bool{}
	each(o.disable, func(m mention, h *sigma.Header) {
		off[h] = true
		o.disabled[h.ID], o.disabled[h.Name] = m, m
	})
	each(o.silence, func(_ mention, h *sigma.Header) { h.Hushed = true })
	each(o.levels, func(m mention, h *sigma.Header) { h.Level = m.level })
	s.Rules = slices.DeleteFunc(s.Rules, func(r *sigma.Rule) bool { return off[&r.Header] })
	s.Correlations = slices.DeleteFunc(s.Correlations, func(c *sigma.Correlation) bool { return off[&c.Header] })
	if len(o.filters) > 0 {
		s.Add(sigma.File{Path: o.path, Documents: o.filters})
	}
	return warnings
}

func (o *Overlay) warn(m mention, format string, args ...any) *sigma.Error {
	return &sigma.Error{Path: o.path, Pos: m.pos, Rule: m.name, Reason: fmt.Sprintf(format, args...)}
}

// blame says of what is rejected for want of a rule that the overlay took it off.
func (o *Overlay) blame(rejected []*sigma.Error) {
	for _, e := range rejected {
		if m, ok := o.disabled[e.Missing]; ok && e.Missing != "" {
			e.Reason = fmt.Sprintf("rule %q is disabled by the overlay (%s:%v); silence it there to take off its findings alone", e.Missing, o.path, m.pos)
		}
	}
}
