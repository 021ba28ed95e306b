// Package sieve finds the rules of Coraza that cannot match a request, so that
// they need not be evaluated.
//
// A rule that does not match does nothing, so it may be left out. Coraza finds
// that out rule by rule: it collects the values, transforms and matches each. A
// sieve does it value by value: equal values are looked at once, a
// transformation is made once for all rules, and expressions are matched without
// backtracking. It never decides that a rule matches. Rules that might are left to
// Coraza, with all they do.
package sieve

import (
	"slices"
	"sync"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// Sieve knows the rules of one rule set. It may be used by any number of
// goroutines.
type Sieve struct{ phases [5]*phase }

// Compile makes a sieve for rules, which have to be in the order in which Coraza
// evaluates them. Rules that it does not understand it leaves to Coraza. data reads a file of words.
func Compile(rules []Rule, data func(name string) ([]byte, error)) *Sieve {
	s := &Sieve{}
	if bestFit() == nil {
		return s
	}
	var skipped [len(s.phases)]int // rules that an earlier one may still skip by their number
	named := map[int]int{}
	for _, r := range rules {
		named[r.ID]++
	}
	quick := map[int]bool{}
	for _, r := range rules {
		p, ok := parse(r)
		quick[r.ID] = p.quick(r.Raw, ok)
		if !p.read && mentionsSkip(r.Raw) {
			return &Sieve{}
		}
		if r.Phase < 1 || r.Phase >= len(s.phases) {
			continue
		}
		// An exclusion may take out what would be counted, and then others are.
		counted := skipped[r.Phase] > 0
		if counted && r.Stays {
			skipped[r.Phase]--
		}
		skipped[r.Phase] = max(skipped[r.Phase], p.skips)
		// A rule that was removed may have left its id to another one.
		if counted || named[r.ID] > 1 || !r.Pause && (!ok || !r.Common) {
			continue
		}
		if s.phases[r.Phase] == nil {
			s.phases[r.Phase] = &phase{nodes: make([]node, 1)}
		}
		if r.Pause {
			s.phases[r.Phase].ids = append(s.phases[r.Phase].ids, r.ID)
		} else {
			s.phases[r.Phase].take(p, data)
		}
	}
	for i, p := range s.phases {
		if p != nil {
			p.arrange()
			p.rest(i, rules, quick)
			p.number(i, rules)
		}
	}
	return s
}

// Rules returns the number of rules that can be left out, without pauses.
func (s *Sieve) Rules() int {
	n := 0
	for _, p := range s.phases {
		if p != nil {
			n += len(p.ids) - len(p.pauses)
		}
	}
	return n
}

// matchers are those of all sieves: rule sets have most of theirs in common. Only
// rules that come with the program are given to a sieve, so it does not grow.
var matchers sync.Map

func sharedMatcher(operator, argument string, data func(name string) ([]byte, error)) matcher {
	key := operator + " " + argument
	if m, known := matchers.Load(key); known {
		m, _ := m.(matcher)
		return m
	}
	m, _ := matchers.LoadOrStore(key, newMatcher(operator, argument, data))
	found, _ := m.(matcher)
	return found
}

// set is a set of targets.
type set [2]uint64

func (s set) meets(t set) bool { return s[0]&t[0]|s[1]&t[1] != 0 }

func (s *set) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s *set) join(t set) { s[0] |= t[0]; s[1] |= t[1] }

// phase is what a sieve knows of the rules of one phase.
type phase struct {
	ids         []int
	targets     []target
	order       []int  // of targets: those of one variable follow one another
	nodes       []node // nodes[0] is the value itself
	comparisons []comparison
	pauses      []pause // in the order in which they are evaluated

	byID   []int  // indices of ids, in order of the ids
	joined []bool // of each in byID: together with the one before it makes a range
}

// arrange is called once all rules are in.
func (p *phase) arrange() {
	for i := range p.targets {
		p.order = append(p.order, i)
	}
	slices.SortStableFunc(p.comparisons, func(a, b comparison) int { return a.setting - b.setting })
	slices.SortStableFunc(p.order, func(a, b int) int { return int(p.targets[a].variable) - int(p.targets[b].variable) })
}

// take puts a rule in, unless it is of no kind that is known here.
func (p *phase) take(r parsed, data func(name string) ([]byte, error)) {
	if c, ok := r.compares(); ok {
		c.rule = len(p.ids)
		p.ids = append(p.ids, r.id)
		p.comparisons = append(p.comparisons, c)
		return
	}
	for _, t := range r.targets {
		if t.variable == variables.TX {
			return
		}
	}
	if m := sharedMatcher(r.operator, r.argument, data); m != nil {
		p.add(r, m)
	}
}

// node is a value after some transformations.
type node struct {
	name     string
	apply    transform
	multi    bool // goes on with the value before if the transformation says it changed nothing
	targets  set  // of the tests here and behind
	tests    []test
	children []int
}

// test is what one rule asks of the values at a node.
type test struct {
	matcher matcher
	rule    int // in ids
	targets set
	negated bool
}

// add puts a rule in. It leaves it out if there are more targets than a set
// holds or a transformation is not known.
func (p *phase) add(r parsed, m matcher) {
	var targets set
	for _, t := range r.targets {
		i := slices.Index(p.targets, t)
		if i < 0 {
			if len(p.targets) == 64*len(targets) {
				return
			}
			i = len(p.targets)
			p.targets = append(p.targets, t)
		}
		targets.add(i)
	}
	for _, name := range r.transforms {
		if transforms[name] == nil {
			return
		}
	}
	t := test{matcher: m, rule: len(p.ids), targets: targets, negated: r.negated}
	p.ids = append(p.ids, r.id)
	at := 0
	p.nodes[0].targets.join(targets)
	for _, name := range r.transforms {
		if r.multi {
			p.nodes[at].tests = append(p.nodes[at].tests, t)
		}
		at = p.child(at, name, r.multi)
		p.nodes[at].targets.join(targets)
	}
	p.nodes[at].tests = append(p.nodes[at].tests, t)
}

// child finds or makes the node behind a transformation.
func (p *phase) child(at int, name string, multi bool) int {
	for _, c := range p.nodes[at].children {
		if p.nodes[c].name == name && p.nodes[c].multi == multi {
			return c
		}
	}
	c := len(p.nodes)
	p.nodes = append(p.nodes, node{name: name, apply: transforms[name], multi: multi})
	p.nodes[at].children = append(p.nodes[at].children, c)
	return c
}

// Sift calls drop for all rules of a phase that cannot match, which has to be about
// to begin: for ranges of ids in which no other rule is still to be evaluated, in
// this phase or a later one. tick is called between values now and then, and between
// looks at long ones, and may panic to end it.
func (s *Sieve) Sift(number types.RulePhase, tx plugintypes.TransactionState, tick func(), drop func(first, last int)) {
	if number < 1 || int(number) >= len(s.phases) || s.phases[number] == nil {
		return
	}
	p := s.phases[number]
	w, _ := works.Get().(*work)
	if w == nil {
		w = &work{index: map[string]int{}}
	}
	w.tick = tick
	w.phase, w.candidates = p, append(w.candidates[:0], make([]bool, len(p.ids))...)
	defer w.done()
	w.compare(tx)
	for _, i := range p.order {
		w.collect(tx, i)
	}
	untold := 0
	for _, v := range w.values {
		if untold += len(v.text) + valueCost; untold > tickAfter {
			tick()
			untold = 0
		}
		w.visit(0, v.text, v.targets)
	}
	w.restAt(levelOf(tx))
	w.tell(drop)
}

// A tick is due after so many bytes of values, of which each counts for some more.
const (
	tickAfter = 4 << 10
	valueCost = 128
)

// work is one use of a phase.
type work struct {
	phase      *phase
	candidates []bool // rules that may match
	values     []value
	index      map[string]int

	found    []types.MatchData // all of one variable
	variable variables.RuleVariable
	tick     func()
}

// works are kept from one request to the next, but none that was large.
var works sync.Pool

const keptValues = 1000

// done lets go of all texts.
func (w *work) done() {
	w.found, w.variable = nil, variables.Unknown
	w.tick = nil
	if len(w.values) <= keptValues {
		clear(w.values)
		clear(w.index)
		w.values = w.values[:0]
		works.Put(w)
	}
}

// longValue is how long a value is of which each look takes so long that it may be the
// last.
const longValue = 64 << 10

// value is a text that one or more targets select.
type value struct {
	text    string
	targets set
}

// collect adds the values of a target. All of a variable are found once for the
// targets that follow one another.
func (w *work) collect(tx plugintypes.TransactionState, number int) {
	t := &w.phase.targets[number]
	c := tx.Collection(t.variable)
	if c == nil {
		return
	}
	keyed, isKeyed := c.(collection.Keyed)
	single, isSingle := c.(collection.Single)
	switch {
	case t.key == "" && isSingle && t.except == "":
		w.put(single.Get(), number)
		return
	case t.key != "" && !isKeyed:
		return
	case t.key != "" && t.except == "" && byName[t.variable]:
		for _, value := range keyed.Get(t.key) {
			w.put(value, number)
		}
		return
	case t.key != "":
		w.found, w.variable = keyed.FindString(t.key), variables.Unknown
	case w.variable != t.variable:
		w.found, w.variable = c.FindAll(), t.variable
	}
	for _, m := range w.found {
		if t.except == "" || !t.excludes(m.Key()) {
			w.put(m.Value(), number)
		}
	}
}

// byName are variables whose values Get finds as rules do, and for less.
var byName = map[variables.RuleVariable]bool{variables.RequestHeaders: true, variables.RequestCookies: true, variables.ResponseHeaders: true}

// put adds a value of a target.
func (w *work) put(text string, number int) {
	i, known := w.index[text]
	if !known {
		i = len(w.values)
		w.index[text] = i
		w.values = append(w.values, value{text: text})
	}
	w.values[i].targets.add(number)
}

// visit tests a value at a node and behind it.
func (w *work) visit(at int, text string, targets set) {
	n := &w.phase.nodes[at]
	for i := range n.tests {
		t := &n.tests[i]
		if w.candidates[t.rule] || !t.targets.meets(targets) {
			continue
		}
		if len(text) > longValue {
			w.tick()
		}
		if matches, known := t.matcher.match(text); !known || matches != t.negated {
			w.candidates[t.rule] = true
		}
	}
	for _, c := range n.children {
		child := &w.phase.nodes[c]
		if !child.targets.meets(targets) {
			continue
		}
		out, changed := child.apply(text)
		if child.multi && !changed {
			out = text
		}
		w.visit(c, out, targets)
	}
}
