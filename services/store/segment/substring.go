package segment

import (
	"bytes"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Search looks for texts in the columns of one block. It remembers what it found
// in columns that several templates refer to. The zero Search is ready; it
// belongs to one goroutine.
type Search struct {
	ops  map[string]*query.Contains
	memo map[memoKey]memo
}

type memoKey struct {
	col  *Column
	text string
}

// memo is what was found among some rows: those that may hold a text, and of
// them those that do.
type memo struct{ among, may, sure []uint64 }

// Rows adds to may the rows of among whose values in a column may hold a folded
// text, which is not empty, and to sure those that do. All are sets of rows with
// a bit for each. No row that holds it is left out of may.
func (s *Search) Rows(c *Column, folded string, among, may, sure []uint64) error {
	m, err := s.find(c, folded, among)
	if err != nil {
		return err
	}
	for i, w := range among {
		may[i] |= w & m.may[i]
		sure[i] |= w & m.sure[i]
	}
	return nil
}

// find is Rows with a memory. The result may hold rows that are not among.
func (s *Search) find(c *Column, folded string, among []uint64) (memo, error) {
	key := memoKey{c, folded}
	if m, ok := s.memo[key]; ok && covers(m.among, among) {
		return m, nil
	}
	m := memo{append([]uint64(nil), among...), make([]uint64, len(among)), make([]uint64, len(among))}
	if err := s.look(c, folded, &m); err != nil {
		return memo{}, err
	}
	if s.memo == nil {
		s.memo = map[memoKey]memo{}
	}
	s.memo[key] = m
	return m, nil
}

func covers(a, b []uint64) bool {
	for i, w := range b {
		if w&^a[i] != 0 {
			return false
		}
	}
	return true
}

func (s *Search) op(folded string) *query.Contains {
	op := s.ops[folded]
	if op == nil {
		if s.ops == nil {
			s.ops = map[string]*query.Contains{}
		}
		op = query.NewContains(folded)
		s.ops[folded] = op
	}
	return op
}

func (s *Search) look(c *Column, folded string, m *memo) error {
	chars := c.chars
	if k := charsOfKind(event.Kind(c.tag & tagKind)); k != nil && c.tags == nil {
		chars = k
	}
	d, derived := c.text.(*derivedText)
	switch {
	case derived:
		return s.templates(c, d, folded, m)
	case chars != nil && !chars.mayHold(folded):
		return nil
	case c.Dictionary():
		op := s.op(folded)
		hit := make([]bool, c.Distinct())
		for i := range hit {
			hit[i] = op.MatchValue(c.DictValue(i))
		}
		c.Mark(hit, m.may)
	case c.tags != nil || c.text != nil || event.Kind(c.tag&tagKind) != event.KindString:
		for i := range c.n {
			setRow(m.may, c.Row(i))
		}
		return nil
	default:
		if err := s.paged(c, c, nil, folded, m); err != nil {
			return err
		}
	}
	copy(m.sure, m.may)
	return nil
}

func setRow(set []uint64, row int) { set[row>>6] |= 1 << (row & 63) }

// anyRow tells whether a set has a row lo <= row <= hi.
func anyRow(set []uint64, lo, hi int) bool {
	for row := lo; row <= hi; row++ {
		if row&63 == 0 && row+64 <= hi {
			if set[row>>6] != 0 {
				return true
			}
			row += 63
			continue
		}
		if set[row>>6]>>(row&63)&1 == 1 {
			return true
		}
	}
	return false
}

// paged looks at the texts of a column, or of the part of it that is stored:
// plain are then the entries that it holds.
func (s *Search) paged(c, stored *Column, plain []int32, folded string, m *memo) error {
	op := s.op(folded)
	row := func(i int) int {
		if plain != nil {
			i = int(plain[i])
		}
		return c.Row(i)
	}
	ascii := c.chars != nil && !c.chars.has(beyondASCII)
	return stored.EachPage(
		func(first, n int) bool { return anyRow(m.among, row(first), row(first+n-1)) },
		func(first int, p *Column) error {
			data, spans := p.Text()
			text := event.View(data)
			if !op.Bytewise(ascii) && !op.Bytewise(query.IsASCII(text)) {
				for i, x := range spans[:p.n] {
					if op.MatchText(event.View(textAt(x, data))) {
						setRow(m.may, row(first+i))
					}
				}
				return nil
			}
			eachHit(op, text, spans[:p.n], func(i int) { setRow(m.may, row(first+i)) })
			return nil
		})
}

// eachHit calls f for the values that hold a text. They follow each other.
func eachHit(op *query.Contains, text string, spans []uint64, f func(i int)) {
	i, size := 0, len(op.Folded())
	for at := op.IndexFrom(text, 0); at >= 0; {
		end := 0
		for ; i < len(spans); i++ {
			if end = int(spans[i]>>32 + spans[i]&(1<<32-1)); end > at {
				break
			}
		}
		if i == len(spans) {
			return
		}
		next := at + 1
		if at+size <= end {
			f(i)
			next = end
		}
		at = op.IndexFrom(text, next)
	}
}

// templates looks for a text in what templates render: in the values they refer
// to, as far as it lies in one of them, else it takes all of their rows.
func (s *Search) templates(c *Column, d *derivedText, folded string, m *memo) error {
	if len(d.plain) > 0 && (c.chars == nil || c.chars.mayHold(folded)) {
		if err := s.paged(c, d.stored, d.plain, folded, m); err != nil {
			return err
		}
		copy(m.sure, m.may)
	}
	var cur Cursor
	if err := d.open(&cur); err != nil {
		return err
	}
	rows := make([]uint64, len(m.among))
	for k, t := range d.templates {
		clear(rows)
		for i, code := range d.codes {
			if int(code) == k+1 {
				setRow(rows, c.Row(i))
			}
		}
		found, all, err := s.template(t, cur.refs, folded, m.among)
		if err != nil {
			return err
		}
		for i, w := range rows {
			if all {
				m.may[i] |= w
				continue
			}
			m.may[i] |= w & found.may[i]
			m.sure[i] |= w & found.sure[i]
		}
	}
	return nil
}

// template returns the rows in which the values of a template may, or do, hold a
// text; all is set if they cannot be told.
func (s *Search) template(t *template, refs []refCursor, folded string, among []uint64) (found memo, all bool, err error) {
	piece, ok := t.piece(folded)
	if !ok {
		return memo{}, true, nil
	}
	found = memo{may: make([]uint64, len(among)), sure: make([]uint64, len(among))}
	for i := range t.parts {
		p := &t.parts[i]
		c := refs[p.ref].col
		text := piece
		if p.form.kind >= formJSON && p.form.kind <= formHex {
			text = unescaped(piece)
		}
		if len(text) < 2 || c == nil || c.tags != nil {
			return memo{}, true, nil
		}
		if p.form.kind > formPlain { // not the text form of the value
			if chars := charsOfKind(event.Kind(c.tag & tagKind)); chars == nil || chars.mayHold(text) {
				return memo{}, true, nil
			}
			continue
		}
		m, err := s.find(c, text, among)
		if err != nil {
			return memo{}, false, err
		}
		// Of several values the template may have another one.
		sure := len(piece) == len(folded) && p.form.kind == formText && c.lone
		for i, w := range m.may {
			found.may[i] |= w
			if sure {
				found.sure[i] |= m.sure[i]
			}
		}
	}
	return found, false, nil
}

// piece returns a part of a folded text that lies within one value wherever a
// rendered text holds the whole, and false if there is none: what has no
// character in it that stands at the end of a literal beside a value.
func (t *template) piece(folded string) (string, bool) {
	var edges charset
	for i := range t.parts {
		lit, next := t.parts[i].lit, t.tail
		if i+1 < len(t.parts) {
			if next = t.parts[i+1].lit; len(next) == 0 {
				return "", false
			}
		}
		for _, side := range [...][]byte{lit[max(0, len(lit)-1):], next[:min(1, len(next))]} {
			if len(side) > 0 && side[0] >= 0x80 {
				return "", false
			}
			one := charsetOf(side)
			for k := range edges {
				edges[k] |= one[k]
			}
		}
	}
	best := ""
	for from := 0; from < len(folded); {
		at := from
		for at < len(folded) && (folded[at] >= 0x80 || !edges.has(folded[at])) {
			at++
		}
		if at-from > len(best) {
			best = folded[from:at]
		}
		from = at + 1
	}
	if len(best) < 2 || t.inLiteral(best) {
		return "", false
	}
	return best, true
}

// inLiteral tells whether a literal may hold a folded text.
func (t *template) inLiteral(folded string) bool {
	for i := range t.parts {
		if holdsFolded(t.parts[i].lit, folded) {
			return true
		}
	}
	return holdsFolded(t.tail, folded)
}

func holdsFolded(lit []byte, folded string) bool {
	return bytes.Contains(query.AppendFold(nil, event.View(lit)), []byte(folded))
}

// unescaped returns a part of a folded text that a value holds wherever its
// escaped form holds the text: without what may be the rest of an escape at its
// front; "" if it may hold whole escapes, or bytes that would be escaped.
func unescaped(folded string) string {
	if strings.ContainsAny(folded, `"\<>&`) {
		return ""
	}
	for i := range len(folded) {
		if folded[i] < ' ' || folded[i] >= 0x7f {
			return ""
		}
	}
	skip := 0
	for n := 1; n <= 5 && n <= len(folded); n++ {
		if endsEscape(folded[:n]) {
			skip = n
		}
	}
	return folded[skip:]
}

// endsEscape tells whether an escape may end in a folded text.
func endsEscape(s string) bool {
	if len(s) == 1 && strings.ContainsAny(s, "bfnrt") {
		return true
	}
	for i := range len(s) {
		c := s[len(s)-1-i]
		switch {
		case i < 2 && c-'0' > 9 && c-'a' > 5:
			return false
		case i == 2 && c != '0' && c != 'x', i == 3 && c != '0', i == 4 && c != 'u':
			return false
		}
	}
	return true
}
