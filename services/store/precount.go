package store

import (
	"math/bits"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// maxTuples bounds the combinations of values that rows of one block are
// counted by at once.
const maxTuples = 1 << 16

// precount counts rows of a block that an aggregation cannot tell apart: those
// with the same values in all fields that it reads. It serves fields whose
// columns are dictionaries, and times that are only looked at in buckets.
type precount struct {
	fields []event.Key
	every  int64 // width in which @timestamp is grouped; 0 if its exact value counts

	tuple  []uint32 // of each row
	counts []int32
	rows   []uint16 // one row of each tuple
}

// newPrecount prepares for a query whose answer does not depend on the order of
// events.
func newPrecount(q *query.Query) *precount {
	p := &precount{fields: q.PipeFields()}
	pipes := q.Pipes
	for len(pipes) > 0 { // leading conditions are part of the filter
		if _, ok := pipes[0].(*query.Where); !ok {
			break
		}
		pipes = pipes[1:]
	}
	if s, ok := pipes[0].(*query.Stats); ok {
		p.every = bucketOf(s)
	}
	return p
}

// bucketOf returns the one width in which stats looks at @timestamp, else 0.
func bucketOf(s *query.Stats) int64 {
	for i := range s.Aggs {
		if s.Aggs[i].Field == event.Timestamp {
			return 0
		}
	}
	return bucketsOf(s.By)
}

// bucketsOf returns the one width in which @timestamp is grouped, else 0.
func bucketsOf(by []query.Group) int64 {
	every := int64(0)
	for i := range by {
		if g := &by[i]; g.Field == event.Timestamp {
			if g.Every <= 0 || every != 0 {
				return 0
			}
			every = int64(g.Every)
		}
	}
	return every
}

// each calls f with a row of each tuple and the number of rows that have it. It
// reports false, and calls nothing, where the block does not lend itself to it.
func (p *precount) each(b *segment.Block, rows bitmap, f func(row int, n int64) error) (bool, error) {
	if rest, err := b.Rest(); rest != nil || err != nil {
		return false, nil // read, and complained of, row by row
	}
	size, ok := p.combine(b)
	if !ok {
		return false, nil
	}
	if cap(p.counts) < size {
		p.counts, p.rows = make([]int32, size), make([]uint16, size)
	}
	p.counts, p.rows = p.counts[:size], p.rows[:size]
	clear(p.counts)
	for i, w := range rows {
		for ; w != 0; w &= w - 1 {
			row := i<<6 + bits.TrailingZeros64(w)
			t := p.tuple[row]
			p.counts[t]++
			p.rows[t] = uint16(row)
		}
	}
	for t, n := range p.counts {
		if n > 0 {
			if err := f(int(p.rows[t]), int64(n)); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}

// combine numbers the combination of values of each row, in the order of the first
// field if that is in buckets, and returns how many numbers there are, and false
// where the block does not lend itself to it.
func (p *precount) combine(b *segment.Block) (size int, ok bool) {
	if cap(p.tuple) < b.Rows() {
		p.tuple = make([]uint32, b.Rows())
	}
	p.tuple = p.tuple[:b.Rows()]
	clear(p.tuple)
	size = 1
	for _, k := range slices.Backward(p.fields) {
		n, ok := p.dimension(b, k, size)
		if !ok || n > maxTuples/size {
			return 0, false
		}
		size *= n
	}
	return size, true
}

// dimension adds the value number of each row in a field, times weight, to the
// tuples and returns how many numbers there are.
func (p *precount) dimension(b *segment.Block, k event.Key, weight int) (n int, ok bool) {
	if k == event.Timestamp && p.every > 0 {
		return p.buckets(b, weight)
	}
	c, err := b.Column(k)
	if err != nil {
		return 0, false
	}
	if c == nil {
		return 1, true
	}
	if !c.Dictionary() || c.Distinct() >= maxTuples/weight {
		return 0, false
	}
	last := -1
	absent := uint32(c.Distinct())
	for i, code := range c.Codes() {
		row := c.Row(i)
		if row <= last { // a list
			return 0, false
		}
		for last++; last < row; last++ {
			p.tuple[last] += absent * uint32(weight)
		}
		p.tuple[row] += uint32(code) * uint32(weight)
	}
	for last++; last < b.Rows(); last++ {
		p.tuple[last] += absent * uint32(weight)
	}
	return c.Distinct() + 1, true
}

// buckets is dimension of the event time.
func (p *precount) buckets(b *segment.Block, weight int) (n int, ok bool) {
	lo, hi := b.Bounds()
	first, last := floorDiv(lo, p.every), floorDiv(hi, p.every)
	if last-first >= int64(maxTuples/weight) {
		return 0, false
	}
	if first == last {
		return 1, true
	}
	times, err := b.Times()
	if err != nil {
		return 0, false
	}
	// Neighbours mostly share a bucket: it is left when a time lies outside.
	from, add := first*p.every, uint32(0)
	for row, t := range times.All() {
		if uint64(int64(t)-from) >= uint64(p.every) {
			n := floorDiv(int64(t), p.every)
			from, add = n*p.every, uint32(n-first)*uint32(weight)
		}
		p.tuple[row] += add
	}
	return int(last-first) + 1, true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
