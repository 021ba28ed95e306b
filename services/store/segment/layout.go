package segment

import (
	"slices"

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
	root  *step
	ends  []*ending
	text  int // bytes of literals
	depth int

	// The line at hand.
	raw     []byte // nil where it has no layout
	pos     int    // what is before it is understood
	at      *step
	members []placedMember // to come, the last first
	scratch []byte
}

// step is a literal and the value behind it, as those of a template.
type step struct {
	part
	key    event.Key
	parent *step
	next   []*step
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

// begin begins with the line of an event.
func (l *layouts) begin(e *event.Event) {
	l.raw, l.pos, l.depth = e.Raw, 0, 0
	if l.root == nil {
		l.root = &step{}
	}
	l.at = l.root
	l.members = l.members[:0]
	e.MemberPlaces(func(k event.Key, v event.Value) {
		at, _ := v.Place()
		i := len(l.members)
		for i > 0 && l.members[i-1].at < at {
			i--
		}
		l.members = slices.Insert(l.members, i, placedMember{event.Field{Key: k, Value: v}, at})
	})
	if len(l.members) == 0 { // the parser told nothing
		l.raw = nil
	}
}

// value takes the next value of the event, number elem of its key.
func (l *layouts) value(f *event.Field, elem int) {
	at, ok := f.Value.Place()
	if l.raw == nil || !ok {
		return
	}
	if n := len(l.members); n > 0 && l.members[n-1].at < at {
		l.membersUpTo(at)
	}
	l.place(f, elem, at)
}

func (l *layouts) membersUpTo(at int) {
	for n := len(l.members); n > 0 && l.members[n-1].at < at; n-- {
		m := &l.members[n-1]
		l.members = l.members[:n-1]
		l.place(&m.Field, 0, m.at)
	}
}

// place finds the branch for a value that stands at a place of the line.
func (l *layouts) place(field *event.Field, elem int, at int) {
	k, v := field.Key, field.Value
	switch {
	case l.raw == nil || at < l.pos: // a copy of a value before
		return
	case at > len(l.raw):
		l.raw = nil
		return
	}
	lit, text := l.raw[l.pos:at], l.raw[at:]
	for _, s := range l.at.next {
		if s.key != k || s.elem != elem || string(s.lit) != string(lit) {
			continue
		}
		if n := l.begins(text, &s.form, v); n >= 0 {
			l.at, l.pos = s, at+n
			l.depth++
			return
		}
	}
	f, n := l.formOf(text, v)
	if n < 0 || elem > maxElement || l.depth == maxParts || !l.room(len(lit)) {
		l.raw = nil
		return
	}
	s := &step{part: part{lit: slices.Clone(lit), elem: elem, form: f}, key: k, parent: l.at}
	l.at.next = append(l.at.next, s)
	l.at, l.pos = s, at+n
	l.depth++
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

// end returns the number of the line's layout, 0 if it has none.
func (l *layouts) end() byte {
	l.membersUpTo(len(l.raw))
	if l.raw == nil || l.at == l.root {
		return 0
	}
	tail := l.raw[l.pos:]
	l.raw = nil
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
func (l *layouts) begins(text []byte, f *form, v event.Value) int {
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
	case formJSON, formJSONHTML, formHex:
		return beginsEscaped(text, f.kind, v.Text())
	}
	l.scratch = f.append(l.scratch[:0], v)
	if len(l.scratch) > len(text) || string(text[:len(l.scratch)]) != string(l.scratch) {
		return -1
	}
	return len(l.scratch)
}

// formOf returns the form that a value has at the beginning of a text, and its
// length; -1 if it has none.
func (l *layouts) formOf(text []byte, v event.Value) (form, int) {
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
	l.raw = nil
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
