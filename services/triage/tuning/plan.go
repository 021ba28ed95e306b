package tuning

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf"
)

// Plan is a list of proposals in the order in which they help most.
type Plan struct {
	Proposals []Proposal
	Wrong     int // blocked requests taken for false positives
	Nowhere   int // of these, at places that no directive can describe
	Guard     int // attacks of the guard that were blocked
	Guarded   int // places where there is more that would help, left out for what it would free of the guard
}

// planner is one run of [Propose].
type planner struct {
	Config
	compile   Compile
	threshold int
	groups    []*group
	room      int // attacks of the guard that may still be freed
	total     int // of false positives
	guard     int
	accepted  []Proposal
	found     []finding // of accepted
	progress  func(done int)
}

// finding is where a proposal comes from.
type finding struct {
	*group
	*candidate
}

// maxAttempts bounds how often the replay may refuse what was reckoned for one
// group, before the group is left alone.
const maxAttempts = 12

// Propose looks for proposals that free the false positives among the blocked
// cases. guard holds blocked attacks that must stay blocked; those of the cases
// that are taken for attacks count too. The engine that compile makes must block
// all cases without directives. progress is called after each proposal, unless
// nil.
func Propose(ctx context.Context, cfg Config, settings waf.Settings, compile Compile, cases, guard []*Case, progress func(done int)) (*Plan, error) {
	cfg = cfg.withDefaults()
	p := &planner{Config: cfg, compile: compile, threshold: threshold(settings), progress: progress, guard: len(guard)}
	p.room = int(cfg.GuardLoss * float64(len(guard)))
	plan := &Plan{Guard: len(guard)}
	p.groups, plan.Nowhere = cfg.groups(cases, guard)
	plan.Wrong = plan.Nowhere
	for _, g := range p.groups {
		plan.Wrong += len(g.wrong)
	}
	p.total = plan.Wrong
	for len(p.accepted) < cfg.Limit {
		g, c := p.next()
		if c == nil {
			break
		}
		if err := p.try(ctx, g, c); err != nil {
			return nil, err
		}
	}
	if err := p.verify(ctx); err != nil {
		return nil, err
	}
	freed := 0
	for i := range p.accepted {
		r := &p.accepted[i]
		freed += len(r.Unblocks) - len(r.Released)
		r.Evidence = p.evidence(p.found[i], r, freed)
	}
	plan.Proposals = p.accepted
	if len(p.accepted) < cfg.Limit {
		plan.Guarded = p.guarded()
	}
	return plan, nil
}

// next is the best candidate of all groups.
func (p *planner) next() (*group, *candidate) {
	var at *group
	var best *candidate
	for _, g := range p.groups {
		if c := g.choose(p.threshold, p.room); c != nil && (best == nil || c.value > best.value) {
			at, best = g, c
		}
	}
	return at, best
}

// try replays a candidate and accepts it if it does what was reckoned.
func (p *planner) try(ctx context.Context, g *group, c *candidate) error {
	g.settled = false
	var items []*item
	for _, all := range [][]*item{g.wrong, g.attacks, g.guard} {
		for _, it := range all {
			if !it.freed && it.touches(c.changes) {
				items = append(items, it)
			}
		}
	}
	passes, err := replay(ctx, p.compile, p.directives(g.proposals)+directive(p.FirstID+len(p.accepted), g.place, c.set, g.allowed(c.changes)), items)
	if err != nil {
		return err
	}
	wrong, attacks, guard := 0.0, 0.0, 0
	for i, it := range items {
		switch {
		case !passes[i]:
		case slices.Contains(g.guard, it):
			guard++
		case it.wrong:
			wrong += 1 - it.PAttack
		default:
			attacks += it.PAttack
		}
	}
	if value := wrong - releasedCost*attacks - guardCost*float64(guard); value <= 0 || wrong < c.gain/2 || guard > p.room {
		g.refused[c.key()] = true
		g.guarded = g.guarded || guard > 0 && wrong >= c.gain/2 && wrong > releasedCost*attacks
		if len(g.refused) >= maxAttempts {
			g.spent = true
		}
		return nil
	}
	p.accept(g, c, items, passes)
	return nil
}

// allowed are the values that were allowed at the place before, of the policies
// that changes extend: a list is set as a whole.
func (g *group) allowed(changes []change) []change {
	var all []change
	for _, s := range g.base {
		for _, before := range s.changes {
			if before.kind == allowValue && slices.ContainsFunc(changes, func(c change) bool { return c.kind == allowValue && c.rule == before.rule }) {
				all = append(all, before)
			}
		}
	}
	return all
}

// touches tells whether changes concern a rule that counted.
func (it *item) touches(changes []change) bool {
	return slices.ContainsFunc(changes, func(c change) bool { return slices.Contains(it.Decision.Scoring, c.rule) })
}

func (p *planner) accept(g *group, c *candidate, items []*item, passes []bool) {
	id := p.FirstID + len(p.accepted)
	allowed := g.allowed(c.changes)
	r := Proposal{ID: id, Directive: directive(id, g.place, c.set, allowed), Site: g.site, Path: g.shownPath(), Unblocks: []string{}, Released: []string{}, Guard: []string{}}
	var portable []change
	for _, change := range c.changes {
		portable = append(portable, change.portable()...)
		if !slices.Contains(r.Rules, change.rule) {
			r.Rules = append(r.Rules, change.rule)
		}
	}
	slices.Sort(r.Rules)
	slices.SortFunc(portable, change.compare)
	if text := directive(id, g.place, &set{slices.Compact(portable), c.query}, allowed); text != r.Directive {
		r.Portable = text
	}
	for i, it := range items {
		if passes[i] {
			g.frees(it, &r)
		}
	}
	g.base = append(g.base, c.set)
	g.proposals = append(g.proposals, len(p.accepted))
	p.room -= len(r.Guard)
	p.found = append(p.found, finding{g, c})
	p.accepted = append(p.accepted, r)
	if p.progress != nil {
		p.progress(len(p.accepted))
	}
}

// evidence says in words what speaks for a proposal and what against it.
func (p *planner) evidence(g finding, r *Proposal, freed int) []verdict.Evidence {
	var what []string
	for _, change := range g.changes {
		what = append(what, change.words())
	}
	where := "on all paths of " + g.site
	if g.path != "" {
		where = "on " + g.shownPath() + " of " + g.site
	}
	if g.query != nil {
		where += ", while the query has no unusual characters"
	}
	wrong := len(r.Unblocks) - len(r.Released)
	narrow, words := g.narrowness()
	all := []verdict.Evidence{
		{Name: "change", Detail: strings.Join(what, "; ") + " " + where},
		{Name: "unblocked", Weight: float64(wrong), Detail: fmt.Sprintf("%d requests taken for false positives pass; with the proposals before it %d of %d", wrong, freed, p.total)},
		{Name: "released", Weight: 0 - float64(len(r.Released)), Detail: fmt.Sprintf("%d of %d blocked requests at this place that are taken for attacks pass", len(r.Released), len(g.attacks))},
		{Name: "guard", Weight: 0 - float64(len(r.Guard)), Detail: fmt.Sprintf("%d of %d attacks of the guard at this place pass; the guard has %d blocked attacks in all", len(r.Guard), len(g.group.guard), p.guard)},
		{Name: "narrowness", Weight: narrow, Detail: words},
	}
	if len(r.Disputed) > 0 {
		all = append(all, verdict.Evidence{Name: "disputed", Weight: 0 - float64(len(r.Disputed)), Detail: fmt.Sprintf(
			"%d of the requests taken for false positives the verdict takes for sure attacks; labelled by %s", len(r.Disputed), g.labelers(r))})
	}
	return all
}

// maxLabelers bounds how many are named.
const maxLabelers = 10

// labelers names who labelled what is disputed.
func (f finding) labelers(r *Proposal) string {
	disputed, names := map[string]bool{}, map[string]bool{}
	for _, id := range r.Disputed {
		disputed[id] = true
	}
	for _, it := range f.wrong {
		if disputed[it.Request.ID] && it.disputed() {
			names[it.Labeler] = true
		}
	}
	all := slices.Sorted(maps.Keys(names))
	text := strings.Join(all[:min(len(all), maxLabelers)], ", ")
	if more := len(all) - maxLabelers; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// narrowness says how little of the rules a proposal takes away: from 1, for a value
// or a variable on one path, down to 0.25, for a whole rule on a whole site.
func (f finding) narrowness() (weight float64, words string) {
	weight = 1
	targets, off, values := 0, 0, 0
	for _, c := range f.changes {
		switch c.kind {
		case removeRule:
			off++
		case removeTarget:
			targets++
		case allowValue:
			values++
		}
	}
	var what []string
	for _, x := range []struct {
		n    int
		what string
	}{{values, "values that a policy allows"}, {targets, "variables that a rule no longer looks at"}, {off, "rules that are off"}} {
		if x.n > 0 {
			what = append(what, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	if off > 0 {
		weight /= 2
	}
	where := "one path"
	switch {
	case f.path == "":
		where = "the whole site"
		weight /= 2
	case f.exact == "":
		where = "paths of one template"
	}
	return weight, strings.Join(what, ", ") + ", on " + where
}

// words describe a change.
func (c change) words() string {
	switch c.kind {
	case allowValue:
		return fmt.Sprintf("rule %d allows %s", c.rule, c.value)
	case removeTarget:
		return fmt.Sprintf("rule %d no longer looks at %s", c.rule, c.target)
	}
	return fmt.Sprintf("rule %d is off", c.rule)
}
