package tuning

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/waf"
)

// RulesFunc makes the engine that judges a site now, with directives before all of
// CRS and behind those in use. The caller closes it.
type RulesFunc func(site, directives string) (*waf.Engine, error)

// Ask asks for proposals from the requests that nodes have kept.
type Ask struct {
	Config
	Selection
	Guard []*verdict.Request // attacks from elsewhere that must stay blocked
}

// LivePlan is proposals for all sites, the most helpful first.
type LivePlan struct {
	Plan
	LeftOut LeftOut
	Sites   int      // with wrongly blocked requests
	Judged  int      // requests that were judged again
	Partial []string // why not all requests were read; empty if they were
}

// Progress is how far a job is.
type Progress struct {
	Stage       string // read, judge or propose
	Done, Total int    // Total is 0 where it is not known
}

// Propose looks for proposals that free the kept requests which were wrongly blocked,
// by a label or by their verdict. Kept attacks, by a label or a verdict that is sure,
// are guard besides those of ask; other suspects are listed where a proposal would let
// them pass. Copies about which rules say something else than about the request are
// left out and counted. tell may be called from several goroutines, and may be nil.
func (l *Live) Propose(ctx context.Context, ask Ask, tell func(Progress)) (*LivePlan, error) {
	if tell == nil {
		tell = func(Progress) {}
	}
	ask.Config = ask.withDefaults()
	tell(Progress{Stage: "read"})
	bySite, left, partial, err := l.read(ctx, ask.Selection, "waf.decision: block")
	if err != nil {
		return nil, err
	}
	plan := &LivePlan{LeftOut: left, Partial: partial}
	var sites [][]Proposal
	next := ask.FirstID
	for _, site := range slices.Sorted(maps.Keys(bySite)) {
		cfg := ask.Config
		cfg.FirstID = next
		found, err := l.site(ctx, site, cfg, bySite[site], ask.Guard, plan, tell)
		if err != nil {
			return nil, fmt.Errorf("site %q: %w", site, err)
		}
		if found == nil {
			continue
		}
		next += len(found.Proposals)
		plan.Sites++
		plan.Wrong += found.Wrong
		plan.Nowhere += found.Nowhere
		plan.Guard += found.Guard
		plan.Guarded += found.Guarded
		sites = append(sites, found.Proposals)
	}
	plan.Proposals = merged(sites, ask.Limit)
	return plan, nil
}

// merged puts the proposals of sites into one order: those of a site count on the ones
// before them and stay in theirs.
func merged(sites [][]Proposal, limit int) (all []Proposal) {
	for len(all) < limit {
		best := -1
		for i, s := range sites {
			if len(s) > 0 && (best < 0 || len(s[0].Unblocks) > len(sites[best][0].Unblocks)) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		all = append(all, sites[best][0])
		sites[best] = sites[best][1:]
	}
	return all
}

// site proposes for one site, nil if nothing was wrongly blocked there.
func (l *Live) site(ctx context.Context, site string, cfg Config, all []request, guard []*verdict.Request, plan *LivePlan, tell func(Progress)) (*Plan, error) {
	if !slices.ContainsFunc(all, func(r request) bool { return r.pAttack < cfg.Suspect }) {
		return nil, nil
	}
	compile := func(directives string) (*waf.Engine, error) { return l.Rules(site, directives) }
	engine, err := compile("")
	if err != nil {
		return nil, err
	}
	defer func() { _ = engine.Close() }() // its caches go in any case
	cases, left, err := judgeAgain(ctx, engine, all, tell)
	plan.LeftOut.add(left)
	if err != nil {
		return nil, err
	}
	plan.Judged += len(all)
	var attacks, foreign []*Case
	for _, c := range cases {
		if c.Labeled && c.PAttack == 1 || !c.Labeled && c.PAttack >= MaxSuspect {
			attacks = append(attacks, c)
		}
	}
	if foreign, err = blockedAttacks(ctx, engine, guard); err != nil {
		return nil, err
	}
	cases = slices.DeleteFunc(cases, func(c *Case) bool { return slices.Contains(attacks, c) })
	total := 0
	for _, c := range cases {
		if cfg.wrong(c) {
			total++
		}
	}
	if total == 0 {
		return nil, nil
	}
	return Propose(ctx, cfg, engine.Settings(), compile, cases, append(attacks, foreign...), func(done int) {
		tell(Progress{Stage: "propose", Done: done, Total: 0})
	})
}

// judgeAgain judges blocked requests by the rules in use, on all processors, and
// returns those that they block for what they were blocked for.
func judgeAgain(ctx context.Context, engine *waf.Engine, all []request, tell func(Progress)) ([]*Case, LeftOut, error) {
	var left LeftOut
	var done atomic.Int64
	cases, failed := make([]*Case, len(all)), make([]bool, len(all))
	err := eachOf(ctx, len(all), func(i int) error {
		r := &all[i]
		d, err := waf.Within(ctx, waf.JudgeLimit, func(ctx context.Context) (waf.Decision, error) { return engine.JudgeCopy(ctx, r.copy) })
		tell(Progress{Stage: "judge", Done: int(done.Add(1)), Total: len(all)})
		switch {
		case err != nil:
			failed[i] = true // a request that the engine cannot judge must not end the job
		case d.Block && explains(r.copy, &d):
			cases[i] = &Case{Request: &r.copy.Request, Body: r.copy.BodyBytes, Decision: d, PAttack: r.pAttack, Labeled: r.labeled, Verdict: r.verdict, Labeler: r.labeler}
			cases[i].Request.ID = r.ref.ID
		}
		return nil
	})
	if err != nil {
		return nil, left, err
	}
	var kept []*Case
	for i, c := range cases {
		switch {
		case failed[i]:
			left.Unreadable++
		case c == nil:
			left.Otherwise++
		default:
			kept = append(kept, c)
		}
	}
	return kept, left, nil
}

// explains tells whether rules that block a copy now are among those that blocked it
// then: other rules say nothing of what the node will do.
func explains(c *kept.Copy, d *waf.Decision) bool {
	return !slices.ContainsFunc(d.Scoring, func(id int) bool { return !slices.Contains(c.Rules, id) })
}

// blockedAttacks judges attacks from elsewhere and returns those that are blocked.
func blockedAttacks(ctx context.Context, engine *waf.Engine, all []*verdict.Request) ([]*Case, error) {
	cases := make([]*Case, len(all))
	err := eachOf(ctx, len(all), func(i int) error {
		d, err := engine.JudgeRequest(ctx, all[i])
		if err != nil {
			return fmt.Errorf("judge attack %q of the guard: %w", all[i].ID, err)
		}
		if d.Block {
			cases[i] = &Case{Request: all[i], Decision: d, PAttack: 1, Labeled: true}
		}
		return nil
	})
	return slices.DeleteFunc(cases, func(c *Case) bool { return c == nil }), err
}

// eachOf calls f with 0 to n-1 on all processors.
func eachOf(ctx context.Context, n int, f func(i int) error) error {
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		if running.Err() != nil {
			break
		}
		group.Go(func() error { return f(i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
