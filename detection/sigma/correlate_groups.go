package sigma

import (
	"iter"
	"math"
)

// GroupState is what a [Correlator] holds of one group.
type GroupState struct {
	Values  []string // one for each of Correlation.GroupBy
	Value   float64  // of the window that ends at its newest event: what the condition compares
	Holds   bool     // the condition holds for that window
	Entries int      // events that are kept
	First   int64    // time of the oldest event in that window, Unix nanoseconds
	Last    int64    // of the newest
	Fired   int64    // of the event at which it last fired; 0 if it did not
}

// Correlations returns the correlations that are followed, those first that
// others refer to.
func (l *Links) Correlations() []*Correlation {
	list := make([]*Correlation, 0, len(l.list))
	for _, c := range l.list {
		list = append(list, c.rule)
	}
	return list
}

// Held returns how many groups of a correlation are held, among them some that no
// event can make count any more.
func (c *Correlator) Held(corr *Correlation) int {
	for _, l := range c.links.list {
		if l.rule == corr {
			return c.groups.lists[l.index].live
		}
	}
	return 0
}

// Groups yields the living groups of a correlation, the newest first, but for as
// many of the newest as skip says. The yielded state is valid until the next one.
// No other method may be called meanwhile.
func (c *Correlator) Groups(corr *Correlation, skip int) iter.Seq[*GroupState] {
	return func(yield func(*GroupState) bool) {
		for _, l := range c.links.list {
			if l.rule != corr {
				continue
			}
			var s GroupState
			skip := skip
			for n := c.groups.lists[l.index].newest; n != 0; {
				g := c.groups.at(n - 1)
				n = g.older
				if c.dead(l, g) {
					continue
				}
				if skip--; skip >= 0 {
					continue
				}
				if c.state(&s, l, g); !yield(&s) {
					return
				}
			}
		}
	}
}

func (c *Correlator) state(s *GroupState, l *linked, g *group) {
	newest := g.entries[len(g.entries)-1].t
	window := g.entries[searchTime(g.entries, newest-l.timespan):]
	*s = GroupState{Values: splitKey(s.Values[:0], g.key), Entries: len(g.entries), First: window[0].t, Last: newest}
	value, ok := c.figure(l, window, math.MaxInt)
	s.Value, s.Holds = value, ok && l.satisfied(value)
	if g.fired != never {
		s.Fired = g.fired
	}
}
