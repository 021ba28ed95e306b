package waf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

const (
	// One evaluation of so many is checked: nothing is taken out of it, so that
	// Coraza alone decides, and it is made once more with acceleration, which must
	// find the same. It costs a hundredth of all.
	checkEvery = 256
	// checkTime is how long a check may take, and one at a time is made.
	checkTime = time.Second
	// checkRounds are made of a request that fares differently, as Coraza alone has
	// several outcomes for some: it is a difference if Coraza alone has one, and those
	// with acceleration are others.
	checkRounds = 8
)

// Checks of all engines, for the metrics.
var checksMade, checksFailed atomic.Int64

// checks are those of one engine.
type checks struct {
	begun  atomic.Uint64
	failed atomic.Bool // a check did; nothing is taken out any more
	alone  sync.Map    // transactions that nothing is taken out of
	busy   sync.Mutex

	// chosen tells whether the n-th evaluation is checked, from 1; nil for the first
	// one and a random one of checkEvery.
	chosen func(n uint64) bool

	time time.Duration // how long a check may take, 0 for checkTime

	// tell is called once, with a rule and the request of the first check that
	// fails. It is set before the engine is used; nil for nobody.
	tell func(rule int, request string)
}

// begin chooses evaluations to be checked.
func (s *checks) begin(tx plugintypes.TransactionState) bool {
	if tx == nil || s.failed.Load() {
		return false
	}
	n := s.begun.Add(1)
	if s.chosen != nil && !s.chosen(n) || s.chosen == nil && n > 1 && rand.Uint32N(checkEvery) > 0 {
		return false
	}
	s.alone.Store(tx, true)
	return true
}

// leaves tells whether nothing is taken out of an evaluation.
func (s *checks) leaves(tx plugintypes.TransactionState) bool {
	_, alone := s.alone.Load(tx)
	return alone
}

// checked is an evaluation that is compared with others of the same request.
type checked struct {
	steps     []func(*evaluation) error // that were taken, for others to take
	cut       bool                      // the body was
	undecided bool                      // a step failed
}

// judged is all that acceleration must not change.
type judged struct {
	block bool
	rest  string
	rules []int // that matched, sorted
}

func (j judged) equal(o judged) bool { return j.block == o.block && j.rest == o.rest }

// judged sums up what an evaluation has found.
func (v *evaluation) judged() judged {
	d := v.decide()
	j := judged{block: d.Block}
	var matched []string
	for _, m := range v.tx.MatchedRules() {
		j.rules = append(j.rules, m.Rule().ID())
		matched = append(matched, fmt.Sprintf("%d×%d", m.Rule().ID(), len(m.MatchedDatas())))
	}
	slices.Sort(j.rules)
	slices.Sort(matched)
	slices.Sort(d.Scoring)
	j.rest = fmt.Sprint(d.Status, d.Score, d.Outbound, d.Denied, d.PolicyOnly, d.Scoring, matched)
	return j
}

// differing is a rule that one of two found more often than the other, 0 for none.
func differing(a, b []int) int {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return b[i]
		case i >= len(b):
			return a[i]
		case a[i] != b[i]:
			return min(a[i], b[i])
		}
	}
	return 0
}

// end makes the check of an evaluation that is over and whose bodies can still be
// read. A difference is an error of the sieve: it ends acceleration by this engine.
func (s *checks) end(v *evaluation) {
	defer s.alone.Delete(v.state)
	if v.check.undecided || !s.busy.TryLock() {
		return
	}
	defer s.busy.Unlock()
	rule, same, err := v.compared()
	if err != nil {
		v.log.Debug("acceleration was not checked", slog.String("request", v.tx.ID()), slog.Any("error", err))
		return
	}
	checksMade.Add(1)
	if same {
		return
	}
	checksFailed.Add(1)
	v.log.Error("acceleration changes what the rules find; it is off until they are compiled again",
		slog.Int("rule", rule), slog.String("request", v.tx.ID()), slog.String("rules", v.engine.fingerprint))
	if s.failed.CompareAndSwap(false, true) && s.tell != nil {
		s.tell(rule, v.tx.ID())
	}
}

// compared makes the evaluation again, with acceleration, and where that differs
// both ways some more. It returns a rule by which the first ones differ.
func (v *evaluation) compared() (rule int, same bool, err error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), cmp.Or(v.engine.sifting.checks.time, checkTime), errCheckTime)
	defer cancel()
	want := v.judged()
	got, err := v.repeat(ctx, false)
	if err != nil || got.equal(want) {
		return 0, err == nil, err
	}
	rule = differing(want.rules, got.rules)
	alone, fast := []judged{want}, []judged{got}
	for range checkRounds {
		if want, err = v.repeat(ctx, true); err != nil {
			return 0, false, err
		}
		if got, err = v.repeat(ctx, false); err != nil {
			return 0, false, err
		}
		alone, fast = append(alone, want), append(fast, got)
		if slices.ContainsFunc(alone, func(j judged) bool { return slices.ContainsFunc(fast, j.equal) }) {
			return 0, true, nil
		}
	}
	return rule, varies(alone, fast), nil
}

// varies tells whether Coraza alone has several outcomes, and blocks in one as each of
// those with acceleration does: some requests have hundreds, so that few rounds of both
// need not meet. Anybody can make such requests, which must not end acceleration.
func varies(alone, fast []judged) bool {
	blocksSo := func(j judged) bool {
		return slices.ContainsFunc(alone, func(o judged) bool { return o.block == j.block })
	}
	differs := func(j judged) bool { return !j.equal(alone[0]) }
	return slices.ContainsFunc(alone, differs) && !slices.ContainsFunc(fast, func(j judged) bool { return !blocksSo(j) })
}

var errCheckTime = errors.New("a check of acceleration took too long")

// repeat takes the steps of a checked evaluation once more, by Coraza alone or with
// acceleration.
func (v *evaluation) repeat(ctx context.Context, alone bool) (j judged, err error) {
	tx := v.engine.waf.NewTransactionWithID(v.tx.ID())
	state, _ := tx.(plugintypes.TransactionState)
	t := &evaluation{engine: v.engine, tx: tx, state: state, now: v.now, log: v.log}
	if alone {
		v.engine.sifting.checks.alone.Store(state, true)
		defer v.engine.sifting.checks.alone.Delete(state)
	}
	t.obey(ctx)
	err = t.guarded(func() error {
		for _, step := range v.check.steps {
			if err := step(t); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		j = t.judged()
	}
	return j, errors.Join(err, t.close())
}

// noteStep has the checks of an evaluation take a step too.
func (v *evaluation) noteStep(step func(*evaluation) error) {
	v.check.steps = append(v.check.steps, step)
}

// takeBody gives the rules the request body that another evaluation has read.
func (v *evaluation) takeBody(from *evaluation) error {
	body, err := from.replay()
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	if _, _, err := v.tx.ReadRequestBodyFrom(body); err != nil {
		return fmt.Errorf("give body to the rules: %w", err)
	}
	if from.check.cut {
		v.markTruncated()
	}
	return nil
}

// takeResponse gives the rules the response body that another evaluation has read.
func (v *evaluation) takeResponse(from *evaluation) error {
	body, err := from.replayResponse()
	if err != nil {
		return fmt.Errorf("read body of response: %w", err)
	}
	if _, _, err := v.tx.ReadResponseBodyFrom(body); err != nil {
		return fmt.Errorf("give body of response to the rules: %w", err)
	}
	return nil
}

// tellAcceleration makes an event of a check that failed, which a rule of the pack
// makes a finding of.
func (n *Node) tellAcceleration(rule int, request string) {
	if n.sink != nil {
		n.sink(n.identity.notice(n.now(), "acceleration-wrong", "acceleration",
			fmt.Sprintf("acceleration changes what the rules find in request %s, rule %d first; it is off until the rules are compiled again", request, rule)))
	}
}
