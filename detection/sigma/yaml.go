package sigma

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader reads one YAML document within bounds: every node that it visits counts,
// also those that aliases repeat.
type reader struct {
	path    string
	nodes   int
	depth   int
	values  budget
	written int // bytes of conditions
	lookups int // of names in conditions
}

// pair is one member of a mapping.
type pair struct {
	key     string
	keyPos  Pos
	keyNull bool
	value   *yaml.Node // no alias
}

func posOf(n *yaml.Node) Pos { return Pos{n.Line, n.Column} }

func (r *reader) fail(p Pos, format string, args ...any) *Error {
	return &Error{Path: r.path, Pos: p, Reason: fmt.Sprintf(format, args...)}
}

// follow counts a node and follows it if it is an alias.
func (r *reader) follow(n *yaml.Node) (*yaml.Node, *Error) {
	if r.nodes++; r.nodes > maxNodes {
		return nil, r.fail(posOf(n), "document has more than %d nodes, aliases written out", maxNodes)
	}
	for hops := 0; n.Kind == yaml.AliasNode; hops++ {
		if n.Alias == nil || hops > maxDepth {
			return nil, r.fail(posOf(n), "alias leads nowhere")
		}
		n = n.Alias
	}
	return n, nil
}

// enter counts a level of nesting; leave it with r.depth--.
func (r *reader) enter(n *yaml.Node) *Error {
	if r.depth++; r.depth > maxDepth {
		return r.fail(posOf(n), "document is nested deeper than %d levels", maxDepth)
	}
	return nil
}

// pairs returns the members of a mapping in order, merge keys resolved.
func (r *reader) pairs(n *yaml.Node, what string) ([]pair, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.MappingNode {
		return nil, r.fail(posOf(n), "%s must be a mapping", what)
	}
	if err := r.enter(n); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	var own, merged []pair
	seen := map[string]Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, err := r.follow(n.Content[i])
		if err != nil {
			return nil, err
		}
		if k.Kind != yaml.ScalarNode {
			return nil, r.fail(posOf(k), "%s has a key that is no scalar", what)
		}
		if k.Tag == "!!merge" {
			more, err := r.merge(n.Content[i+1], what)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			continue
		}
		v, err := r.follow(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		if first, ok := seen[k.Value]; ok {
			return nil, r.fail(posOf(k), "%q is given twice, first at %v", k.Value, first)
		}
		seen[k.Value] = posOf(k)
		own = append(own, pair{k.Value, posOf(k), k.Tag == "!!null", v})
	}
	for _, p := range merged {
		if _, ok := seen[p.key]; !ok {
			seen[p.key] = p.keyPos
			own = append(own, p)
		}
	}
	return own, nil
}

// merge returns the members that a merge key adds, the earlier ones first.
func (r *reader) merge(n *yaml.Node, what string) ([]pair, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.SequenceNode {
		return r.pairs(n, what)
	}
	var all []pair
	for _, c := range n.Content {
		p, err := r.pairs(c, what)
		if err != nil {
			return nil, err
		}
		all = append(all, p...)
	}
	return all, nil
}

// text reads a scalar of any type as it is written; null is empty.
func (r *reader) text(n *yaml.Node, what string) (string, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return "", err
	}
	if n.Kind != yaml.ScalarNode {
		return "", r.fail(posOf(n), "%s must be a scalar", what)
	}
	if n.Tag == "!!null" {
		return "", nil
	}
	return n.Value, nil
}

// texts reads a list of scalars, or one scalar as a list.
func (r *reader) texts(n *yaml.Node, what string) ([]string, *Error) {
	refs, err := r.refs(n, what)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, f := range refs {
		list = append(list, f.Name)
	}
	return list, nil
}

// refs reads a list of scalars, or one scalar as a list, with their positions.
// Nulls are left out.
func (r *reader) refs(n *yaml.Node, what string) ([]Ref, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var list []Ref
	for _, c := range items {
		s, err := r.text(c, what)
		if err != nil {
			return nil, err
		}
		if s != "" {
			list = append(list, Ref{s, posOf(c)})
		}
	}
	return list, nil
}

// boolean reads true or false.
func (r *reader) boolean(n *yaml.Node, what string) (bool, *Error) {
	s, err := r.text(n, what)
	if err != nil {
		return false, err
	}
	b, perr := strconv.ParseBool(strings.ToLower(s))
	if perr != nil {
		return false, r.fail(posOf(n), "%s must be true or false, not %q", what, s)
	}
	return b, nil
}

// value reads one scalar value of an item.
func (r *reader) value(n *yaml.Node) (Value, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return Value{}, err
	}
	v := Value{Kind: ValueString, Text: n.Value, Pos: posOf(n)}
	if n.Kind != yaml.ScalarNode {
		return v, r.fail(v.Pos, "value must be a scalar")
	}
	switch n.ShortTag() {
	case "!!null":
		v.Kind, v.Text = ValueNull, ""
	case "!!bool":
		v.Kind, v.Text = ValueBool, strings.ToLower(n.Value)
	case "!!int", "!!float":
		if s, ok := canonicalNumber(n.Value); ok {
			v.Kind, v.Text = ValueNumber, s
		}
	case "!!binary":
		return v, r.fail(v.Pos, "binary values are not supported; use the base64 modifier")
	}
	return v, nil
}

// canonicalNumber returns the decimal form of a YAML 1.2 number. A leading zero
// is decimal there; what 1.2 does not call a number stays a string.
func canonicalNumber(s string) (string, bool) {
	if strings.Contains(s, "_") {
		return "", false
	}
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'o') {
		n, err := strconv.ParseUint(s, 0, 64)
		return strconv.FormatUint(n, 10), err == nil
	}
	n, ok := parseNumber(strings.TrimPrefix(s, "+"))
	return n.String(), ok
}
