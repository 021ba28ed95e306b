package store

import (
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// blockRow is a row of a block as the query language reads it. Columns are read
// when they are first asked for. It belongs to one goroutine.
type blockRow struct {
	block *segment.Block
	row   int
	cols  []blockColumn
	err   error // of the first read that failed
}

type blockColumn struct {
	key  event.Key
	col  *segment.Column // nil if the block has none
	rest bool            // the key may be in the flattened column, which col then is
	cur  segment.Cursor
}

// reset turns to another block.
func (r *blockRow) reset(b *segment.Block) { *r = blockRow{block: b, cols: r.cols[:0]} }

// AppendValues implements query.Row.
func (r *blockRow) AppendValues(dst []event.Value, k event.Key) []event.Value {
	c := r.column(k)
	if c.col == nil {
		return dst
	}
	lo, hi := c.col.Span(r.row)
	for i := lo; i < hi; i++ {
		v, err := c.col.Value(i, &c.cur)
		if err == nil && c.rest {
			err = segment.EachRest(v.Text(), func(name string, v event.Value, _ bool) bool {
				if name == k.String() {
					dst = append(dst, v)
				}
				return true
			})
		} else if err == nil {
			dst = append(dst, v)
		}
		if err != nil {
			r.err = err
		}
	}
	return dst
}

func (r *blockRow) column(k event.Key) *blockColumn {
	for i := range r.cols {
		if r.cols[i].key.Is(k) {
			return &r.cols[i]
		}
	}
	c := blockColumn{key: k}
	var err error
	if c.col, err = r.block.Column(k); err == nil && c.col == nil && !event.IsMember(k) {
		c.col, err = r.block.Rest()
		c.rest = true
	}
	if err != nil {
		c.col, r.err = nil, err
	}
	r.cols = append(r.cols, c)
	return &r.cols[len(r.cols)-1]
}
