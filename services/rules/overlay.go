package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Overlay changes rules without touching their files:
//
//	disable: [rule, …]          by id, name or title
//	level: {rule: low, …}       another level
//	filters: [filter, …]        filter documents of Sigma
type Overlay struct {
	Disable []string          `yaml:"disable"`
	Level   map[string]string `yaml:"level"`
	Filters []yaml.Node       `yaml:"filters"`

	path string
}

// overlayName is the name of the overlay in a bundle.
const overlayName = "overlay.yml"

// ReadOverlay reads an overlay. The path is what errors call it.
func ReadOverlay(path string, text []byte) (*Overlay, error) {
	o := &Overlay{path: path}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(o); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read overlay: %w; known are disable, level and filters", err)
	}
	for rule, name := range o.Level {
		if _, ok := sigma.ParseLevel(name); !ok {
			return nil, fmt.Errorf("read overlay: level of %s: %q is none of informational, low, medium, high, critical", rule, name)
		}
	}
	return o, nil
}

// apply changes a set and returns the names in the overlay that no rule has.
func (o *Overlay) apply(s *sigma.Set) (unknown []string, err error) {
	named := map[string]bool{}
	is := func(h *sigma.Header, name string) bool {
		if name == "" || name != h.ID && name != h.Name && name != h.Title {
			return false
		}
		named[name] = true
		return true
	}
	disabled := func(h *sigma.Header) (yes bool) {
		for _, name := range o.Disable {
			yes = is(h, name) || yes
		}
		return yes
	}
	level := func(h *sigma.Header) {
		for _, name := range slices.Sorted(maps.Keys(o.Level)) {
			if is(h, name) {
				h.Level, _ = sigma.ParseLevel(o.Level[name])
			}
		}
	}
	s.Rules = slices.DeleteFunc(s.Rules, func(r *sigma.Rule) bool { return disabled(&r.Header) })
	s.Correlations = slices.DeleteFunc(s.Correlations, func(c *sigma.Correlation) bool { return disabled(&c.Header) })
	for _, r := range s.Rules {
		level(&r.Header)
	}
	for _, c := range s.Correlations {
		level(&c.Header)
	}
	for i := range o.Filters {
		text, err := yaml.Marshal(&o.Filters[i])
		if err != nil {
			return nil, fmt.Errorf("read overlay: %w", err)
		}
		s.Add(sigma.Parse(o.path, text))
	}
	for _, name := range o.Disable {
		if !named[name] {
			unknown = append(unknown, name)
		}
	}
	for name := range o.Level {
		if !named[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}
