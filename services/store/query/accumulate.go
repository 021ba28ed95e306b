package query

import (
	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/detection/event"
)

// accumulator holds the states of one aggregate column, one for each group.
type accumulator interface {
	// extend adds the empty state of a group and returns its bytes.
	extend() int64
	// add takes the values that one row, n times, has for the field, and
	// returns by how many bytes the state of group g grew.
	add(g int, values []event.Value, n int64) int64
	// merge takes the state of group h of an accumulator of the same kind.
	merge(g int, from accumulator, h int) int64
	// value returns the result of group g.
	value(g int) event.Value
}

func newAccumulator(a *Agg) accumulator {
	switch a.Func {
	case Sum, Avg:
		return &sums{average: a.Func == Avg}
	case Min, Max:
		return &extremes{greatest: a.Func == Max}
	case Percentile:
		return &digests{q: a.P / 100}
	case CountDistinct:
		return &distincts{}
	}
	return &counts{all: a.Field == event.Key{}}
}

type counts struct {
	all bool // rows without values too
	n   []int64
}

func (c *counts) extend() int64 { c.n = append(c.n, 0); return 8 }

func (c *counts) add(g int, values []event.Value, n int64) int64 {
	if c.all || len(values) > 0 {
		c.n[g] += n
	}
	return 0
}

func (c *counts) merge(g int, from accumulator, h int) int64 {
	c.n[g] += from.(*counts).n[h]
	return 0
}

func (c *counts) value(g int) event.Value { return event.Int(c.n[g]) }

type sums struct {
	average bool
	sums    []sum
}

func (c *sums) extend() int64 { c.sums = append(c.sums, sum{}); return 48 }

func (c *sums) add(g int, values []event.Value, n int64) int64 {
	for _, v := range values {
		c.sums[g].add(v, n)
	}
	return 0
}

func (c *sums) merge(g int, from accumulator, h int) int64 {
	c.sums[g].merge(&from.(*sums).sums[h])
	return 0
}

func (c *sums) value(g int) event.Value {
	if c.average {
		return c.sums[g].average()
	}
	return c.sums[g].value()
}

type extremes struct {
	greatest bool
	values   []event.Value
}

func (c *extremes) extend() int64 { c.values = append(c.values, event.Value{}); return 32 }

func (c *extremes) add(g int, values []event.Value, _ int64) int64 {
	var grown int64
	for _, v := range values {
		grown += c.offer(g, v)
	}
	return grown
}

func (c *extremes) offer(g int, v event.Value) int64 {
	old := c.values[g]
	if v.Kind() == event.KindNone {
		return 0
	}
	if old.Kind() != event.KindNone {
		order := Compare(v, old)
		if order == 0 && v.Kind() == event.KindInt && old.Kind() == event.KindFloat {
			order = 1 // of equal numbers the integer, whatever came first
			if !c.greatest {
				order = -1
			}
		}
		if order == 0 || (order > 0) != c.greatest {
			return 0
		}
	}
	c.values[g] = keep(v)
	return int64(len(v.Text()) - len(old.Text()))
}

func (c *extremes) merge(g int, from accumulator, h int) int64 {
	return c.offer(g, from.(*extremes).values[h])
}

func (c *extremes) value(g int) event.Value { return c.values[g] }

type digests struct {
	q       float64
	digests []digest
}

func (c *digests) extend() int64 { c.digests = append(c.digests, digest{}); return 64 }

func (c *digests) add(g int, values []event.Value, n int64) int64 {
	var grown int64
	for _, v := range values {
		whole, f, isInt, ok := numberOf(v)
		if isInt {
			f = float64(whole)
		}
		if ok {
			grown += c.digests[g].add(f, float64(n))
		}
	}
	return grown
}

func (c *digests) merge(g int, from accumulator, h int) int64 {
	return c.digests[g].merge(&from.(*digests).digests[h])
}

func (c *digests) value(g int) event.Value {
	f, ok := c.digests[g].quantile(c.q)
	if !ok {
		return event.Value{}
	}
	return event.Float(f)
}

type distincts struct {
	sets []distinct
	buf  []byte
	read uint64 // keeps what addAll reads from being left out; means nothing
}

func (c *distincts) extend() int64 { c.sets = append(c.sets, distinct{}); return 128 }

func (c *distincts) add(g int, values []event.Value, _ int64) int64 {
	var grown int64
	for _, v := range values {
		c.buf = appendIdentity(c.buf[:0], v)
		grown += c.sets[g].add(xxhash.Sum64(c.buf))
	}
	return grown
}

// ahead is how many values' places are read before the first of them is added.
const ahead = 32

// addAll adds to each group the hash beside it and returns by how many bytes the
// state grew. The places of many hashes are read at once: one by one the
// processor would wait for memory at each.
func (c *distincts) addAll(groups []int32, hashes []uint64) int64 {
	var grown int64
	for len(groups) > 0 {
		n := min(ahead, len(groups))
		for i, g := range groups[:n] {
			c.read += c.sets[g].peek(hashes[i])
		}
		for i, g := range groups[:n] {
			grown += c.sets[g].add(hashes[i])
		}
		groups, hashes = groups[n:], hashes[n:]
	}
	return grown
}

func (c *distincts) merge(g int, from accumulator, h int) int64 {
	return c.sets[g].merge(&from.(*distincts).sets[h])
}

func (c *distincts) value(g int) event.Value { return event.Int(c.sets[g].count()) }
