package proposals

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// idOf is the proposal of an exclusion in a bundle, if it is one's.
func idOf(exclusion string) (id int64, ok bool) {
	text, ok := strings.CutPrefix(exclusion, "proposal-")
	id, err := strconv.ParseInt(text, 10, 64)
	return id, ok && err == nil
}

// note keeps what became of a proposal. The bundles in use say it as well, so what they
// do has not failed where this does: that is logged.
func (k *Keeper) note(ctx context.Context, id int64, change func(*state.Proposal)) {
	row, err := k.State.Proposal(ctx, id)
	if err == nil {
		change(&row)
		err = k.State.UpdateProposal(ctx, &row)
	}
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		k.Log.Error("note what became of a proposal", slog.Int64("proposal", id), slog.Any("error", err))
	}
}

// ends are the proposals whose trial ends with a plan: those of the bundle that is tried
// out, if another one takes its place in which they are not.
func (k *Keeper) ends(ctx context.Context, plan fleet.Plan, b *bundle.Bundle) (ids []int64, err error) {
	r := k.rollout()
	if r.Candidate == "" || plan.Stage != bundle.StageAll {
		return nil, nil
	}
	old, _, err := k.Fleet.Bundle(ctx, r.Candidate)
	if err != nil {
		return nil, err
	}
	stays := map[string]bool{}
	for i := range b.Exclusions {
		stays[b.Exclusions[i].ID] = true
	}
	stable, err := k.inUse(ctx)
	if err != nil {
		return nil, err
	}
	if stable != nil { // what is taken out of this one was not on trial
		for i := range stable.Exclusions {
			stays[stable.Exclusions[i].ID] = true
		}
	}
	for i := range old.Exclusions {
		if id, ok := idOf(old.Exclusions[i].ID); ok && !stays[old.Exclusions[i].ID] {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// names are the ids of proposals in words.
func names(ids []int64) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(all, " ")
}

// tellEnded notes that the trial of proposals has ended with another one. The leaf of
// that one has named them.
func (k *Keeper) tellEnded(ctx context.Context, actor string, with *Proposal, ids []int64) {
	for _, id := range ids {
		other, err := k.Get(ctx, id)
		if err == nil {
			leaf := k.leaf(actor, audit.ActTakeOut, other)
			leaf.Detail["why"] = "its trial ended when proposal " + strconv.FormatInt(with.ID, 10) + " was taken out"
			_, err = k.Audit(ctx, leaf)
		}
		if err != nil {
			k.Log.Error("tell that a trial has ended", slog.Int64("proposal", id), slog.Any("error", err))
		}
		k.note(ctx, id, func(row *state.Proposal) { row.Status = state.RolledBack })
	}
}
