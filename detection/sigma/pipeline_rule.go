package sigma

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

func init() {
	registerTransformation("drop_detection_item", func(*params) (transformation, *Error) {
		return func(run *pipelineRun, step *pipelineItem) error {
			return run.rewrite(step, func(*Item) (*Node, error) { return &Node{Op: OpAnd}, nil })
		}, nil
	})
	registerTransformation("add_condition", readAddCondition)
	registerTransformation("change_logsource", func(p *params) (transformation, *Error) {
		l, err := readLogsource(p)
		return func(run *pipelineRun, _ *pipelineItem) error {
			if run.rule != nil {
				run.rule.Logsource = l
			}
			return nil
		}, err
	})
	registerTransformation("add_field", func(p *params) (transformation, *Error) {
		return changeFields(p, "field", func(have, given []string) []string { return append(have, given...) })
	})
	registerTransformation("remove_field", func(p *params) (transformation, *Error) {
		return changeFields(p, "field", func(have, given []string) []string {
			return slices.DeleteFunc(have, func(f string) bool { return slices.Contains(given, f) })
		})
	})
	registerTransformation("set_field", func(p *params) (transformation, *Error) {
		return changeFields(p, "fields", func(_, given []string) []string { return slices.Clone(given) })
	})
	registerTransformation("set_state", readSetState)
	registerTransformation("set_custom_attribute", readSetAttribute)
	registerTransformation("rule_failure", func(p *params) (transformation, *Error) {
		message, err := p.need("message")
		return func(*pipelineRun, *pipelineItem) error { return errors.New(message) }, err
	})
	registerTransformation("detection_item_failure", func(p *params) (transformation, *Error) {
		message, err := p.need("message")
		return func(run *pipelineRun, step *pipelineItem) error {
			return run.rewrite(step, func(*Item) (*Node, error) { return nil, errors.New(message) })
		}, err
	})
	registerTransformation("nest", func(p *params) (transformation, *Error) {
		n := p.get("items")
		if n == nil {
			return nil, p.fail(p.pos, "items is missing")
		}
		items, err := p.items(n)
		return func(run *pipelineRun, _ *pipelineItem) error { return run.steps(items) }, err
	})
}

// changeFields makes a step that changes the list of fields of a rule.
func changeFields(p *params, key string, f func(have, given []string) []string) (transformation, *Error) {
	if p.get(key) == nil {
		return nil, p.fail(p.pos, "%s is missing", key)
	}
	given, err := p.texts(key)
	return func(run *pipelineRun, _ *pipelineItem) error {
		for range given {
			run.grow(0)
		}
		run.header().Fields = f(run.header().Fields, given)
		return nil
	}, err
}

func readSetState(p *params) (transformation, *Error) {
	key, err := p.need("key")
	if err != nil {
		return nil, err
	}
	n := p.get("val")
	if n == nil {
		return nil, p.fail(p.pos, "val is missing")
	}
	val, err := p.value(n)
	return func(run *pipelineRun, _ *pipelineItem) error {
		run.state[key] = val
		return nil
	}, err
}

func readSetAttribute(p *params) (transformation, *Error) {
	name, err := p.need("attribute")
	if err != nil {
		return nil, err
	}
	value := p.get("value")
	if value == nil {
		return nil, p.fail(p.pos, "value is missing")
	}
	return func(run *pipelineRun, _ *pipelineItem) error {
		h := run.header()
		h.Custom = append(slices.DeleteFunc(h.Custom, func(c Custom) bool { return c.Name == name }), Custom{name, value})
		return nil
	}, p.bounded(value)
}

// readAddCondition reads a detection that all conditions then need, or need not to
// hold.
func readAddCondition(p *params) (transformation, *Error) {
	n := p.get("conditions")
	if n == nil {
		return nil, p.fail(p.pos, "conditions is missing")
	}
	if n.Kind != yaml.MappingNode {
		return nil, p.fail(posOf(n), "conditions must be a mapping")
	}
	node, err := p.detectionMap(n)
	if err != nil {
		return nil, err
	}
	name, err := p.text("name", "")
	if err != nil {
		return nil, err
	}
	template, err := p.flag("template")
	if err != nil {
		return nil, err
	}
	negated, err := p.flag("negated")
	return func(run *pipelineRun, step *pipelineItem) error {
		if run.rule == nil {
			return nil
		}
		added := node.clone()
		for range added.items() {
			run.grow(64)
		}
		if template {
			added.substitute(run.rule.Logsource)
		}
		run.mark(step, added, nil)
		run.addCondition(added, name, negated)
		return nil
	}, err
}

func (run *pipelineRun) addCondition(n *Node, name string, negated bool) {
	r := run.rule
	for i := 1; name == "" || findDetection(r.Detections, name) != nil; i++ {
		name = fmt.Sprintf("_cond_%d", i)
	}
	detections := r.Detections
	r.Detections = append(slices.Clone(detections), &Detection{Name: name, Pos: n.Pos, Node: n})
	for i, c := range r.Conditions {
		x, text := &Expr{Op: ExprRef, Name: name, Pos: c.Pos}, name
		if negated {
			x, text = &Expr{Op: ExprNot, Args: []*Expr{x}, Pos: c.Pos}, "not "+name
		}
		r.Conditions[i] = &Condition{
			Text: text + " and (" + c.Text + ")", Pos: c.Pos,
			Expr: &Expr{Op: ExprAnd, Pos: c.Pos, Args: []*Expr{x, pinned(c.Expr, detections)}},
		}
	}
}

// items returns the items of a node.
func (n *Node) items() (list []*Item) {
	if n.Op == OpItem {
		return []*Item{n.Item}
	}
	for _, c := range n.Nodes {
		list = append(list, c.items()...)
	}
	return list
}

var templateForm = regexp.MustCompile(`\$(\$|category|product|service|\{(?:category|product|service)\})`)

// substitute puts the logsource of a rule into the values of added conditions.
func (n *Node) substitute(l Logsource) {
	for _, c := range n.Nodes {
		c.substitute(l)
	}
	if n.Op != OpItem {
		return
	}
	for i, v := range n.Item.Values {
		if v.Kind == ValueString {
			n.Item.Values[i].Text = templateForm.ReplaceAllStringFunc(v.Text, func(s string) string {
				switch s {
				case "$category", "${category}":
					return l.Category
				case "$product", "${product}":
					return l.Product
				case "$service", "${service}":
					return l.Service
				}
				return "$"
			})
		}
	}
}
