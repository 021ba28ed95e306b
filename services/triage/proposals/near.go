package proposals

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// near are what a search found and what is still open of searches before, seen together:
// who reads them decides about a place once.
type near struct {
	rows []state.Proposal // to be kept
	ids  []int64          // of what was found: 0 for those of rows, in their order, else of an open one
	gone []int64          // open ones whose place rows take
}

// rival is an open proposal, and what speaks for it and against it.
type rival struct {
	state.Proposal
	Content
}

// alike tells whether two proposals are for the same place, and one does all that the
// other does.
func alike(a, b *state.Proposal) bool {
	return a.Kind == b.Kind && a.Site == b.Site && (tuning.Covers(a.Directive, b.Directive) || tuning.Covers(b.Directive, a.Directive))
}

// rivals are the open proposals that are like one of found and were not found again:
// those keep their ids in any case. Those whose ids are in used are in use.
func (k *Keeper) rivals(ctx context.Context, found []state.Proposal, used []int64) (all []rival, err error) {
	const page = 500
	for after := int64(0); ; {
		open, err := k.State.Proposals(ctx, state.Proposed, after, page)
		if err != nil {
			return nil, err
		}
		for i := range open {
			o := &open[i]
			again := slices.ContainsFunc(found, func(f state.Proposal) bool { return f.Name == o.Name })
			if again || slices.Contains(used, o.ID) || !slices.ContainsFunc(found, func(f state.Proposal) bool { return alike(&f, o) }) {
				continue
			}
			r := rival{Proposal: *o}
			if err := json.Unmarshal([]byte(o.Content), &r.Content); err != nil {
				return nil, fmt.Errorf("read proposal %d: %w", o.ID, err)
			}
			all = append(all, r)
		}
		if len(open) < page {
			return all, nil
		}
		after = open[page-1].ID
	}
}

// settleNear compares what a search found with its rivals. A find takes their place: they
// are older. But a lax question never takes the place of what a stricter one found; what
// it finds that such a proposal does already is that one, unless more speaks against it
// by now.
func settleNear(found []state.Proposal, rivals []rival) (near, error) {
	var n near
	for i := range found {
		row := &found[i]
		var c Content
		if err := json.Unmarshal([]byte(row.Content), &c); err != nil {
			return n, fmt.Errorf("read proposal %d: %w", row.ID, err)
		}
		id := int64(0)
		var gone []int64
		for j := range rivals {
			r := &rivals[j]
			switch {
			case !alike(row, &r.Proposal):
			case !c.lax() || r.lax():
				gone = append(gone, r.ID)
			case tuning.Covers(r.Directive, row.Directive) && !c.worse(&r.Content):
				id = r.ID
			}
		}
		if n.ids = append(n.ids, id); id == 0 {
			n.rows, n.gone = append(n.rows, *row), append(n.gone, gone...)
		}
	}
	return n, nil
}

// lax tells whether a question that was no strict one found it.
func (c *Content) lax() bool {
	for i := range c.Evidence {
		if c.Evidence[i].Name == laxEvidence {
			return true
		}
	}
	return false
}

// worse tells whether more speaks against it than against another one.
func (c *Content) worse(o *Content) bool {
	cost := func(c *Content) float64 {
		if c.Cost == nil {
			return 0
		}
		return c.Cost[0]
	}
	return len(c.Released) > len(o.Released) || len(c.Guard) > len(o.Guard) || len(c.Disputed) > len(o.Disputed) ||
		len(c.Blocks) > len(o.Blocks) || cost(c) > cost(o)
}
