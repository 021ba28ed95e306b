package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads the documents of one rule file: rules, correlations and filters,
// with action global, reset and repeat resolved; what a document has itself wins over
// what a global one has. The path is only for messages.
// It never fails as a whole: what is wrong takes the place of the document. After
// broken YAML the rest of the file cannot be read, and one error says so. A YAML
// document with no title and no section of Sigma is passed over: it is something else
// that lies among the rules.
//
// A rule with expand modifiers is parsed; it is [Compile] that rejects it if no
// pipeline has put values in place of the placeholders by then.
func Parse(path string, text []byte) File {
	f := File{Path: path}
	if len(text) > MaxFile {
		f.Documents = []Document{{Err: &Error{Path: path, Reason: fmt.Sprintf("file is larger than %d bytes", MaxFile)}}}
		return f
	}
	c := collection{path: path}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for n := 0; ; n++ {
		var root yaml.Node
		err := dec.Decode(&root)
		if errors.Is(err, io.EOF) {
			return f
		}
		if err == nil && n >= maxDocuments {
			err = fmt.Errorf("file has more than %d documents", maxDocuments)
		}
		if err != nil {
			f.Documents = append(f.Documents, Document{Err: yamlError(path, err)})
			return f
		}
		if len(root.Content) == 0 || root.Content[0].ShortTag() == "!!null" {
			continue
		}
		if d, ok := c.document(root.Content[0]); ok {
			f.Documents = append(f.Documents, d)
		}
	}
}

// ParseFilter reads a filter document that is a part of another YAML file.
func ParseFilter(path string, n *yaml.Node) Document {
	r := reader{path: path}
	top, err := r.pairs(n, "filter")
	switch {
	case err != nil:
		return Document{Err: err}
	case member(top, "filter") == nil:
		return Document{Err: r.fail(posOf(n), "filter document has no filter section")}
	}
	return r.document(n, "filter")
}

// ReadYAML reads the one document of a YAML file that goes with rules; nil if the file
// has none. The error is an [Error].
func ReadYAML(path string, text []byte) (*yaml.Node, error) {
	if len(text) > MaxFile {
		return nil, &Error{Path: path, Reason: fmt.Sprintf("file is larger than %d bytes", MaxFile)}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var root, more yaml.Node
	err := dec.Decode(&root)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, yamlError(path, err)
	}
	if err := dec.Decode(&more); err == nil {
		return nil, &Error{Path: path, Pos: posOf(&more), Reason: "file has more than one document"}
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(path, err)
	}
	if len(root.Content) == 0 || root.Content[0].ShortTag() == "!!null" {
		return nil, nil
	}
	return root.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^(?:line (\d+): )?(.*)`)

// yamlError takes the line out of an error of the YAML package, which has no column.
func yamlError(path string, err error) *Error {
	m := yamlLine.FindStringSubmatch(strings.TrimPrefix(err.Error(), "yaml: "))
	line, _ := strconv.Atoi(m[1])
	return &Error{Path: path, Pos: Pos{line, min(line, 1)}, Reason: "read yaml: " + m[2]}
}

// collection resolves the actions of a file's documents.
type collection struct {
	path     string
	global   *yaml.Node // nil if there is none
	previous *yaml.Node // the last rule or global, for action: repeat
}

// document turns a YAML document into a rule, correlation or filter; ok is false
// for one that only directs the others.
func (c *collection) document(n *yaml.Node) (d Document, ok bool) {
	r := reader{path: c.path}
	top, err := r.pairs(n, "document")
	if err != nil {
		return Document{Err: err}, true
	}
	action, kind, ours := "", "", false
	for _, p := range top {
		ours = ours || structure[p.key] || p.key == "title"
		switch p.key {
		case "action":
			if action, err = r.text(p.value, "action"); err != nil {
				return Document{Err: err}, true
			}
		case "correlation", "filter":
			kind = p.key
		}
	}
	if !ours && c.global == nil { // some other YAML file among the rules
		return Document{}, false
	}
	switch action {
	case "":
		if kind == "" {
			if c.global != nil {
				n, err = r.overlay(c.global, n)
			}
			c.previous = n
		}
	case "global":
		if c.global != nil {
			n, err = r.overlay(c.global, n)
		}
		c.global, c.previous = n, n
		if err == nil {
			return Document{}, false
		}
	case "reset":
		c.global = nil
		return Document{}, false
	case "repeat":
		if c.previous == nil {
			return Document{Err: r.fail(posOf(n), "action repeat has no rule before it")}, true
		}
		n, err = r.overlay(c.previous, n)
		c.previous = n
	default:
		err = r.fail(posOf(n), "unknown action %q; known are global, reset and repeat", action)
	}
	if err != nil {
		return Document{Err: err}, true
	}
	return r.document(n, kind), true
}

// overlay returns a mapping with the members of both, where those of top win and
// mappings are merged in turn.
func (r *reader) overlay(base, top *yaml.Node) (*yaml.Node, *Error) {
	if err := r.enter(top); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	under, err := r.pairs(base, "document")
	if err != nil {
		return nil, err
	}
	over, err := r.pairs(top, "document")
	if err != nil {
		return nil, err
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: top.Line, Column: top.Column}
	add := func(p pair, v *yaml.Node) {
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: p.key, Line: p.keyPos.Line, Column: p.keyPos.Column}
		out.Content = append(out.Content, key, v)
	}
	index := map[string]int{}
	for _, p := range under {
		if p.key != "action" {
			index[p.key] = len(out.Content) + 1
			add(p, p.value)
		}
	}
	for _, p := range over {
		i, both := index[p.key]
		switch {
		case p.key == "action":
		case !both:
			add(p, p.value)
		case p.value.Kind == yaml.MappingNode && out.Content[i].Kind == yaml.MappingNode:
			if out.Content[i], err = r.overlay(out.Content[i], p.value); err != nil {
				return nil, err
			}
		default:
			out.Content[i] = p.value
		}
	}
	return out, nil
}

// document reads a document of a kind: "correlation", "filter" or "" for a rule.
func (r *reader) document(n *yaml.Node, kind string) Document {
	var d Document
	var h *Header
	var err *Error
	top, err := r.pairs(n, "document")
	if err != nil {
		return Document{Err: err}
	}
	switch kind {
	case "correlation":
		c := new(Correlation)
		d.Correlation, h = c, &c.Header
		if err = r.header(h, n, top); err == nil {
			err = r.correlation(c, top)
		}
	case "filter":
		f := new(Filter)
		d.Filter, h = f, &f.Header
		if err = r.header(h, n, top); err == nil {
			err = r.filter(f, top)
		}
	default:
		rule := new(Rule)
		d.Rule, h = rule, &rule.Header
		if err = r.header(h, n, top); err == nil {
			err = r.rule(rule, top)
		}
	}
	if err != nil {
		err.Rule = h.Key()
		return Document{Err: err}
	}
	return d
}

// member finds a member of a mapping, or nil.
func member(pairs []pair, key string) *pair {
	for i := range pairs {
		if pairs[i].key == key {
			return &pairs[i]
		}
	}
	return nil
}
