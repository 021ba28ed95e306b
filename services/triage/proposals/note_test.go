package proposals

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// TestApplyBesideJob applies a proposal whose row a job renews in between: what the
// nodes use is told as such, and expires.
func TestApplyBesideJob(t *testing.T) {
	b := open(t)
	b.forum()
	id := b.propose().IDs[0]
	row := b.get(id).Proposal
	renew := func(ctx context.Context) {
		b.now = b.now.Add(time.Second)
		if err := b.State.AddProposals(ctx, []state.Proposal{row}, nil, nil); err != nil {
			t.Error(err)
		}
	}
	log := b.Audit
	b.Audit = func(ctx context.Context, l audit.Leaf) (int64, error) {
		if l.Act == audit.ActApply {
			renew(ctx)
		}
		return log(ctx, l)
	}
	b.apply(id, Plan{Stage: bundle.StageAll, Expires: began.Add(60 * 24 * time.Hour)})
	b.want(id, state.Applied, bundle.StageAll)
	if n := b.acts()["proposal.failed"]; n != 0 {
		t.Errorf("%d acts are told as failed", n)
	}
}

// TestUnnoted shows proposals in use as that whatever their rows say, keeps the rows
// while they are, and lets them expire.
func TestUnnoted(t *testing.T) {
	b := open(t)
	b.forum()
	id := b.propose().IDs[0]
	expires := began.Add(60 * 24 * time.Hour)
	b.apply(id, Plan{Stage: bundle.StageAll, Owner: "bob", Expires: expires})
	b.note(t.Context(), id, func(row *state.Proposal) { row.Status, row.Owner, row.Expires = state.Proposed, "", time.Time{} })
	if p := b.want(id, state.Applied, bundle.StageAll); p.Owner != "bob" || !p.Expires.Equal(expires) {
		t.Errorf("proposal %+v", p.Proposal)
	}
	b.now = began.Add(40 * 24 * time.Hour)
	b.propose()
	b.want(id, state.Applied, bundle.StageAll)
	b.now = expires
	if n, err := b.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("%d expired, %v", n, err)
	}
	b.want(id, state.Expired, "")
}

// TestFurther refuses another expiry or owner on the way to another stage.
func TestFurther(t *testing.T) {
	b := open(t)
	b.forum()
	id := b.propose().IDs[0]
	expires := began.Add(2 * time.Hour)
	b.apply(id, Plan{Stage: bundle.StageCanary, Share: 10, Expires: expires})
	for _, plan := range []Plan{
		{Stage: bundle.StageAll, Expires: began.Add(time.Hour)},
		{Stage: bundle.StageAll, Owner: "bob"},
	} {
		if _, err := b.Apply(t.Context(), "ann", id, plan); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", plan, err)
		}
	}
	b.want(id, state.Applied, bundle.StageCanary)
	b.apply(id, Plan{Stage: bundle.StageAll, Expires: expires, Owner: "ann"})
	if p := b.want(id, state.Applied, bundle.StageAll); !p.Expires.Equal(expires) || p.Owner != "ann" {
		t.Errorf("proposal %+v", p.Proposal)
	}
}

// TestApplyRetired does not apply what nobody wants.
func TestApplyRetired(t *testing.T) {
	b := open(t)
	b.forum()
	id := b.propose().IDs[0]
	if _, err := b.Retire(t.Context(), "ann", id, "dangerous"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(t.Context(), "bob", id, all); !errors.Is(err, ErrState) {
		t.Errorf("applied: %v", err)
	}
	b.want(id, state.Retired, "")
}

// TestExpireBeforeApply tells what has expired as that, where another proposal is
// applied before the server has looked for it.
func TestExpireBeforeApply(t *testing.T) {
	b := open(t)
	b.forum()
	ids := b.propose().IDs
	b.apply(ids[0], Plan{Stage: bundle.StageAll, Expires: began.Add(time.Hour)})
	b.now = began.Add(time.Hour + time.Second)
	b.apply(ids[1], all)
	b.want(ids[0], state.Expired, "")
	b.want(ids[1], state.Applied, bundle.StageAll)
	if b.acts()["proposal.expire"] != 1 {
		t.Errorf("leaves %v", b.acts())
	}
}

// TestRollBackEndsTrial tells of the trials that end with what is rolled back.
func TestRollBackEndsTrial(t *testing.T) {
	b := open(t)
	b.forum()
	ids := b.propose().IDs
	b.apply(ids[0], all)
	b.apply(ids[1], Plan{Stage: bundle.StageCanary, Share: 10})
	p, err := b.RollBack(t.Context(), "ann", ids[0], "no")
	if err != nil {
		t.Fatal(err)
	}
	other := names(ids[1:])
	if !slices.ContainsFunc(p.Evidence, func(e verdict.Evidence) bool { return e.Name == "ended" && strings.HasSuffix(e.Detail, " "+other) }) {
		t.Errorf("the caller is not told: %+v", p.Evidence)
	}
	b.want(ids[0], state.RolledBack, "")
	b.want(ids[1], state.RolledBack, "")
	if row, err := b.State.Proposal(t.Context(), ids[1]); err != nil || row.Status != state.RolledBack {
		t.Errorf("row %+v, %v", row, err)
	}
	var told []string
	for _, l := range b.leaves {
		if l.Act == audit.ActTakeOut {
			told = append(told, l.Object+" "+l.Detail["ends"])
		}
	}
	if want := []string{names(ids[:1]) + " " + other, other + " "}; !slices.Equal(told, want) {
		t.Errorf("leaves of %q, want %q", told, want)
	}
}
