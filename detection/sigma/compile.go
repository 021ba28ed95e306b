package sigma

import "sort"

// expr builds the condition of a rule over the atoms of a plan, and those of its
// items in the order of the detections.
func (c *compiled) expr(b *builder) (x *boolExpr, items []*boolExpr) {
	rb := ruleBuilder{compiled: c, builder: b, detections: map[*Detection]*boolExpr{}}
	for _, d := range c.rule.Detections {
		rb.detections[d] = rb.node(d.Node)
	}
	var args []*boolExpr
	for _, cond := range c.rule.Conditions {
		args = append(args, rb.condition(cond.Expr))
	}
	return join(boolOr, cheapest(args)), rb.items
}

// ruleBuilder builds the expressions of one rule.
type ruleBuilder struct {
	*compiled
	builder    *builder
	detections map[*Detection]*boolExpr
	items      []*boolExpr
}

func (c *ruleBuilder) condition(x *Expr) *boolExpr {
	var args []*boolExpr
	for _, a := range x.Args {
		args = append(args, c.condition(a))
	}
	switch x.Op {
	case ExprAnd:
		return join(boolAnd, cheapest(args))
	case ExprOr:
		return join(boolOr, cheapest(args))
	case ExprNot:
		return negate(args[0])
	case ExprRef:
		return c.detections[findDetection(c.rule.Detections, x.Name)]
	}
	for _, d := range Covered(c.rule.Detections, x.Name) {
		args = append(args, c.detections[d])
	}
	args = cheapest(args)
	switch x.Count {
	case 0, len(args):
		return join(boolAnd, args)
	case 1:
		return join(boolOr, args)
	}
	e := join(boolCount, args)
	e.need = x.Count
	return e
}

func (c *ruleBuilder) node(n *Node) *boolExpr {
	if n.Op == OpItem {
		x := c.builder.test(c.ref.tests[n.Item])
		c.items = append(c.items, x)
		return x
	}
	var args []*boolExpr
	for _, x := range n.Nodes {
		args = append(args, c.node(x))
	}
	if n.Op == OpAnd {
		return join(boolAnd, cheapest(args))
	}
	return join(boolOr, cheapest(args))
}

// cheapest puts what is cheaper to evaluate first.
func cheapest(args []*boolExpr) []*boolExpr {
	sort.SliceStable(args, func(i, j int) bool { return args[i].cost < args[j].cost })
	return args
}
