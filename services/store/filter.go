package store

import (
	"context"
	"math"
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

// and applies the cheap conditions first, each to what the ones before left.
func (f *filter) and(exprs []query.Expr, among bitmap) (bitmap, error) {
	ordered := slices.Clone(exprs)
	slices.SortStableFunc(ordered, func(a, b query.Expr) int { return cost(a) - cost(b) })
	for _, x := range ordered {
		if among.empty() {
			break
		}
		got, err := f.match(x, among)
		if err != nil {
			return nil, err
		}
		among = got
	}
	return among, nil
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
		dictionary(c, op, out)
		out.and(among)
		return nil
	}
	if v := c.Numbers(); v != nil && numbers(c, v, op, out) {
		out.and(among)
		return nil
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
func dictionary(c *segment.Column, op query.Op, out bitmap) {
	hit := make([]bool, c.Distinct())
	any := false
	for d := range hit {
		hit[d] = op.MatchValue(c.DictValue(d))
		any = any || hit[d]
	}
	if !any {
		return
	}
	c.Mark(hit, out)
}

// numbers applies an operation to a column of numbers where it comes down to
// two comparisons, and reports whether it does.
func numbers(c *segment.Column, v []uint64, op query.Op, out bitmap) bool {
	var lo, hi int64 // inclusive
	switch c.Uniform() {
	case event.KindInt:
		switch op := op.(type) {
		case *query.Equal:
			n, ok := op.Literal.Int()
			if !ok {
				return true
			}
			lo, hi = n, n
		case *query.Range:
			n, ok := op.Literal.Int()
			if !ok {
				return false
			}
			if lo, hi, ok = intBounds(op.Comparison, n); !ok {
				return true
			}
		default:
			return false
		}
	case event.KindTime:
		var ok bool
		if lo, hi, ok = timeBounds(op); !ok {
			return false
		}
	default:
		return false
	}
	for i, x := range v {
		if n := int64(x); lo <= n && n <= hi {
			out.set(c.Row(i))
		}
	}
	return true
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
	for i, t := range times {
		if from <= t && t < to {
			out.set(i)
		}
	}
	return out, nil
}
