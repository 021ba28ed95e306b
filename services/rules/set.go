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
	Warnings    []*sigma.Error // what is honoured and may not be meant

	engine       *sigma.Engine
	links        *sigma.Links
	rules        []*detection.Rule // by index in the engine
	correlations map[*sigma.Correlation]*detection.Rule
	documents    []*Document // in order of their ids
	rejections   rejections
}

// rejections counts what was rejected, by the class of the reason.
type rejections struct{ invalid, reference, duplicate, unreadable int }

func countRejections(b *Built) rejections {
	n := rejections{duplicate: b.twins}
	for _, e := range b.Rejected {
		if e.Missing != "" {
			n.reference++
		}
	}
	n.invalid = len(b.Rejected) - n.reference - n.duplicate
	return n
}

// Rules returns how many rules and correlations are in use.
func (s *Set) Rules() (rules, correlations int) { return len(s.rules), s.links.Len() }

// with returns the set with files that could not be read and with more warnings.
func (s *Set) with(unread, warnings []*sigma.Error) *Set {
	if len(unread)+len(warnings) == 0 {
		return s
	}
	c := *s
	c.Rejected = slices.Concat(c.Rejected, unread)
	c.Warnings = slices.Concat(warnings, c.Warnings)
	c.rejections.unreadable = len(unread)
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
	c := compilation{manifest: newManifest(), set: new(sigma.Set), files: map[string]source{}}
	var err error
	if c.pipelines, err = shippedPipelines(); err != nil {
		return nil, err
	}
	for _, f := range b.files {
		if f.name == manifestName {
			if c.manifest, err = readManifest(f.text); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range b.files {
		if err := c.add(f); err != nil {
			return nil, err
		}
	}
	sources := Sources{Set: c.set, Overlay: c.overlay, Pipeline: sigma.JoinPipelines(c.pipelines...), Unique: true}
	built := sources.Build(sigma.Options{Route: sigma.RouteEvent})
	s := &Set{
		Fingerprint: b.fingerprint(), Rejected: built.Rejected, Warnings: built.Warnings, rejections: countRejections(built),
		engine: built.Engine, links: built.Links, correlations: map[*sigma.Correlation]*detection.Rule{},
	}
	rules, correlations := built.Digests()
	for i, r := range s.engine.Rules() {
		s.rules = append(s.rules, describe(&r.Header, c.files[r.Path], rules[i]))
	}
	for i, corr := range s.links.Correlations() {
		s.correlations[corr] = describe(&corr.Header, c.files[corr.Path], correlations[i])
	}
	s.document(c.files)
	return s, nil
}

// compilation is a bundle on its way to a set.
type compilation struct {
	manifest  *manifest
	set       *sigma.Set
	files     map[string]source // of rules, by what people call them
	pipelines []*sigma.Pipeline
	overlay   *Overlay
}

// source is a file of rules.
type source struct {
	text    []byte
	ruleset string
}

// add takes a file of the bundle.
func (c *compilation) add(f file) (err error) {
	name := c.manifest.path(f.name)
	folder, _, _ := strings.Cut(f.name, "/")
	switch folder {
	case overlayName:
		if c.overlay, err = ReadOverlay(name, f.text); err != nil {
			return fmt.Errorf("rules.overlay: %w", err)
		}
	case pipelineFolder:
		p, err := sigma.ParsePipeline(name, f.text)
		if err != nil {
			return fmt.Errorf("rules.pipelines: %w", err)
		}
		c.pipelines = append(c.pipelines, p)
	case packFolder, dirFolder:
		parsed := sigma.Parse(name, f.text)
		license := c.manifest.license(f.name)
		for _, d := range parsed.Documents {
			if h := d.Header(); h != nil && h.License == "" {
				h.License = license
			}
		}
		c.set.Add(parsed)
		c.files[name] = source{f.text, c.manifest.ruleset(f.name)}
	}
	return nil
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
func describe(h *sigma.Header, from source, digest sigma.Digest) *detection.Rule {
	sum := sha256.Sum256(append(digest[:], from.text...))
	r := &detection.Rule{
		ID: h.Key(), Version: hex.EncodeToString(sum[:6]) + "-" + h.Level.String(), Name: h.Title, Description: h.Description,
		Author: h.Author, License: h.License, Severity: severity(h.Level), Tags: h.Tags, Ruleset: from.ruleset,
	}
	if len(h.References) > 0 {
		r.Reference = h.References[0]
	}
	r.Tactics, r.Techniques = attack(h.Tags)
	return r
}
