package sigma

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ruleCondition, itemCondition and nameCondition say whether a step is for a rule,
// an item, or the name of a field.
type (
	ruleCondition func(*pipelineRun) (bool, error)
	itemCondition func(*pipelineRun, *Item) bool
	nameCondition struct {
		name func(run *pipelineRun, field string) bool // "" for keywords
		item func(run *pipelineRun, it *Item) bool     // nil: by the names of the item
	}
)

// conditionSet is the conditions of a step of one kind and how they are linked.
// Without any it holds.
type conditionSet[T any] struct {
	list  []T
	names []string // for expr
	any   bool
	not   bool
	expr  *Expr
}

// eval evaluates the set with the results of its conditions.
func (s *conditionSet[T]) eval(holds func(T) (bool, error)) (bool, error) {
	if len(s.list) == 0 {
		return true, nil
	}
	results := make([]bool, len(s.list))
	for i, c := range s.list {
		var err error
		if results[i], err = holds(c); err != nil {
			return false, err
		}
	}
	if s.expr != nil {
		return s.evalExpr(s.expr, results) != s.not, nil
	}
	if s.any {
		return slices.Contains(results, true) != s.not, nil
	}
	return !slices.Contains(results, false) != s.not, nil
}

func (s *conditionSet[T]) evalExpr(x *Expr, results []bool) bool {
	switch x.Op {
	case ExprRef:
		return results[slices.Index(s.names, x.Name)]
	case ExprNot:
		return !s.evalExpr(x.Args[0], results)
	}
	for _, a := range x.Args {
		if s.evalExpr(a, results) == (x.Op == ExprOr) {
			return x.Op == ExprOr
		}
	}
	return x.Op == ExprAnd
}

// readConditions reads KIND_conditions, KIND_cond_op, KIND_cond_not and
// KIND_cond_expr of a step.
func readConditions[T any](p *params, kind string, known map[string]func(*params) (T, *Error)) (s conditionSet[T], err *Error) {
	op, err := p.oneOf(kind+"_cond_op", "and", "or")
	if err != nil {
		return s, err
	}
	s.any = op == "or"
	if s.not, err = p.flag(kind + "_cond_not"); err != nil {
		return s, err
	}
	expr := p.get(kind + "_cond_expr")
	list := p.get(kind + "_conditions")
	if list != nil {
		if err := p.enter(list); err != nil {
			return s, err
		}
		defer func() { p.depth-- }()
		if err := eachCondition(p, list, func(name string, n *yaml.Node) *Error {
			c, err := readCondition(p, n, kind, known)
			s.list, s.names = append(s.list, c), append(s.names, name)
			return err
		}); err != nil {
			return s, err
		}
	}
	if expr == nil {
		return s, nil
	}
	if member(p.list, kind+"_cond_op") != nil {
		return s, p.fail(posOf(expr), "%s_cond_expr and %s_cond_op exclude each other", kind, kind)
	}
	if list == nil || list.Kind != yaml.MappingNode {
		return s, p.fail(posOf(expr), "%s_cond_expr needs conditions with names", kind)
	}
	cond, err := p.condition(expr)
	if err != nil {
		return s, err
	}
	s.expr = cond.Expr
	return s, checkNames(p, kind, cond.Expr, s.names, list)
}

// eachCondition goes through a list or a mapping of conditions.
func eachCondition(p *params, n *yaml.Node, read func(name string, n *yaml.Node) *Error) *Error {
	switch n.Kind {
	case yaml.MappingNode:
		members, err := p.pairs(n, "conditions")
		if err != nil {
			return err
		}
		for _, m := range members {
			if err := read(m.key, m.value); err != nil {
				return err
			}
		}
		return nil
	case yaml.SequenceNode:
		for _, c := range n.Content {
			if err := read("", c); err != nil {
				return err
			}
		}
		return nil
	}
	return p.fail(posOf(n), "conditions must be a list or a mapping")
}

func readCondition[T any](p *params, n *yaml.Node, kind string, known map[string]func(*params) (T, *Error)) (c T, err *Error) {
	q, err := p.params(n, "condition")
	if err != nil {
		return c, err
	}
	typ, err := q.need("type")
	if err != nil {
		return c, err
	}
	read, ok := known[typ]
	if !ok {
		return c, p.fail(q.at("type"), "unknown %s condition %q", strings.ReplaceAll(kind, "_", " "), typ)
	}
	if c, err = read(q); err != nil {
		return c, err
	}
	return c, q.unknown("condition " + typ)
}

// checkNames checks that an expression names only what there is, and all of it.
func checkNames(p *params, kind string, x *Expr, names []string, list *yaml.Node) *Error {
	seen := map[string]bool{}
	var walk func(x *Expr) *Error
	walk = func(x *Expr) *Error {
		if x.Op == ExprOf {
			return p.fail(x.Pos, "quantifiers are not known in %s_cond_expr", kind)
		}
		if x.Op == ExprRef {
			if !slices.Contains(names, x.Name) {
				return p.fail(x.Pos, "condition %q is not defined", x.Name)
			}
			seen[x.Name] = true
		}
		for _, a := range x.Args {
			if err := walk(a); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(x); err != nil {
		return err
	}
	for _, name := range names {
		if !seen[name] {
			return p.fail(posOf(list), "condition %q is not used in %s_cond_expr", name, kind)
		}
	}
	return nil
}

// forItem tells whether a step is for an item.
func (run *pipelineRun) forItem(step *pipelineItem, it *Item) bool {
	ok, _ := step.itemIf.eval(func(c itemCondition) (bool, error) { return c(run, it), nil })
	if !ok {
		return false
	}
	ok, _ = step.nameIf.eval(func(c nameCondition) (bool, error) {
		if c.item != nil {
			return c.item(run, it), nil
		}
		if c.name(run, it.Field) {
			return true, nil
		}
		return it.Has(ModFieldRef) && slices.ContainsFunc(it.Values, func(v Value) bool { return c.name(run, refName(v)) }), nil
	})
	return ok
}

// forName tells whether a step is for the name of a field.
func (run *pipelineRun) forName(step *pipelineItem, field string) bool {
	ok, _ := step.nameIf.eval(func(c nameCondition) (bool, error) { return c.name(run, field), nil })
	return ok
}

// refName returns the field that a value of a fieldref item names.
func refName(v Value) string {
	name, _ := parsePattern(v.Text).plain()
	return name
}

// ruleConditions has a reader for each rule condition.
var ruleConditions = map[string]func(*params) (ruleCondition, *Error){
	"logsource": func(p *params) (ruleCondition, *Error) {
		l, err := readLogsource(p)
		return func(run *pipelineRun) (bool, error) {
			if run.rule != nil {
				return l.Accepts(run.rule.Logsource), nil
			}
			return slices.ContainsFunc(run.logsources, l.Accepts), nil
		}, err
	},
	"contains_field": func(p *params) (ruleCondition, *Error) {
		field, err := p.need("field")
		return func(run *pipelineRun) (bool, error) {
			return run.anyItem(func(it *Item) bool { return it.Field != "" && it.Field == field }), nil
		}, err
	},
	"contains_detection_item": func(p *params) (ruleCondition, *Error) {
		field, err := p.need("field")
		if err != nil {
			return nil, err
		}
		value, err := p.single("value")
		return func(run *pipelineRun) (bool, error) {
			return run.anyItem(func(it *Item) bool {
				return it.Field != "" && it.Field == field && slices.ContainsFunc(it.view(), value.equal)
			}), nil
		}, err
	},
	"processing_item_applied": func(p *params) (ruleCondition, *Error) {
		id, err := p.need("processing_item_id")
		return func(run *pipelineRun) (bool, error) { return run.applied[id], nil }, err
	},
	"processing_state": func(p *params) (ruleCondition, *Error) {
		holds, err := readState(p)
		return func(run *pipelineRun) (bool, error) { return holds(run), nil }, err
	},
	"is_sigma_rule": func(*params) (ruleCondition, *Error) {
		return func(run *pipelineRun) (bool, error) { return run.rule != nil, nil }, nil
	},
	"is_sigma_correlation_rule": func(*params) (ruleCondition, *Error) {
		return func(run *pipelineRun) (bool, error) { return run.correlation != nil, nil }, nil
	},
	"tag": func(p *params) (ruleCondition, *Error) {
		tag, err := p.need("tag")
		if err == nil && !strings.Contains(tag, ".") {
			err = p.fail(p.at("tag"), "tag must have a namespace and a dot")
		}
		return func(run *pipelineRun) (bool, error) { return slices.Contains(run.header().Tags, tag), nil }, err
	},
	"rule_attribute": readRuleAttribute,
}

func readLogsource(p *params) (l Logsource, err *Error) {
	if l.Category, err = p.text("category", ""); err != nil {
		return l, err
	}
	if l.Product, err = p.text("product", ""); err != nil {
		return l, err
	}
	if l.Service, err = p.text("service", ""); err != nil {
		return l, err
	}
	if l == (Logsource{}) {
		err = p.fail(p.pos, "logsource names no category, product or service")
	}
	return l, err
}

// anyItem tells whether any item of the rule fulfils f.
func (run *pipelineRun) anyItem(f func(*Item) bool) bool {
	var walk func(n *Node) bool
	walk = func(n *Node) bool { return n.Op == OpItem && f(n.Item) || slices.ContainsFunc(n.Nodes, walk) }
	return run.rule != nil && slices.ContainsFunc(run.rule.Detections, func(d *Detection) bool { return walk(d.Node) })
}

// readState reads a condition on what set_state put.
func readState(p *params) (func(*pipelineRun) bool, *Error) {
	key, err := p.need("key")
	if err != nil {
		return nil, err
	}
	op, err := p.oneOf("op", "eq", "ne", "gte", "gt", "lte", "lt")
	if err != nil {
		return nil, err
	}
	if p.get("val") == nil {
		return nil, p.fail(p.pos, "val is missing")
	}
	val, err := p.value(p.get("val"))
	return func(run *pipelineRun) bool {
		have, ok := run.state[key]
		if !ok {
			return false
		}
		order, ok := compareValues(have, val)
		return ok && compareBy(op, order) || !ok && op == "ne"
	}, err
}

// compareValues orders two numbers or two texts.
func compareValues(a, b Value) (order int, ok bool) {
	if a.Kind != b.Kind {
		return 0, false
	}
	if a.Kind == ValueNumber {
		x, _ := parseNumber(a.Text)
		y, _ := parseNumber(b.Text)
		return x.compare(y), true
	}
	return strings.Compare(a.Text, b.Text), true
}

// compareBy says what an order means to an operator of a condition.
func compareBy(op string, order int) bool {
	switch op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gte":
		return order >= 0
	case "gt":
		return order > 0
	case "lte":
		return order <= 0
	case "lt":
		return order < 0
	}
	panic(fmt.Sprintf("sigma: operator %q", op))
}
