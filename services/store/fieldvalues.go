package store

import (
	"context"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// tallies is how many fields have their values counted at a time, which bounds
// the memory.
const tallies = 16

// values counts the values of the fields of the page.
func (l *FieldList) values(ctx context.Context, sc *scan, top int) error {
	for rest := l.Fields; len(rest) > 0; {
		some := rest[:min(tallies, len(rest))]
		rest = rest[len(some):]
		if err := l.tally(ctx, sc, some, top); err != nil {
			return err
		}
	}
	return nil
}

// tally counts the values of some fields.
func (l *FieldList) tally(ctx context.Context, sc *scan, fields []FieldStats, top int) error {
	counts := make([]query.Tally, len(fields))
	index := map[string]*query.Tally{}
	for i := range fields {
		index[fields[i].Name] = &counts[i]
	}
	for _, b := range l.examined {
		err := ctx.Err()
		if err == nil {
			err = b.eachRest(func(name string, v event.Value, _ bool) {
				if t := index[name]; t != nil {
					t.Add(v, 1)
				}
			})
		}
		if err != nil {
			if err := sc.damagedBlock(b.block, err); err != nil {
				return err
			}
		}
	}
	errs := make([]blockError, len(fields))
	parallel(len(fields), func(i int) { errs[i] = l.tallyColumns(ctx, fields[i].Name, &counts[i]) })
	for i := range fields {
		if e := errs[i]; e.err != nil {
			if err := sc.damagedBlock(e.block, e.err); err != nil {
				return err
			}
		}
		f, t := &fields[i], &counts[i]
		f.Values, f.Short, f.Top = t.Total(), t.Short(), t.Top(top)
		f.Distinct, f.DistinctExact = t.Distinct()
	}
	return nil
}

// blockError is why a block could not be read.
type blockError struct {
	block blockRef
	err   error
}

// tallyColumns counts the values that the columns of a field have. Of several
// damaged blocks the last is returned; the others are counted.
func (l *FieldList) tallyColumns(ctx context.Context, name string, t *query.Tally) blockError {
	var fail blockError
	k := event.Intern(name)
	for _, b := range l.examined {
		if err := ctx.Err(); err != nil {
			return blockError{b.block, err}
		}
		c, err := b.block.Column(k)
		if err == nil && c != nil {
			err = tallyColumn(c, b.rows, t)
		}
		if err != nil {
			fail = blockError{b.block, err}
			if !segment.IsDamaged(err) {
				return fail
			}
		}
	}
	return fail
}

func tallyColumn(c *segment.Column, rows bitmap, t *query.Tally) error {
	if c.Dictionary() {
		n := make([]int64, c.Distinct())
		for i, code := range c.Codes() {
			if rows.has(c.Row(i)) {
				n[code]++
			}
		}
		for d, n := range n {
			if n > 0 {
				t.Add(c.DictValue(d), n)
			}
		}
		return nil
	}
	return c.EachPage(
		func(first, n int) bool { return rows.anyIn(c.Row(first), c.Row(first+n-1)+1) },
		func(first int, p *segment.Column) error {
			var cur segment.Cursor
			for i := range p.Len() {
				if !rows.has(c.Row(first + i)) {
					continue
				}
				v, err := p.Value(i, &cur)
				if err != nil {
					return err
				}
				t.Add(v, 1)
			}
			return nil
		})
}

// eachRest calls f for the values that the rows have of fields over the cap of
// columns; first tells whether it is the first one of a field in its row.
func (b *sampled) eachRest(f func(name string, v event.Value, first bool)) error {
	c, err := b.block.Rest()
	if c == nil || err != nil {
		return err
	}
	return c.EachPage(
		func(first, n int) bool { return b.rows.anyIn(c.Row(first), c.Row(first+n-1)+1) },
		func(first int, p *segment.Column) error {
			var cur segment.Cursor
			seen := map[string]bool{}
			for i := range p.Len() {
				if !b.rows.has(c.Row(first + i)) {
					continue
				}
				v, err := p.Value(i, &cur)
				if err != nil {
					return err
				}
				clear(seen)
				err = segment.EachRest(v.Text(), func(name string, v event.Value, _ bool) bool {
					f(name, v, !seen[name])
					seen[name] = true
					return true
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
}
