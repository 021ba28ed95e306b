package sigma

// maxSteps bounds the size of one rule's program: of all its conditions together.
const maxSteps = 1 << 18

// sizer adds up the steps of a rule's program and stops beyond their bound.
type sizer struct {
	*compiled
	steps   int
	lookups int // detections that were looked at for names
}

func (z *sizer) over() bool { return z.steps > maxSteps || z.lookups > maxLookups }

// expr adds an expression.
func (z *sizer) expr(x *Expr) {
	if z.over() {
		return
	}
	z.steps++
	z.lookups += len(z.rule.Detections)
	for _, a := range x.Args {
		z.expr(a)
	}
	switch x.Op {
	case ExprRef:
		z.node(findDetection(z.rule.Detections, x.Name).Node, 1)
	case ExprOf:
		for _, d := range Covered(z.rule.Detections, x.Name) {
			z.node(d.Node, max(x.Count, 1))
		}
	}
}

// node adds a detection as often as it is written out.
func (z *sizer) node(n *Node, times int) {
	if z.over() {
		return
	}
	if n.Op == OpItem {
		for _, alternatives := range z.ref.tests[n.Item].values {
			z.steps += times * len(alternatives)
		}
	}
	for _, x := range n.Nodes {
		z.node(x, times)
	}
}
