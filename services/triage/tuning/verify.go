package tuning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errDiffers says that all proposals together do not do what each did.
var errDiffers = errors.New("proposals do not do together what they did one by one")

// frees notes that a proposal lets a request pass.
func (g *group) frees(it *item, r *Proposal) {
	it.freed = true
	switch {
	case slices.Contains(g.guard, it):
		r.Guard = append(r.Guard, it.Request.ID)
	case it.wrong:
		r.Unblocks = append(r.Unblocks, it.Request.ID)
		if it.disputed() {
			r.Disputed = append(r.Disputed, it.Request.ID)
		}
	default:
		r.Unblocks = append(r.Unblocks, it.Request.ID)
		r.Released = append(r.Released, it.Request.ID)
	}
}

// keeps takes back that a proposal lets a request pass.
func (r *Proposal) keeps(it *item) {
	it.freed = false
	for _, ids := range []*[]string{&r.Unblocks, &r.Released, &r.Guard, &r.Disputed} {
		*ids = slices.DeleteFunc(*ids, func(id string) bool { return id == it.Request.ID })
	}
}

// items are all requests at the place.
func (g *group) items() []*item { return slices.Concat(g.wrong, g.attacks, g.guard) }

// directives are those of proposals, by their index.
func (p *planner) directives(proposals []int) string {
	var b strings.Builder
	for _, i := range proposals {
		b.WriteString(p.accepted[i].Directive)
	}
	return b.String()
}

// verify replays all proposals at once over everything that was blocked at their
// places. A request of which that shows something else than what was found one by
// one is given to the proposal that really frees it.
func (p *planner) verify(ctx context.Context) error {
	if len(p.accepted) == 0 {
		return nil
	}
	different, err := p.different(ctx)
	if err != nil || len(different) == 0 {
		return err
	}
	for g, items := range different {
		if err := p.reassign(ctx, g, items); err != nil {
			return err
		}
	}
	if different, err = p.different(ctx); err != nil {
		return err
	}
	for _, items := range different {
		return fmt.Errorf("%w: request %q", errDiffers, items[0].Request.ID)
	}
	return nil
}

// different are the requests with which all proposals together do something else
// than what is noted.
func (p *planner) different(ctx context.Context) (map[*group][]*item, error) {
	var items []*item
	var of []*group
	for _, g := range p.groups {
		if len(g.proposals) > 0 {
			for _, it := range g.items() {
				items, of = append(items, it), append(of, g)
			}
		}
	}
	all := make([]int, len(p.accepted))
	for i := range all {
		all[i] = i
	}
	passes, err := replay(ctx, p.compile, p.directives(all), items)
	if err != nil {
		return nil, err
	}
	different := map[*group][]*item{}
	for i, it := range items {
		if passes[i] != it.freed {
			different[of[i]] = append(different[of[i]], it)
		}
	}
	return different, nil
}

// reassign replays requests with one proposal more each time, of all places: hosts may
// be those of several sites. A request is given to the proposal from which on it passes.
func (p *planner) reassign(ctx context.Context, g *group, items []*item) error {
	all, since := make([]int, 0, len(p.accepted)), make([]int, len(items))
	for j, it := range items {
		since[j] = -1
		for i := range p.accepted {
			p.accepted[i].keeps(it)
		}
	}
	for i := range p.accepted {
		all = append(all, i)
		passes, err := replay(ctx, p.compile, p.directives(all), items)
		if err != nil {
			return err
		}
		for j, pass := range passes {
			switch {
			case !pass:
				since[j] = -1
			case since[j] < 0:
				since[j] = i
			}
		}
	}
	for j, it := range items {
		if since[j] >= 0 {
			g.frees(it, &p.accepted[since[j]])
		}
	}
	return nil
}
