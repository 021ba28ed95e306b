package proposals

import (
	"errors"
	"slices"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// evidence is the detail of one kind of it, "" if there is none.
func (p *Proposal) evidence(name string) string {
	i := slices.IndexFunc(p.Evidence, func(e verdict.Evidence) bool { return e.Name == name })
	if i < 0 {
		return ""
	}
	return p.Evidence[i].Detail
}

// TestSuspect keeps sure attacks blocked whatever is asked for, and what a strict question
// has found as it was found where a lax one finds the same.
func TestSuspect(t *testing.T) {
	b := open(t)
	b.forum()
	strict := b.propose()
	before := b.get(strict.IDs[0])
	if err := b.Propose(t.Context(), "eve", Question{Ask: tuning.Ask{Config: tuning.Config{Suspect: 1}}}); err != nil {
		t.Fatal(err)
	}
	b.Wait()
	lax := b.Job()
	if lax.Error != "" || lax.Guard != 1 || lax.Wrong != strict.Wrong || len(lax.IDs) != len(strict.IDs) {
		t.Fatalf("job %+v", lax)
	}
	for _, id := range lax.IDs {
		p := b.get(id)
		if slices.Contains(p.Unblocks, "e-a1") || !slices.Contains(strict.IDs, id) || p.evidence("question") != "" {
			t.Errorf("proposal %+v", p)
		}
	}
	if p := b.get(strict.IDs[0]); p.Evidence == nil || p.Proposal != before.Proposal || p.evidence("question") != "" {
		t.Errorf("the strict one is now %+v", p)
	}
	i := slices.IndexFunc(b.leaves, func(l audit.Leaf) bool { return l.Actor == "eve" })
	if d := b.leaves[i].Detail; d["suspect"] != "1" || d["guard_loss"] != "0" {
		t.Errorf("leaf %v", d)
	}
}

// TestDisputed has a label that says that a sure attack is none: the proposal tells it,
// and does not go to all nodes at once.
func TestDisputed(t *testing.T) {
	b := open(t)
	b.forum()
	if _, err := b.Live.Desk.Label(t.Context(), triage.Ref{ID: "e-a1"}, triage.FalsePositive, "because", "eve"); err != nil {
		t.Fatal(err)
	}
	j := b.propose()
	var p *Proposal
	for _, id := range j.IDs {
		x := b.get(id)
		switch slices.Contains(x.Unblocks, "e-a1") {
		case true:
			p = x
		case false:
			if len(x.Disputed) != 0 || x.evidence("disputed") != "" {
				t.Errorf("nothing of it is disputed: %+v", x)
			}
		}
	}
	if p == nil {
		t.Fatalf("job %+v frees nothing that is disputed", j)
	}
	if want := "1 of the requests taken for false positives the verdict takes for sure attacks; labelled by eve"; p.evidence("disputed") != want || !slices.Equal(p.Disputed, []string{"e-a1"}) {
		t.Errorf("evidence %q, disputed %v", p.evidence("disputed"), p.Disputed)
	}
	if _, err := b.Apply(t.Context(), "eve", p.ID, all); !errors.Is(err, ErrState) {
		t.Errorf("applied to all at once: %v", err)
	}
	b.want(p.ID, state.Proposed, "")
	b.apply(p.ID, Plan{Stage: bundle.StageCanary, Share: 10})
	b.apply(p.ID, all)
	b.want(p.ID, state.Applied, bundle.StageAll)
}
