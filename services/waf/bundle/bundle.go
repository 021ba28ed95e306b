// Package bundle is the rule-set bundle of WAF nodes: what it holds, the one text
// it has, the SecLang that may stand in it, the signed word of a server about who
// uses it, and the measure by which it is taken back. It does no I/O but for the
// key file.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Version is that of the format.
const Version = 1

// Bounds of a bundle.
const (
	MaxBytes      = 256 << 10 // of its text
	maxSites      = 256
	maxExclusions = 2000
	maxSetup      = 32
	maxName       = 200
	maxText       = 2000
	maxDirective  = 8 << 10
)

// ErrInvalid is wrapped by all errors about the content of a bundle.
var ErrInvalid = errors.New("bundle is not valid")

// Bundle says how nodes judge requests. It is immutable once it has a text, whose
// SHA-256 is its name.
type Bundle struct {
	Version    int         `json:"version"`
	CRS        string      `json:"crs"`                  // version of the Core Rule Set that it is made for
	Setup      []Variable  `json:"setup,omitempty"`      // set-up variables of CRS, by name
	Sites      []Site      `json:"sites,omitempty"`      // by name
	Exclusions []Exclusion `json:"exclusions,omitempty"` // in the order in which they are read
}

// Variable is a set-up variable of CRS, such as allowed_methods.
type Variable struct {
	Name  string `json:"name"` // without tx.
	Value string `json:"value"`
}

// EverySite is the name of what holds for sites that are not named.
const EverySite = "*"

// Site is how one site is run. What is zero stays as the node's own configuration
// has it.
type Site struct {
	Name              string `json:"name"`           // of the site, or EverySite
	Mode              string `json:"mode,omitempty"` // block or detect
	Paranoia          int    `json:"paranoia,omitempty"`
	DetectionParanoia int    `json:"detection_paranoia,omitempty"`
	InboundThreshold  int    `json:"inbound_threshold,omitempty"`
	OutboundThreshold int    `json:"outbound_threshold,omitempty"`
}

// Exclusion is one exception from the rules, with who answers for it.
type Exclusion struct {
	ID        string    `json:"id"`               // unique in the bundle
	Site      string    `json:"site,omitempty"`   // "" for all
	Path      string    `json:"path,omitempty"`   // path or template it is for; its rules must test the path then
	Owner     string    `json:"owner"`            // who answers for it
	Reason    string    `json:"reason"`           // why it is there
	Expires   time.Time `json:"expires,omitzero"` // from when on it is left out; whole seconds, UTC
	Directive string    `json:"directive"`        // SecLang
}

// Parse reads the text of a bundle. Any other text than the one that Encode makes
// is refused, so that one content has one name.
func Parse(text []byte) (*Bundle, error) {
	b, err := Read(text)
	if err != nil {
		return nil, err
	}
	canonical, err := b.Encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(text, canonical) {
		return nil, fmt.Errorf("%w: its text is not the canonical one", ErrInvalid)
	}
	return b, nil
}

// Read reads a bundle that a person wrote: JSON of the same fields in any order
// and layout.
func Read(text []byte) (*Bundle, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", ErrInvalid, len(text), MaxBytes)
	}
	var b Bundle
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: there is something behind it", ErrInvalid)
	}
	if err := b.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &b, nil
}

// Encode returns the canonical text.
func (b *Bundle) Encode() ([]byte, error) {
	if err := b.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	c := *b
	c.Setup = sorted(b.Setup, func(v Variable) string { return v.Name })
	c.Sites = sorted(b.Sites, func(s Site) string { return s.Name })
	c.Exclusions = slices.Clone(b.Exclusions)
	for i := range c.Exclusions {
		c.Exclusions[i].Expires = c.Exclusions[i].Expires.UTC()
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if text.Len() > MaxBytes {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", ErrInvalid, text.Len(), MaxBytes)
	}
	return text.Bytes(), nil
}

func sorted[T any](all []T, name func(T) string) []T {
	c := slices.Clone(all)
	slices.SortStableFunc(c, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	return c
}

// Sum is the name of a bundle: the SHA-256 of its text in hexadecimal.
func Sum(text []byte) string {
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

// IsSum tells whether a text has the form of the name of a bundle.
func IsSum(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

var crsVersion = regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,3}$`)

// validate says what is wrong, with the key.
func (b *Bundle) validate() error {
	switch {
	case b.Version != Version:
		return fmt.Errorf("version: %d is not %d", b.Version, Version)
	case !crsVersion.MatchString(b.CRS):
		return fmt.Errorf("crs: %.20q is not a version such as 4.25.0", b.CRS)
	case len(b.Setup) > maxSetup:
		return fmt.Errorf("setup: has more than %d variables", maxSetup)
	case len(b.Sites) > maxSites:
		return fmt.Errorf("sites: has more than %d", maxSites)
	case len(b.Exclusions) > maxExclusions:
		return fmt.Errorf("exclusions: has more than %d", maxExclusions)
	}
	seen := map[string]bool{}
	for i, v := range b.Setup {
		if err := v.validate(); err != nil {
			return fmt.Errorf("setup[%d].%w", i, err)
		}
		if seen[v.Name] {
			return fmt.Errorf("setup[%d].name: %s is there twice", i, v.Name)
		}
		seen[v.Name] = true
	}
	clear(seen)
	for i, s := range b.Sites {
		if err := s.validate(); err != nil {
			return fmt.Errorf("sites[%d].%w", i, err)
		}
		if seen[s.Name] {
			return fmt.Errorf("sites[%d].name: %s is there twice", i, s.Name)
		}
		seen[s.Name] = true
	}
	return b.validateExclusions()
}

func (b *Bundle) validateExclusions() error {
	names, ids := map[string]bool{}, map[int]bool{}
	for i, x := range b.Exclusions {
		s, err := x.parse()
		if err != nil {
			return fmt.Errorf("exclusions[%d].%w", i, err)
		}
		if names[x.ID] {
			return fmt.Errorf("exclusions[%d].id: %s is there twice", i, x.ID)
		}
		names[x.ID] = true
		for _, id := range s.ids {
			if ids[id] {
				return fmt.Errorf("exclusions[%d].directive: rule id %d is there twice", i, id)
			}
			ids[id] = true
		}
	}
	return nil
}

func (v Variable) validate() error {
	if !setupVariables[v.Name] {
		return fmt.Errorf("name: %.60q is not a set-up variable that a bundle may set", v.Name)
	}
	if err := checkValue(v.Value); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	return nil
}

func (s Site) validate() error {
	if err := checkText(s.Name, maxName, true); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	level := func(n, least int) bool { return n == 0 || n >= max(1, least) && n <= 4 }
	threshold := func(n int) bool { return n >= 0 && n <= 100_000 }
	switch {
	case s.Mode != "" && s.Mode != "block" && s.Mode != "detect":
		return fmt.Errorf("mode: %.20q is neither block nor detect", s.Mode)
	case !level(s.Paranoia, 1):
		return fmt.Errorf("paranoia: %d is not between 1 and 4", s.Paranoia)
	case !level(s.DetectionParanoia, s.Paranoia):
		return fmt.Errorf("detection_paranoia: %d is not between paranoia and 4", s.DetectionParanoia)
	case !threshold(s.InboundThreshold):
		return fmt.Errorf("inbound_threshold: %d is not between 1 and 100000", s.InboundThreshold)
	case !threshold(s.OutboundThreshold):
		return fmt.Errorf("outbound_threshold: %d is not between 1 and 100000", s.OutboundThreshold)
	}
	return nil
}

// parse checks an exclusion and reads its directive.
func (x *Exclusion) parse() (section, error) {
	for _, t := range []struct {
		key, text string
		most      int
		needed    bool
	}{
		{"id", x.ID, maxName, true},
		{"site", x.Site, maxName, false},
		{"path", x.Path, maxText, false},
		{"owner", x.Owner, maxName, true},
		{"reason", x.Reason, maxText, true},
	} {
		if err := checkText(t.text, t.most, t.needed); err != nil {
			return section{}, fmt.Errorf("%s: %w", t.key, err)
		}
	}
	if e := x.Expires; !e.IsZero() && (!e.Equal(e.Truncate(time.Second)) || e.Year() < 2000 || e.Year() > 9999) {
		return section{}, errors.New("expires: is not a time in whole seconds between the years 2000 and 9999")
	}
	if len(x.Directive) > maxDirective {
		return section{}, fmt.Errorf("directive: has more than %d bytes", maxDirective)
	}
	s, err := parseSection(x.Directive)
	if err == nil && x.Path != "" && !s.onPath {
		err = errors.New("a rule of an exclusion with a path must begin by testing it (REQUEST_FILENAME, REQUEST_BASENAME, REQUEST_URI)")
	}
	if err != nil {
		return section{}, fmt.Errorf("directive: %w", err)
	}
	return s, nil
}

// checkText checks a text of people.
func checkText(s string, most int, needed bool) error {
	switch {
	case needed && strings.TrimSpace(s) == "":
		return errors.New("is empty")
	case len(s) > most:
		return fmt.Errorf("has more than %d bytes", most)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || r == '\u2028' || r == '\u2029' }):
		return errors.New("has characters that cannot be shown")
	}
	return nil
}
