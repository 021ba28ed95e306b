package triage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Kinds of scopes that rates are of.
const (
	ScopeAll  = "all"
	ScopeNode = "node" // node:NAME
	ScopeSite = "site" // site:NAME
	ScopeRule = "rule" // rule:ID, the decisions in which the rule scored
	ScopePath = "path" // path:SITE TEMPLATE
)

var scopeKinds = []string{ScopeAll, ScopeNode, ScopeSite, ScopeRule, ScopePath}

// Bounds of rates.
const (
	maxScopes      = 1000 // of a kind that are told apart; the smallest go first
	maxScopeName   = 512  // bytes
	MaxRateScopes  = 100  // of a kind in one answer
	maxSuggestions = 3    // for a rate
)

// RateList asks for rates.
type RateList struct {
	Selection
	By   []string // kinds of scopes; none is all of them
	Size int      // most scopes of a kind, those with the most decisions; at least 1
}

// ScopeRates is what is known of one scope.
type ScopeRates struct {
	Scope string
	Rates []Rate
}

// Rate is an estimate, and what to label to know it better.
type Rate struct {
	verdict.Estimate
	Partial   int          // of Decisions, those that were judged by a log alone
	Narrowing []Suggestion // the labels that tell most first
}

// Suggestion is a decision whose label would tell much about a rate.
type Suggestion struct {
	Ref
	Blocked bool
	PAttack float64
	Share   float64 // of the variance of the rate that the label is expected to take away
}

// RatePage is the rates of a selection.
type RatePage struct {
	Scopes    []ScopeRates
	Decisions int      // of the selection
	Unjudged  int      // of these, those without a verdict: the rates leave them out
	LeftOut   int      // scopes that are not in the answer, as far as they were told apart
	Partial   []string // why the answer is not whole
}

// Rates estimates how often a WAF is wrong, by the verdicts of the moment and the
// labels that hold. Labels of decisions that [Desk.Sample] drew count with the
// probability of the draw, others for themselves alone; so do those of groups that
// were labelled as a whole (RATES.md, "Groups"). Of decisions that no draw was from
// nothing is known ("What was not drawn from").
func (d *Desk) Rates(ctx context.Context, l RateList) (*RatePage, error) {
	for _, kind := range l.By {
		if !slices.Contains(scopeKinds, kind) {
			return nil, fmt.Errorf("scope %.40q %w: want one of %v", kind, ErrInvalid, scopeKinds)
		}
	}
	if len(l.By) == 0 {
		l.By = scopeKinds
	}
	m, err := d.marks(ctx, l.Selection)
	if err != nil {
		return nil, err
	}
	f, err := d.frames(ctx)
	if err != nil {
		return nil, err
	}
	r := rating{marks: m, frames: f, kinds: map[string]map[string]*scope{}}
	for _, kind := range l.By {
		r.kinds[kind] = map[string]*scope{}
	}
	partial, err := d.scan(ctx, l.Selection, slices.Concat(f.fields, m.fields, summary), r.add)
	if err != nil {
		return nil, err
	}
	page, err := r.page(ctx, l.Size)
	if err != nil {
		return nil, err
	}
	page.Partial = partial
	return page, nil
}

// rating gathers scopes while decisions stream by.
type rating struct {
	marks    marks
	frames   frames
	kinds    map[string]map[string]*scope
	decided  int
	unjudged int
	leftOut  int
	x        Decision
}

// scope is the decisions of one scope, with an example of those that were drawn and
// have no label for each width of scores.
type scope struct {
	name     string
	n        int
	sides    [2]int // of n, the allowed and the blocked
	labels   int
	partial  [2]int // of sides, those that were judged by a log alone
	rates    verdict.Rates
	examples map[exampleKey]Suggestion
}

type exampleKey struct {
	blocked bool
	cell    int8 // of the log-odds, 1 wide
}

func (r *rating) add(e *event.Event) error {
	x := &r.x
	x.read(e)
	r.marks.on(x)
	r.decided++
	if !x.Judged {
		r.unjudged++
		return nil
	}
	counted := counted(e, x, &r.marks, &r.frames)
	for kind, scopes := range r.kinds {
		for _, name := range scopesOf(kind, x) {
			if err := r.count(scopes, name, x, counted); err != nil {
				return err
			}
		}
		if len(scopes) >= 2*maxScopes {
			r.prune(scopes)
		}
	}
	return nil
}

// scopesOf are the scopes of a kind that a decision is in.
func scopesOf(kind string, x *Decision) []string {
	named := func(name string) []string {
		if name == "" {
			return nil
		}
		name = kind + ":" + shown(name)
		if len(name) > maxScopeName {
			name = strings.ToValidUTF8(name[:maxScopeName], "") + rest
		}
		return []string{name}
	}
	switch kind {
	case ScopeNode:
		return named(x.Node)
	case ScopeSite:
		return named(x.Site)
	case ScopePath:
		return named(x.Site + " " + PathTemplate(x.Path))
	case ScopeRule:
		var all []string
		for _, rule := range x.Rules {
			all = append(all, named(rule)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	return []string{ScopeAll}
}

// counted is a decision as the rates count it. What is known of it must be in x.
func counted(e *event.Event, x *Decision, m *marks, f *frames) verdict.Decided {
	d := verdict.Decided{Blocked: x.Blocked, PAttack: x.PAttack, Truth: Truth(x.Label.Label), Outside: !f.hold(e)}
	if d.Truth != verdict.Unknown && !d.Outside {
		d.Probability = x.Drawn
	}
	if d.Probability > 0 && len(m.covered) > 0 {
		if key := keyOf(x, readMatches(e)); m.wholly(key.alike(x), x, e) {
			d.Probability = 0
		}
	}
	return d
}

func (r *rating) count(scopes map[string]*scope, name string, x *Decision, counted verdict.Decided) error {
	s := scopes[name]
	if s == nil {
		s = &scope{name: name, examples: map[exampleKey]Suggestion{}}
		scopes[name] = s
	}
	s.n++
	side := 0
	if x.Blocked {
		side = 1
	}
	s.sides[side]++
	if x.Partial() {
		s.partial[side]++
	}
	if x.Label.ID != 0 {
		s.labels++
	} else if x.Drawn > 0 {
		k := exampleKey{x.Blocked, int8(math.Floor(logit(x.PAttack)))}
		if _, ok := s.examples[k]; !ok {
			s.examples[k] = Suggestion{Ref: x.Ref, Blocked: x.Blocked, PAttack: x.PAttack}
		}
	}
	return s.rates.Add(name, counted)
}

// logit is the log-odds of a probability, within what fits its cells.
func logit(p float64) float64 { return min(max(math.Log(p/(1-p)), -50), 50) }

// prune forgets the smallest scopes.
func (r *rating) prune(scopes map[string]*scope) {
	for _, s := range largest(scopes)[maxScopes:] {
		delete(scopes, s.name)
		r.leftOut++
	}
}

// largest sorts scopes, those with labels and many decisions first.
func largest(scopes map[string]*scope) []*scope {
	all := make([]*scope, 0, len(scopes))
	for _, s := range scopes {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *scope) int {
		return cmp.Or(cmp.Compare(b.labels, a.labels), cmp.Compare(b.n, a.n), strings.Compare(a.name, b.name))
	})
	return all
}

func (r *rating) page(ctx context.Context, size int) (*RatePage, error) {
	page := &RatePage{Decisions: r.decided, Unjudged: r.unjudged}
	for _, kind := range scopeKinds {
		all := largest(r.kinds[kind])
		n := min(size, MaxRateScopes, len(all))
		r.leftOut += len(all) - n
		for _, s := range all[:n] {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			page.Scopes = append(page.Scopes, s.estimate())
		}
	}
	page.LeftOut = r.leftOut
	return page, nil
}

// estimate returns the rates of a scope that mean something there. In a rule they
// are false_block_share alone: of the requests in which it scored nearly all were
// blocked, so the others would say how its threshold is, not how often it errs.
func (s *scope) estimate() ScopeRates {
	all := ScopeRates{Scope: s.name}
	known := s.rates.Scope(s.name)
	for _, e := range known.Estimates() {
		partial := s.partial[1]
		if e.Rate != verdict.FalseBlockShare {
			partial += s.partial[0]
			if strings.HasPrefix(s.name, ScopeRule+":") {
				continue
			}
			if s.sides[0] == 0 || s.sides[1] == 0 { // 0 or 1 by what a scope is
				e.Enough, e.Value, e.Low, e.High, e.Why = false, 0, 0, 0, oneSided(s.sides[1] > 0)
			}
		}
		all.Rates = append(all.Rates, Rate{Estimate: e, Partial: partial, Narrowing: s.suggest(known.Narrowing(e.Rate))})
	}
	return all
}

func oneSided(blocked bool) string {
	if blocked {
		return "all requests of the scope were blocked: see its site"
	}
	return "no request of the scope was blocked"
}

// suggest returns the drawn decisions whose labels would narrow a rate most.
func (s *scope) suggest(narrowing func(blocked bool, pAttack float64) float64) []Suggestion {
	all := make([]Suggestion, 0, len(s.examples))
	for _, x := range s.examples {
		if x.Share = narrowing(x.Blocked, x.PAttack); x.Share > 0 {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.PAttack, a.PAttack), strings.Compare(a.ID, b.ID), strings.Compare(a.Source, b.Source))
	})
	return all[:min(len(all), maxSuggestions)]
}
