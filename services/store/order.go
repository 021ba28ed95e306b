package store

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// position is the place of a row in the order newest first, by time, event.id
// and source. Rows that share all three are told apart by how many came before.
type position struct {
	time   int64
	id     string
	source string
	seen   int // rows of exactly this place that were passed
}

// candidate is a row that may be among the next ones.
type candidate struct {
	time  int64
	block int32 // in the snapshot
	row   uint16
}

// Rows are found in passes: each finds the next rows behind a position. A pass
// holds at most twice its number of candidates, so any number of rows comes out
// in bounded memory, however the times of blocks overlap.
const (
	firstPass = 1 << 9
	lastPass  = 1 << 16
)

// newest yields the matching rows newest first, behind after unless that is nil.
type newest struct {
	scan  *scan
	after *position
	items []candidate
	ids   map[int32]*identity
	rows  *rowsAhead // nil where rows are not rebuilt as they come
}

// identity holds the columns that break ties in a block.
type identity struct {
	id, source      *segment.Column
	idCur, srcCur   segment.Cursor
	idText, srcText string
}

// each calls f for every row in order until it returns false. want is the
// number of rows that are probably asked for, 0 for all.
func (n *newest) each(ctx context.Context, want int, f func(c candidate) (bool, error)) error {
	n.scan.snap.newestFirst()
	n.scan.prepare(nil)
	n.ids = map[int32]*identity{}
	size := firstPass
	if want > 0 && want < lastPass {
		size = max(want, 16)
	}
	for {
		more, err := n.pass(ctx, size)
		if err != nil {
			return err
		}
		if n.rows != nil {
			*n.rows = rowsAhead{search: n.rows.search, items: n.items, blocks: map[int32]bool{}}
		}
		for i, c := range n.items {
			if n.rows != nil {
				n.rows.reach(i)
			}
			if err := n.advance(c); err != nil {
				return err
			}
			if ok, err := f(c); !ok || err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		size = min(4*size, lastPass)
		n.ids = map[int32]*identity{}
	}
}

// pass collects the next rows, at most size, in order, and tells whether there
// may be more.
func (n *newest) pass(ctx context.Context, size int) (more bool, err error) {
	n.items = n.items[:0]
	skip := 0
	if n.after != nil {
		skip = n.after.seen
	}
	size += skip
	floor := n.scan.from // rows before it are not among the next
	to := n.scan.to
	if n.after != nil && n.after.time < math.MaxInt64 {
		to = min(to, n.after.time+1)
	}
	blocks := n.scan.snap.blocks
	step := 1
	for at := 0; at < len(blocks); step = min(2*step, 64) {
		if _, hi := blocks[at].Bounds(); hi < floor {
			break // all that follow are older
		}
		run := blocks[at:min(at+step, len(blocks))]
		n.scan.ahead.reach(at + len(run))
		all := n.scan.findAll(ctx, run, floor, to)
		for i := range all {
			if all[i].rows != nil {
				run[i].AheadColumns(placeKeys, false)
			}
		}
		for i, f := range all {
			if err := n.take(int32(at+i), run[i], &f, floor); err != nil {
				return false, err
			}
			if len(n.items) >= 2*size {
				more = true
				if err := n.cut(size); err != nil {
					return false, err
				}
				floor = n.items[size-1].time
			}
		}
		at += len(run)
		if len(n.items) >= size { // a floor lets later blocks be skipped
			more = more || len(n.items) > size
			if err := n.cut(size); err != nil {
				return false, err
			}
			floor = n.items[len(n.items)-1].time
		}
	}
	more = more || len(n.items) >= size
	if err := n.cut(size); err != nil {
		return false, err
	}
	return more, n.skip(skip)
}

// skip drops the first rows as long as they are at the place of after.
func (n *newest) skip(most int) error {
	k := 0
	for ; k < min(most, len(n.items)) && n.items[k].time == n.after.time; k++ {
		x, err := n.identify(n.items[k])
		if err != nil {
			return err
		}
		if x.idText != n.after.id || x.srcText != n.after.source {
			break
		}
	}
	n.items = n.items[k:]
	return nil
}

// take adds the rows that a block has found.
func (n *newest) take(number int32, b blockRef, f *found, floor int64) error {
	n.scan.count(b, f)
	if f.err == nil && f.rows == nil {
		return nil
	}
	var times segment.Times
	err := f.err
	if err == nil {
		times, err = b.Times()
	}
	if err != nil {
		return n.scan.damagedBlock(b, err)
	}
	f.rows.each(func(row int) bool {
		c := candidate{times.At(row), number, uint16(row)}
		if c.time < floor {
			return true
		}
		if n.after != nil && c.time == n.after.time {
			var before bool
			if before, err = n.passed(c); before || err != nil {
				return err == nil
			}
		}
		n.items = append(n.items, c)
		return true
	})
	if err != nil {
		return n.scan.damagedBlock(b, err)
	}
	return nil
}

// passed tells whether a row of the time of after comes before it.
func (n *newest) passed(c candidate) (bool, error) {
	x, err := n.identify(c)
	if err != nil {
		return false, err
	}
	return cmp.Or(strings.Compare(n.after.id, x.idText), strings.Compare(n.after.source, x.srcText)) < 0, nil
}

// cut sorts the rows and keeps the first size.
func (n *newest) cut(size int) error {
	var err error
	slices.SortFunc(n.items, func(a, b candidate) int {
		if a.time != b.time {
			return cmp.Compare(b.time, a.time)
		}
		c, e := n.compareTie(a, b)
		err = cmp.Or(err, e)
		return c
	})
	if len(n.items) > size {
		n.items = n.items[:size]
	}
	return err
}

// compareTie orders rows of one time.
func (n *newest) compareTie(a, b candidate) (int, error) {
	x, err := n.identify(a)
	if err != nil {
		return 0, err
	}
	id, source := x.idText, x.srcText
	y, err := n.identify(b)
	if err != nil {
		return 0, err
	}
	return cmp.Or(strings.Compare(y.idText, id), strings.Compare(y.srcText, source),
		cmp.Compare(a.block, b.block), cmp.Compare(a.row, b.row)), nil
}

// identify returns id and source of a row; they are good until the next call
// for the same block.
func (n *newest) identify(c candidate) (*identity, error) {
	b := n.scan.snap.blocks[c.block]
	x := n.ids[c.block]
	if x == nil {
		if e := b.Row(int(c.row)); e != nil {
			return &identity{idText: e.ID, srcText: e.Source}, nil
		}
		x = &identity{}
		var err error
		if x.id, err = b.Column(event.EventID); err == nil {
			x.source, err = b.Column(event.GatewatchSource)
		}
		if err != nil {
			if err = n.scan.damagedBlock(b, err); err != nil {
				return nil, err
			}
			x.id, x.source = nil, nil
		}
		n.ids[c.block] = x
	}
	var err error
	if x.idText, err = textOf(x.id, int(c.row), &x.idCur); err == nil {
		x.srcText, err = textOf(x.source, int(c.row), &x.srcCur)
	}
	if err != nil {
		if err = n.scan.damagedBlock(b, err); err != nil {
			return nil, err
		}
		*x = identity{} // the block's rows still need a place, though they are not handed out
	}
	return x, nil
}

func textOf(c *segment.Column, row int, cur *segment.Cursor) (string, error) {
	if c == nil {
		return "", nil
	}
	lo, hi := c.Span(row)
	if lo == hi {
		return "", nil
	}
	v, err := c.Value(lo, cur)
	return v.Text(), err
}

// advance moves the position behind a row.
func (n *newest) advance(c candidate) error {
	x, err := n.identify(c)
	if err != nil {
		return err
	}
	p := n.after
	if p != nil && p.time == c.time && p.id == x.idText && p.source == x.srcText {
		p.seen++
		return nil
	}
	n.after = &position{time: c.time, id: strings.Clone(x.idText), source: strings.Clone(x.srcText), seen: 1}
	return nil
}
