// Package event holds the one form in which Gatewatch sees the world: an event
// with ECS field names and typed values, made once from raw bytes and never
// changed afterwards.
//
// An event is laid out for speed: its fields lie in one slice, their names are
// interned, and string values point into the raw bytes or into one buffer that
// the event owns. A batch of events is reused with [Event.Reset].
package event

import (
	"iter"
	"net/netip"
	"strconv"
	"unsafe"
)

// Field is one name with one value. A list is several fields of one name.
type Field struct {
	Key   Key
	Value Value
}

// Event is one parsed record. The members hold what every event has; they are
// also visible as fields ([Event.Get]) under the names given beside them.
//
// An event is built by one goroutine and may afterwards be read by any number.
// Whatever was taken from it (strings, Raw) is valid until Reset.
type Event struct {
	ID       string // event.id; unique together with Source
	Time     int64  // @timestamp, Unix nanoseconds; 0 is none
	Received int64  // event.ingested, Unix nanoseconds
	Source   string // gatewatch.source
	Dataset  string // event.dataset, the name of the format
	Raw      []byte // event.original; not changed by anyone

	fields []Field
	buf    []byte
	places [placedMembers]uint32 // of the members in Raw, as in Value.more
}

// Reset empties the event for its next use and keeps its memory. Strings taken
// from the event before are no longer valid.
func (e *Event) Reset() {
	clear(e.fields) // so that nothing before is kept in memory by what is left of it
	fields, buf := e.fields[:0], e.buf[:0]
	*e = Event{fields: fields, buf: buf}
}

// Fields returns the fields besides the members, in the order in which they
// were set. The slice belongs to the event.
func (e *Event) Fields() []Field { return e.fields }

// ClearFields removes the fields besides the members.
func (e *Event) ClearFields() { e.fields = e.fields[:0] }

// Add appends a value. A list is made by adding several values of one key; a
// key that [Key.IsList] makes a list of a single one too. "No value" is not added.
func (e *Event) Add(k Key, v Value) {
	if v.kind == KindNone {
		return
	}
	if k.n.list {
		v.more |= listBit
	}
	e.fields = append(e.fields, Field{k, v})
}

// AddList appends a value as an element of a list, so that even a single one is
// written as a list.
func (e *Event) AddList(k Key, v Value) {
	v.more |= listBit
	e.Add(k, v)
}

// AddNull appends a field that has no value but is there: [Event.Get] finds no
// value, and it is written as null. Parsers leave such fields out; it is for those
// who tell an absent field from an empty one.
func (e *Event) AddNull(k Key) { e.fields = append(e.fields, Field{Key: k}) }

// AddText adds a string unless it is empty.
func (e *Event) AddText(k Key, s string) {
	if s != "" {
		e.Add(k, String(s))
	}
}

// AddInt adds an integer.
func (e *Event) AddInt(k Key, n int64) { e.Add(k, Int(n)) }

// Set replaces all values of a key by one.
func (e *Event) Set(k Key, v Value) {
	e.Delete(k)
	e.Add(k, v)
}

// Delete removes all values of a key that is not a member.
func (e *Event) Delete(k Key) {
	kept := e.fields[:0]
	for _, f := range e.fields {
		if !f.Key.Is(k) {
			kept = append(kept, f)
		}
	}
	clear(e.fields[len(kept):])
	e.fields = kept
}

// Get returns the first value of a key, or no value. The members are found
// under their names.
func (e *Event) Get(k Key) Value {
	if v, ok := e.member(k); ok {
		return v
	}
	for i := range e.fields {
		if e.fields[i].Key.Is(k) {
			return e.fields[i].Value
		}
	}
	return Value{}
}

// Has tells whether the event has a value for a key.
func (e *Event) Has(k Key) bool { return e.Get(k).kind != KindNone }

// Values yields all values of a key.
func (e *Event) Values(k Key) iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v, ok := e.member(k); ok {
			if v.kind != KindNone {
				yield(v)
			}
			return
		}
		for i := range e.fields {
			if e.fields[i].Key.Is(k) && !yield(e.fields[i].Value) {
				return
			}
		}
	}
}

// All yields the members that are set and then the fields.
func (e *Event) All() iter.Seq2[Key, Value] {
	return func(yield func(Key, Value) bool) {
		for _, k := range memberKeys {
			if v, _ := e.member(k); v.kind != KindNone && !yield(k, v) {
				return
			}
		}
		for i := range e.fields {
			if !yield(e.fields[i].Key, e.fields[i].Value) {
				return
			}
		}
	}
}

var memberKeys = [...]Key{Timestamp, EventID, EventDataset, EventIngested, GatewatchSource, EventOriginal}

// MemberKeys returns the names of the members of [Event].
func MemberKeys() []Key { return memberKeys[:] }

// IsMember tells whether a key names a member of [Event] and not a field.
func IsMember(k Key) bool {
	for _, m := range memberKeys {
		if k == m {
			return true
		}
	}
	return false
}

// member returns the value of a key that is a member, and whether it is one.
func (e *Event) member(k Key) (Value, bool) {
	switch k {
	case Timestamp:
		if e.Time == 0 {
			return Value{}, true
		}
		return Time(e.Time), true
	case EventID:
		return text(e.ID), true
	case EventDataset:
		return text(e.Dataset), true
	case EventIngested:
		if e.Received == 0 {
			return Value{}, true
		}
		return Time(e.Received), true
	case GatewatchSource:
		return text(e.Source), true
	case EventOriginal:
		return text(View(e.Raw)), true
	}
	return Value{}, false
}

func text(s string) Value {
	if s == "" {
		return Value{}
	}
	return String(s)
}

// View returns bytes as a string without copying them. The bytes must not
// change while the string is in use: they are part of Raw, or constant.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Copy copies bytes into memory of the event and returns them as a string.
func (e *Event) Copy(b []byte) string {
	return e.Build(func(dst []byte) []byte { return append(dst, b...) })
}

// Build lets a function append to memory of the event and returns what it
// appended as a string.
func (e *Event) Build(appendTo func(dst []byte) []byte) string {
	n := len(e.buf)
	b := appendTo(e.buf[n:n:cap(e.buf)])
	if n+len(b) <= cap(e.buf) && (len(b) == 0 || unsafe.SliceData(b) == unsafe.SliceData(e.buf[n:cap(e.buf)])) {
		e.buf = e.buf[:n+len(b)]
	} else if len(b) < 1<<12 {
		// It did not fit and moved: the next ones get a larger buffer. What was
		// handed out before keeps the old one alive.
		e.buf = make([]byte, 0, max(512, 2*cap(e.buf)))
	}
	return View(b)
}

// AddIP adds an address from its text: as an address where it is one (with or
// without brackets), else as a string, so that nothing is lost.
func (e *Event) AddIP(k Key, s string) {
	if s == "" {
		return
	}
	if a, ok := ParseIP(s); ok {
		e.Add(k, e.ip(a))
		return
	}
	e.Add(k, String(s))
}

// AddAddr adds an address. An invalid one is not added.
func (e *Event) AddAddr(k Key, a netip.Addr) {
	if a.IsValid() {
		e.Add(k, e.ip(a))
	}
}

// ip makes an address value whose bytes lie in the event.
func (e *Event) ip(a netip.Addr) Value {
	a = a.Unmap()
	if !a.Is6() {
		return IP(a)
	}
	b := a.As16()
	return Value{str: e.Copy(b[:]), kind: KindIP}
}

// ParseIP reads an IPv4 or IPv6 address, the latter also in brackets and with a
// zone, which is dropped.
func ParseIP(s string) (netip.Addr, bool) {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	if len(s) > 64 || !mayBeAddr(s) {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return a.WithZone("").Unmap(), true
}

// mayBeAddr is a cheap way out for most host names and identifiers: the first
// part of an address has four digits at most.
func mayBeAddr(s string) bool {
	for i := range min(len(s), 5) {
		switch c := s[i]; {
		case c == '.' || c == ':':
			return len(s) > 1
		case c-'0' > 9 && c|0x20-'a' > 5:
			return false
		}
	}
	return false
}

// AddTyped adds text under the type that ECS gives the key: a number where the
// text is exactly the decimal form of one, an address where it is one. Text of
// another form is added as a string.
func (e *Event) AddTyped(k Key, s string) {
	switch k.Type() {
	case TypeLong:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			e.Add(k, Int(n))
			return
		}
	case TypeFloat:
		if f, err := strconv.ParseFloat(s, 64); err == nil && !isSpecial(f) {
			e.Add(k, Float(f))
			return
		}
	case TypeIP:
		e.AddIP(k, s)
		return
	case TypeBool:
		if s == "true" || s == "false" {
			e.Add(k, Bool(s == "true"))
			return
		}
	}
	e.AddText(k, s)
}

// isSpecial tells infinities and NaN, which JSON cannot express.
func isSpecial(f float64) bool { return f-f != 0 }

// Share makes e a copy of another event, which must not change any more, with
// whose strings it shares memory.
func (e *Event) Share(o *Event) {
	fields, buf := append(e.fields[:0], o.fields...), e.buf[:0]
	clear(fields[len(fields):max(len(fields), len(e.fields))])
	*e = *o
	e.fields, e.buf = fields, buf
}

// Clone returns a copy that shares no memory with e.
func (e *Event) Clone() *Event {
	c := *e
	size := len(e.ID) + len(e.Source) + len(e.Dataset)
	for i := range e.fields {
		size += len(e.fields[i].Value.str)
	}
	c.buf = make([]byte, 0, size)
	c.ID, c.Source, c.Dataset = c.clone(e.ID), c.clone(e.Source), c.clone(e.Dataset)
	c.Raw = append([]byte(nil), e.Raw...)
	c.fields = append([]Field(nil), e.fields...)
	for i := range c.fields {
		v := &c.fields[i].Value
		v.str = c.clone(v.str)
	}
	return &c
}

func (e *Event) clone(s string) string {
	if s == "" {
		return ""
	}
	return e.Copy(unsafe.Slice(unsafe.StringData(s), len(s)))
}
