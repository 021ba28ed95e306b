package sigma

import (
	"errors"
	"slices"
	"sync"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Options say how an engine evaluates events.
type Options struct {
	// Route appends the logsources of an event to dst; none means that no rule is
	// for it. Only rules whose logsource accepts one of them are evaluated then,
	// once. It must be a pure function and safe for concurrent use. Without Route
	// all rules are evaluated.
	Route func(dst []Logsource, e *event.Event) []Logsource

	// Native is a taxonomy whose rules and correlations name fields as events do:
	// [Build] leaves them out of the pipeline. Empty applies it to all.
	Native string

	// Fields makes matches say which fields matched, see [Match].
	Fields bool
}

// Bounds of what is kept for logsources: events choose them.
const (
	maxPlans   = 256     // plans
	maxRoutes  = 1 << 14 // sets of logsources whose plan is known
	maxSources = 4       // logsources in one such set
)

// Engine is a compiled set of rules. It does not change and may be used by any
// number of goroutines, each with a [Matcher] of its own.
type Engine struct {
	rules   []*compiled
	options Options
	known   map[logsourceMember]bool // what logsources of rules name

	mu    sync.RWMutex        // plans are built when their first event comes
	plans map[Logsource]*plan // by logsource, with what no rule names left out; nil where no rule is
	sets  map[sourceSet]*plan // of events with several logsources
	all   *plan               // of all rules
	made  int                 // plans
}

// sourceSet is several logsources in the order in which the route names them; the
// rest is empty.
type sourceSet [maxSources]Logsource

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
	e := &Engine{options: options, known: map[logsourceMember]bool{}, plans: map[Logsource]*plan{}, sets: map[sourceSet]*plan{}}
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

// accepting returns the indexes of the rules that are for one of some logsources,
// nil for all.
func (e *Engine) accepting(sources []Logsource) []int32 {
	var indexes []int32
	for i, c := range e.rules {
		if sources == nil || c.rule.Logsource.acceptsAny(sources) {
			indexes = append(indexes, int32(i))
		}
	}
	return indexes
}

// planFor returns the plan for events of some logsources, nil if no rule is for
// them, and leaves out of them what no rule names. Where events bring more
// logsources than plans are kept for, it is the plan of all rules, and filter says
// that matches must be checked for theirs.
func (e *Engine) planFor(sources []Logsource) (p *plan, filter bool) {
	for i := range sources {
		e.forget(&sources[i])
	}
	e.mu.RLock()
	p, ok := e.lookup(sources)
	e.mu.RUnlock()
	if ok {
		return p, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p, ok := e.lookup(sources); ok {
		return p, false
	}
	indexes := e.accepting(sources)
	if len(indexes) > 0 {
		if p = e.madePlan(indexes); p == nil {
			return e.all, true
		}
	}
	if len(e.plans)+len(e.sets) < maxRoutes {
		e.keep(sources, p)
	}
	return p, false
}

// forget leaves out what no rule names.
func (e *Engine) forget(l *Logsource) {
	if !e.known[logsourceMember{'c', l.Category}] {
		l.Category = ""
	}
	if !e.known[logsourceMember{'p', l.Product}] {
		l.Product = ""
	}
	if !e.known[logsourceMember{'s', l.Service}] {
		l.Service = ""
	}
}

func (e *Engine) lookup(sources []Logsource) (p *plan, ok bool) {
	switch n := len(sources); {
	case n == 1:
		p, ok = e.plans[sources[0]]
	case n <= maxSources:
		var set sourceSet
		copy(set[:], sources)
		p, ok = e.sets[set]
	}
	return p, ok
}

func (e *Engine) keep(sources []Logsource, p *plan) {
	switch n := len(sources); {
	case n == 1:
		e.plans[sources[0]] = p
	case n <= maxSources:
		var set sourceSet
		copy(set[:], sources)
		e.sets[set] = p
	}
}

// madePlan returns a plan of these rules, made before or now, or nil where there
// are too many; there is one of all rules then.
func (e *Engine) madePlan(indexes []int32) *plan {
	for _, p := range e.plans {
		if p != nil && p.sameRules(indexes) {
			return p
		}
	}
	for _, p := range e.sets {
		if p != nil && p.sameRules(indexes) {
			return p
		}
	}
	if e.made == maxPlans {
		if e.all == nil {
			e.all = newPlan(e.rules, e.accepting(nil))
		}
		return nil
	}
	e.made++
	return newPlan(e.rules, indexes)
}

func (p *plan) sameRules(indexes []int32) bool {
	return slices.EqualFunc(p.rules, indexes, func(r planRule, i int32) bool { return r.index == i })
}
