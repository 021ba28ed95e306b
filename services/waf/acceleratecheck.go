package waf

import (
	"log/slog"
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
}

// check notes what would have been taken out of an evaluation. It is used by the
// goroutine that evaluates.
type check struct{ dropped map[int]bool }

func (c *check) note(id int) { c.dropped[id] = true }

// begin chooses evaluations to be checked.
func (s *checks) begin(tx plugintypes.TransactionState) (chosen bool) {
	if tx == nil || s.begun.Add(1)%checkEvery != 0 {
		return false
	}
	s.open.Store(tx, &check{dropped: map[int]bool{}})
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
	for _, m := range matched {
		if id := m.Rule().ID(); c != nil && c.dropped[id] {
			s.failed.Store(true)
			checksFailed.Add(1)
			log.Error("acceleration would have left out a rule that matches; it is off until the rules are compiled again",
				slog.Int("rule", id), slog.String("request", tx.ID()))
			return
		}
	}
}
