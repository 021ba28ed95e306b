package segment

import (
	"slices"
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of the layouts that a builder remembers.
const (
	maxLayouts    = maxTemplates
	maxLayoutText = 1 << 18 // bytes of literals
	fewLines      = 4       // of a block: a layout of fewer is not worth its template
)

// layouts finds out, while an event is added, how its raw line is made of its
// values: parsers tell where they read each, so that what lies between is all
// there is to compare. It remembers layouts as a tree whose branches share their
// beginnings, from block to block.
type layouts struct {
	root *step
	ends []*ending
	text int // bytes of literals

	// Steps and literals lie together in the order in which they were learned,
	// which is that in which the next line asks for them.
	steps    []step
	literals []byte

	// The line at hand.
	raw     []byte
	pos     int // what is before it is understood
	at      *step
	depth   int
	members []placedMember // to come, the last first
	scratch []byte
}

// step is a literal and the value behind it, as those of a template.
type step struct {
	part
	key    event.Key
	parent *step
	first  *step // of those that may come next
	other  *step // that may stand in the place of this one
	ends   []*ending
}

// ending completes a layout.
type ending struct {
	tail []byte
	last *step
	code byte // number of the layout, from 1 on
}

type placedMember struct {
	event.Field
	at int
}

// of returns the number of the layout of an event's line, 0 if it has none.
func (l *layouts) of(e *event.Event) byte {
	l.raw, l.pos, l.depth = e.Raw, 0, 0
	if l.root == nil {
		l.root = &step{}
	}
	l.at = l.root
	if !l.place(e) {
		return 0
	}
	return l.end()
}

// place finds the branch of all values of an event that have a place in its
// line. It reports false where there is none.
func (l *layouts) place(e *event.Event) bool {
	l.members = l.members[:0]
	e.MemberPlaces(l.member)
	if len(l.members) == 0 { // the parser told nothing
		return false
	}
	elem := 0
	fields := e.Fields()
	for i := range fields {
		f := &fields[i]
		if elem++; i == 0 || f.Key != fields[i-1].Key {
			elem = 0
		}
		at, ok := f.Value.Place()
		if !ok {
			continue
		}
		if n := len(l.members); n > 0 && l.members[n-1].at < at && !l.membersUpTo(at) {
			return false
		}
		if !l.value(f, elem, at) {
			return false
		}
	}
	return l.membersUpTo(len(l.raw))
}

// member keeps a member whose place is known for its turn.
func (l *layouts) member(k event.Key, v event.Value) {
	at, _ := v.Place()
	i := len(l.members)
	for i > 0 && l.members[i-1].at < at {
		i--
	}
	l.members = slices.Insert(l.members, i, placedMember{event.Field{Key: k, Value: v}, at})
}

func (l *layouts) membersUpTo(at int) bool {
	for n := len(l.members); n > 0 && l.members[n-1].at < at; n-- {
		m := &l.members[n-1]
		l.members = l.members[:n-1]
		if !l.value(&m.Field, 0, m.at) {
			return false
		}
	}
	return true
}

// value goes on to the branch of a value, number elem of its key, that stands at
// a place of the line.
func (l *layouts) value(f *event.Field, elem, at int) bool {
	if at < l.pos { // a copy of a value before
		return true
	}
	if at > len(l.raw) {
		return false
	}
	lit, text := l.raw[l.pos:at], l.raw[at:]
	for s := l.at.first; s != nil; s = s.other {
		if s.key != f.Key || s.elem != elem || string(s.lit) != string(lit) {
			continue
		}
		if n := l.begins(text, &s.form, &f.Value); n >= 0 {
			l.at, l.pos = s, at+n
			l.depth++
			return true
		}
	}
	form, n := l.formOf(text, &f.Value)
	if n < 0 || elem > maxElement || l.depth == maxParts || !l.room(len(lit)) {
		return false
	}
	l.at, l.pos = l.branch(step{part: part{lit: l.keep(lit), elem: elem, form: form}, key: f.Key, parent: l.at}), at+n
	l.depth++
	return true
}

// branch adds a step behind its parent, after those that are there.
func (l *layouts) branch(s step) *step {
	if len(l.steps) == cap(l.steps) {
		l.steps = make([]step, 0, 64)
	}
	l.steps = append(l.steps, s)
	to := &s.parent.first
	for *to != nil {
		to = &(*to).other
	}
	*to = &l.steps[len(l.steps)-1]
	return *to
}

// keep returns a copy of a literal.
func (l *layouts) keep(lit []byte) []byte {
	if len(lit) > cap(l.literals)-len(l.literals) {
		l.literals = make([]byte, 0, max(1<<10, len(lit)))
	}
	at := len(l.literals)
	l.literals = append(l.literals, lit...)
	return slices.Clip(l.literals[at:])
}

// room tells whether there may be one more layout with n bytes of literals more,
// and counts these.
func (l *layouts) room(n int) bool {
	const node = 200 // about what a step takes beside them
	if len(l.ends) == maxLayouts || l.text+n+node > maxLayoutText {
		return false
	}
	l.text += n + node
	return true
}

// end returns the number of the layout that ends here, 0 if there is none.
func (l *layouts) end() byte {
	if l.at == l.root {
		return 0
	}
	tail := l.raw[l.pos:]
	for _, e := range l.at.ends {
		if string(e.tail) == string(tail) {
			return e.code
		}
	}
	if !l.room(len(tail)) {
		return 0
	}
	e := &ending{tail: slices.Clone(tail), last: l.at, code: byte(len(l.ends) + 1)}
	l.at.ends = append(l.at.ends, e)
	l.ends = append(l.ends, e)
	return e.code
}

// begins returns the length of a value in a form if a text begins with it, else -1.
func (l *layouts) begins(text []byte, f *form, v *event.Value) int {
	if !f.suits(v.Kind()) {
		return -1
	}
	switch f.kind {
	case formText:
		s := v.Text()
		if len(s) > len(text) || string(text[:len(s)]) != s {
			return -1
		}
		return len(s)
	case formJSON:
		return beginsJSON(text, v.Text())
	case formJSONHTML, formHex:
		return beginsEscaped(text, f.kind, v.Text())
	case formPlain:
		if v.Kind() == event.KindInt {
			return beginsInt(text, v.Int())
		}
	}
	l.scratch = f.append(l.scratch[:0], *v)
	if len(l.scratch) > len(text) || string(text[:len(l.scratch)]) != string(l.scratch) {
		return -1
	}
	return len(l.scratch)
}

// beginsInt returns the length of a number in decimal if a text begins with it
// and no digit follows, else -1.
func beginsInt(text []byte, want int64) int {
	var buf [20]byte
	at := 0
	for at < len(text) && at < len(buf) && text[at]-'0' <= 9 {
		at++
	}
	if want < 0 || at == 0 || at > 18 || text[0] == '0' && at > 1 {
		s := strconv.AppendInt(buf[:0], want, 10)
		if len(s) > len(text) || string(text[:len(s)]) != string(s) {
			return -1
		}
		return len(s)
	}
	got := uint64(0)
	for _, c := range text[:at] {
		got = 10*got + uint64(c-'0')
	}
	if got != uint64(want) {
		return -1
	}
	return at
}

// formOf returns the form that a value has at the beginning of a text, and its
// length; -1 if it has none.
func (l *layouts) formOf(text []byte, v *event.Value) (form, int) {
	if v.Kind() == event.KindTime {
		f, n := findTime(text, v.Int())
		if n == 0 {
			n = -1
		}
		return form{formTime, f}, n
	}
	for _, k := range formsOf(v.Kind()) {
		f := form{kind: k}
		if n := l.begins(text, &f, v); n >= 0 {
			return f, n
		}
	}
	return form{}, -1
}

// reset prepares for the next block: layouts that filled up are forgotten, they
// may have been of few lines.
func (l *layouts) reset() {
	if len(l.ends) >= maxLayouts/2 || l.text > maxLayoutText/2 {
		*l = layouts{members: l.members[:0], scratch: l.scratch}
	}
}

// template returns an ending as a template whose references are columns by
// key, nil if one of these is not there or does not fit.
func (e *ending) template(column func(event.Key) int, fits func(col int, f *form) bool) *template {
	t := &template{tail: e.tail}
	for s := e.last; s.parent != nil; s = s.parent {
		p := s.part
		if p.ref = column(s.key); p.ref < 0 || !fits(p.ref, &p.form) {
			return nil
		}
		t.parts = append(t.parts, p)
	}
	slices.Reverse(t.parts)
	return t
}
