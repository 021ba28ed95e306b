package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
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
	o := new(overlay)
	for _, f := range b.files {
		folder, _, _ := strings.Cut(f.name, "/")
		switch folder {
		case overlayName:
			var err error
			if o, err = readOverlay(f.text); err != nil {
				return nil, err
			}
		case packFolder, dirFolder:
			parsed.Add(sigma.Parse(f.name, f.text))
			texts[f.name] = f.text
		}
	}
	s := &Set{Fingerprint: b.fingerprint(), correlations: map[*sigma.Correlation]*detection.Rule{}}
	var err error
	if s.Unknown, err = o.apply(parsed); err != nil {
		return nil, err
	}
	s.Rejected = parsed.Errors
	engine, rejected := sigma.Compile(parsed.Rules, sigma.Options{Route: sigma.RouteEvent})
	s.Rejected = append(s.Rejected, rejected...)
	links, rejected := sigma.Link(engine.Rules(), parsed.Correlations)
	s.Rejected = append(s.Rejected, rejected...)
	s.engine, s.links = engine, links
	for _, r := range engine.Rules() {
		s.rules = append(s.rules, describe(&r.Header, texts[r.Path]))
	}
	for _, c := range links.Correlations() {
		s.correlations[c] = describe(&c.Header, texts[c.Path])
	}
	s.document(texts)
	return s, nil
}

// describe is what findings say of a rule.
func describe(h *sigma.Header, text []byte) *detection.Rule {
	sum := sha256.Sum256(text)
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
