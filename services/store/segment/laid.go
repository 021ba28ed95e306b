package segment

import (
	"slices"
	"sync"

	"github.com/gatewatch/gatewatch/detection/event"
)

// laidText is the column of the raw lines of a view. The builder keeps no text of
// the lines whose layout it knows: they are rendered from their values.
type laidText struct {
	view  *View
	lines []byte // the layout of each entry, 0 where the text itself is kept
	ends  []*ending

	once      sync.Once
	templates []*template // by layout, nil where no entry has it; its references are numbers in cols
	cols      []*Column
}

// resolve finds the columns of the view that the layouts refer to.
func (t *laidText) resolve() {
	t.templates = make([]*template, len(t.ends)+1)
	number := map[event.Key]int{}
	column := func(k event.Key) int {
		i, ok := number[k]
		if ok {
			return i
		}
		c := t.view.column(k)
		if c == nil {
			return -1
		}
		number[k] = len(t.cols)
		t.cols = append(t.cols, c)
		return number[k]
	}
	every := func(int, *form) bool { return true }
	for _, line := range t.lines {
		if line != 0 && t.templates[line] == nil {
			t.templates[line] = t.ends[line-1].template(column, every)
		}
	}
}

func (t *laidText) append(dst []byte, c *Column, i int, cur *Cursor) ([]byte, error) {
	line := t.lines[i]
	if line == 0 {
		return append(dst, textAt(c.nums[i], c.data)...), nil
	}
	t.once.Do(t.resolve)
	if t.templates[line] == nil {
		return dst, damaged("find columns of layout")
	}
	if cur.refs == nil {
		cur.refs = make([]refCursor, len(t.cols))
		for k, col := range t.cols {
			cur.refs[k].col = col
		}
	}
	return t.templates[line].append(dst, c.Row(i), cur.refs)
}

func (t *laidText) memory() int64 { return int64(len(t.lines)) }

// laidOut returns the column of raw lines, c, of a view as one that is read.
func (v *View) laidOut(c *Column, b *Builder) *Column {
	c.text = &laidText{view: v, lines: slices.Clip(b.lines), ends: slices.Clip(b.layouts.ends)}
	return c
}

// write gives entries of a column of raw lines that were laid out, those of
// layouts that wanted holds of, their text. The column must be nobody else's.
func (b *Builder) write(c *Column, wanted func(line byte) bool) {
	var cur Cursor
	of := b.View().mem[colOriginal]
	c.nums, c.data = slices.Clone(c.nums[:c.n]), slices.Clone(c.data)
	for i, line := range b.lines {
		if line == 0 || !wanted(line) {
			continue
		}
		at := len(c.data)
		var err error
		if c.data, err = of.text.append(c.data, of, i, &cur); err != nil {
			panic("segment: line is not what its layout says: " + err.Error()) // layouts.of compared it
		}
		c.nums[i] = uint64(at)<<32 | uint64(len(c.data)-at)
	}
}
