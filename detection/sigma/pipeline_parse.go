package sigma

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const maxPipelineSteps = 4096 // steps of one pipeline, nested ones included

// ParsePipeline reads a pipeline from YAML. What it says that is not known, or
// that cannot be done, is an error with its place. The path is for messages and
// for the order among pipelines of one priority.
func ParsePipeline(path string, text []byte) (*Pipeline, *Error) {
	if len(text) > MaxFile {
		return nil, &Error{Path: path, Reason: fmt.Sprintf("file is larger than %d bytes", MaxFile)}
	}
	var root yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&root); err != nil {
		return nil, yamlError(path, err)
	}
	r := &pipelineReader{reader: reader{path: path}, pipeline: &Pipeline{path: path, vars: map[string][]string{}}}
	if len(root.Content) == 0 {
		return nil, r.fail(Pos{1, 1}, "pipeline is empty")
	}
	top, err := r.pairs(root.Content[0], "pipeline")
	if err != nil {
		return nil, err
	}
	for _, p := range top {
		if err := r.member(p); err != nil {
			return nil, err
		}
	}
	return r.pipeline, nil
}

type pipelineReader struct {
	reader
	pipeline *Pipeline
	steps    int
}

func (r *pipelineReader) member(p pair) (err *Error) {
	switch p.key {
	case "name":
		r.pipeline.Name, err = r.text(p.value, "name")
	case "priority":
		var s string
		if s, err = r.text(p.value, "priority"); err == nil {
			n, perr := strconv.Atoi(s)
			if perr != nil {
				return r.fail(posOf(p.value), "priority must be an integer, not %q", s)
			}
			r.pipeline.Priority = n
		}
	case "vars":
		err = r.vars(p.value)
	case "transformations":
		r.pipeline.items, err = r.items(p.value)
	case "postprocessing", "finalizers":
		if err = r.bounded(p.value); err == nil {
			r.warn(p.keyPos, "%s change query texts, of which there are none here", p.key)
		}
	case "allowed_backends":
		var list []string
		if list, err = r.texts(p.value, p.key); err == nil && len(list) > 0 {
			r.warn(p.keyPos, "allowed_backends has no meaning here")
		}
	default:
		err = r.fail(p.keyPos, "unknown member %q of a pipeline", p.key)
	}
	return err
}

func (r *pipelineReader) warn(p Pos, format string, args ...any) {
	r.pipeline.Warnings = append(r.pipeline.Warnings, r.fail(p, format, args...))
}

// vars reads the values of placeholders.
func (r *pipelineReader) vars(n *yaml.Node) *Error {
	members, err := r.pairs(n, "vars")
	if err != nil {
		return err
	}
	for _, p := range members {
		items := []*yaml.Node{p.value}
		if p.value.Kind == yaml.SequenceNode {
			items = p.value.Content
		}
		var values []string
		for _, c := range items {
			v, err := r.value(c)
			if err != nil {
				return err
			}
			if v.Kind == ValueNull {
				return r.fail(v.Pos, "var %q has a value that is neither text nor a number", p.key)
			}
			values = append(values, v.Text)
		}
		if len(values) == 0 {
			return r.fail(p.keyPos, "var %q has no values", p.key)
		}
		r.pipeline.vars[p.key] = values
	}
	return nil
}

func (r *pipelineReader) items(n *yaml.Node) ([]*pipelineItem, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	if n.ShortTag() == "!!null" {
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, r.fail(posOf(n), "transformations must be a list")
	}
	if err := r.enter(n); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	var list []*pipelineItem
	for _, c := range n.Content {
		if r.steps++; r.steps > maxPipelineSteps {
			return nil, r.fail(posOf(c), "pipeline has more than %d steps", maxPipelineSteps)
		}
		item, err := r.item(c)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

// item reads one step.
func (r *pipelineReader) item(n *yaml.Node) (*pipelineItem, *Error) {
	p, err := r.params(n, "transformation")
	if err != nil {
		return nil, err
	}
	item := &pipelineItem{path: r.path, pos: p.pos}
	if item.id, err = p.text("id", ""); err != nil {
		return nil, err
	}
	if item.ruleIf, err = readConditions(p, "rule", ruleConditions); err != nil {
		return nil, err
	}
	if item.itemIf, err = readConditions(p, "detection_item", itemConditions); err != nil {
		return nil, err
	}
	if item.nameIf, err = readConditions(p, "field_name", nameConditions); err != nil {
		return nil, err
	}
	kind, err := p.need("type")
	if err != nil {
		return nil, err
	}
	if reason, ok := impossible[kind]; ok {
		return nil, r.fail(p.at("type"), "transformation %q cannot be honoured: %s", kind, reason)
	}
	read, ok := transformations[kind]
	if !ok {
		return nil, r.fail(p.at("type"), "unknown transformation %q", kind)
	}
	if item.do, err = read(p); err != nil {
		return nil, err
	}
	return item, p.unknown("transformation " + kind)
}

// impossible says why some transformations of pySigma are rejected.
var impossible = map[string]string{
	"field_name_transform":          "it needs a Python function",
	"query_expression_placeholders": "it needs the query language of a backend; use value_placeholders",
	"file_placeholders":             "pipelines read no other files; put the values into vars",
	"http_placeholders":             "pipelines fetch nothing; put the values into vars",
	"command_placeholders":          "pipelines run no commands; put the values into vars",
}

// transformations has a reader for each kind of step.
var transformations = map[string]func(*params) (transformation, *Error){}

// registerTransformation is called by the files that hold them.
func registerTransformation(name string, read func(*params) (transformation, *Error)) {
	if transformations[name] != nil {
		panic("sigma: transformation " + name + " is registered twice")
	}
	transformations[name] = read
}

// params are the members of a step or condition; each is used once.
type params struct {
	*pipelineReader
	pos  Pos
	list []pair
	used map[string]bool
}

func (r *pipelineReader) params(n *yaml.Node, what string) (*params, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	list, err := r.pairs(n, what)
	if err != nil {
		return nil, err
	}
	return &params{pipelineReader: r, pos: posOf(n), list: list, used: map[string]bool{}}, nil
}

// get returns the value of a member, or nil.
func (p *params) get(key string) *yaml.Node {
	p.used[key] = true
	if m := member(p.list, key); m != nil {
		return m.value
	}
	return nil
}

// at returns where a member's value is.
func (p *params) at(key string) Pos {
	if m := member(p.list, key); m != nil {
		return posOf(m.value)
	}
	return p.pos
}

func (p *params) text(key, otherwise string) (string, *Error) {
	n := p.get(key)
	if n == nil {
		return otherwise, nil
	}
	return p.reader.text(n, key)
}

func (p *params) need(key string) (string, *Error) {
	if p.get(key) == nil {
		return "", p.fail(p.pos, "%s is missing", key)
	}
	return p.text(key, "")
}

func (p *params) texts(key string) ([]string, *Error) {
	n := p.get(key)
	if n == nil {
		return nil, nil
	}
	return p.reader.texts(n, key)
}

func (p *params) flag(key string) (bool, *Error) {
	n := p.get(key)
	if n == nil {
		return false, nil
	}
	return p.boolean(n, key)
}

// oneOf reads a member with a few known values, the first of which is the default.
func (p *params) oneOf(key string, known ...string) (string, *Error) {
	s, err := p.text(key, known[0])
	if err == nil && !slices.Contains(known, s) {
		err = p.fail(p.at(key), "%s must be one of %s, not %q", key, strings.Join(known, ", "), s)
	}
	return s, err
}

// regex reads a regular expression.
func (p *params) regex(key, before string) (*regexp.Regexp, *Error) {
	s, err := p.need(key)
	if err != nil {
		return nil, err
	}
	return p.compile(s, before, p.at(key))
}

func (p *params) compile(s, before string, at Pos) (*regexp.Regexp, *Error) {
	if len(s) > maxRegex {
		return nil, p.fail(at, "regular expression is longer than %d bytes", maxRegex)
	}
	if before != "" {
		s = before + "(?:" + s + ")"
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, p.fail(at, "%s", strings.TrimPrefix(err.Error(), "error parsing "))
	}
	return re, nil
}

// mapping reads a mapping of texts to one text or several.
func (p *params) mapping(key string) (names []string, to map[string][]string, keyword bool, err *Error) {
	n := p.get(key)
	if n == nil {
		return nil, nil, false, p.fail(p.pos, "%s is missing", key)
	}
	members, err := p.pairs(n, key)
	if err != nil {
		return nil, nil, false, err
	}
	to = map[string][]string{}
	for _, m := range members {
		name := m.key
		if m.keyNull {
			name, keyword = "", true
		}
		list, err := p.reader.texts(m.value, key)
		if err != nil {
			return nil, nil, false, err
		}
		if len(list) == 0 {
			if m.value.ShortTag() == "!!null" {
				continue
			}
			return nil, nil, false, p.fail(m.keyPos, "%q is mapped to nothing", m.key)
		}
		names, to[name] = append(names, name), list
	}
	return names, to, keyword, nil
}

// unknown reports a member that was not used.
func (p *params) unknown(what string) *Error {
	for _, m := range p.list {
		if !p.used[m.key] {
			return p.fail(m.keyPos, "unknown member %q of %s", m.key, what)
		}
	}
	return nil
}
