package sigma

import (
	"fmt"
	"slices"
)

// Warnings returns what is odd in the document, though it can be honoured: a part
// that does nothing, a list without values, an id that is missing.
func (d Document) Warnings() []*Error {
	switch {
	case d.Rule != nil:
		return d.Rule.warnings()
	case d.Correlation != nil:
		return d.Correlation.warnings()
	}
	return nil
}

// warner collects warnings about a document.
type warner struct {
	*Header
	list []*Error
}

func (w *warner) warn(p Pos, format string, args ...any) {
	w.list = append(w.list, &Error{Path: w.Path, Pos: p, Rule: w.Key(), Reason: fmt.Sprintf(format, args...)})
}

// identity warns of a document that has no id: its findings change their name with
// its name or title.
func (w *warner) identity() {
	if w.ID == "" {
		w.warn(w.Pos, "document has no id: findings call it %q", w.Key())
	}
}

func (r *Rule) warnings() []*Error {
	w := warner{Header: &r.Header}
	w.identity()
	used := map[*Detection]bool{}
	for _, c := range r.Conditions {
		c.Expr.uses(r.Detections, used)
	}
	for _, d := range r.Detections {
		if !used[d] {
			w.warn(d.Pos, "no condition uses %q", d.Name)
		}
		d.Node.each(func(it *Item) {
			if it.NoValues {
				w.warn(it.Pos, "%q has an empty list: it holds where the field is absent", it.Field)
			}
		})
	}
	if !r.Logsource.Reached() {
		w.warn(r.Pos, "no input of ours gives events of this logsource (%s); only events that name it in their own product, category and service reach the rule", r.Logsource)
	}
	return w.list
}

// uses marks the detections that a condition asks about.
func (x *Expr) uses(all []*Detection, used map[*Detection]bool) {
	switch x.Op {
	case ExprRef:
		used[findDetection(all, x.Name)] = true
	case ExprOf:
		for _, d := range Covered(all, x.Name) {
			used[d] = true
		}
	}
	for _, a := range x.Args {
		a.uses(all, used)
	}
}

// each calls f with the items of a node.
func (n *Node) each(f func(*Item)) {
	if n.Op == OpItem {
		f(n.Item)
	}
	for _, c := range n.Nodes {
		c.each(f)
	}
}

func (c *Correlation) warnings() []*Error {
	w := warner{Header: &c.Header}
	w.identity()
	counts := c.Type == EventCount || c.Type == ValueCount || c.Type == Temporal || c.Type == TemporalOrdered
	for _, b := range c.Bounds {
		if !counts {
			continue
		}
		switch {
		case b.Value < 0:
			w.warn(c.condition, "a count is compared with %v, and is never less than 0", b.Value)
		case b.Value != float64(int64(b.Value)):
			w.warn(c.condition, "a count is compared with %v, which is no whole number", b.Value)
		}
	}
	if always(c.Bounds) && counts {
		w.warn(c.condition, "condition holds for each single event")
	}
	return w.list
}

// always tells whether one event satisfies all bounds.
func always(bounds []Bound) bool {
	return len(bounds) > 0 && !slices.ContainsFunc(bounds, func(b Bound) bool { return !b.Op.Holds(1, b.Value) })
}
