package tuning

import (
	"context"
	"errors"
	"fmt"
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
}

// planner is one run of [Propose].
type planner struct {
	Config
	settings  waf.Settings
	compile   Compile
	threshold int
	groups    []*group
	room      int // attacks of the guard that may still be freed
	total     int // of false positives
	freed     int
	guard     int
	accepted  []Proposal
	progress  func(done int)
}

// maxAttempts bounds how often the replay may refuse what was reckoned for one
// group, before the group is left alone.
const maxAttempts = 12

// errDiffers says that all proposals together do not do what each did.
var errDiffers = errors.New("proposals do not do together what they did one by one")

// Propose looks for proposals that free the false positives among the blocked
// cases. guard holds blocked attacks that must stay blocked; those of the cases
// that are taken for attacks count too. The engine that compile makes must block
// all cases without directives. progress is called after each proposal, unless
// nil.
func Propose(ctx context.Context, cfg Config, settings waf.Settings, compile Compile, cases, guard []*Case, progress func(done int)) (*Plan, error) {
	cfg = cfg.withDefaults()
	p := &planner{Config: cfg, settings: settings, compile: compile, threshold: threshold(settings), progress: progress, guard: len(guard)}
	p.room = int(cfg.GuardLoss * float64(len(guard)))
	plan := &Plan{Guard: len(guard)}
	p.groups, plan.Nowhere = groups(cfg.Scope, cases, guard)
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
	plan.Proposals = p.accepted
	return plan, p.verify(ctx)
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
	changes := slices.Concat(g.base, c.changes)
	var items []*item
	for _, all := range [][]*item{g.wrong, g.attacks, g.guard} {
		for _, it := range all {
			if !it.freed && it.touches(c.changes) {
				items = append(items, it)
			}
		}
	}
	passes, err := replay(ctx, p.compile, directive(p.FirstID, g.place, changes), items)
	if err != nil {
		return err
	}
	wrong, attacks, guard := 0.0, 0.0, 0
	for i, it := range items {
		switch {
		case !passes[i]:
		case slices.Contains(g.guard, it):
			guard++
		case it.wrong():
			wrong += 1 - it.PAttack
		default:
			attacks += it.PAttack
		}
	}
	if value := wrong - releasedCost*attacks - guardCost*float64(guard); value <= 0 || wrong < c.gain/2 || guard > p.room {
		g.refused[keyOf(c.changes)] = true
		if len(g.refused) >= maxAttempts {
			g.spent = true
		}
		return nil
	}
	p.accept(g, c, items, passes)
	return nil
}

// touches tells whether changes concern a rule that counted.
func (it *item) touches(changes []change) bool {
	return slices.ContainsFunc(it.finds, func(f find) bool {
		return slices.ContainsFunc(changes, func(c change) bool { return c.rule == f.rule })
	})
}

func (p *planner) accept(g *group, c *candidate, items []*item, passes []bool) {
	id := p.FirstID + len(p.accepted)
	// A list of allowed values is set as a whole: it repeats those of before.
	changes := slices.Clone(c.changes)
	for _, before := range g.base {
		if before.kind == allowValue && slices.ContainsFunc(c.changes, func(n change) bool { return n.kind == allowValue && n.rule == before.rule }) {
			changes = append(changes, before)
		}
	}
	r := Proposal{Directive: directive(id, g.place, changes), Site: g.site, Path: g.shownPath(), Unblocks: []string{}, Released: []string{}, Guard: []string{}}
	portable := make([]change, len(changes))
	for i, change := range changes {
		portable[i] = change.portable()
		if !slices.Contains(r.Rules, change.rule) {
			r.Rules = append(r.Rules, change.rule)
		}
	}
	slices.Sort(r.Rules)
	slices.SortFunc(portable, change.compare)
	if text := directive(id, g.place, slices.Compact(portable)); text != r.Directive {
		r.Portable = text
	}
	for i, it := range items {
		if !passes[i] {
			continue
		}
		it.freed = true
		if slices.Contains(g.guard, it) {
			r.Guard = append(r.Guard, it.Request.ID)
			continue
		}
		r.Unblocks = append(r.Unblocks, it.Request.ID)
		if !it.wrong() {
			r.Released = append(r.Released, it.Request.ID)
		}
	}
	g.base = append(g.base, c.changes...)
	p.room -= len(r.Guard)
	p.freed += len(r.Unblocks) - len(r.Released)
	r.Evidence = p.evidence(g, c, &r)
	p.accepted = append(p.accepted, r)
	if p.progress != nil {
		p.progress(len(p.accepted))
	}
}

// evidence says in words what speaks for a proposal and what against it.
func (p *planner) evidence(g *group, c *candidate, r *Proposal) []verdict.Evidence {
	var what []string
	for _, change := range c.changes {
		what = append(what, change.words())
	}
	where := "on all paths of " + g.site
	if g.path != "" {
		where = "on " + g.shownPath() + " of " + g.site
	}
	wrong := len(r.Unblocks) - len(r.Released)
	return []verdict.Evidence{
		{Name: "change", Detail: strings.Join(what, "; ") + " " + where},
		{Name: "unblocked", Weight: float64(wrong), Detail: fmt.Sprintf("%d requests taken for false positives pass; with the proposals before it %d of %d", wrong, p.freed, p.total)},
		{Name: "released", Weight: 0 - float64(len(r.Released)), Detail: fmt.Sprintf("%d of %d blocked requests at this place that are taken for attacks pass", len(r.Released), len(g.attacks))},
		{Name: "guard", Weight: 0 - float64(len(r.Guard)), Detail: fmt.Sprintf("%d of %d attacks of the guard at this place pass; the guard has %d blocked attacks in all", len(r.Guard), len(g.guard), p.guard)},
	}
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

// verify replays all proposals at once over everything that was blocked: what
// each frees was found one by one.
func (p *planner) verify(ctx context.Context) error {
	if len(p.accepted) == 0 {
		return nil
	}
	var all strings.Builder
	for _, r := range p.accepted {
		all.WriteString(r.Directive)
	}
	var items []*item
	for _, g := range p.groups {
		if len(g.base) > 0 {
			items = slices.Concat(items, g.wrong, g.attacks, g.guard)
		}
	}
	passes, err := replay(ctx, p.compile, all.String(), items)
	if err != nil {
		return err
	}
	for i, it := range items {
		if passes[i] != it.freed {
			return fmt.Errorf("%w: request %q", errDiffers, it.Request.ID)
		}
	}
	return nil
}
