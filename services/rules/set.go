package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Set is compiled rules and correlations. It does not change.
type Set struct {
	Fingerprint string
	Rejected    []*sigma.Error // documents that cannot be honoured; the rest is in use
	Unknown     []string       // names in the overlay that no rule has

	engine       *sigma.Engine
	links        *sigma.Links
	rules        []*detection.Rule // by index in the engine
	correlations map[*sigma.Correlation]*detection.Rule
	documents    []*Document // in order of their ids
}

// Rules returns how many rules and correlations are in use.
func (s *Set) Rules() (rules, correlations int) { return len(s.rules), s.links.Len() }

// with returns the set with more that was rejected.
func (s *Set) with(unread []*sigma.Error) *Set {
	if len(unread) == 0 {
		return s
	}
	c := *s
	c.Rejected = append(c.Rejected[:len(c.Rejected):len(c.Rejected)], unread...)
	return &c
}

// folders of a bundle
const (
	packFolder     = "pack"
	dirFolder      = "rules"
	pipelineFolder = "pipelines"
)

// Compile makes a set of the rules of a folder, beside those that a server uses.
func Compile(fsys fs.FS) (*Set, error) {
	b := new(bundle)
	if err := b.addFolder(fsys, dirFolder); err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	b.sort()
	return b.compile()
}

// compile makes the set of a bundle.
func (b *bundle) compile() (*Set, error) {
	parsed, texts := new(sigma.Set), map[string][]byte{}
	pipelines, err := shippedPipelines()
	if err != nil {
		return nil, err
	}
	var o *Overlay
	for _, f := range b.files {
		folder, _, _ := strings.Cut(f.name, "/")
		switch folder {
		case overlayName:
			if o, err = ReadOverlay(f.name, f.text); err != nil {
				return nil, err
			}
		case pipelineFolder:
			p, err := sigma.ParsePipeline(f.name, f.text)
			if err != nil {
				return nil, fmt.Errorf("read pipeline: %w", err)
			}
			pipelines = append(pipelines, p)
		case packFolder, dirFolder:
			parsed.Add(sigma.Parse(f.name, f.text))
			texts[f.name] = f.text
		}
	}
	sources := Sources{Set: parsed, Overlay: o, Pipeline: sigma.JoinPipelines(pipelines...), Unique: true}
	built, err := sources.Build(sigma.Options{Route: sigma.RouteEvent})
	if err != nil {
		return nil, err
	}
	s := &Set{
		Fingerprint: b.fingerprint(), Rejected: built.Rejected, Unknown: built.Unknown,
		engine: built.Engine, links: built.Links, correlations: map[*sigma.Correlation]*detection.Rule{},
	}
	rules, correlations := built.Digests()
	for i, r := range s.engine.Rules() {
		s.rules = append(s.rules, describe(&r.Header, texts[r.Path], rules[i]))
	}
	for i, c := range s.links.Correlations() {
		s.correlations[c] = describe(&c.Header, texts[c.Path], correlations[i])
	}
	s.document(texts)
	return s, nil
}

// shippedPipelines map the taxonomies of Sigma to the fields of our parsers.
func shippedPipelines() ([]*sigma.Pipeline, error) {
	var all []*sigma.Pipeline
	for _, name := range sigma.ShippedPipelines() {
		text, _ := sigma.ShippedPipeline(name)
		p, err := sigma.ParsePipeline(name, text)
		if err != nil {
			return nil, fmt.Errorf("read pipeline: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// dropDuplicates leaves out rules whose name in findings another one has:
// findings of both would be one.
func dropDuplicates(s *sigma.Set) (errs []*sigma.Error) {
	first := map[string]string{} // paths by key
	again := func(h *sigma.Header) bool {
		path, ok := first[h.Key()]
		if !ok {
			first[h.Key()] = h.Path
			return false
		}
		errs = append(errs, &sigma.Error{Path: h.Path, Pos: h.Pos, Rule: h.Key(), Reason: "a rule in " + path + " has the same id"})
		return true
	}
	s.Rules = slices.DeleteFunc(s.Rules, func(r *sigma.Rule) bool { return again(&r.Header) })
	s.Correlations = slices.DeleteFunc(s.Correlations, func(c *sigma.Correlation) bool { return again(&c.Header) })
	return errs
}

// describe is what findings say of a rule. Its version changes with its file, with
// the overlay and pipelines as far as they are for it, and with the rules that a
// correlation refers to.
func describe(h *sigma.Header, text []byte, digest sigma.Digest) *detection.Rule {
	sum := sha256.Sum256(append(digest[:], text...))
	r := &detection.Rule{
		ID: h.Key(), Version: hex.EncodeToString(sum[:6]) + "-" + h.Level.String(), Name: h.Title, Description: h.Description,
		Author: h.Author, License: h.License, Severity: severity(h.Level), Tags: h.Tags, Ruleset: "rules",
	}
	if folder, _, _ := strings.Cut(h.Path, "/"); folder == packFolder {
		r.Ruleset = "gatewatch"
	}
	if len(h.References) > 0 {
		r.Reference = h.References[0]
	}
	r.Tactics, r.Techniques = attack(h.Tags)
	return r
}
