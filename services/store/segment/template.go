package segment

import (
	"encoding/binary"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of templates.
const (
	maxTemplates = 64  // of a column: their numbers have a byte
	maxParts     = 512 // of a template
	maxElement   = 63  // of a list that a part names
	maxLevel     = 3   // derived columns that lie above each other
	maxLiterals  = 1 << 20
)

// template is a text made of literals and values of other columns in the same
// row.
type template struct {
	parts []part
	tail  []byte // behind the last value
}

// part is a literal and the value that follows it.
type part struct {
	lit  []byte
	ref  int // index in the references of the column
	elem int // number of the value among those of the row
	form form
}

// appendTemplates writes templates, then the columns that they refer to.
func appendTemplates(dst []byte, templates []*template, refs []int) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(refs)))
	for _, r := range refs {
		dst = binary.AppendUvarint(dst, uint64(r))
	}
	dst = binary.AppendUvarint(dst, uint64(len(templates)))
	for _, t := range templates {
		dst = binary.AppendUvarint(dst, uint64(len(t.parts)))
		for i := range t.parts {
			p := &t.parts[i]
			dst = appendBytes(dst, p.lit)
			dst = binary.AppendUvarint(dst, uint64(p.ref))
			dst = append(dst, byte(p.elem), p.form.kind)
			if p.form.kind == formTime {
				dst = appendTimeForm(dst, &p.form.time)
			}
		}
		dst = appendBytes(dst, t.tail)
	}
	return dst
}

func appendTimeForm(dst []byte, f *timeForm) []byte {
	digits := f.digits
	if f.comma {
		digits |= 0x80
	}
	dst = append(dst, f.date, digits, f.zone)
	return binary.AppendVarint(dst, int64(f.offset))
}

func appendBytes(dst, p []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(p))), p...)
}

// templates reads what appendTemplates wrote.
func (r *reader) templates() (all []*template, refs []int) {
	refs = make([]int, r.uvarint(MaxColumns+1))
	for i := range refs {
		refs[i] = int(r.uvarint(MaxColumns))
	}
	for range r.uvarint(maxTemplates) {
		t := &template{}
		for range r.uvarint(maxParts) {
			p := part{lit: r.bytes(), ref: int(r.uvarint(MaxColumns)), elem: int(r.byte()), form: form{kind: r.byte()}}
			if p.form.kind == formTime {
				p.form.time = r.timeForm()
			}
			if r.bad || p.ref >= len(refs) || p.elem > maxElement {
				r.fail()
				return nil, nil
			}
			t.parts = append(t.parts, p)
		}
		t.tail = r.bytes()
		all = append(all, t)
	}
	return all, refs
}

func (r *reader) bytes() []byte { return r.take(int(r.uvarint(maxLiterals))) }

func (r *reader) timeForm() timeForm {
	f := timeForm{date: r.byte()}
	digits := r.byte()
	f.digits, f.comma = digits&0x7f, digits&0x80 != 0
	f.zone = r.byte()
	o := r.varint()
	if r.bad || o < -maxOffset || o > maxOffset {
		r.fail()
		return timeForm{}
	}
	f.offset = int16(o)
	if !f.valid() {
		r.fail()
	}
	return f
}

// append renders a row. It reports damage where a column has no such value.
func (t *template) append(dst []byte, row int, refs []refCursor) ([]byte, error) {
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.lit...)
		c := &refs[p.ref]
		at, ok := c.entry(row, p.elem)
		if !ok {
			return dst, damaged("find value of template")
		}
		v, err := c.col.Value(at, &c.cur)
		if err != nil {
			return dst, err
		}
		if !p.form.fits(v.Kind()) {
			return dst, damaged("check form of template")
		}
		dst = p.form.append(dst, v)
		if len(dst) > maxStream {
			return dst, damaged("render template")
		}
	}
	return append(dst, t.tail...), nil
}

// refCursor reads a column that a template refers to.
type refCursor struct {
	col  *Column
	cur  Cursor
	rows Reader
}

// entry returns the number of the entry that is value elem of a row.
func (c *refCursor) entry(row, elem int) (int, bool) {
	if c.col == nil {
		return 0, false
	}
	at := c.rows.Entry(c.col, row)
	if at < 0 || elem == 0 {
		return at, at >= 0
	}
	at += elem
	return at, c.col.rowOf != nil && at < c.col.n && int(c.col.rowOf[at]) == row
}

// Reader finds the entries of rows that are asked for in ascending order faster
// than [Column.Span]; any order will do. The zero Reader is ready; it belongs to
// one goroutine and one column.
type Reader struct{ last int }

// Entry returns the first entry of a row, -1 if it has none.
func (r *Reader) Entry(c *Column, row int) int {
	rowOf := c.rowOf
	if rowOf == nil {
		if row < c.n {
			return row
		}
		return -1
	}
	at := r.last
	if at >= len(rowOf) || int(rowOf[at]) > row || at > 0 && int(rowOf[at-1]) == row || row-int(rowOf[at]) > 64 {
		at, _ = c.Span(row)
	}
	for at < c.n && int(rowOf[at]) < row {
		at++
	}
	r.last = at
	if at < c.n && int(rowOf[at]) == row {
		return at
	}
	return -1
}

// derivable tells whether a column can be derived: text with one value a row.
func derivable(c *Column) bool {
	if c.tags != nil || c.tag != byte(event.KindString) || c.n < minDerived || len(c.data) < minDerivedText*c.n {
		return false
	}
	for i := 1; i < c.n && c.rowOf != nil; i++ {
		if c.rowOf[i] == c.rowOf[i-1] {
			return false
		}
	}
	return true
}
