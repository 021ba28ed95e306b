package sigma

import (
	"fmt"
	"math"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Links are correlations with their references resolved.
type Links struct {
	list   []*linked // those that a correlation refers to come before it
	ofRule [][]link  // for each rule the places that refer to it
	silent []bool    // rules that give no matches of their own
}

// link is a place that refers to a rule: the reference of a correlation.
type link struct{ corr, ref int32 }

// figureKind is what a correlation computes over a window.
type figureKind uint8

const (
	kindEvents     figureKind = iota // how many
	kindDistinct                     // how many different values or references
	kindExpression                   // different references, if an expression over them holds
	kindOrdered                      // references in order
	kindSum
	kindAvg
	kindPercentile
)

// linked is one correlation.
type linked struct {
	rule       *Correlation
	index      int32
	timespan   int64 // nanoseconds
	groupBy    []groupField
	fields     []event.Key // of the condition
	kind       figureKind
	temporal   bool
	monotone   bool // once it holds, more events cannot make it cease
	need       int  // count that is enough; MaxInt if it must be exact
	reach      int  // entries that a group keeps at least so that a count gets to all bounds
	refs       int  // different rules that it refers to
	chained    int  // times that a chain of it keeps; 0 if there is none
	long, wide int  // references of a chain, and how many more there are, plus one
	lasts      int  // references whose last time a chain keeps
	same       []int32
	targets    []linkTarget // by reference
	bounds     []Bound
	percentile float64
	feeds      []link // correlations that refer to this one
	silent     bool
}

// linkTarget is what a reference refers to: a correlation by its index in
// Links.list, or a rule where that is -1.
type linkTarget struct{ rule, corr int32 }

// groupField is one group-by field as each reference has it.
type groupField struct {
	keys  []event.Key // what the field is called in its events
	inner []int       // where it is among the group-by fields of the correlation referred to, or -1
}

// Link resolves the references of correlations, by id or name, to rules and other
// correlations. A correlation that cannot be honoured is left out, with all that
// refer to it, and reported.
func Link(rules []*Rule, correlations []*Correlation) (*Links, []*Error) {
	r := linker{
		links:   &Links{ofRule: make([][]link, len(rules)), silent: make([]bool, len(rules))},
		targets: map[string]target{}, state: make([]linkState, len(correlations)), all: correlations,
	}
	for i, rule := range rules {
		r.name(&rule.Header, target{rule: i, corr: -1})
	}
	for i, c := range correlations {
		r.name(&c.Header, target{rule: -1, corr: i})
	}
	for i := range correlations {
		r.visit(i, 0)
	}
	r.generate(rules)
	return r.links, r.errs
}

// Silent tells whether a rule, by its index, gives no matches of its own: a
// correlation refers to it and none that does says generate.
func (l *Links) Silent(rule int) bool { return l.silent[rule] }

// Len returns the number of correlations.
func (l *Links) Len() int { return len(l.list) }

type target struct {
	rule, corr int
	twice      bool // the name is not unique
}

type linkState struct {
	open, done bool
	linked     *linked // nil if it was rejected
}

type linker struct {
	links   *Links
	targets map[string]target
	state   []linkState
	all     []*Correlation
	errs    []*Error
}

// name registers what a document can be referred to by. An id wins over a name.
func (r *linker) name(h *Header, t target) {
	for _, key := range []string{h.ID, h.Name} {
		if key == "" || h.Name == h.ID && r.targets[key] == t {
			continue
		}
		if _, ok := r.targets[key]; ok {
			t.twice = true
		}
		r.targets[key] = t
		t.twice = false
	}
}

func (r *linker) fail(c *Correlation, p Pos, format string, args ...any) *linked {
	r.errs = append(r.errs, &Error{Path: c.Path, Pos: p, Rule: c.Key(), Reason: fmt.Sprintf(format, args...)})
	return nil
}

// visit links a correlation after those it refers to.
func (r *linker) visit(i, depth int) *linked {
	s := &r.state[i]
	if s.done {
		return s.linked
	}
	s.open = true
	s.linked = r.link(i, depth)
	s.open, s.done = false, true
	return s.linked
}

const maxChain = 64 // correlations on top of each other

func (r *linker) link(i, depth int) *linked {
	c := r.all[i]
	if depth > maxChain {
		return r.fail(c, c.Pos, "more than %d correlations refer to each other", maxChain)
	}
	l := &linked{rule: c, timespan: min(c.Timespan, maxSpan/1_000_000_000) * 1_000_000_000, percentile: 50}
	targets := make([]target, len(c.Rules))
	for n, ref := range c.Rules {
		t, ok := r.targets[ref.Name]
		switch {
		case !ok:
			r.fail(c, ref.Pos, "rule %q is not among the rules", ref.Name)
			r.errs[len(r.errs)-1].Missing = ref.Name
			return nil
		case t.twice:
			return r.fail(c, ref.Pos, "%q names several rules", ref.Name)
		case t.corr == i || t.corr >= 0 && r.state[t.corr].open:
			return r.fail(c, ref.Pos, "correlation refers to itself through %q", ref.Name)
		}
		if t.corr >= 0 && r.visit(t.corr, depth+1) == nil {
			return r.fail(c, ref.Pos, "correlation %q is rejected", ref.Name)
		}
		targets[n] = t
	}
	if err := r.condition(l, targets); err != nil {
		r.errs = append(r.errs, err)
		return nil
	}
	if !r.grouping(l, targets) {
		return nil
	}
	l.index = int32(len(r.links.list))
	r.links.list = append(r.links.list, l)
	r.connect(l, targets)
	return l
}

// connect tells the targets who refers to them. A rule that is named twice counts
// twice only where the order matters.
func (r *linker) connect(l *linked, targets []target) {
	for n, t := range targets {
		l.targets = append(l.targets, linkTarget{rule: int32(t.rule), corr: -1})
		if t.corr >= 0 {
			l.targets[n].corr = r.state[t.corr].linked.index
		}
		if int(l.same[n]) != n && l.kind != kindOrdered {
			continue
		}
		to := link{l.index, int32(n)}
		if t.corr >= 0 {
			inner := r.state[t.corr].linked
			inner.feeds = append(inner.feeds, to)
		} else {
			r.links.ofRule[t.rule] = append(r.links.ofRule[t.rule], to)
		}
	}
}

// condition sets what is computed and compared.
func (r *linker) condition(l *linked, targets []target) *Error {
	c := l.rule
	for n, t := range targets {
		same := slices.Index(targets[:n], t)
		if same < 0 {
			same = n
			l.refs++
		}
		l.same = append(l.same, int32(same))
	}
	for _, f := range c.Field {
		l.fields = append(l.fields, event.Intern(f))
	}
	l.bounds = c.Bounds
	l.temporal = c.Type == Temporal || c.Type == TemporalOrdered
	if l.temporal && len(l.bounds) == 0 && c.Extended == nil {
		l.bounds = []Bound{{CompareGTE, float64(l.refs)}}
		if c.Type == TemporalOrdered {
			l.bounds[0].Value = float64(len(c.Rules))
		}
	}
	switch c.Type {
	case EventCount:
		l.kind = kindEvents
	case ValueCount, Temporal:
		l.kind = kindDistinct
	case TemporalOrdered:
		l.kind = kindOrdered
	case ValueSum:
		l.kind = kindSum
	case ValueAvg:
		l.kind = kindAvg
	case ValuePercentile:
		l.kind = kindPercentile
		if c.Percentile > 0 {
			l.percentile = c.Percentile
		}
	case ValueMedian:
		l.kind = kindPercentile
	default:
		return &Error{Path: c.Path, Pos: c.Pos, Rule: c.Key(), Reason: fmt.Sprintf("unknown correlation type %q", c.Type)}
	}
	if c.Extended != nil {
		l.kind = kindExpression
	}
	l.setNeed()
	l.setChain()
	return l.setReach()
}

const (
	maxCount    = 1 << 20 // events that a condition counts to; a group of them takes 32 MiB
	maxDistinct = 1 << 16 // values that it counts to; each event looks at all of them again
)

// setReach finds how many entries decide every bound of a count: a quarter of those
// kept is dropped at once, and a value stands for up to three in one timespan.
func (l *linked) setReach() *Error {
	c, most, each := l.rule, maxCount, 2
	switch {
	case c.Type == ValueCount:
		most, each = maxDistinct, 4
	case c.Type != EventCount:
		return nil
	}
	for _, b := range l.bounds {
		if !(b.Value <= float64(most)) {
			return &Error{
				Path: c.Path, Pos: c.Pos, Rule: c.Key(),
				Reason: fmt.Sprintf("condition of %s counts to %v, and no group keeps more than %d", c.Type, b.Value, most),
			}
		}
		l.reach = max(l.reach, each*(int(max(b.Value, 0))+1))
	}
	return nil
}

// setNeed finds the count from which on the condition holds, if there is one.
func (l *linked) setNeed() {
	l.need = math.MaxInt
	if l.kind != kindEvents && l.kind != kindDistinct && l.kind != kindOrdered {
		return
	}
	need := 1
	for _, b := range l.bounds {
		switch {
		case b.Op == CompareGTE && b.Value < 1<<30:
			need = max(need, int(math.Ceil(b.Value)))
		case b.Op == CompareGT && b.Value < 1<<30:
			need = max(need, int(math.Floor(b.Value))+1)
		default:
			return
		}
	}
	l.need, l.monotone = need, true
}

func (l *linked) satisfied(value float64) bool {
	for _, b := range l.bounds {
		if !b.Op.Holds(value, b.Value) {
			return false
		}
	}
	return true
}

// refOf returns the index of the first reference to the rule that a name stands for.
func (l *linked) refOf(name string) int32 {
	for n, ref := range l.rule.Rules {
		if ref.Name == name {
			return l.same[n]
		}
	}
	return -1
}

// grouping finds for each group-by field what it is called in the events of each
// reference.
func (r *linker) grouping(l *linked, targets []target) bool {
	c := l.rule
	for _, a := range c.Aliases {
		for _, f := range a.Fields {
			if !slices.ContainsFunc(targets, func(t target) bool { return r.targets[f.Rule].same(t) }) {
				return r.fail(c, a.Pos, "alias %q is given for %q, which is not among the rules of the correlation", a.Name, f.Rule) != nil
			}
		}
	}
	for _, name := range c.GroupBy {
		var g groupField
		for _, t := range targets {
			field, inner := name, -1
			if t.corr >= 0 {
				inner = slices.Index(r.all[t.corr].GroupBy, name)
			}
			for _, a := range c.Aliases {
				for _, f := range a.Fields {
					if a.Name == name && r.targets[f.Rule].same(t) {
						field, inner = f.Field, -1
						if t.corr >= 0 {
							inner = slices.Index(r.all[t.corr].GroupBy, field)
						}
					}
				}
			}
			g.keys = append(g.keys, event.Intern(field))
			g.inner = append(g.inner, inner)
		}
		l.groupBy = append(l.groupBy, g)
	}
	return true
}

func (t target) same(o target) bool { return t.rule == o.rule && t.corr == o.corr }

// generate finds which rules and correlations give no matches of their own. It
// looks at the rejected correlations too, since their rules were not meant to.
func (r *linker) generate(rules []*Rule) {
	loud := map[target]bool{}
	var referred []target
	for _, c := range r.all {
		for _, ref := range c.Rules {
			if t, ok := r.targets[ref.Name]; ok && !t.twice {
				referred = append(referred, t)
				loud[t] = loud[t] || c.Generate
			}
		}
	}
	for _, t := range referred {
		if t.corr >= 0 {
			if l := r.state[t.corr].linked; l != nil {
				l.silent = !loud[t]
			}
		} else if t.rule < len(rules) {
			r.links.silent[t.rule] = !loud[t]
		}
	}
}
