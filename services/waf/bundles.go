package waf

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// bundles is the part of a node that uses rule-set bundles: it takes the offers of
// the server, keeps what is in use on disk, measures it, and takes it back.
type bundles struct {
	node   *Node
	keys   []ed25519.PublicKey
	dir    string
	tally  *tally
	hits   hits
	shadow *shadow

	inUse atomic.Pointer[assignment] // nil for the node's own rules; stored with node.reloadMu held
	moved atomic.Bool                // the stable bundle changed with the last offer
	again time.Time                  // when run tries again to leave out what has expired

	mu      sync.Mutex
	offered *gatewatchv1.BundleOffer  // that was not looked at yet
	report  *gatewatchv1.BundleReport // about the last one
	wake    chan struct{}
}

func newBundles(n *Node) (*bundles, error) {
	keys, err := n.config.Bundles.keys()
	if err != nil {
		return nil, fmt.Errorf("bundles.%w", err)
	}
	return &bundles{
		node: n, keys: keys, dir: n.config.Bundles.Dir, tally: newTally(n.now()), shadow: newShadow(n.log), wake: make(chan struct{}, 1),
	}, nil
}

// restore returns a state with the bundles that were in use when the node ended,
// nil if there were none, or if they can't be used, which the server is told.
func (b *bundles) restore() *state {
	a, err := readAssignment(b.dir)
	if a == nil && err == nil {
		return nil
	}
	if err == nil {
		err = b.check(&a.Offer)
	}
	if err == nil {
		err = a.load(b.dir, nil)
	}
	var st *state
	if err == nil {
		st, err = buildUnder(b.node.config, b.node, a)
	}
	if err != nil {
		b.node.log.Error("bundles that were in use can not be used, the node's own rules are", slog.Any("error", err))
		if a != nil {
			b.say(a.serial(), gatewatchv1.BundleResult_BUNDLE_RESULT_REFUSED, err)
		}
		return nil
	}
	b.inUse.Store(a)
	result := gatewatchv1.BundleResult_BUNDLE_RESULT_APPLIED
	if a.Withdrawn {
		result, err = gatewatchv1.BundleResult_BUNDLE_RESULT_WITHDRAWN, errors.New("it was taken back before the node started")
	}
	b.say(a.serial(), result, err)
	return st
}

// check says whether an offer is for this node and signed.
func (b *bundles) check(o *bundle.Offer) error {
	if o.Node != b.node.config.Node {
		return fmt.Errorf("offer is for node %.80q", o.Node)
	}
	if len(b.keys) == 0 {
		return errors.New("node has no bundles.trusted_keys")
	}
	return o.Verify(b.keys)
}

// offer takes an offer. It is looked at by run; a newer one takes its place.
func (b *bundles) offer(o *gatewatchv1.BundleOffer) {
	b.mu.Lock()
	b.offered = o
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// watchEvery is how often the rates of what is in use are looked at.
const watchEvery = time.Second

// run answers offers and takes back what does harm, until the context ends.
func (b *bundles) run(ctx context.Context) {
	var beside sync.WaitGroup
	beside.Go(func() { b.shadow.run(ctx) })
	defer beside.Wait()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
			b.answer()
		case <-tick.C:
			b.watch(b.node.now())
		}
	}
}

// answer looks at the newest offer and tells the server what came of it.
func (b *bundles) answer() {
	b.mu.Lock()
	o := b.offered
	b.offered = nil
	b.mu.Unlock()
	if o == nil {
		return
	}
	err := b.take(o)
	result := gatewatchv1.BundleResult_BUNDLE_RESULT_APPLIED
	if err != nil {
		result = gatewatchv1.BundleResult_BUNDLE_RESULT_REFUSED
		b.node.log.Error("offer of bundles is refused, the rules in use stay", slog.Uint64("serial", o.GetSerial()), slog.Any("error", err))
	} else {
		b.node.log.Info("bundles are in use", slog.Uint64("serial", o.GetSerial()), slog.String("stable", o.GetStable()),
			slog.String("candidate", o.GetCandidate()), slog.String("stage", o.GetStage()))
	}
	b.say(o.GetSerial(), result, err)
	b.node.stream.tell()
}

// maxReason bounds what the server is told of an error.
const maxReason = 1000

// say keeps what the server is to be told.
func (b *bundles) say(serial uint64, result gatewatchv1.BundleResult, err error) {
	r := &gatewatchv1.BundleReport{Serial: serial, Result: result}
	if err != nil {
		text := err.Error()
		r.Reason = text[:min(len(text), maxReason)]
	}
	b.mu.Lock()
	b.report = r
	b.mu.Unlock()
}

// last returns what the server is to be told, nil for nothing.
func (b *bundles) last() *gatewatchv1.BundleReport {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.report
}

// take puts the bundles of an offer in use. On an error nothing has changed.
func (b *bundles) take(o *gatewatchv1.BundleOffer) error {
	a := &assignment{Offer: bundle.Offer{
		Node: o.GetNode(), Serial: o.GetSerial(), Stable: o.GetStable(), Candidate: o.GetCandidate(),
		Stage: bundle.Stage(o.GetStage()), Share: int(min(o.GetSharePercent(), 1000)), Signature: o.GetSignature(),
	}}
	if err := b.check(&a.Offer); err != nil {
		return err
	}
	old := b.inUse.Load()
	switch {
	case a.serial() == old.serial():
		return nil
	case a.serial() < old.serial():
		return fmt.Errorf("offer %d is older than %d, which is in use", a.serial(), old.serial())
	}
	texts := map[string][]byte{}
	for _, text := range o.GetBundles() {
		if name := bundle.Sum(text); name == a.Offer.Stable || name == a.Offer.Candidate {
			texts[name] = text
		}
	}
	if err := a.load(b.dir, texts); err != nil {
		return err
	}
	stable, _ := old.names()
	a.Fallback = stable
	if stable == a.Offer.Stable && old != nil {
		a.Fallback = old.Fallback
	}
	return b.use(a, texts)
}

// use puts an assignment in use: its rules are compiled beside those in use, it is
// made durable, and then requests that begin are judged by it.
func (b *bundles) use(a *assignment, texts map[string][]byte) error {
	n := b.node
	n.reloadMu.Lock()
	defer n.reloadMu.Unlock()
	st, err := buildUnder(n.state.Load().config, n, a)
	if err != nil {
		return err
	}
	if err := a.save(b.dir, texts); err != nil {
		st.close()
		return err
	}
	before, _ := b.inUse.Load().names()
	now, _ := a.names()
	b.moved.Store(before != now && !a.Withdrawn)
	b.inUse.Store(a)
	b.shadow.reset()
	old := n.state.Swap(st)
	b.tally.reset(n.now())
	old.close()
	return nil
}

// changeTime is how long after a change of the stable bundle its rates are compared
// with those before.
const changeTime = 10 * time.Minute

// watch takes back what makes a rate jump, and leaves out what has expired.
func (b *bundles) watch(now time.Time) {
	a := b.inUse.Load()
	if a == nil {
		return
	}
	if st := b.node.state.Load(); !st.expiry.IsZero() && !now.Before(st.expiry) && !now.Before(b.again) {
		b.again = now.Add(time.Minute)
		if err := b.node.Reload(st.config); err != nil {
			b.node.log.Error("leave out what has expired", slog.Any("error", err))
		}
	}
	if a.Withdrawn {
		return
	}
	var jump bundle.Jump
	var jumped bool
	switch {
	case a.candidate != nil && a.Offer.Stage == bundle.StageCanary:
		jump, jumped = b.tally.canary(now)
	case b.moved.Load() && now.Sub(b.tally.start()) < changeTime:
		jump, jumped = b.tally.changed(now)
	}
	if jumped {
		b.withdraw(a, jump)
	}
}

// withdraw goes back to what was in use before an offer.
func (b *bundles) withdraw(a *assignment, jump bundle.Jump) {
	back := &assignment{Offer: a.Offer, Withdrawn: true, Fallback: a.Fallback}
	err := back.load(b.dir, nil)
	if err == nil {
		err = b.use(back, nil)
	}
	if err != nil {
		b.node.log.Error("take bundles back", slog.Uint64("serial", a.serial()), slog.String("why", jump.String()), slog.Any("error", err))
		return
	}
	b.node.log.Warn("bundles are taken back", slog.Uint64("serial", a.serial()), slog.String("why", jump.String()))
	b.say(a.serial(), gatewatchv1.BundleResult_BUNDLE_RESULT_WITHDRAWN, errors.New(jump.String()))
	b.node.stream.tell()
}

// describe adds to the status of the node.
func (b *bundles) describe(s *gatewatchv1.NodeStatus, sites []*site) {
	a := b.inUse.Load()
	s.BundleSerial = a.serial()
	s.StableBundle, s.CandidateBundle = a.names()
	for _, site := range sites {
		s.SiteStatus = append(s.SiteStatus, &gatewatchv1.SiteStatus{Site: site.name, Mode: string(site.mode), Ruleset: site.engine.fingerprint})
	}
	if a == nil {
		return
	}
	counts := func(c bundle.Counts) *gatewatchv1.DecisionCounts {
		return &gatewatchv1.DecisionCounts{Requests: c.Requests, Blocked: c.Blocked, Errors: c.Errors}
	}
	stable, candidate := b.tally.totals()
	s.Counts = &gatewatchv1.BundleCounts{
		Stable: counts(stable), Candidate: counts(candidate),
		ShadowSame: b.shadow.same.Load(), ShadowNewlyBlocked: b.shadow.blocked.Load(),
		ShadowNewlyAllowed: b.shadow.allowed.Load(), ShadowSkipped: b.shadow.skipped.Load(),
	}
}
