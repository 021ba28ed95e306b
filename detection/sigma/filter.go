package sigma

import (
	"fmt"
	"slices"
	"strings"
)

// ApplyFilters returns the rules with the filters that are for them put into their
// conditions: a rule then matches where it did and the filter's condition holds
// too, as in pySigma, so a filter that takes matches away has a condition with
// not. A filter is for a rule if its logsource asks for nothing that the rule's
// does not name, and if it names the rule by id or name or is for any. The rules
// given are not changed; those without a filter are returned as they are.
//
// A filter that names a rule which is not there, or whose logsource is another, is
// reported, at the reference; it stands for the others.
func ApplyFilters(rules []*Rule, filters []*Filter) ([]*Rule, []*Error) {
	if len(filters) == 0 {
		return rules, nil
	}
	named := map[string][]int{}
	for i, r := range rules {
		for _, key := range []string{r.ID, r.Name} {
			if key != "" && (key != r.Name || key != r.ID) {
				named[key] = append(named[key], i)
			}
		}
		if r.ID != "" && r.ID == r.Name {
			named[r.ID] = append(named[r.ID], i)
		}
	}
	out := slices.Clone(rules)
	var errs []*Error
	for _, f := range filters {
		for _, i := range f.targets(rules, named, &errs) {
			out[i] = f.apply(out[i])
		}
	}
	return out, errs
}

// targets returns the indices of the rules that a filter is for, each once.
func (f *Filter) targets(rules []*Rule, named map[string][]int, errs *[]*Error) []int {
	var list []int
	if f.Any {
		for i, r := range rules {
			if f.Logsource.Accepts(r.Logsource) {
				list = append(list, i)
			}
		}
		return list
	}
	fail := func(ref Ref, format string, args ...any) {
		*errs = append(*errs, &Error{Path: f.Path, Pos: ref.Pos, Rule: f.Key(), Reason: fmt.Sprintf(format, args...)})
	}
	for _, ref := range f.Rules {
		if len(named[ref.Name]) == 0 {
			fail(ref, "rule %q of the filter is not among the rules", ref.Name)
			(*errs)[len(*errs)-1].Missing = ref.Name
		}
		for _, i := range named[ref.Name] {
			switch {
			case !f.Logsource.Accepts(rules[i].Logsource):
				fail(ref, "rule %q has another logsource than its filter", ref.Name)
			case !slices.Contains(list, i):
				list = append(list, i)
			}
		}
	}
	return list
}

// apply returns a copy of a rule with the filter in all conditions.
func (f *Filter) apply(r *Rule) *Rule {
	out := *r
	prefix := f.prefix(r)
	out.Detections = slices.Clone(r.Detections)
	add := func(prefix string, d *Detection) string {
		name := prefix + d.Name
		if findDetection(out.Detections, name) == nil {
			out.Detections = append(out.Detections, &Detection{Name: name, Pos: d.Pos, Node: d.Node})
		}
		return name
	}
	quantifiers := 0
	var rename func(x *Expr) *Expr
	rename = func(x *Expr) *Expr {
		y := *x
		y.Args = nil
		for _, a := range x.Args {
			y.Args = append(y.Args, rename(a))
		}
		switch x.Op {
		case ExprRef:
			y.Name = add(prefix, findDetection(f.Detections, x.Name))
		case ExprOf: // of its own copies, so that it covers just what it covered in the filter
			of := fmt.Sprintf("%s%d_", prefix, quantifiers)
			quantifiers++
			for _, d := range Covered(f.Detections, x.Name) {
				add(of, d)
			}
			y.Name = of + "*"
		}
		return &y
	}
	filter := rename(f.Condition.Expr)
	out.Conditions = nil
	for _, c := range r.Conditions {
		out.Conditions = append(out.Conditions, &Condition{
			Text: "(" + c.Text + ") and (" + f.Condition.Text + ")",
			Pos:  c.Pos,
			Expr: &Expr{Op: ExprAnd, Pos: c.Pos, Args: []*Expr{pinned(c.Expr, r.Detections), filter}},
		})
	}
	return &out
}

// prefix returns how the filter's detections are called in a rule: hidden from
// "them", named after the filter for whoever reads an explanation, and unlike all
// that the rule has.
func (f *Filter) prefix(r *Rule) string {
	name := strings.Map(func(c rune) rune {
		if c == '*' || c == ' ' || c == '(' || c == ')' || c == '|' {
			return '-'
		}
		return c
	}, f.Key())
	prefix := "_filter_" + name + "_"
	for n := 2; slices.ContainsFunc(r.Detections, func(d *Detection) bool { return strings.HasPrefix(d.Name, prefix) }); n++ {
		prefix = fmt.Sprintf("_filter_%s_%d_", name, n)
	}
	return prefix
}

// pinned returns a condition that does not change its meaning when detections
// are added whose names begin with an underscore: patterns that could cover them
// are written out.
func pinned(x *Expr, detections []*Detection) *Expr {
	if x.Op == ExprOf && x.Name[0] == '_' && strings.Contains(x.Name, "*") && x.Count <= 1 {
		y := &Expr{Op: ExprAnd, Pos: x.Pos}
		if x.Count == 1 {
			y.Op = ExprOr
		}
		for _, d := range Covered(detections, x.Name) {
			y.Args = append(y.Args, &Expr{Op: ExprRef, Name: d.Name, Pos: x.Pos})
		}
		return y
	}
	if len(x.Args) == 0 {
		return x
	}
	y := *x
	y.Args = nil
	for _, a := range x.Args {
		y.Args = append(y.Args, pinned(a, detections))
	}
	return &y
}
