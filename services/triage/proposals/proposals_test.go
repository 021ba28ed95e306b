package proposals

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/vault"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// bench is a keeper over real parts.
type bench struct {
	*Keeper
	tb     testing.TB
	store  *store.Columnar
	sealer *kept.Sealer
	engine *waf.Engine
	now    time.Time

	mu     sync.Mutex
	leaves []audit.Leaf
	refuse error // what the audit log answers
}

func (b *bench) clock() time.Time { return b.now }

func (b *bench) audit(_ context.Context, l audit.Leaf) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return 0, b.refuse
	}
	b.leaves = append(b.leaves, l)
	return int64(len(b.leaves)), nil
}

func open(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{tb: tb, now: began}
	check := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	var err error
	b.store, err = store.Open(tb.TempDir(), store.Config{RetainAge: -1, MinFreeBytes: 1})
	check(err)
	q, err := queue.Open(tb.TempDir(), queue.Config{MinFreeBytes: 1}, log, nil)
	check(err)
	db, err := state.Open(tb.Context(), tb.TempDir(), b.clock)
	check(err)
	desk, err := triage.New(triage.Options{Events: b.store, State: db, Queue: q, Now: b.clock, Audit: b.audit})
	check(err)
	master, err := vault.EnsureMaster(filepath.Join(tb.TempDir(), "master.key"))
	check(err)
	ring, err := vault.Open(filepath.Join(tb.TempDir(), "keys.json"), master)
	check(err)
	keys := func() (*vault.Ring, error) { return ring, nil }
	b.sealer, err = kept.NewSealer(keys, b.clock)
	check(err)
	f, err := fleet.Open(tb.Context(), fleet.Options{
		State: db, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Audit: b.audit, Now: b.clock, Log: log,
		Compile: func(made *bundle.Bundle) error {
			e, err := waf.CompileBundle(waf.CorpusSettings(), made, "forum", b.now)
			if err == nil {
				err = e.Close()
			}
			return err
		},
		Record: func(context.Context, []byte) error { return nil },
	})
	check(err)
	b.engine, err = waf.Compile(waf.CorpusSettings())
	check(err)
	b.Keeper = New(Options{
		State: db, Fleet: f, Audit: b.audit, Now: b.clock, Log: log, Config: Config{}.WithDefaults(),
		Live: tuning.Live{Desk: desk, Copies: &kept.Library{Find: b.store.Requests, Ring: keys}},
	})
	tb.Cleanup(func() {
		b.Close()
		if err := errors.Join(db.Close(), q.Close(), b.store.Close(), b.engine.Close()); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return b
}

// post is a form sent to the forum.
func post(id, path, field, text string) *verdict.Request {
	body := field + "=" + url.QueryEscape(text)
	return &verdict.Request{
		ID: id, Site: "forum", Method: "POST", URI: path, Proto: "HTTP/1.1", Body: []byte(body),
		Headers: [][2]string{
			{"Host", "forum.example"},
			{"User-Agent", "Mozilla/5.0"},
			{"Accept", "*/*"},
			{"Content-Type", "application/x-www-form-urlencoded"},
			{"Content-Length", fmt.Sprint(len(body))},
		},
	}
}

// keep stores the decision of the rules about a request, with a verdict, and its copy.
func (b *bench) keep(r *verdict.Request, pAttack float64) {
	b.tb.Helper()
	d, err := b.engine.JudgeRequest(b.tb.Context(), r)
	if err != nil {
		b.tb.Fatal(err)
	}
	decision, why := "allow", kept.Sampled
	if d.Block {
		decision, why = "block", kept.Blocked
	}
	path, _, _ := strings.Cut(r.URI, "?")
	var e event.Event
	line := fmt.Sprintf(`{"gatewatch.waf":"node","waf.site":%q,"waf.decision":%q,"url.path":%q,"client.ip":"192.0.2.7","http.request.id":%q,"verdict.p_attack":%v,"verdict.kind":"pattern","verdict.model":"m"}`,
		r.Site, decision, path, r.ID, pAttack)
	if err := e.UnmarshalJSON([]byte(line)); err != nil {
		b.tb.Fatal(err)
	}
	e.ID, e.Source, e.Time = "e-"+r.ID, "edge-1", began.Add(-time.Hour).UnixNano()
	c := kept.Copy{
		ID: r.ID, Time: began.Add(-time.Hour), Block: d.Block, Score: d.Score, Rules: d.Scoring, Ruleset: b.engine.Fingerprint(), Why: why, Probability: 1,
		Faithful: true, BodyBytes: int64(len(r.Body)), Model: "m", PAttack: pAttack, Kind: verdict.KindPattern, Request: *r,
	}
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

// forum keeps posts about SQL, comments about shells, and an attack.
func (b *bench) forum() {
	b.keep(post("p1", "/t/1/reply", "text", "use select name from users where id=1 union select 2"), 0.02)
	b.keep(post("p2", "/t/2/reply", "text", "1' union select null,version()--"), 0.02)
	b.keep(post("c1", "/comment", "note", "run ;cat /etc/passwd to see who is there"), 0.02)
	b.keep(post("a1", "/t/3/reply", "page", "1' union select password from users-- "), 0.99)
}

// propose runs a job to its end.
func (b *bench) propose() *Job {
	b.tb.Helper()
	if err := b.Propose(b.tb.Context(), "ann", Question{}); err != nil {
		b.tb.Fatal(err)
	}
	b.Wait()
	j := b.Job()
	if j.Error != "" || j.Ended.IsZero() {
		b.tb.Fatalf("job %+v", j)
	}
	return j
}

func (b *bench) get(id int64) *Proposal {
	b.tb.Helper()
	p, err := b.Get(b.tb.Context(), id)
	if err != nil {
		b.tb.Fatal(err)
	}
	return p
}

// want checks where a proposal stands.
func (b *bench) want(id int64, status state.ProposalStatus, stage bundle.Stage) *Proposal {
	b.tb.Helper()
	p := b.get(id)
	if p.Status != status || p.Stage != stage {
		b.tb.Errorf("proposal %d is %s %q, want %s %q", id, p.Status, p.Stage, status, stage)
	}
	return p
}

func (b *bench) apply(id int64, plan Plan) {
	b.tb.Helper()
	if _, err := b.Apply(b.tb.Context(), "ann", id, plan); err != nil {
		b.tb.Fatal(err)
	}
}

// blocks tells whether the rules in use block a request.
func (b *bench) blocks(r *verdict.Request) bool {
	b.tb.Helper()
	e, err := b.compile("forum", "")
	if err != nil {
		b.tb.Fatal(err)
	}
	defer e.Close()
	d, err := e.JudgeRequest(b.tb.Context(), r)
	if err != nil {
		b.tb.Fatal(err)
	}
	return d.Block
}

// acts counts the leaves of the proposals.
func (b *bench) acts() map[string]int {
	n := map[string]int{}
	for _, l := range b.leaves {
		if strings.HasPrefix(l.Act, "proposal.") {
			n[l.Act]++
		}
	}
	return n
}

var all = Plan{Stage: bundle.StageAll, Reason: "posts about SQL"}

// TestLife goes from kept requests to rules in use, and back.
func TestLife(t *testing.T) {
	b := open(t)
	b.forum()
	j := b.propose()
	if len(j.IDs) != 2 || j.Wrong != 3 || j.Guard != 1 || j.IDs[0] < FirstID {
		t.Fatalf("job %+v", j)
	}
	first, second := j.IDs[0], j.IDs[1]
	p := b.want(first, state.Proposed, "")
	if diff := cmp.Diff([]string{"e-p1", "e-p2"}, slices.Sorted(slices.Values(p.Unblocks))); diff != "" || len(p.Released)+len(p.Guard) > 0 || p.Site != "forum" {
		t.Errorf("proposal %+v: %s", p, diff)
	}
	benign, attack := post("x", "/t/9/reply", "text", "select name from users union select 3"), post("x", "/t/9/reply", "page", "1' union select password from users-- ")
	if !b.blocks(benign) {
		t.Error("the post passes before the proposal is applied")
	}
	b.apply(first, Plan{Stage: bundle.StageCanary, Share: 10, Reason: "posts about SQL", Expires: began.Add(24 * time.Hour)})
	b.want(first, state.Applied, bundle.StageCanary)
	if _, err := b.Apply(t.Context(), "ann", second, all); !errors.Is(err, ErrState) {
		t.Errorf("a proposal beside one that is tried out: %v", err)
	}
	b.apply(first, all)
	if p = b.want(first, state.Applied, bundle.StageAll); p.Owner != "ann" || p.Reason != "posts about SQL" || p.Expires != began.Add(24*time.Hour) {
		t.Errorf("proposal %+v", p.Proposal)
	}
	if b.blocks(benign) || !b.blocks(attack) {
		t.Error("the rules in use do not do what was proposed")
	}
	if _, err := b.Apply(t.Context(), "ann", first, all); !errors.Is(err, ErrState) {
		t.Errorf("once more: %v", err)
	}
	if again := b.propose(); len(again.IDs) != 1 || again.IDs[0] != second || again.Left.Otherwise != 2 {
		t.Errorf("what is mended is proposed again: %+v", again)
	}
	b.apply(second, all)
	if _, err := b.RollBack(t.Context(), "ann", first, "not wanted"); err != nil {
		t.Fatal(err)
	}
	b.want(first, state.RolledBack, "")
	b.want(second, state.Applied, bundle.StageAll)
	if !b.blocks(benign) {
		t.Error("what was rolled back is still in use")
	}
	if _, err := b.RollBack(t.Context(), "ann", first, ""); !errors.Is(err, ErrState) {
		t.Errorf("roll back once more: %v", err)
	}
	if _, err := b.Retire(t.Context(), "ann", second, ""); err != nil {
		t.Fatal(err)
	}
	b.want(second, state.Retired, "")
	if _, err := b.Retire(t.Context(), "ann", first, ""); err != nil {
		t.Fatal(err)
	}
	b.want(first, state.Retired, "")
	if diff := cmp.Diff(map[string]int{"proposal.create": 2, "proposal.apply": 3, "proposal.rollback": 1, "proposal.retire": 2}, b.acts()); diff != "" {
		t.Error(diff)
	}
}

// TestTrialTakenBack shows what nodes or people took back as rolled back.
func TestTrialTakenBack(t *testing.T) {
	b := open(t)
	b.forum()
	id := b.propose().IDs[0]
	canary := Plan{Stage: bundle.StageCanary, Share: 10}
	b.apply(id, canary)
	if _, err := b.Fleet.RollBack(t.Context(), audit.Server, "node edge took it back"); err != nil {
		t.Fatal(err)
	}
	b.want(id, state.RolledBack, "")
	b.apply(id, canary)
	if _, err := b.RollBack(t.Context(), "ann", id, "no"); err != nil {
		t.Fatal(err)
	}
	b.want(id, state.RolledBack, "")
	if r := b.Fleet.Rollout(); r.Candidate != "" || r.Stable != "" {
		t.Errorf("rollout %+v", r)
	}
}

// TestExpire takes out what has expired, by itself, with a leaf.
func TestExpire(t *testing.T) {
	b := open(t)
	b.forum()
	ids := b.propose().IDs
	b.apply(ids[0], Plan{Stage: bundle.StageAll, Expires: began.Add(time.Hour)})
	b.apply(ids[1], all)
	if n, err := b.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("%d expired, %v", n, err)
	}
	b.now = began.Add(time.Hour)
	if n, err := b.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("%d expired, %v", n, err)
	}
	b.want(ids[0], state.Expired, "")
	b.want(ids[1], state.Applied, bundle.StageAll)
	if b.acts()["proposal.expire"] != 1 {
		t.Errorf("leaves %v", b.acts())
	}
	if _, err := b.Apply(t.Context(), "ann", ids[0], all); !errors.Is(err, ErrInvalid) {
		t.Errorf("applied again without a time: %v", err)
	}
}

// TestNoLeaf does nothing that the audit log does not take.
func TestNoLeaf(t *testing.T) {
	b := open(t)
	b.forum()
	id := b.propose().IDs[0]
	b.refuse = errors.New("disk is gone")
	if _, err := b.Apply(t.Context(), "ann", id, all); !errors.Is(err, b.refuse) {
		t.Errorf("applied: %v", err)
	}
	if _, err := b.Retire(t.Context(), "ann", id, ""); !errors.Is(err, b.refuse) {
		t.Errorf("retired: %v", err)
	}
	if err := b.Propose(t.Context(), "ann", Question{}); !errors.Is(err, b.refuse) {
		t.Errorf("proposed: %v", err)
	}
	b.want(id, state.Proposed, "")
	b.refuse = nil
	if _, err := b.Apply(t.Context(), "ann", id, Plan{Stage: "some"}); !errors.Is(err, fleet.ErrInvalid) {
		t.Errorf("a stage that there is not: %v", err)
	}
	if b.Fleet.Rollout() != nil {
		t.Error("there is a rollout")
	}
}

// TestBusy runs one job at a time, and ends it with the keeper.
func TestBusy(t *testing.T) {
	b := open(t)
	b.forum()
	begun, release := make(chan struct{}), make(chan struct{})
	rules := b.Live.Rules
	var once sync.Once
	b.Live.Rules = func(site, directives string) (*waf.Engine, error) {
		once.Do(func() { close(begun); <-release })
		return rules(site, directives)
	}
	if err := b.Propose(t.Context(), "ann", Question{}); err != nil {
		t.Fatal(err)
	}
	<-begun
	if err := b.Propose(t.Context(), "bob", Question{}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second job: %v", err)
	}
	b.mu2(func() { b.cancel() })
	close(release)
	b.Close()
	if j := b.Job(); !strings.Contains(j.Error, "canceled") {
		t.Errorf("job %+v", j)
	}
	if err := b.Propose(t.Context(), "bob", Question{}); !errors.Is(err, ErrBusy) {
		t.Errorf("a job of a keeper that is closed: %v", err)
	}
}

// mu2 holds the lock of the keeper.
func (b *bench) mu2(f func()) {
	b.Keeper.mu.Lock()
	defer b.Keeper.mu.Unlock()
	f()
}

// TestUnused suggests to retire what no request needs.
func TestUnused(t *testing.T) {
	b := open(t)
	b.forum()
	id := b.propose().IDs[0]
	b.apply(id, all)
	if p := b.get(id); p.Retire != "" {
		t.Errorf("at once: %q", p.Retire)
	}
	b.now = began.Add(20 * 24 * time.Hour)
	if err := b.State.AddHits(t.Context(), "edge", map[int64]int64{id: 3}); err != nil {
		t.Fatal(err)
	}
	b.now = began.Add(31 * 24 * time.Hour)
	if p := b.get(id); p.Retire != "" || p.Hits.Total != 3 {
		t.Errorf("needed 11 days ago: %q, %+v", p.Retire, p.Hits)
	}
	b.now = began.Add(51 * 24 * time.Hour)
	if p := b.get(id); !strings.Contains(p.Retire, "since 2026-12-11") {
		t.Errorf("needed 31 days ago: %q", p.Retire)
	}
}
