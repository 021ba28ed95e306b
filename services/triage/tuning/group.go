package tuning

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/services/triage"
)

// group is what was blocked at one place, and the changes accepted there.
type group struct {
	*place
	wrong     []*item // taken for false positives
	attacks   []*item // blocked requests taken for attacks
	guard     []*item
	base      []*set
	proposals []int           // accepted here, by their index
	refused   map[string]bool // candidates whose replay did not free what was reckoned
	best      *candidate
	settled   bool // best holds for base
	spent     bool // too many candidates were refused
	guarded   bool // one of them for what it freed of the guard
}

// candidate is a set of changes at a place with what is reckoned of it.
type candidate struct {
	*set
	gain     float64
	released float64
	guard    int
	value    float64
}

func keyOf(changes []change) string {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "%d %d %q %q\n", c.kind, c.rule, c.target, c.value)
	}
	return b.String()
}

// groups sorts blocked requests by the place where a proposal for them would
// hold. Those whose place can't be described are left out; their number is
// returned.
func (cfg Config) groups(cases, guard []*Case) (all []*group, left int) {
	type key struct{ site, path string }
	wrong := map[key][]*Case{}
	var keys []key
	for _, c := range cases {
		if !cfg.wrong(c) {
			continue
		}
		k := key{site: c.Request.Site}
		if cfg.Scope == Path {
			k.path = triage.PathTemplate(pathOf(c.Request))
		}
		if _, ok := wrong[k]; !ok {
			keys = append(keys, k)
		}
		wrong[k] = append(wrong[k], c)
	}
	for _, k := range keys {
		p, kept := newPlace(k.site, k.path, wrong[k])
		left += len(wrong[k]) - len(kept)
		if p == nil {
			continue
		}
		g := &group{place: p, refused: map[string]bool{}}
		for _, c := range kept {
			g.wrong = append(g.wrong, newItem(c, true))
		}
		all = append(all, g)
	}
	assign(all, cases, func(g *group, c *Case) {
		if !cfg.wrong(c) {
			g.attacks = append(g.attacks, newItem(c, false))
		}
	})
	assign(all, guard, func(g *group, c *Case) { g.guard = append(g.guard, newItem(c, false)) })
	return all, left
}

// assign calls f for each group at whose place a case is.
func assign(all []*group, cases []*Case, f func(*group, *Case)) {
	byHost := map[string][]*group{}
	for _, g := range all {
		for _, h := range g.hosts {
			byHost[h] = append(byHost[h], g)
		}
	}
	for _, c := range cases {
		for _, g := range byHost[hostOf(c.Request)] {
			if g.holds(c.Request) {
				f(g, c)
			}
		}
	}
}

// maxChanges bounds one proposal: what needs more has more than one cause.
const maxChanges = 16

// candidates are the sets of changes worth looking at: what each request needs,
// what one variable needs that holds free text, and rules alone.
func (g *group) candidates(threshold int) [][]change {
	seen := map[string]bool{}
	var all [][]change
	add := func(changes []change) {
		if len(changes) == 0 || len(changes) > maxChanges {
			return
		}
		if k := keyOf(changes); !seen[k] {
			seen[k] = true
			all = append(all, changes)
		}
	}
	byTarget := map[string][]change{}
	for _, it := range g.wrong {
		if it.freed {
			continue
		}
		for _, choose := range []func([]change) change{narrowest, widest} {
			fewest, whole := it.need(threshold, choose)
			add(fewest)
			add(whole)
		}
		for i := range it.finds {
			for _, c := range it.finds[i].rungs {
				if c.kind == removeTarget && !slices.Contains(byTarget[c.target], c) {
					byTarget[c.target] = append(byTarget[c.target], c)
				}
			}
		}
	}
	for _, changes := range byTarget {
		slices.SortFunc(changes, change.compare)
		add(changes)
	}
	return all
}

// Weights of what speaks against a candidate: one attack that is let through
// costs as much as so many false positives that stay.
const (
	releasedCost = 3
	guardCost    = 5
	changeCost   = 0.01 // part of the gain for each change
	ruleCost     = 0.15 // part of the gain for rules that are off altogether
	queryCost    = 0.05 // part of the gain for queries that have to be usual
)

// weigh reckons what a candidate does with what was accepted before.
func (g *group) weigh(s *set, threshold int) *candidate {
	c := &candidate{set: s}
	sets := append(slices.Clone(g.base), s)
	sum := func(items []*item, weight func(*item) float64) (total float64) {
		for _, it := range items {
			if !it.freed && it.passes(threshold, sets...) {
				total += weight(it)
			}
		}
		return total
	}
	c.gain = sum(g.wrong, func(it *item) float64 { return 1 - it.PAttack })
	c.released = sum(g.attacks, func(it *item) float64 { return it.PAttack })
	c.guard = int(sum(g.guard, func(*item) float64 { return 1 }))
	part := 1 - changeCost*float64(len(s.changes))
	if slices.ContainsFunc(s.changes, func(c change) bool { return c.kind == removeRule }) {
		part -= ruleCost
	}
	if s.query != nil {
		part -= queryCost
	}
	c.value = c.gain*part - releasedCost*c.released - guardCost*float64(c.guard)
	return c
}

// narrowed is a candidate for usual queries alone, nil if that keeps no attack
// out.
func (g *group) narrowed(c *candidate, threshold int) *candidate {
	if c.released == 0 && c.guard == 0 {
		return nil
	}
	var items []*item
	sets := append(slices.Clone(g.base), c.set)
	for _, it := range g.wrong {
		if !it.freed && it.passes(threshold, sets...) {
			items = append(items, it)
		}
	}
	query, ok := usualQuery(items)
	if !ok {
		return nil
	}
	s := &set{c.changes, query}
	if g.refused[s.key()] {
		return nil
	}
	return g.weigh(s, threshold)
}

// guarded counts the places where the guard alone keeps a candidate from being proposed.
func (p *planner) guarded() (n int) {
	for _, g := range p.groups {
		if g.guarded || slices.ContainsFunc(g.candidates(p.threshold), func(changes []change) bool {
			c := g.weigh(&set{changes: changes}, p.threshold)
			return c.guard > 0 && c.value <= 0 && c.value+guardCost*float64(c.guard) > 0 || c.guard > p.room && c.value > 0
		}) {
			n++
		}
	}
	return n
}

// choose finds the best candidate that frees at most room attacks of the guard,
// nil if none is worth it.
func (g *group) choose(threshold, room int) *candidate {
	if g.spent {
		return nil
	}
	if g.settled && (g.best == nil || g.best.guard <= room) {
		return g.best
	}
	g.best, g.settled = nil, true
	better := func(c *candidate) {
		if c == nil || c.value <= 0 || c.guard > room || g.refused[c.key()] {
			return
		}
		if g.best == nil || c.value > g.best.value || c.value == g.best.value && c.key() < g.best.key() {
			g.best = c
		}
	}
	for _, changes := range g.candidates(threshold) {
		c := g.weigh(&set{changes: changes}, threshold)
		better(c)
		better(g.narrowed(c, threshold))
	}
	return g.best
}
