package proposals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// Plan says how a proposal is applied.
type Plan struct {
	Owner   string // who answers for it; "" is the actor
	Reason  string
	Expires time.Time // zero for never; to the second
	Stage   bundle.Stage
	Share   int
	Nodes   []string
}

// Apply puts a proposal into a new bundle, made from the one for all requests, and
// rolls that out in a stage. Applied again, while its bundle is tried out, the bundle
// goes to another stage, with the owner and the expiry that it has. [ErrState] means
// that another bundle is being tried out, that the proposal is in use already or
// retired, or that it frees what the verdict is sure about and was not tried out. What has expired is taken out first.
func (k *Keeper) Apply(ctx context.Context, actor string, id int64, plan Plan) (*Proposal, error) {
	k.acting.Lock()
	defer k.acting.Unlock()
	if _, err := k.expire(ctx); err != nil {
		return nil, err
	}
	p, err := k.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	r := k.rollout()
	switch {
	case p.Stage == bundle.StageAll:
		return nil, fmt.Errorf("proposal %d: to apply it %w: all nodes use it", id, ErrState)
	case p.Stage != "":
		return k.further(ctx, actor, p, r.Candidate, plan)
	case p.Status == state.Retired:
		return nil, fmt.Errorf("proposal %d: to apply it %w: it is retired; a new job proposes it anew", id, ErrState)
	case plan.Stage == bundle.StageAll && len(p.Disputed) > 0:
		return nil, fmt.Errorf("proposal %d: to apply it to all %w: the verdict takes %d of what it frees for sure attacks, so it has to be tried out in shadow or canary first", id, ErrState, len(p.Disputed))
	case r.Candidate != "":
		return nil, fmt.Errorf("proposal %d: to apply it %w: bundle %.12s is being tried out, which has to go to all nodes or be taken back first", id, ErrState, r.Candidate)
	case !p.Expires.IsZero() && p.Status == state.Expired && plan.Expires.IsZero():
		return nil, fmt.Errorf("expires: %w: it has expired before, so it needs a new time", ErrInvalid)
	case !plan.Expires.IsZero() && !plan.Expires.After(k.Now()):
		return nil, fmt.Errorf("expires: %w: the time is over", ErrInvalid)
	}
	if plan.Owner == "" {
		plan.Owner = actor
	}
	if plan.Reason == "" {
		plan.Reason = p.why()
	}
	plan.Expires = plan.Expires.UTC().Truncate(time.Second)
	b, err := k.next(ctx)
	if err != nil {
		return nil, err
	}
	b.Exclusions = append(b.Exclusions, bundle.Exclusion{
		ID: exclusionID(id), Site: p.Site, Owner: plan.Owner, Reason: plan.Reason, Expires: plan.Expires, Directive: p.Directive,
	})
	if err := k.rollOut(ctx, actor, audit.ActApply, p, b, fleet.Plan{Stage: plan.Stage, Share: plan.Share, Nodes: plan.Nodes, Reason: plan.Reason}, func(row *state.Proposal) {
		row.Status, row.Owner, row.Reason, row.Expires = state.Applied, plan.Owner, plan.Reason, plan.Expires
	}); err != nil {
		return nil, err
	}
	return k.Get(ctx, id)
}

// why is the reason of a proposal where nobody gives another one.
func (p *Proposal) why() string {
	if len(p.Evidence) > 0 {
		return p.Evidence[0].Detail
	}
	return "proposal " + strconv.FormatInt(p.ID, 10)
}

// further takes the bundle of a proposal to another stage. What is in the bundle cannot
// change on the way: another owner or expiry is refused and not ignored.
func (k *Keeper) further(ctx context.Context, actor string, p *Proposal, name string, plan Plan) (*Proposal, error) {
	switch {
	case !plan.Expires.IsZero() && !plan.Expires.Truncate(time.Second).Equal(p.Expires):
		return nil, fmt.Errorf("expires: %w: the bundle that is tried out has another expiry; take it back to change that", ErrInvalid)
	case plan.Owner != "" && plan.Owner != p.Owner:
		return nil, fmt.Errorf("owner: %w: the bundle that is tried out is owned by %.200q; take it back to change that", ErrInvalid, p.Owner)
	}
	leaf := k.leaf(actor, audit.ActApply, p)
	leaf.Detail["bundle"], leaf.Detail["stage"], leaf.Detail["why"] = name, string(plan.Stage), plan.Reason
	err := k.act(ctx, leaf, func(ctx context.Context) error {
		_, err := k.Fleet.RollOut(ctx, actor, fleet.Plan{Bundle: name, Stage: plan.Stage, Share: plan.Share, Nodes: plan.Nodes, Reason: plan.Reason})
		return err
	})
	if err != nil {
		return nil, err
	}
	return k.Get(ctx, p.ID)
}

// rollout is the one in force, an empty one if there is none.
func (k *Keeper) rollout() fleet.Rollout {
	if r := k.Fleet.Rollout(); r != nil {
		return *r
	}
	return fleet.Rollout{}
}

// next is a copy of the bundle for all requests without what has expired, an empty
// one if there is none.
func (k *Keeper) next(ctx context.Context) (*bundle.Bundle, error) {
	b, err := k.inUse(ctx)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return &bundle.Bundle{Version: bundle.Version, CRS: waf.CRSVersion}, nil
	}
	c := *b
	now := k.Now()
	c.Exclusions = slices.DeleteFunc(slices.Clone(b.Exclusions), func(x bundle.Exclusion) bool { return x.Expired(now) })
	return &c, nil
}

// leaf tells of an act about a proposal.
func (k *Keeper) leaf(actor, act string, p *Proposal) audit.Leaf {
	return audit.Leaf{Actor: actor, Act: act, Object: strconv.FormatInt(p.ID, 10), Hash: p.Name, Detail: map[string]string{
		"site": p.Site, "path": clip(p.Path), "directive": clip(p.Directive),
	}}
}

// clip bounds a text in a leaf.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 4096)], "?") }

// rollOut makes a bundle, rolls it out, and notes what became of a proposal, and of those
// whose trial ends with it. It has failed only if the nodes are not offered the bundle.
func (k *Keeper) rollOut(ctx context.Context, actor, act string, p *Proposal, b *bundle.Bundle, plan fleet.Plan, change func(*state.Proposal)) error {
	text, err := b.Encode()
	if err != nil {
		return err
	}
	plan.Bundle = bundle.Sum(text)
	if err := plan.Check(); err != nil { // before anything is kept
		return err
	}
	ended, err := k.ends(ctx, plan, b)
	if err != nil {
		return err
	}
	row := p.Proposal
	change(&row)
	leaf := k.leaf(actor, act, p)
	if len(ended) > 0 {
		leaf.Detail["ends"] = clip(names(ended))
	}
	for key, value := range map[string]string{"bundle": plan.Bundle, "stage": string(plan.Stage), "owner": row.Owner, "reason": row.Reason, "why": plan.Reason} {
		leaf.Detail[key] = value
	}
	if !row.Expires.IsZero() {
		leaf.Detail["expires"] = row.Expires.Format(time.RFC3339)
	}
	err = k.act(ctx, leaf, func(ctx context.Context) error {
		if _, _, err := k.Fleet.Create(ctx, actor, text); err != nil {
			return err
		}
		_, err := k.Fleet.RollOut(ctx, actor, plan)
		return err
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	k.note(ctx, p.ID, func(row *state.Proposal) { change(row); row.Bundle = plan.Bundle })
	k.tellEnded(ctx, actor, p, ended)
	return nil
}

// Retire says that nobody wants a proposal any more. If it is in use it is taken out, as
// [Keeper.RollBack] does it.
func (k *Keeper) Retire(ctx context.Context, actor string, id int64, reason string) (*Proposal, error) {
	k.acting.Lock()
	defer k.acting.Unlock()
	p, err := k.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Stage != "" {
		return k.takeOut(ctx, actor, audit.ActRetire, p, state.Retired, reason)
	}
	if p.Status == state.Retired {
		return nil, fmt.Errorf("proposal %d: to retire it %w: it is", id, ErrState)
	}
	row := p.Proposal
	row.Status = state.Retired
	leaf := k.leaf(actor, audit.ActRetire, p)
	leaf.Detail["why"] = reason
	if err := k.act(ctx, leaf, func(ctx context.Context) error { return k.State.UpdateProposal(ctx, &row) }); err != nil {
		return nil, err
	}
	return k.Get(ctx, id)
}

// RollBack takes a proposal out of the bundle that it is in. Out of the one for all
// requests, this ends the trial of another bundle: its proposals are rolled back, too,
// each with a leaf, and evidence "ended" of what is returned names them.
func (k *Keeper) RollBack(ctx context.Context, actor string, id int64, reason string) (*Proposal, error) {
	k.acting.Lock()
	defer k.acting.Unlock()
	p, err := k.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Stage == "" {
		return nil, fmt.Errorf("proposal %d: to roll it back %w: it is not in use", id, ErrState)
	}
	return k.takeOut(ctx, actor, audit.ActTakeOut, p, state.RolledBack, reason)
}

// takeOut takes a proposal out of the bundles in use.
func (k *Keeper) takeOut(ctx context.Context, actor, act string, p *Proposal, status state.ProposalStatus, reason string) (*Proposal, error) {
	r := k.rollout()
	plan := fleet.Plan{Stage: bundle.StageAll, Reason: reason}
	name := r.Stable
	if p.Stage != bundle.StageAll { // it is tried out
		name, plan.Stage, plan.Share, plan.Nodes = r.Candidate, r.Stage, r.Share, r.Nodes
	}
	b, _, err := k.Fleet.Bundle(ctx, name)
	if err != nil {
		return nil, err
	}
	without := *b
	without.Exclusions = slices.DeleteFunc(slices.Clone(b.Exclusions), func(x bundle.Exclusion) bool { return x.ID == exclusionID(p.ID) })
	change := func(row *state.Proposal) { row.Status = status }
	if p.Stage != bundle.StageAll {
		if same, err := k.sameAsStable(ctx, r.Stable, &without); err != nil {
			return nil, err
		} else if same {
			err = k.withdraw(ctx, actor, act, p, status, reason)
			if err != nil {
				return nil, err
			}
			return k.Get(ctx, p.ID)
		}
	}
	ended, err := k.ends(ctx, plan, &without)
	if err != nil {
		return nil, err
	}
	if err := k.rollOut(ctx, actor, act, p, &without, plan, change); err != nil {
		return nil, err
	}
	if p, err = k.Get(ctx, p.ID); err == nil && len(ended) > 0 {
		p.Evidence = append(p.Evidence, verdict.Evidence{Name: "ended", Detail: "the trial of these proposals ended with it: " + names(ended)})
	}
	return p, err
}

// sameAsStable tells whether a bundle is the one for all requests, or has nothing where
// there is none.
func (k *Keeper) sameAsStable(ctx context.Context, stable string, b *bundle.Bundle) (bool, error) {
	text, err := b.Encode()
	if err != nil {
		return false, err
	}
	old, err := k.next(ctx)
	if err != nil {
		return false, err
	}
	want, err := old.Encode()
	return err == nil && (bundle.Sum(text) == stable || bundle.Sum(text) == bundle.Sum(want)), err
}

// withdraw ends the trial of a bundle.
func (k *Keeper) withdraw(ctx context.Context, actor, act string, p *Proposal, status state.ProposalStatus, reason string) error {
	leaf := k.leaf(actor, act, p)
	leaf.Detail["why"] = reason
	err := k.act(ctx, leaf, func(ctx context.Context) error {
		if _, err := k.Fleet.RollBack(ctx, actor, reason); err != nil && !errors.Is(err, fleet.ErrNothing) {
			return err
		}
		return nil
	})
	if err == nil {
		k.note(context.WithoutCancel(ctx), p.ID, func(row *state.Proposal) { row.Status = status })
	}
	return err
}
