package store

import (
	"context"
	"math/bits"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// vector feeds a grouping whose fields are dictionaries or buckets of time, and
// whose results are of any fields, column by column.
type vector struct {
	groups query.Groups
	tuples *precount // of the fields that are grouped by

	at     []int32  // group of each tuple + 1
	rows   []uint16 // that match
	group  []int32  // of each of them
	values []event.Value
	hashes []uint64 // of values
	some   []int32  // groups of the rows that have a value
}

// newVector prepares for an execution, nil where rows cannot be added so.
func newVector(x *query.Exec) *vector {
	g, ok := x.Groups()
	if !ok {
		return nil
	}
	p := &precount{every: bucketsOf(g.By())}
	for i := range g.By() {
		by := &g.By()[i]
		if by.Field == event.Timestamp && p.every == 0 {
			return nil
		}
		p.fields = append(p.fields, by.Field)
	}
	return &vector{groups: g, tuples: p}
}

// add adds rows of a block. It reports false, and adds nothing, where the block
// does not lend itself to it.
func (v *vector) add(ctx context.Context, b *segment.Block, rows bitmap, row *blockRow) (bool, error) {
	if rest, err := b.Rest(); rest != nil || err != nil {
		return false, nil // read, and complained of, row by row
	}
	columns := make([]*segment.Column, len(v.groups.Aggs()))
	for i, a := range v.groups.Aggs() {
		if a.Field == (event.Key{}) {
			continue
		}
		c, err := b.Column(a.Field)
		if err != nil || c != nil && !c.Lone() {
			return false, nil
		}
		columns[i] = c
	}
	size, ok := v.tuples.combine(b)
	if !ok {
		return false, nil
	}
	if err := v.collect(size, rows, row); err != nil {
		return true, err
	}
	for i, a := range v.groups.Aggs() {
		if err := ctx.Err(); err != nil {
			return true, err
		}
		if err := v.column(i, a.Field == event.Key{}, columns[i]); err != nil {
			if !segment.IsDamaged(err) {
				return true, err
			}
			row.err = err
		}
	}
	return true, nil
}

// collect finds the group of each row.
func (v *vector) collect(size int, rows bitmap, row *blockRow) error {
	v.at = append(v.at[:0], make([]int32, size)...)
	v.rows, v.group = v.rows[:0], v.group[:0]
	for i, w := range rows {
		for ; w != 0; w &= w - 1 {
			r := i<<6 + bits.TrailingZeros64(w)
			t := v.tuples.tuple[r]
			if v.at[t] == 0 {
				row.row = r
				g, err := v.groups.Of(row)
				if err != nil {
					return err
				}
				v.at[t] = int32(g + 1)
			}
			v.rows = append(v.rows, uint16(r))
			v.group = append(v.group, v.at[t]-1)
		}
	}
	return nil
}

// column adds the values of the rows to a column of results.
func (v *vector) column(agg int, count bool, c *segment.Column) error {
	if v.groups.Distinct(agg) && !count {
		return v.distinct(agg, c)
	}
	if count || c == nil {
		for _, g := range v.group {
			if err := v.groups.Add(agg, int(g), nil, 1); err != nil {
				return err
			}
		}
		return nil
	}
	var cur segment.Cursor
	var r segment.Reader
	for i, g := range v.group {
		v.values = v.values[:0]
		if at := r.Entry(c, int(v.rows[i])); at >= 0 {
			x, err := c.Value(at, &cur)
			if err != nil {
				return err
			}
			v.values = append(v.values, x)
		}
		if err := v.groups.Add(agg, int(g), v.values, 1); err != nil {
			return err
		}
	}
	return nil
}

// distinct adds the identities of the values of the rows.
func (v *vector) distinct(agg int, c *segment.Column) error {
	if c == nil {
		return nil
	}
	hash := hashes(c)
	v.hashes, v.some = v.hashes[:0], v.some[:0]
	var r segment.Reader
	for i, g := range v.group {
		at := r.Entry(c, int(v.rows[i]))
		if at < 0 {
			continue
		}
		h, err := hash(at)
		if err != nil {
			return err
		}
		v.hashes, v.some = append(v.hashes, h), append(v.some, g)
	}
	return v.groups.AddHashes(agg, v.some, v.hashes)
}

// hashes returns a function that hashes the identity of an entry.
func hashes(c *segment.Column) func(i int) (uint64, error) {
	if c.Dictionary() {
		of := make([]uint64, c.Distinct())
		for d := range of {
			of[d] = query.HashIdentity(c.DictValue(d))
		}
		codes := c.Codes()
		return func(i int) (uint64, error) { return of[codes[i]], nil }
	}
	if nums := c.Numbers(); nums != nil && c.IsIPv4() {
		return func(i int) (uint64, error) { return query.HashIPv4(uint32(nums[i])), nil }
	}
	var cur segment.Cursor
	return func(i int) (uint64, error) {
		x, err := c.Value(i, &cur)
		return query.HashIdentity(x), err
	}
}
