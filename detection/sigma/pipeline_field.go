package sigma

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func init() {
	registerTransformation("field_name_mapping", readFieldMapping)
	registerTransformation("field_name_prefix_mapping", readFieldPrefixMapping)
	registerTransformation("field_name_prefix", func(p *params) (transformation, *Error) {
		prefix, err := p.need("prefix")
		return renameFields(func(field string) []string {
			if field == "" {
				return nil
			}
			return []string{prefix + field}
		}), err
	})
	registerTransformation("field_name_suffix", func(p *params) (transformation, *Error) {
		suffix, err := p.need("suffix")
		return renameFields(func(field string) []string {
			if field == "" {
				return nil
			}
			return []string{field + suffix}
		}), err
	})
	registerTransformation("strict_field_mapping_failure", func(*params) (transformation, *Error) { return strictMapping, nil })
}

// renamed returns the names that take the place of one, nil if it stays. The empty
// name is that of keywords.
type renamed func(field string) []string

func readFieldMapping(p *params) (transformation, *Error) {
	_, to, _, err := p.mapping("mapping")
	return renameFields(func(field string) []string { return to[field] }), err
}

func readFieldPrefixMapping(p *params) (transformation, *Error) {
	names, to, keyword, err := p.mapping("mapping")
	if err == nil && keyword {
		err = p.fail(p.at("mapping"), "null is no prefix")
	}
	return renameFields(func(field string) []string {
		for _, prefix := range names {
			if rest, ok := strings.CutPrefix(field, prefix); ok && field != "" {
				var list []string
				for _, t := range to[prefix] {
					list = append(list, t+rest)
				}
				return list
			}
		}
		return nil
	}), err
}

// renameFields makes a step that renames fields wherever a rule or correlation
// names them.
func renameFields(f renamed) transformation {
	return func(run *pipelineRun, step *pipelineItem) error {
		h := run.header()
		var fields []string
		for _, name := range h.Fields {
			fields = append(fields, run.rename(step, f, name)...)
		}
		h.Fields = fields
		if run.correlation != nil {
			return run.renameCorrelation(step, f)
		}
		return run.rewrite(step, func(it *Item) (*Node, error) { return run.renameItem(step, f, it), nil })
	}
}

// rename returns what a name becomes, itself if the step is not for it.
func (run *pipelineRun) rename(step *pipelineItem, f renamed, field string) []string {
	to := f(field)
	if to == nil || !run.forName(step, field) {
		return []string{field}
	}
	for _, t := range to {
		if !run.grow(len(t)) {
			return []string{field}
		}
	}
	if len(to) != 1 || to[0] != field {
		ids := run.names[field]
		if ids == nil {
			ids = map[string]bool{}
		}
		if step.id != "" {
			ids[step.id] = true
		}
		delete(run.names, field)
		for _, t := range to {
			run.names[t] = maps.Clone(ids)
		}
	}
	return to
}

func (run *pipelineRun) renameCorrelation(step *pipelineItem, f renamed) error {
	c := run.correlation
	aliases := map[string]bool{}
	for _, a := range c.Aliases {
		aliases[a.Name] = true
		for i := range a.Fields {
			to := run.rename(step, f, a.Fields[i].Field)
			if len(to) > 1 {
				return &ruleFault{a.Pos, fmt.Errorf("field %q of alias %q is mapped to several", a.Fields[i].Field, a.Name)}
			}
			a.Fields[i].Field = to[0]
		}
	}
	var groupBy []string
	for _, name := range c.GroupBy {
		if aliases[name] {
			groupBy = append(groupBy, name)
		} else {
			groupBy = append(groupBy, run.rename(step, f, name)...)
		}
	}
	c.GroupBy = groupBy
	for i, name := range c.Field {
		to := run.rename(step, f, name)
		if len(to) > 1 {
			return fmt.Errorf("field %q of the condition is mapped to several", name)
		}
		c.Field[i] = to[0]
	}
	return nil
}

// renameItem returns what an item becomes: any of the items with the new names.
// It returns nil if the item stays.
func (run *pipelineRun) renameItem(step *pipelineItem, f renamed, it *Item) *Node {
	changed := false
	if it.Has(ModFieldRef) {
		var values []Value
		for _, v := range it.Values {
			name := refName(v)
			to := run.rename(step, f, name)
			if name == "" || len(to) == 1 && to[0] == name {
				values = append(values, v)
				continue
			}
			changed = true
			for _, t := range to {
				values = append(values, Value{Kind: ValueString, Text: textPattern(t).String(), Pos: v.Pos})
			}
		}
		it.Values = values
	}
	to := f(it.Field)
	if to == nil || !run.forName(step, it.Field) {
		if changed {
			return itemNode(it)
		}
		return nil
	}
	run.mapped[it.Field] = true
	if it.Field == "" { // keywords were substrings, and stay so
		it = it.asContains()
	}
	if len(to) == 1 {
		it.Field = to[0]
		run.mapped[to[0]] = true
		return itemNode(it)
	}
	or := &Node{Op: OpOr, Pos: it.Pos}
	for _, t := range to {
		for _, v := range it.Values {
			run.grow(len(v.Text))
		}
		if !run.grow(len(t)) {
			return nil
		}
		run.mapped[t] = true
		c := it.clone()
		c.Field = t
		run.items[c] = maps.Clone(run.items[it])
		or.Nodes = append(or.Nodes, itemNode(c))
	}
	return or
}

func itemNode(it *Item) *Node { return &Node{Op: OpItem, Pos: it.Pos, Item: it} }

// asContains adds contains to a keyword item of plain text.
func (it *Item) asContains() *Item {
	if role, err := it.role(); err == nil && role == 0 && !it.Has(ModContains) && !it.Has(ModStartsWith) && !it.Has(ModEndsWith) {
		at := len(it.Modifiers)
		it.Modifiers = slices.Insert(it.Modifiers, at, ModContains)
	}
	return it
}

// rewrite calls f for each item of the rule that the step is for and puts the node
// that it returns in the item's place; nil leaves the item, and an empty node
// drops it. What becomes empty by that is dropped too.
func (run *pipelineRun) rewrite(step *pipelineItem, f func(*Item) (*Node, error)) error {
	if run.rule == nil {
		return nil
	}
	var walk func(n *Node) (*Node, error)
	walk = func(n *Node) (*Node, error) {
		if n.Op != OpItem {
			var kept []*Node
			for _, c := range n.Nodes {
				c, err := walk(c)
				if err != nil {
					return nil, err
				}
				if c != nil {
					kept = append(kept, c)
				}
			}
			dropped := len(kept) < len(n.Nodes)
			switch n.Nodes = kept; {
			case len(kept) == 0:
				return nil, nil
			case len(kept) == 1 && dropped:
				return kept[0], nil
			}
			return n, nil
		}
		if !run.forItem(step, n.Item) {
			return n, nil
		}
		out, err := f(n.Item)
		if placed := new(ruleFault); err != nil && !errors.As(err, &placed) {
			err = &ruleFault{n.Item.Pos, err}
		}
		if err != nil {
			return nil, err
		}
		if out == nil {
			return n, nil
		}
		if out.Op != OpItem && len(out.Nodes) == 0 {
			return nil, nil
		}
		run.mark(step, out, run.items[n.Item])
		return out, nil
	}
	emptied := map[string]bool{}
	for _, d := range run.rule.Detections {
		n, err := walk(d.Node)
		if err != nil {
			return err
		}
		if d.Node = n; n == nil {
			emptied[d.Name] = true
		}
	}
	return run.forget(emptied)
}

// mark notes that a step was applied to all items of a node, after those before it.
func (run *pipelineRun) mark(step *pipelineItem, n *Node, before map[string]bool) {
	for _, c := range n.Nodes {
		run.mark(step, c, before)
	}
	if n.Op == OpItem {
		ids := maps.Clone(before)
		if ids == nil {
			ids = map[string]bool{}
		}
		if step.id != "" {
			ids[step.id] = true
		}
		run.items[n.Item] = ids
	}
}

// forget takes detections that became empty out of the conditions.
func (run *pipelineRun) forget(emptied map[string]bool) error {
	if len(emptied) == 0 {
		return nil
	}
	r := run.rule
	r.Detections = slices.DeleteFunc(r.Detections, func(d *Detection) bool { return emptied[d.Name] })
	var prune func(x *Expr) *Expr
	prune = func(x *Expr) *Expr {
		switch x.Op {
		case ExprRef:
			if emptied[x.Name] {
				return nil
			}
			return x
		case ExprOf:
			n := len(Covered(r.Detections, x.Name))
			if n == 0 {
				return nil
			}
			y := *x
			y.Count = min(x.Count, n)
			return &y
		}
		y := *x
		y.Args = nil
		for _, a := range x.Args {
			if a = prune(a); a != nil {
				y.Args = append(y.Args, a)
			}
		}
		if len(y.Args) == 0 {
			return nil
		}
		return &y
	}
	for i, c := range r.Conditions {
		expr := prune(c.Expr)
		if expr == nil {
			return &ruleFault{c.Pos, errors.New("nothing is left of the condition")}
		}
		r.Conditions[i] = &Condition{Text: c.Text, Pos: c.Pos, Expr: expr}
	}
	return nil
}

// strictMapping rejects a rule with fields that no mapping knew.
func strictMapping(run *pipelineRun, _ *pipelineItem) error {
	var unknown []string
	run.anyItem(func(it *Item) bool {
		if it.Field != "" && !run.mapped[it.Field] && !slices.Contains(unknown, it.Field) {
			unknown = append(unknown, it.Field)
		}
		return false
	})
	if len(unknown) > 0 {
		return fmt.Errorf("fields are not mapped: %s", strings.Join(unknown, ", "))
	}
	return nil
}
