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
	default:
		r.Unblocks = append(r.Unblocks, it.Request.ID)
		r.Released = append(r.Released, it.Request.ID)
	}
}

// keeps takes back that a proposal lets a request pass.
func (r *Proposal) keeps(it *item) {
	it.freed = false
	for _, ids := range []*[]string{&r.Unblocks, &r.Released, &r.Guard} {
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

// reassign replays requests with one proposal of their place more each time.
func (p *planner) reassign(ctx context.Context, g *group, items []*item) error {
	for _, it := range items {
		for _, i := range g.proposals {
			p.accepted[i].keeps(it)
		}
	}
	for n, i := range g.proposals {
		passes, err := replay(ctx, p.compile, p.directives(g.proposals[:n+1]), items)
		if err != nil {
			return err
		}
		for j, it := range items {
			if passes[j] && !it.freed {
				g.frees(it, &p.accepted[i])
			}
		}
	}
	return nil
}
