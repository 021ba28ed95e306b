package proposals

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// missed keeps attacks that pass, one of which CRS has no answer to, and other posts.
func (b *bench) missed() {
	b.tb.Helper()
	for i := range 3 {
		b.keep(post(fmt.Sprint("m", i), fmt.Sprintf("/t/%d/reply", i), "text", "{{config.items()}}"), 0.95)
	}
	b.keep(post("odd", "/t/9/reply", "text", "harmless to all rules"), 0.95)
	for i := range 20 {
		b.keep(post(fmt.Sprint("ok", i), "/comment", "note", fmt.Sprint("number ", i)), 0.02)
	}
}

func (b *bench) promote() *Job {
	b.tb.Helper()
	if err := b.Propose(b.tb.Context(), "ann", Question{Kind: Promotion}); err != nil {
		b.tb.Fatal(err)
	}
	b.Wait()
	j := b.Job()
	if j.Error != "" || j.Ended.IsZero() || j.Kind != Promotion {
		b.tb.Fatalf("job %+v", j)
	}
	return j
}

// TestLifeOfPromotion proposes, tries out, applies, takes out and retires a promotion
// as it does an exclusion.
func TestLifeOfPromotion(t *testing.T) {
	b := open(t)
	b.missed()
	attack := post("new", "/t/77/reply", "text", "{{config.items()}}")
	j := b.promote()
	if len(j.IDs) != 1 || j.Missed != 4 || j.Legitimate != 20 || len(j.Unanswered) != 1 || j.Unanswered[0].ID != "e-odd" {
		t.Fatalf("job %+v", j)
	}
	id := j.IDs[0]
	p := b.want(id, state.Proposed, "")
	if p.Kind != Promotion || p.Site != "forum" || len(p.Rules) != 1 || len(p.Unblocks) != 0 || p.Cost == nil || p.Cost[0] != 0 || len(p.Evidence) == 0 {
		t.Errorf("promotion %+v", p)
	}
	if got := slices.Sorted(slices.Values(p.Catches)); !slices.Equal(got, []string{"e-m0", "e-m1", "e-m2"}) || len(p.Blocks) != 0 {
		t.Errorf("catches %v, blocks %v", got, p.Blocks)
	}
	if again := b.promote(); !slices.Equal(again.IDs, []int64{id}) {
		t.Errorf("another job made another one: %v", again.IDs)
	}
	b.apply(id, Plan{Stage: bundle.StageShadow, Nodes: []string{"edge-1"}, Expires: began.Add(24 * time.Hour), Reason: "template injection"})
	if b.want(id, state.Applied, bundle.StageShadow); b.blocks(attack) {
		t.Error("an attack is blocked in shadow")
	}
	b.apply(id, Plan{Stage: bundle.StageAll})
	if p := b.want(id, state.Applied, bundle.StageAll); !b.blocks(attack) || p.Owner != "ann" || !p.Expires.Equal(began.Add(24*time.Hour)) {
		t.Errorf("applied %+v, and the attack is blocked: %v", p, b.blocks(attack))
	}
	if rest := b.promote(); len(rest.IDs) != 0 || rest.Left != (tuning.LeftOut{Otherwise: 3}) || rest.Missed != 1 {
		t.Errorf("what is blocked now is missed again: %+v", rest)
	}
	if _, err := b.RollBack(t.Context(), "bob", id, "no"); err != nil {
		t.Fatal(err)
	}
	if b.want(id, state.RolledBack, ""); b.blocks(attack) {
		t.Error("the attack is blocked still")
	}
	if _, err := b.Retire(t.Context(), "bob", id, "no"); err != nil {
		t.Fatal(err)
	}
	b.want(id, state.Retired, "")
	acts := b.acts()
	if acts[audit.ActPropose] != 3 || acts[audit.ActApply] != 2 || acts[audit.ActTakeOut] != 1 || acts[audit.ActRetire] != 1 {
		t.Errorf("acts %v", acts)
	}
	if l := b.leaves[0]; l.Detail["kind"] != Promotion || l.Detail["max_cost"] != "0.005" {
		t.Errorf("leaf %+v", l)
	}
}

// TestPromotionExpires takes a promotion out when its time is over.
func TestPromotionExpires(t *testing.T) {
	b := open(t)
	b.missed()
	id := b.promote().IDs[0]
	b.apply(id, Plan{Stage: bundle.StageAll, Expires: began.Add(time.Hour)})
	b.now = began.Add(2 * time.Hour)
	if n, err := b.Expire(t.Context()); err != nil || n != 1 {
		t.Errorf("%d expired, %v", n, err)
	}
	b.want(id, state.Expired, "")
}

// TestLaxPromotion is another proposal than one that costs less, which takes its place.
func TestLaxPromotion(t *testing.T) {
	b := open(t)
	b.missed()
	lax := b.ask(Question{Kind: Promotion, MaxCost: 0.5})
	if len(lax) != 1 {
		t.Fatalf("found %v", lax)
	}
	p := b.get(lax[0])
	if e := p.Evidence[len(p.Evidence)-1]; !strings.Contains(e.Detail, "max_cost 0.5") {
		t.Errorf("evidence %+v", p.Evidence)
	}
	if strict := b.promote().IDs; len(strict) != 1 || strict[0] == lax[0] || !slices.Equal(b.open(), strict) {
		t.Errorf("found %v, open %v", strict, b.open())
	}
}
