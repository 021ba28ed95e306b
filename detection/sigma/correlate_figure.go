package sigma

import (
	"math"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxMeasured is how many values of one event's list count.
const maxMeasured = 64

// measureEvent collects what an event adds to a group. It reports false if that
// is nothing: the field is missing, or is no number where one is needed.
func (c *Correlator) measureEvent(l *linked, f feed, e *event.Event) bool {
	c.measure = c.measure[:0]
	switch {
	case l.kind == kindEvents:
		c.measure = append(c.measure, 0)
	case l.temporal:
		c.measure = append(c.measure, uint64(f.ref))
	case len(l.fields) > 1:
		c.text = c.text[:0]
		for _, k := range l.fields {
			v := e.Get(k)
			if v.Kind() == event.KindNone {
				return false
			}
			start := len(c.text)
			c.text = v.AppendText(append(c.text, 0, 0, 0, 0))
			n := len(c.text) - start - 4
			c.text[start], c.text[start+1], c.text[start+2], c.text[start+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		}
		c.measure = append(c.measure, siphash(c.k0, c.k1, c.text))
	default:
		for v := range e.Values(l.fields[0]) {
			if len(c.measure) == maxMeasured {
				c.stats.Cut++
				break
			}
			if l.kind == kindDistinct {
				if v.Kind() != event.KindNone {
					c.text = v.AppendText(c.text[:0])
					c.measure = append(c.measure, siphash(c.k0, c.k1, c.text))
				}
			} else if n, ok := numberOf(v); ok {
				c.measure = append(c.measure, math.Float64bits(n.float64()))
			}
		}
	}
	return len(c.measure) > 0
}

// float64 returns the nearest float.
func (n number) float64() float64 {
	if n.float {
		return n.f
	}
	return float64(n.i)
}

// figure computes what a correlation compares over a window that is not empty. A
// count may stop once it is enough. It reports false where there is none.
func (c *Correlator) figure(l *linked, window []entry, enough int) (value float64, ok bool) {
	switch l.kind {
	case kindEvents:
		return float64(len(window)), true
	case kindDistinct:
		return float64(c.distinct(window, enough)), true
	case kindExpression:
		c.distinct(window, math.MaxInt)
		if !c.evaluate(l, l.rule.Extended.Expr) || l.rule.Type == TemporalOrdered && c.ordered(l, window) < l.refs {
			return 0, false
		}
		return float64(c.scratch.live), true
	case kindOrdered:
		return float64(c.ordered(l, window)), true
	case kindSum, kindAvg:
		sum := 0.0
		for _, x := range window {
			sum += math.Float64frombits(x.v)
		}
		if l.kind == kindAvg {
			sum /= float64(len(window))
		}
		return sum, true
	}
	return c.percentile(window, l.percentile), true
}

// distinct counts different values from the newest back, up to enough.
func (c *Correlator) distinct(window []entry, enough int) int {
	if len(window) < enough && enough != math.MaxInt {
		return 0 // not enough, whatever they are
	}
	c.scratch.reset(len(window))
	for i := len(window) - 1; i >= 0 && c.scratch.live < enough; i-- {
		c.scratch.slot(window[i].v)
	}
	return c.scratch.live
}

// evaluate evaluates the expression of a temporal condition over the references
// that the last call of distinct found.
func (c *Correlator) evaluate(l *linked, x *Expr) bool {
	switch x.Op {
	case ExprAnd:
		for _, a := range x.Args {
			if !c.evaluate(l, a) {
				return false
			}
		}
		return true
	case ExprOr:
		for _, a := range x.Args {
			if c.evaluate(l, a) {
				return true
			}
		}
		return false
	case ExprNot:
		return !c.evaluate(l, x.Args[0])
	}
	return c.scratch.has(uint64(l.refOf(x.Name)))
}

// ordered returns how many references occur in their order, with others between
// them: the length of the longest such chain.
func (c *Correlator) ordered(l *linked, window []entry) int {
	if cap(c.scratch.chain) < len(l.rule.Rules) {
		c.scratch.chain = make([]int32, len(l.rule.Rules))
	}
	chain := c.scratch.chain[:len(l.rule.Rules)] // longest that uses no reference beyond this
	clear(chain)
	for _, x := range window {
		n := int32(1)
		if x.v > 0 {
			n = chain[x.v-1] + 1
		}
		for r := x.v; r < uint64(len(chain)) && chain[r] < n; r++ {
			chain[r] = n
		}
	}
	return int(chain[len(chain)-1])
}

// percentile returns the value at a rank, between two values by linear interpolation.
func (c *Correlator) percentile(window []entry, percentile float64) float64 {
	rank := percentile / 100 * float64(len(window)-1)
	low := int(rank)
	a := c.nth(window, low)
	if frac := rank - float64(low); frac > 0 {
		return a + frac*(c.nth(window, low+1)-a)
	}
	return a
}

// nth returns the value of rank n, from 0. It takes byte after byte of the ordered
// form of the numbers, so no choice of values makes it slow.
func (c *Correlator) nth(window []entry, n int) float64 {
	keys := c.scratch.keys[:0]
	for _, x := range window {
		if k := x.v; k>>63 != 0 {
			keys = append(keys, ^k)
		} else {
			keys = append(keys, k|1<<63)
		}
	}
	c.scratch.keys = keys
	for shift := 56; shift >= 0 && len(keys) > 1; shift -= 8 {
		var count [256]int
		for _, k := range keys {
			count[byte(k>>shift)]++
		}
		digit := 0
		for n >= count[digit] {
			n -= count[digit]
			digit++
		}
		kept := keys[:0]
		for _, k := range keys {
			if byte(k>>shift) == byte(digit) {
				kept = append(kept, k)
			}
		}
		keys = kept
	}
	if k := keys[0]; k>>63 != 0 {
		return math.Float64frombits(k &^ (1 << 63))
	}
	return math.Float64frombits(^keys[0])
}

// scratch is memory that is used again: a set of values with two numbers each.
type scratch struct {
	slots []scratchSlot
	round uint32
	live  int
	keys  []uint64
	chain []int32
	times []int64
}

type scratchSlot struct {
	value uint64
	round uint32
	a, b  int32
}

// reset empties the set and makes room for n values.
func (s *scratch) reset(n int) {
	size := max(16, len(s.slots))
	for size < 2*n {
		size *= 2
	}
	s.live = 0
	if s.round++; size > len(s.slots) || s.round == 0 {
		s.slots, s.round = make([]scratchSlot, size), 1
	}
}

// slot returns the slot of a value, which it adds if it is new.
func (s *scratch) slot(v uint64) *scratchSlot {
	mask := uint64(len(s.slots) - 1)
	for i := spread(v) & mask; ; i = (i + 1) & mask {
		x := &s.slots[i]
		if x.round != s.round {
			s.live++
			*x = scratchSlot{value: v, round: s.round}
			return x
		}
		if x.value == v {
			return x
		}
	}
}

func (s *scratch) has(v uint64) bool {
	mask := uint64(len(s.slots) - 1)
	for i := spread(v) & mask; s.slots[i].round == s.round; i = (i + 1) & mask {
		if s.slots[i].value == v {
			return true
		}
	}
	return false
}

// spread mixes small numbers over the table; hashes are spread already.
func spread(v uint64) uint64 { return v * 0x9e3779b97f4a7c15 >> 20 }
