package triage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Bounds of grouping.
const (
	maxGroups   = 5000 // that are told apart; the rest is one group
	maxExamples = 5    // ids in a group
	maxRulesOf  = 16   // rules that a group names
)

// GroupKey says what the decisions of a group have in common. A decision is in
// one group: that of its gravest match.
type GroupKey struct {
	Site     string
	Path     string // a [PathTemplate]
	Rule     string // "" where no rule scored
	Variable string // a [VariableTemplate]
	Kind     verdict.Kind
	Blocked  bool
}

// Group is decisions that are alike.
type Group struct {
	GroupKey
	Other    bool // of all that were not told apart; it has no key
	N        int
	Clients  int // different ones; within about 3 % if they are many
	First    time.Time
	Last     time.Time
	Expected float64 // sum of the probabilities that they are wrong; 0 or 1 each where there is a label
	Impact   float64 // Expected, weighted by how many clients it hits: what the list is ordered by; with LabelledLast of those without a label
	PAttack  float64 // mean of those with a verdict, at the moment
	PNow     float64 // the same by all that is known now, labels among it
	Open     int     // of N, those without a label
	Share    float64 // of all blocks of the selection, 0 for allowed requests
	Labels   map[string]int
	Rules    []RuleCount // the most frequent first
	Examples []Ref       // the likeliest to be wrong first
}

// RuleCount says in how many decisions a rule scored.
type RuleCount struct {
	Rule string
	N    int
}

// GroupOrder is what a list of groups begins with.
type GroupOrder string

// Orders of groups.
const (
	GroupsByFalse  GroupOrder = "false_positives" // blocks, those with the most impact by false positives first
	GroupsByMissed GroupOrder = "missed"          // allowed requests, those with the most impact by attacks first
	GroupsByCount  GroupOrder = "count"           // all, the largest first
)

var groupOrders = []GroupOrder{GroupsByFalse, GroupsByMissed, GroupsByCount}

var kinds = []verdict.Kind{verdict.KindPattern, verdict.KindPolicy, verdict.KindClean}

// GroupList asks for groups.
type GroupList struct {
	Selection
	Order      GroupOrder   // "" is GroupsByFalse
	Kind       verdict.Kind // only groups of the kind; "" takes all
	Labelled   Labelled     // "" is LabelledLast: groups of labelled decisions alone come last
	Skip, Size int
}

// GroupPage is part of a list of groups.
type GroupPage struct {
	Groups    []Group
	More      bool
	Decisions int // of the selection
	Blocks    int // of these
	Unjudged  int // of Decisions, those without a verdict: they are expected to be right
	Other     *Group
	Partial   []string
}

// Groups groups decisions.
func (d *Desk) Groups(ctx context.Context, l GroupList) (*GroupPage, error) {
	if l.Order == "" {
		l.Order = GroupsByFalse
	}
	if !slices.Contains(groupOrders, l.Order) {
		return nil, fmt.Errorf("order %.40q %w: want one of %v", l.Order, ErrInvalid, groupOrders)
	}
	if l.Kind != "" && !slices.Contains(kinds, l.Kind) {
		return nil, fmt.Errorf("kind %.40q %w: want one of %v", l.Kind, ErrInvalid, kinds)
	}
	if err := l.Labelled.fill(); err != nil {
		return nil, err
	}
	m, err := d.marks(ctx, l.Selection)
	if err != nil {
		return nil, err
	}
	g := grouping{list: l, marks: m, groups: map[GroupKey]*growing{}}
	partial, err := d.scan(ctx, l.Selection, summary, func(e *event.Event) error {
		g.add(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	page := g.page()
	page.Partial = partial
	return page, nil
}

// grouping gathers groups while decisions stream by, the newest first.
type grouping struct {
	list     GroupList
	marks    marks
	groups   map[GroupKey]*growing
	other    *growing
	decided  int
	blocks   int
	unjudged int
	x        Decision
}

// growing is a group that is still gathered.
type growing struct {
	Group
	mixed   bool // labelled decisions count for the order too
	judged  int
	open    float64 // the part of Expected that counts for the order
	clients clients
	hit     clients   // those of decisions that may be wrong; a user who is signed in is one too
	wrong   []float64 // of the examples
	rules   map[string]int
}

func (g *grouping) add(e *event.Event) {
	x := &g.x
	x.read(e)
	g.marks.on(x)
	g.decided++
	if x.Blocked {
		g.blocks++
	}
	if !x.Judged {
		g.unjudged++
	}
	key := keyOf(x, readMatches(e))
	if !g.wants(x, key) {
		return
	}
	at := g.groups[key]
	if at == nil {
		at = &growing{mixed: g.list.Labelled != LabelledLast, Group: Group{GroupKey: key, Labels: map[string]int{}, Last: x.Time}, rules: map[string]int{}}
		g.groups[key] = at
	}
	at.add(x)
	if len(g.groups) >= 2*maxGroups {
		g.prune()
	}
}

func (g *grouping) wants(x *Decision, key GroupKey) bool {
	switch {
	case !g.list.Labelled.takes(x),
		g.list.Kind != "" && key.Kind != g.list.Kind,
		g.list.Order == GroupsByFalse && !x.Blocked,
		g.list.Order == GroupsByMissed && x.Blocked:
		return false
	}
	return true
}

func (a *growing) add(x *Decision) {
	a.N++
	a.First = x.Time
	a.clients.add(x.Client)
	w := x.Wrong()
	a.Expected += w
	if a.mixed || x.Label.ID == 0 {
		a.open += w
		if w >= mayBeWrong {
			a.hit.add(cmp.Or(x.User, x.Client))
		}
	}
	if x.Judged {
		a.judged++
		a.PAttack += x.PAttack
		a.PNow += x.known()
	}
	if x.Label.ID != 0 {
		a.Labels[x.Label.Label]++
	} else {
		a.Open++
	}
	for _, r := range x.Rules {
		if _, known := a.rules[r]; known || len(a.rules) < maxRulesOf {
			a.rules[r]++
		}
	}
	a.example(x.Ref, w)
}

// example keeps the decisions that are the likeliest to be wrong, of equal ones
// the newest.
func (a *growing) example(ref Ref, w float64) {
	at := len(a.wrong)
	for at > 0 && a.wrong[at-1] < w {
		at--
	}
	if at == maxExamples {
		return
	}
	a.wrong = slices.Insert(a.wrong, at, w)
	a.Examples = slices.Insert(a.Examples, at, ref)
	n := min(len(a.wrong), maxExamples)
	a.wrong, a.Examples = a.wrong[:n], a.Examples[:n]
}

// prune lets the groups that matter least be part of the other ones.
func (g *grouping) prune() {
	sorted := g.sorted()
	if g.other == nil {
		g.other = &growing{Group: Group{Other: true, Labels: map[string]int{}}, rules: map[string]int{}}
	}
	for _, a := range sorted[maxGroups:] {
		g.other.merge(a)
		delete(g.groups, a.GroupKey)
	}
}

func (a *growing) merge(o *growing) {
	if a.N == 0 || o.Last.After(a.Last) {
		a.Last = o.Last
	}
	if a.N == 0 || o.First.Before(a.First) {
		a.First = o.First
	}
	a.N += o.N
	a.Expected += o.Expected
	a.open += o.open
	a.Open += o.Open
	a.PAttack += o.PAttack
	a.PNow += o.PNow
	a.judged += o.judged
	a.clients.merge(&o.clients)
	a.hit.merge(&o.hit)
	for l, n := range o.Labels {
		a.Labels[l] += n
	}
}

func (g *grouping) sorted() []*growing {
	all := make([]*growing, 0, len(g.groups))
	for _, a := range g.groups {
		all = append(all, a)
	}
	value := func(a *growing) float64 {
		if g.list.Order == GroupsByCount {
			return float64(a.N)
		}
		return a.impact()
	}
	slices.SortFunc(all, func(a, b *growing) int {
		return cmp.Or(a.settled()-b.settled(), cmp.Compare(value(b), value(a)), cmp.Compare(b.N, a.N), a.compare(b.GroupKey))
	})
	return all
}

// settled is 1 for a group that comes behind the others: nothing is left to label.
func (a *growing) settled() int {
	if a.Open == 0 && !a.mixed {
		return 1
	}
	return 0
}

// mayBeWrong is the probability from which on a decision counts as a hit on its
// client.
const mayBeWrong = 0.05

// impact is how much a group matters. One client that is hit again and again, such
// as a scanner of which the model is unsure, matters less than as many decisions
// about as many clients.
func (a *growing) impact() float64 {
	return a.open * (1 + math.Log2(float64(max(1, a.hit.count()))))
}

func (k GroupKey) compare(o GroupKey) int {
	blocked := 0
	if k.Blocked != o.Blocked {
		blocked = 1
		if k.Blocked {
			blocked = -1
		}
	}
	return cmp.Or(strings.Compare(k.Site, o.Site), strings.Compare(k.Path, o.Path), strings.Compare(k.Rule, o.Rule),
		strings.Compare(k.Variable, o.Variable), strings.Compare(string(k.Kind), string(o.Kind)), blocked)
}

func (g *grouping) page() *GroupPage {
	if len(g.groups) > maxGroups {
		g.prune()
	}
	page := &GroupPage{Decisions: g.decided, Blocks: g.blocks, Unjudged: g.unjudged}
	sorted := g.sorted()
	sorted = sorted[min(g.list.Skip, len(sorted)):]
	page.More = len(sorted) > g.list.Size
	for _, a := range sorted[:min(g.list.Size, len(sorted))] {
		page.Groups = append(page.Groups, a.finish(g.blocks))
	}
	if g.other != nil {
		other := g.other.finish(g.blocks)
		page.Other = &other
	}
	return page
}

func (a *growing) finish(blocks int) Group {
	a.Clients, a.Impact = a.clients.count(), a.impact()
	if a.judged > 0 {
		a.PAttack /= float64(a.judged)
		a.PNow /= float64(a.judged)
	}
	if a.Blocked && blocks > 0 {
		a.Share = float64(a.N) / float64(blocks)
	}
	for r, n := range a.rules {
		a.Rules = append(a.Rules, RuleCount{r, n})
	}
	slices.SortFunc(a.Rules, func(x, y RuleCount) int { return cmp.Or(y.N-x.N, strings.Compare(x.Rule, y.Rule)) })
	return a.Group
}

// gravity orders severities as the rules name them.
var gravity = map[string]int{
	"emergency": 8, "alert": 7, "critical": 6, "error": 5, "warning": 4, "notice": 3, "info": 2, "debug": 1,
}

// keyOf is the group of a decision: that of its gravest match among the rules
// that scored, of equal ones the first.
func keyOf(x *Decision, matches []Match) GroupKey {
	k := GroupKey{Site: shown(x.Site), Path: PathTemplate(x.Path), Kind: x.Kind, Blocked: x.Blocked}
	if len(x.Rules) == 0 {
		return k
	}
	k.Rule = shown(x.Rules[0])
	best := -1
	for _, m := range matches {
		if g := gravity[strings.ToLower(m.Severity)]; g > best && slices.Contains(x.Rules, m.Rule) {
			best, k.Rule, k.Variable = g, shown(m.Rule), VariableTemplate(m.Variable)
		}
	}
	return k
}
