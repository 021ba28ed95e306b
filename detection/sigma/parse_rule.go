package sigma

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// rule reads logsource and detection of a rule.
func (r *reader) rule(rule *Rule, top []pair) (err *Error) {
	rule.Definition, rule.LogCustom, err = r.logsource(top, &rule.Logsource)
	if err != nil {
		return r.placed(err, rule.Pos)
	}
	p := member(top, "detection")
	if p == nil {
		return r.fail(rule.Pos, "rule has no detection")
	}
	members, err := r.pairs(p.value, "detection")
	if err != nil {
		return err
	}
	var condition *pair
	for i, m := range members {
		switch m.key {
		case "condition":
			condition = &members[i]
			continue
		case "timeframe":
			return r.fail(m.keyPos, "timeframe belongs to the aggregations of old; write a correlation rule")
		}
		d, err := r.detection(m)
		if err != nil {
			return err
		}
		rule.Detections = append(rule.Detections, d)
	}
	if condition == nil {
		return r.fail(p.keyPos, "detection has no condition")
	}
	if len(rule.Detections) == 0 {
		return r.fail(p.keyPos, "detection has no search identifier")
	}
	rule.Conditions, err = r.conditions(condition.value, rule.Detections)
	return err
}

// placed gives an error a position if it has none.
func (r *reader) placed(err *Error, p Pos) *Error {
	if err.Pos == (Pos{}) {
		err.Pos = p
	}
	return err
}

func (r *reader) conditions(n *yaml.Node, detections []*Detection) ([]*Condition, *Error) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		return nil, r.fail(posOf(n), "condition is empty")
	}
	var list []*Condition
	for _, c := range items {
		cond, err := r.condition(c)
		if err != nil {
			return nil, err
		}
		if err := r.resolve(cond.Expr, detections); err != nil {
			return nil, err
		}
		list = append(list, cond)
	}
	return list, nil
}

// detection reads one search identifier.
func (r *reader) detection(p pair) (*Detection, *Error) {
	node, err := r.detectionNode(p.value)
	if err != nil {
		return nil, err
	}
	return &Detection{Name: p.key, Pos: p.keyPos, Node: node}, nil
}

// detectionNode reads a mapping (all of its items), a list (any of its elements) or
// a scalar (one keyword).
func (r *reader) detectionNode(n *yaml.Node) (*Node, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	if err := r.enter(n); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	switch n.Kind {
	case yaml.MappingNode:
		return r.detectionMap(n)
	case yaml.SequenceNode:
		return r.detectionList(n)
	}
	v, err := r.value(n)
	if err != nil {
		return nil, err
	}
	it := &Item{Values: []Value{v}, Pos: v.Pos}
	return &Node{Op: OpItem, Pos: v.Pos, Item: it}, r.checkItem(it)
}

func (r *reader) detectionMap(n *yaml.Node) (*Node, *Error) {
	members, err := r.pairs(n, "search identifier")
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, r.fail(posOf(n), "search identifier is empty")
	}
	and := &Node{Op: OpAnd, Pos: posOf(n)}
	for _, m := range members {
		it, err := r.item(m)
		if err != nil {
			return nil, err
		}
		and.Nodes = append(and.Nodes, &Node{Op: OpItem, Pos: it.Pos, Item: it})
	}
	if len(and.Nodes) == 1 {
		return and.Nodes[0], nil
	}
	return and, nil
}

// detectionList reads a list. Its scalars are alternatives of one keyword item.
func (r *reader) detectionList(n *yaml.Node) (*Node, *Error) {
	if len(n.Content) == 0 {
		return nil, r.fail(posOf(n), "search identifier is an empty list")
	}
	or := &Node{Op: OpOr, Pos: posOf(n)}
	var keywords *Item
	for _, c := range n.Content {
		c, err := r.follow(c)
		if err != nil {
			return nil, err
		}
		if c.Kind != yaml.ScalarNode {
			node, err := r.detectionNode(c)
			if err != nil {
				return nil, err
			}
			or.Nodes = append(or.Nodes, node)
			continue
		}
		v, err := r.value(c)
		if err != nil {
			return nil, err
		}
		if keywords == nil {
			keywords = &Item{Pos: v.Pos}
			or.Nodes = append(or.Nodes, &Node{Op: OpItem, Pos: v.Pos, Item: keywords})
		}
		keywords.Values = append(keywords.Values, v)
	}
	if keywords != nil {
		if err := r.checkItem(keywords); err != nil {
			return nil, err
		}
	}
	if len(or.Nodes) == 1 {
		return or.Nodes[0], nil
	}
	return or, nil
}

// item reads "field|modifier…: values".
func (r *reader) item(p pair) (*Item, *Error) {
	parts := strings.Split(p.key, "|")
	it := &Item{Field: parts[0], Pos: p.keyPos}
	if p.keyNull {
		return nil, r.fail(p.keyPos, "field has no name")
	}
	for _, name := range parts[1:] {
		m, ok := modifierNames[name]
		if !ok {
			return nil, r.fail(p.keyPos, "unknown modifier %q", name)
		}
		it.Modifiers = append(it.Modifiers, m)
	}
	n := p.value
	items := []*yaml.Node{n}
	switch n.Kind {
	case yaml.SequenceNode:
		items = n.Content
	case yaml.MappingNode:
		return nil, r.fail(posOf(n), "values of %q must be scalars; nested fields are written with dots", p.key)
	}
	if len(items) == 0 { // an empty list is null, as pySigma reads it
		it.Values, it.NoValues = []Value{{Kind: ValueNull, Pos: posOf(n)}}, true
	}
	for _, c := range items {
		v, err := r.value(c)
		if err != nil {
			return nil, err
		}
		it.Values = append(it.Values, v)
	}
	return it, r.checkItem(it)
}
