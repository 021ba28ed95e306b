package tuning

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/vault"
	"github.com/gatewatch/gatewatch/services/waf"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// bench is a desk with kept requests.
type bench struct {
	Live
	tb     testing.TB
	store  *store.Columnar
	sealer *kept.Sealer
	engine *waf.Engine
	n      int
}

func openBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{tb: tb}
	var err error
	if b.store, err = store.Open(tb.TempDir(), store.Config{RetainAge: -1, MinFreeBytes: 1}); err != nil {
		tb.Fatal(err)
	}
	q, err := queue.Open(tb.TempDir(), queue.Config{MinFreeBytes: 1}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		tb.Fatal(err)
	}
	now := func() time.Time { return began }
	db, err := state.Open(tb.Context(), tb.TempDir(), now)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(db.Close(), q.Close(), b.store.Close(), b.engine.Close()); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	if b.Desk, err = triage.New(triage.Options{Events: b.store, State: db, Queue: q, Now: now, Audit: func(context.Context, audit.Leaf) (int64, error) { return 1, nil }}); err != nil {
		tb.Fatal(err)
	}
	master, err := vault.EnsureMaster(filepath.Join(tb.TempDir(), "master.key"))
	if err != nil {
		tb.Fatal(err)
	}
	ring, err := vault.Open(filepath.Join(tb.TempDir(), "keys.json"), master)
	if err != nil {
		tb.Fatal(err)
	}
	keys := func() (*vault.Ring, error) { return ring, nil }
	if b.sealer, err = kept.NewSealer(keys, now); err != nil {
		tb.Fatal(err)
	}
	b.Copies = &kept.Library{Find: b.store.Requests, Ring: keys}
	b.Rules = func(site, directives string) (*waf.Engine, error) {
		return waf.CompileSite(waf.CorpusSettings(), nil, site, directives, began)
	}
	b.Levels = func(site string) (*waf.Levels, error) {
		return waf.CompileSiteLevels(waf.CorpusSettings(), nil, site, began)
	}
	if b.engine, err = waf.Compile(waf.CorpusSettings()); err != nil {
		tb.Fatal(err)
	}
	return b
}

// keep stores the decision of the rules about a request, with a verdict, and its copy.
func (b *bench) keep(r *verdict.Request, pAttack float64, edit func(*kept.Copy)) {
	b.tb.Helper()
	d, err := b.engine.JudgeRequest(b.tb.Context(), r)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.n++
	at := began.Add(-time.Duration(b.n) * time.Minute)
	why := kept.Sampled
	if d.Block {
		why = kept.Blocked
	}
	c := kept.Copy{
		ID: "r-" + r.ID, Time: at, Block: d.Block, Score: d.Score, Rules: d.Scoring, Ruleset: b.engine.Fingerprint(), Why: why, Probability: 1,
		Faithful: true, BodyBytes: int64(len(r.Body)), Model: "m", PAttack: pAttack, Kind: verdict.KindPattern, Request: *r,
	}
	c.Request.ID = c.ID
	if edit != nil {
		edit(&c)
	}
	e := b.decision(r, d.Block, pAttack, at)
	for _, id := range d.Scoring {
		e.AddText(event.RuleID, fmt.Sprint(id))
	}
	e.Add(event.WAFSampleProb, event.Float(c.Probability))
	raw, err := c.Record()
	if err != nil {
		b.tb.Fatal(err)
	}
	sealed, err := b.sealer.Seal("edge-1", raw)
	if err != nil {
		b.tb.Fatal(err)
	}
	var copied event.Event
	if err := kept.Parse(sealed, &copied); err != nil {
		b.tb.Fatal(err)
	}
	copied.ID, copied.Source = "copy-"+r.ID, "edge-1"
	if err := b.store.Write(b.tb.Context(), store.Batch{Events: []event.Event{e, copied}}); err != nil {
		b.tb.Fatal(err)
	}
}

// decision is the event of one.
func (b *bench) decision(r *verdict.Request, block bool, pAttack float64, at time.Time) (e event.Event) {
	b.tb.Helper()
	decision := "allow"
	if block {
		decision = "block"
	}
	line := fmt.Sprintf(`{"gatewatch.waf":"node","waf.site":%q,"waf.decision":%q,"url.path":%q,"client.ip":"192.0.2.7","http.request.id":%q,"verdict.p_attack":%v,"verdict.kind":"pattern","verdict.model":"m"}`,
		r.Site, decision, pathOf(r), "r-"+r.ID, pAttack)
	if err := e.UnmarshalJSON([]byte(line)); err != nil {
		b.tb.Fatal(err)
	}
	e.ID, e.Source, e.Time = r.ID, "edge-1", at.UnixNano()
	return e
}

func (b *bench) label(id, label string) {
	b.tb.Helper()
	if _, err := b.Desk.Label(b.tb.Context(), triage.Ref{ID: id}, label, "because", "ann"); err != nil {
		b.tb.Fatal(err)
	}
}

// forum keeps the traffic of posts: the model takes posts for attacks, people do not.
func (b *bench) forum() {
	legit, attacks, guard := posts()
	for i, r := range legit {
		switch {
		case i < 5:
			b.keep(r, 0.8, nil)
			b.label(r.ID, triage.FalsePositive)
		case i == 5:
			b.keep(r, 0.1, func(c *kept.Copy) { c.Faithful = false })
		default:
			b.keep(r, 0.02, nil)
		}
	}
	b.keep(attacks[0], 0.7, nil)
	b.keep(guard[0], 0.97, nil)
	b.keep(guard[1], 0.1, nil)
	b.label(guard[1].ID, triage.TruePositive)
}

func (b *bench) propose(ask Ask) *LivePlan {
	b.tb.Helper()
	plan, err := b.Propose(b.tb.Context(), ask, nil)
	if err != nil {
		b.tb.Fatal(err)
	}
	return plan
}

// freedBy are the ids of what proposals free, sorted.
func freedBy(all []Proposal) (freed []string) {
	for _, p := range all {
		freed = append(freed, p.Unblocks...)
	}
	slices.Sort(freed)
	return freed
}

// TestLive proposes from labels, verdicts and kept copies.
func TestLive(t *testing.T) {
	b := openBench(t)
	b.forum()
	plan := b.propose(Ask{})
	if got, want := freedBy(plan.Proposals), []string{"beacon0", "beacon1", "beacon2", "post0", "post1", "post2", "post3", "post4"}; !slices.Equal(got, want) {
		t.Errorf("freed %v, want %v", got, want)
	}
	if plan.LeftOut != (LeftOut{Unfaithful: 1}) || plan.Guard != 2 || plan.Wrong != 8 || plan.Guarded != 0 || plan.Sites != 2 || len(plan.Partial) > 0 {
		t.Errorf("plan %+v", plan)
	}
	ids := map[string]bool{}
	for _, p := range plan.Proposals {
		if ids[p.Directive] || len(p.Guard)+len(p.Released) > 0 {
			t.Errorf("proposal %+v", p)
		}
		ids[p.Directive] = true
	}
	if len(plan.Proposals) < 2 || len(plan.Proposals[0].Unblocks) < len(plan.Proposals[1].Unblocks) {
		t.Errorf("the most helpful does not come first: %+v", plan.Proposals)
	}
}

// TestLiveGroup takes the group of a decision alone.
func TestLiveGroup(t *testing.T) {
	b := openBench(t)
	b.forum()
	plan := b.propose(Ask{Selection: Selection{Group: triage.Ref{ID: "beacon0"}}})
	if got, want := freedBy(plan.Proposals), []string{"beacon0", "beacon1", "beacon2"}; !slices.Equal(got, want) {
		t.Errorf("freed %v, want %v", got, want)
	}
	if _, err := b.Propose(t.Context(), Ask{Selection: Selection{Group: triage.Ref{ID: "none"}}}, nil); !errors.Is(err, triage.ErrNotFound) {
		t.Errorf("group of no decision: %v", err)
	}
}

// TestLiveSuspect takes fewer blocks for false positives where it is told to.
func TestLiveSuspect(t *testing.T) {
	b := openBench(t)
	b.forum()
	plan := b.propose(Ask{Config: Config{Suspect: 0.01}})
	if got := freedBy(plan.Proposals); len(got) != 5 || got[0] != "post0" { // those of people
		t.Errorf("freed %v, want the five that are labelled", got)
	}
}

// TestLiveGuard keeps attacks from elsewhere blocked, too.
func TestLiveGuard(t *testing.T) {
	b := openBench(t)
	b.forum()
	legit, _, _ := posts()
	var guard []*verdict.Request
	for i, r := range legit[:6] {
		attack := *r
		attack.ID = fmt.Sprint("guard", i)
		guard = append(guard, &attack)
	}
	plan := b.propose(Ask{Guard: guard})
	if got, want := freedBy(plan.Proposals), []string{"beacon0", "beacon1", "beacon2"}; !slices.Equal(got, want) || plan.Guarded != 1 {
		t.Errorf("freed %v, want %v; %d places left out for the guard", got, want, plan.Guarded)
	}
}

// TestLiveOtherwise leaves out what the rules in use let pass, or block for other reasons.
func TestLiveOtherwise(t *testing.T) {
	b := openBench(t)
	legit, _, _ := posts()
	b.keep(legit[0], 0, func(c *kept.Copy) { c.Rules = []int{930100} })
	b.keep(post("plain", "forum.example", "/t/1/reply", form, "text=hello"), 0, nil)
	b.keep(legit[7], 0, nil)
	b.Rules = func(site, directives string) (*waf.Engine, error) {
		if site != "forum.example" {
			directives = "SecRuleEngine Off\n" + directives
		}
		return waf.CompileWith(waf.CorpusSettings(), directives+`SecAction "id:9900990,phase:1,pass,nolog,ctl:ruleRemoveById=920420"`)
	}
	if plan := b.propose(Ask{}); plan.LeftOut != (LeftOut{Otherwise: 2}) || len(plan.Proposals) > 0 || plan.Judged != 2 {
		t.Errorf("plan %+v", plan)
	}
}
