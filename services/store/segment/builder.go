package segment

import (
	"math"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of a block.
const (
	MaxRows    = 1 << 14 // rows are numbered with 16 bits
	MaxColumns = 1024    // fields beyond go to the flattened column
	maxData    = 1 << 31 // text of one column: positions have 32 bits
)

// Builder turns events into the columns of one block. Add and Reset belong to
// one goroutine; a [View] taken between two calls stays valid beside later
// calls of Add, but not beside Reset.
type Builder struct {
	rows int
	size int64
	cols []*growing       // members first, then fields as they appeared
	byID []int32          // event.Key.ID → index in cols + 1
	far  map[string]int32 // the same for keys without an ID
	rest *growing
	at   *growing // queue offsets
	blob []byte
	minT int64
	maxT int64

	layouts layouts
	lines   []byte // the layout of each entry of colOriginal, 0 for none
	laid    int    // entries that have one: of these there is no text
}

// The members of an event in the order of their columns.
const (
	colTime = iota
	colID
	colDataset
	colReceived
	colSource
	colOriginal
	members
)

var memberKeys = [members]event.Key{
	event.Timestamp, event.EventID, event.EventDataset, event.EventIngested, event.GatewatchSource, event.EventOriginal,
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	b := &Builder{far: map[string]int32{}}
	for _, k := range memberKeys {
		b.newColumn(k, roleMember)
	}
	b.rest = newGrowing(event.Key{}, roleRest)
	b.at = newGrowing(offsetKey, roleOffset)
	b.index(event.GatewatchStream, -1) // see Block.Labelled
	b.Reset()
	return b
}

// Reset empties the builder and keeps the memory of columns that were in use.
func (b *Builder) Reset() {
	kept := b.cols[:0]
	for i, c := range b.cols {
		if i >= members && c.n == 0 {
			b.forget(c.key)
			continue
		}
		if i >= members {
			b.remember(c.key, len(kept))
		}
		c.reset()
		kept = append(kept, c)
	}
	clear(b.cols[len(kept):])
	b.cols = kept
	b.rest.reset()
	b.at.reset()
	b.layouts.reset()
	b.lines, b.laid = b.lines[:0], 0
	b.rows, b.size, b.minT, b.maxT = 0, 0, math.MaxInt64, math.MinInt64
}

// Rows returns the number of events added.
func (b *Builder) Rows() int { return b.rows }

// Size returns about how many bytes of memory the values take that were added.
func (b *Builder) Size() int64 { return b.size }

// Bounds returns the lowest and highest event time.
func (b *Builder) Bounds() (lo, hi int64) { return b.minT, b.maxT }

// Full tells whether no further event should be added.
func (b *Builder) Full() bool { return b.rows >= MaxRows || b.size >= maxData/8 }

// NoOffset stands for the offset of a row that comes from no record of the queue.
const NoOffset = math.MaxUint64

// Add copies an event that comes from no record of the queue into the columns.
// The builder must not be [Builder.Full].
func (b *Builder) Add(e *event.Event) { b.AddAt(e, NoOffset) }

// AddAt is Add for an event that was made from the record at a queue offset.
func (b *Builder) AddAt(e *event.Event, offset uint64) {
	row := b.rows
	if offset != NoOffset {
		b.size += b.at.addNum(row, byte(event.KindInt), offset)
	}
	b.minT, b.maxT = min(b.minT, e.Time), max(b.maxT, e.Time)
	b.cols[colTime].addNum(row, byte(event.KindTime), uint64(e.Time))
	b.text(colID, row, e.ID)
	b.text(colDataset, row, e.Dataset)
	if e.Received != 0 {
		b.cols[colReceived].addNum(row, byte(event.KindTime), uint64(e.Received))
	}
	b.text(colSource, row, e.Source)
	b.blob = b.blob[:0]
	apart := false // values of one key do not all follow each other
	fields := e.Fields()
	for i := range fields {
		f := &fields[i]
		if c := b.column(f.Key); c != nil {
			b.size += c.add(row, f.Value)
			apart = apart || c.n-1 > c.from && fields[i-1].Key != f.Key
		} else {
			b.blob = appendRest(b.blob, f.Key.String(), f.Value)
		}
	}
	if len(e.Raw) > 0 {
		b.line(e, row, apart || len(b.blob) > 0)
	}
	if len(b.blob) > 0 {
		b.size += b.rest.addText(row, byte(event.KindString), event.View(b.blob))
	}
	b.size += 64
	b.rows++
}

// line adds the raw line of an event whose values were added. Odd ones have values
// that no layout can refer to.
func (b *Builder) line(e *event.Event, row int, odd bool) {
	line := byte(0)
	if !odd {
		line = b.layouts.of(e)
	}
	text := event.View(e.Raw)
	if line != 0 {
		text = ""
		b.laid++
	}
	b.lines = append(b.lines, line)
	b.size += b.cols[colOriginal].addText(row, byte(event.KindString), text)
}

func (b *Builder) text(col, row int, s string) {
	if s != "" {
		b.size += b.cols[col].addText(row, byte(event.KindString), s)
	}
}

// column returns the column of a key, a new one if there is room, or nil if the
// value goes to the flattened column.
func (b *Builder) column(k event.Key) *growing {
	if id := k.ID(); id >= 0 {
		if id < len(b.byID) {
			if i := b.byID[id]; i != 0 {
				if i < 0 {
					return nil
				}
				return b.cols[i-1]
			}
		}
	} else if i, ok := b.far[k.String()]; ok {
		return b.cols[i-1]
	}
	if len(b.cols) >= MaxColumns {
		return nil
	}
	return b.newColumn(k, roleField)
}

func (b *Builder) newColumn(k event.Key, role byte) *growing {
	c := newGrowing(k, role)
	b.cols = append(b.cols, c)
	if role == roleMember { // a field under the name of a member is flattened
		b.index(k, -1)
	} else {
		b.remember(k, len(b.cols)-1)
	}
	return c
}

func (b *Builder) remember(k event.Key, i int) { b.index(k, int32(i+1)) }

func (b *Builder) forget(k event.Key) { b.index(k, 0) }

func (b *Builder) index(k event.Key, v int32) {
	id := k.ID()
	if id < 0 {
		if v == 0 {
			delete(b.far, k.String())
		} else {
			b.far[k.String()] = v
		}
		return
	}
	for id >= len(b.byID) {
		b.byID = append(b.byID, make([]int32, id+64-len(b.byID))...)
	}
	b.byID[id] = v
}

// View is a set of columns in memory that can be read like a block.
type View struct {
	rows int
	cols map[string]*Column
	mem  [members]*Column
	rest *Column
	at   *Column
	minT int64
	maxT int64
}

// column returns the column of a key, nil if no row has it.
func (v *View) column(k event.Key) *Column {
	if m := memberOf(k); m >= 0 {
		return v.mem[m]
	}
	return v.cols[k.String()]
}

// View returns what was added so far. It takes time in proportion to the number
// of columns, not of rows.
func (b *Builder) View() *View {
	v := &View{rows: b.rows, cols: make(map[string]*Column, len(b.cols)), minT: b.minT, maxT: b.maxT}
	for i, c := range b.cols {
		if c.n == 0 {
			continue
		}
		s := c.view(b.rows)
		if i == colOriginal && b.laid > 0 {
			s = v.laidOut(s, b)
		}
		if i < members {
			v.mem[i] = s
		} else {
			v.cols[c.key.String()] = s
		}
	}
	if b.rest.n > 0 {
		v.rest = b.rest.snapshot(b.rows)
	}
	if b.at.n > 0 {
		v.at = b.at.snapshot(b.rows)
	}
	return v
}
