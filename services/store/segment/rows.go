package segment

import (
	"cmp"
	"slices"
	"strings"
	"unsafe"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Rows rebuilds events from a block. It belongs to one goroutine and reads a
// column when a row first needs it; rows are best asked for in runs.
type Rows struct {
	block *Block
	keys  []event.Key // nil for all
	cols  []rowColumn
	rest  *rowColumn
}

type rowColumn struct {
	key    event.Key
	member int // -1 for a field
	col    *Column
	cur    Cursor
}

// OpenRows prepares to rebuild events of a block with the given keys only, in
// their order; all if keys is nil, then by name, so that an event looks the same
// in memory and in a segment.
func (b *Block) OpenRows(keys []event.Key) (*Rows, error) {
	r := &Rows{block: b, keys: keys}
	var err error
	switch {
	case keys != nil:
		for _, k := range keys {
			if err = r.open(k); err != nil {
				return nil, err
			}
		}
	case b.view != nil:
		err = r.openView()
	default:
		err = r.openAll()
	}
	if err != nil {
		return nil, err
	}
	rest, err := b.Rest()
	if err != nil {
		return nil, err
	}
	if rest != nil {
		r.rest = &rowColumn{col: rest}
	}
	return r, nil
}

// open adds the column of a key, if there is one.
func (r *Rows) open(k event.Key) error {
	c, err := r.block.Column(k)
	if err == nil && c != nil {
		r.cols = append(r.cols, rowColumn{key: k, member: memberOf(k), col: c})
	}
	return err
}

// openView adds the columns of a view.
func (r *Rows) openView() error {
	var fail error
	if err := r.block.Keys(func(k event.Key) { fail = cmp.Or(r.open(k), fail) }); err != nil {
		return err
	}
	slices.SortFunc(r.cols, func(a, b rowColumn) int { return strings.Compare(a.key.String(), b.key.String()) })
	return fail
}

// openAll adds the columns of an encoded block, whose directory has their order.
func (r *Rows) openAll() error {
	d, err := r.block.directory()
	if err != nil {
		return err
	}
	r.cols = make([]rowColumn, len(d.keys))
	for i, k := range d.keys {
		c := r.block.label.columnOf(k.key, r.block.rows)
		if c == nil {
			if c, err = r.block.load(d, k.col); err != nil {
				return err
			}
		}
		r.cols[i] = rowColumn{key: k.key, member: memberOf(k.key), col: c}
	}
	return nil
}

// Event rebuilds one row in an emptied event. Its strings are valid as long as
// the event is not changed and the block is held.
func (r *Rows) Event(row int, e *event.Event) error {
	e.Reset()
	for i := range r.cols {
		c := &r.cols[i]
		lo, hi := c.col.Span(row)
		for j := lo; j < hi; j++ {
			v, err := c.col.Value(j, &c.cur)
			if err != nil {
				return err
			}
			switch {
			case c.member >= 0:
				setMember(e, c.member, v)
			case c.col.IsList(j):
				e.AddList(c.key, v)
			default:
				e.Add(c.key, v)
			}
		}
	}
	if r.rest == nil {
		return nil
	}
	lo, hi := r.rest.col.Span(row)
	if lo == hi {
		return nil
	}
	v, err := r.rest.col.Value(lo, &r.rest.cur)
	if err != nil {
		return err
	}
	return EachRest(v.Text(), func(name string, v event.Value, list bool) bool {
		k := event.Intern(name)
		if !r.wants(k) {
			return true
		}
		if list {
			e.AddList(k, v)
		} else {
			e.Add(k, v)
		}
		return true
	})
}

func (r *Rows) wants(k event.Key) bool {
	if r.keys == nil {
		return true
	}
	for _, w := range r.keys {
		if w.Is(k) {
			return true
		}
	}
	return false
}

func setMember(e *event.Event, member int, v event.Value) {
	switch member {
	case colTime:
		e.Time = v.Int()
	case colID:
		e.ID = v.Text()
	case colDataset:
		e.Dataset = v.Text()
	case colReceived:
		e.Received = v.Int()
	case colSource:
		e.Source = v.Text()
	case colOriginal:
		s := v.Text()
		e.Raw = unsafe.Slice(unsafe.StringData(s), len(s))
	}
}
