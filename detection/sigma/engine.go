package sigma

import (
	"errors"
	"slices"
	"sync"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Options say how an engine evaluates events.
type Options struct {
	// Route names the logsource of an event; false means that no rule is for it.
	// Only rules whose logsource accepts it are evaluated then. It must be a pure
	// function and safe for concurrent use. Without Route all rules are evaluated.
	Route func(*event.Event) (Logsource, bool)

	// Native is a taxonomy whose rules and correlations name fields as events do:
	// [Build] leaves them out of the pipeline. Empty applies it to all.
	Native string

	// Fields makes matches say which fields matched, see [Match].
	Fields bool
}

// maxPlans bounds how many logsources have a plan of their own: events choose them.
const maxPlans = 256

// Engine is a compiled set of rules. It does not change and may be used by any
// number of goroutines, each with a [Matcher] of its own.
type Engine struct {
	rules   []*compiled
	options Options
	known   map[logsourceMember]bool // what logsources of rules name

	mu    sync.RWMutex        // plans are built when their first event comes
	plans map[Logsource]*plan // by logsource, with what no rule names left out; nil where no rule is
	all   *plan               // of all rules
}

type logsourceMember struct {
	kind byte // c, p or s
	name string
}

// compiled is a rule with its tests.
type compiled struct {
	rule *Rule
	ref  *Reference
}

// Compile builds an engine of all rules that can be honoured; the others are
// returned with the reason. The rules must not be changed afterwards.
func Compile(rules []*Rule, options Options) (*Engine, []*Error) {
	e := &Engine{options: options, known: map[logsourceMember]bool{}, plans: map[Logsource]*plan{}}
	var rejected []*Error
	for _, r := range rules {
		c, err := compileRule(r)
		if err != nil {
			rejected = append(rejected, err)
			continue
		}
		e.rules = append(e.rules, c)
		e.known[logsourceMember{'c', r.Logsource.Category}] = true
		e.known[logsourceMember{'p', r.Logsource.Product}] = true
		e.known[logsourceMember{'s', r.Logsource.Service}] = true
	}
	if options.Route == nil {
		e.all = newPlan(e.rules, e.accepting(nil))
	}
	return e, rejected
}

func compileRule(r *Rule) (*compiled, *Error) {
	ref, err := NewReference(r)
	var known *Error
	if errors.As(err, &known) {
		return nil, known
	}
	for _, t := range ref.tests {
		for _, alternatives := range t.values {
			for i := range alternatives {
				alternatives[i].prepare()
			}
		}
	}
	c := &compiled{rule: r, ref: ref}
	z := sizer{compiled: c}
	for _, cond := range r.Conditions {
		if z.expr(cond.Expr); z.over() {
			return nil, &Error{Path: r.Path, Pos: cond.Pos, Rule: r.Key(), Reason: "condition is too large"}
		}
	}
	return c, nil
}

// Rules returns the rules of the engine. The slice is the caller's.
func (e *Engine) Rules() []*Rule {
	list := make([]*Rule, len(e.rules))
	for i, c := range e.rules {
		list[i] = c.rule
	}
	return list
}

// accepting returns the indexes of the rules that are for a logsource, nil for all.
func (e *Engine) accepting(l *Logsource) []int32 {
	var indexes []int32
	for i, c := range e.rules {
		if l == nil || c.rule.Logsource.Accepts(*l) {
			indexes = append(indexes, int32(i))
		}
	}
	return indexes
}

// planFor returns the plan for events of a logsource, nil if no rule is for them.
// Where events bring more logsources than plans are kept for, it is the plan of all
// rules, and filter says that matches must be checked for theirs.
func (e *Engine) planFor(l Logsource) (p *plan, filter bool) {
	if !e.known[logsourceMember{'c', l.Category}] {
		l.Category = ""
	}
	if !e.known[logsourceMember{'p', l.Product}] {
		l.Product = ""
	}
	if !e.known[logsourceMember{'s', l.Service}] {
		l.Service = ""
	}
	e.mu.RLock()
	p, ok := e.plans[l]
	e.mu.RUnlock()
	if ok {
		return p, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p, ok := e.plans[l]; ok {
		return p, false
	}
	indexes := e.accepting(&l)
	if len(e.plans) >= maxPlans && len(indexes) > 0 {
		if e.all == nil {
			e.all = newPlan(e.rules, e.accepting(nil))
		}
		return e.all, true
	}
	for _, other := range e.plans {
		if other != nil && other.sameRules(indexes) {
			p = other
		}
	}
	if p == nil && len(indexes) > 0 {
		p = newPlan(e.rules, indexes)
	}
	e.plans[l] = p
	return p, false
}

func (p *plan) sameRules(indexes []int32) bool {
	return slices.EqualFunc(p.rules, indexes, func(r planRule, i int32) bool { return r.index == i })
}
