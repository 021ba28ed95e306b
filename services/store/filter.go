package store

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// filter finds the rows of one block that match an expression. It reads only
// the columns, and the pages of them, that can still change the answer.
type filter struct {
	ctx   context.Context
	block *segment.Block
	texts segment.Search
}

// match returns the rows of among for which e holds. It does not change among.
func (f *filter) match(e query.Expr, among bitmap) (bitmap, error) {
	switch e := e.(type) {
	case *query.And:
		return f.and(e.Exprs, among)
	case *query.Or:
		out := newBitmap(f.block.Rows())
		rest := among.clone()
		for _, x := range e.Exprs {
			got, err := f.match(x, rest)
			if err != nil {
				return nil, err
			}
			out.or(got)
			rest.andNot(got)
		}
		return out, nil
	case *query.Not:
		got, err := f.match(e.Expr, among)
		if err != nil {
			return nil, err
		}
		out := among.clone()
		out.andNot(got)
		return out, nil
	case *query.Match:
		out := newBitmap(f.block.Rows())
		for _, k := range e.Fields() {
			if err := f.leaf(k, e.Op, among, out); err != nil {
				return nil, err
			}
		}
		return out, nil
	case query.Const:
		if e {
			return among, nil
		}
	}
	return newBitmap(f.block.Rows()), nil
}

// and applies the cheap conditions first, of equal ones that on the field which
// fewer rows have, each to what the ones before left.
func (f *filter) and(exprs []query.Expr, among bitmap) (bitmap, error) {
	type ranked struct {
		expr          query.Expr
		cost, entries int
	}
	ordered := make([]ranked, len(exprs))
	for i, x := range exprs {
		ordered[i] = ranked{x, cost(x), f.entries(x)}
	}
	slices.SortStableFunc(ordered, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.entries, b.entries))
	})
	for _, x := range ordered {
		if among.empty() {
			break
		}
		got, err := f.match(x.expr, among)
		if err != nil {
			return nil, err
		}
		among = got
	}
	return among, nil
}

// entries returns how many values a condition on one field looks at, the rows of
// the block for others.
func (f *filter) entries(e query.Expr) int {
	if m, ok := e.(*query.Match); ok && !m.FreeText() {
		if n, err := f.block.Entries(m.Field); err == nil {
			return n
		}
	}
	return f.block.Rows()
}

// cost ranks conditions by what they take to evaluate.
func cost(e query.Expr) int {
	switch e := e.(type) {
	case *query.And:
		return 1 + worst(e.Exprs)
	case *query.Or:
		return 1 + worst(e.Exprs)
	case *query.Not:
		return 1 + cost(e.Expr)
	case *query.Match:
		n := 0
		switch e.Op.(type) {
		case *query.Regex:
			n = 8
		case *query.Contains, *query.Glob:
			n = 4
		}
		if e.FreeText() || e.Field == event.EventOriginal || e.Field == event.Message {
			n += 10
		}
		return n
	}
	return 0
}

func worst(exprs []query.Expr) int {
	n := 0
	for _, x := range exprs {
		n = max(n, cost(x))
	}
	return n
}

// leaf adds the rows of among in which a value of a key matches to out.
func (f *filter) leaf(k event.Key, op query.Op, among, out bitmap) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if ok, err := leafMayMatch(f.block, k, op); !ok || err != nil {
		return err
	}
	c, err := f.block.Column(k)
	if err != nil {
		return err
	}
	if c == nil {
		return f.flattened(k, op, among, out)
	}
	return f.column(c, op, among, out)
}

// column applies an operation to the values of a column.
func (f *filter) column(c *segment.Column, op query.Op, among, out bitmap) error {
	if _, ok := op.(query.Exists); ok {
		for i := range c.Len() {
			out.set(c.Row(i))
		}
		out.and(among)
		return nil
	}
	if c.Dictionary() {
		dictionary(c, op, among, out)
		return nil
	}
	if v := c.Numbers(); v != nil && numbers(c, v, op, out) {
		out.and(among)
		return nil
	}
	if eq, ok := op.(*query.Equal); ok {
		if text, alone := eq.Literal.Folded(); alone && c.MarkEqual(text, out) {
			out.and(among)
			return nil
		}
	}
	if text := query.LongestRequired(op); text != "" && c.Uniform() == event.KindString {
		return f.holding(c, op, text, among, out)
	}
	return pages(c, op, among, out)
}

// holding applies an operation to a column of text where it holds a text that
// every value that matches has.
func (f *filter) holding(c *segment.Column, op query.Op, text string, among, out bitmap) error {
	may, sure := newBitmap(f.block.Rows()), newBitmap(f.block.Rows())
	if err := f.texts.Rows(c, text, among, may, sure); err != nil {
		return err
	}
	if query.Substring(op) == text {
		out.or(sure)
	}
	may.andNot(out)
	return pages(c, op, may, out)
}

// dictionary applies an operation once to each distinct value.
func dictionary(c *segment.Column, op query.Op, among, out bitmap) {
	hit := make([]bool, c.Distinct())
	any := false
	for d := range hit {
		hit[d] = op.MatchValue(c.DictValue(d))
		any = any || hit[d]
	}
	switch {
	case !any:
	case among.count() <= c.Len()/sparse:
		c.MarkAmong(hit, among, out)
	default:
		c.Mark(hit, out)
		out.and(among)
	}
}

// numbers applies an operation to a column of numbers where it comes down to
// two comparisons, and reports whether it does.
func numbers(c *segment.Column, v []uint64, op query.Op, out bitmap) bool {
	var lo, hi int64 // inclusive
	some, ok := true, false
	switch c.Uniform() {
	case event.KindInt:
		lo, hi, some, ok = integerBounds(op)
	case event.KindTime:
		lo, hi, ok = timeBounds(op)
	case event.KindIP:
		if ok = c.IsIPv4() && isAddress(op); ok {
			var l, h uint64
			l, h, some = addressBounds(op)
			lo, hi = int64(l), int64(h)
		}
	}
	if ok && some {
		markBetween(c, v, lo, hi, out)
	}
	return ok
}

// isAddress tells whether an operation holds only for addresses that lie between
// bounds, as far as it is asked about addresses.
func isAddress(op query.Op) bool {
	switch op.(type) {
	case *query.Equal, *query.CIDR:
		return true
	}
	return false
}

// integerBounds returns the integers that match, and false for some where there
// are none, for ok where they are not all between two bounds.
func integerBounds(op query.Op) (lo, hi int64, some, ok bool) {
	switch op := op.(type) {
	case *query.Equal:
		n, some := op.Literal.Int()
		return n, n, some, true
	case *query.Range:
		n, isInt := op.Literal.Int()
		if !isInt {
			return 0, 0, false, false
		}
		lo, hi, some = intBounds(op.Comparison, n)
		return lo, hi, some, true
	}
	return 0, 0, false, false
}

// markBetween adds the rows of numbers, the values of a column, from lo to hi to a
// set. Without a column number i is of row i.
func markBetween(c *segment.Column, v []uint64, lo, hi int64, out bitmap) {
	if lo > hi {
		return
	}
	width := uint64(hi) - uint64(lo)
	if dense := c == nil || c.Lone() && c.Len() == c.Rows(); !dense {
		for i, x := range v {
			if x-uint64(lo) <= width {
				out.set(c.Row(i))
			}
		}
		return
	}
	for w := range out {
		part := v[min(64*w, len(v)):min(64*w+64, len(v))]
		var word uint64
		for i, x := range part {
			_, above := bits.Sub64(width, x-uint64(lo), 0)
			word |= (above ^ 1) << i
		}
		out[w] |= word
	}
}

// intBounds returns the integers that compare with n as asked, and false where
// there are none.
func intBounds(c query.Comparison, n int64) (lo, hi int64, ok bool) {
	lo, hi = math.MinInt64, math.MaxInt64
	switch c {
	case query.Less:
		return lo, n - 1, n != lo
	case query.LessEqual:
		return lo, n, true
	case query.Greater:
		return n + 1, hi, n != hi
	}
	return n, hi, true
}

// sparse is the part of the entries of a column that are at most looked up one by
// one.
const sparse = 8

// pages applies an operation value by value, and only where among has rows.
func pages(c *segment.Column, op query.Op, among, out bitmap) error {
	if among.count() <= c.Len()/sparse {
		return values(c, op, among, out)
	}
	return c.EachPage(
		func(first, n int) bool { return among.anyIn(c.Row(first), c.Row(first+n-1)+1) },
		func(first int, p *segment.Column) error {
			var cur segment.Cursor
			for i := range p.Len() {
				row := c.Row(first + i)
				if !among.has(row) || out.has(row) {
					continue
				}
				v, err := p.Value(i, &cur)
				if err != nil {
					return err
				}
				if op.MatchValue(v) {
					out.set(row)
				}
			}
			return nil
		})
}

// values is pages for few rows.
func values(c *segment.Column, op query.Op, among, out bitmap) error {
	var cur segment.Cursor
	var fail error
	among.each(func(row int) bool {
		lo, hi := c.Span(row)
		for i := lo; i < hi; i++ {
			v, err := c.Value(i, &cur)
			if err != nil {
				fail = err
				return false
			}
			if op.MatchValue(v) {
				out.set(row)
				break
			}
		}
		return true
	})
	return fail
}

// flattened applies an operation to a field that was over the cap of columns.
func (f *filter) flattened(k event.Key, op query.Op, among, out bitmap) error {
	if event.IsMember(k) {
		return nil
	}
	c, err := f.block.Rest()
	if err != nil || c == nil {
		return err
	}
	return c.EachPage(
		func(first, n int) bool { return among.anyIn(c.Row(first), c.Row(first+n-1)+1) },
		func(first int, p *segment.Column) error {
			var cur segment.Cursor
			for i := range p.Len() {
				row := c.Row(first + i)
				if !among.has(row) {
					continue
				}
				v, err := p.Value(i, &cur)
				if err != nil {
					return err
				}
				err = segment.EachRest(v.Text(), func(name string, v event.Value, _ bool) bool {
					if name == k.String() && op.MatchValue(v) {
						out.set(row)
						return false
					}
					return true
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
}

// inTime returns the rows of a block with from <= @timestamp < to.
func inTime(b *segment.Block, from, to int64) (bitmap, error) {
	lo, hi := b.Bounds()
	if from <= lo && hi < to {
		return fullBitmap(b.Rows()), nil
	}
	times, err := b.Times()
	if err != nil {
		return nil, err
	}
	out := newBitmap(b.Rows())
	markBetween(nil, times.All(), from, to-1, out)
	return out, nil
}
