package waf

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// One evaluation of so many is checked: nothing is taken out of it, so that Coraza
// alone decides, and no rule may match that would have been. It costs what Coraza
// costs, which is about a hundredth over all.
const checkEvery = 256

// Checks of all engines, for the metrics.
var checksMade, checksFailed atomic.Int64

// checks are those of one engine.
type checks struct {
	begun  atomic.Uint64
	failed atomic.Bool // a check did; nothing is taken out any more
	open   sync.Map    // of *check by transaction

	// tell is called once, with the rule and the request of the first check that
	// fails. It is set before the engine is used; nil for nobody.
	tell func(rule int, request string)
}

// check notes what would have been taken out of an evaluation. It is used by the
// goroutine that evaluates.
type check struct{ dropped []leftOut }

// leftOut are rules that no more may match once so many have.
type leftOut struct{ first, last, before int }

func (c *check) note(first, last, before int) {
	c.dropped = append(c.dropped, leftOut{first, last, before})
}

// leavesOut tells whether a rule that has matched would have been left out; at is
// how many matched before it.
func (c *check) leavesOut(id, at int) bool {
	return slices.ContainsFunc(c.dropped, func(d leftOut) bool { return d.first <= id && id <= d.last && d.before <= at })
}

// begin chooses evaluations to be checked.
func (s *checks) begin(tx plugintypes.TransactionState) (chosen bool) {
	if tx == nil || s.begun.Add(1)%checkEvery != 0 {
		return false
	}
	s.open.Store(tx, &check{})
	return true
}

// of returns the check of an evaluation, nil for none.
func (s *checks) of(tx plugintypes.TransactionState) *check {
	c, _ := s.open.Load(tx)
	found, _ := c.(*check)
	return found
}

// end compares what has matched. A difference is an error of the sieve: it ends
// acceleration by this engine.
func (s *checks) end(tx plugintypes.TransactionState, matched []types.MatchedRule, log *slog.Logger) {
	c := s.of(tx)
	s.open.Delete(tx)
	checksMade.Add(1)
	for at, m := range matched {
		if id := m.Rule().ID(); c != nil && c.leavesOut(id, at) {
			checksFailed.Add(1)
			log.Error("acceleration would have left out a rule that matches; it is off until the rules are compiled again",
				slog.Int("rule", id), slog.String("request", tx.ID()))
			if s.failed.CompareAndSwap(false, true) && s.tell != nil {
				s.tell(id, tx.ID())
			}
			return
		}
	}
}

// tellAcceleration makes an event of a check that failed, which a rule of the pack
// makes a finding of.
func (n *Node) tellAcceleration(rule int, request string) {
	if n.sink != nil {
		n.sink(n.identity.notice(n.now(), "acceleration-wrong", "acceleration",
			fmt.Sprintf("acceleration would have left out rule %d, which matches request %s; it is off until the rules are compiled again", rule, request)))
	}
}
