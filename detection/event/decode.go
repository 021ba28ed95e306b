package event

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
)

// Bounds of what one JSON object can put into an event. What is beyond them
// stays in event.original and, up to a size, in gatewatch.flattened.
const (
	MaxFields    = 1024     // values of one event
	MaxName      = 256      // bytes of a dotted name
	maxFlattened = 64 << 10 // bytes of text in gatewatch.flattened
)

// Decoder reads events from JSON. The zero Decoder is ready; it is not safe for
// concurrent use.
type Decoder struct {
	// Nulls keeps members that are null with [Event.AddNull], and a list without
	// elements as such a field, instead of leaving them out.
	Nulls bool

	scan jsonscan.Scanner
	path []byte
	flat []byte
	over int    // values over the bounds
	raw  []byte // of the event, where they are what is decoded
	last Key    // of the value before
	next successors
}

// successors tells for a key, by its id, the one that came behind it last: the
// names of most records come in the order of those before. The entry of
// no key is the one that came first.
type successors []Key

// guess returns the key that came behind another one, the zero Key if none did.
func (s successors) guess(k Key) Key {
	if i := k.place(); i < len(s) {
		return s[i]
	}
	return Key{}
}

// learn says what came behind a key.
func (s *successors) learn(k, next Key) {
	i := k.place()
	if i >= len(*s) {
		*s = append(*s, make([]Key, i+64-len(*s))...)
	}
	(*s)[i] = next
}

// place is the place of a key in successors: 0 is that of no key, and of those
// beyond [MaxKeys].
func (k Key) place() int {
	if k.n == nil {
		return 0
	}
	return int(k.n.id) + 1
}

// key interns the path.
func (d *Decoder) key() Key {
	k := d.next.guess(d.last)
	if k.n == nil || k.n.text != string(d.path) {
		k = InternBytes(d.path)
		d.next.learn(d.last, k)
	}
	d.last = k
	return k
}

// Decode reads one JSON object, nested or with dotted names, into e and keeps
// what e holds already. Members of [Event] are set from their names. Strings of
// known fields take the type that ECS gives them (numbers, addresses, dates)
// where they have its form; what is no value of a member is kept under its name
// with _text behind it. Strings point into raw, which must not change as
// long as e is in use. Values over the bounds of this package are counted in
// error.message. On an error e holds what was read before it.
func (d *Decoder) Decode(raw []byte, e *Event) error {
	d.scan.Reset(raw)
	d.path, d.flat, d.over, d.last = d.path[:0], d.flat[:0], 0, Key{}
	d.raw = nil
	if len(raw) == len(e.Raw) && unsafe.SliceData(raw) == unsafe.SliceData(e.Raw) {
		d.raw = raw
	}
	t, err := d.scan.Next()
	if err != nil {
		return err
	}
	if t.Kind != jsonscan.Object {
		return fmt.Errorf("read json: want an object")
	}
	if err := d.object(e); err != nil {
		return err
	}
	if _, err := d.scan.Next(); err != nil {
		return err
	}
	if d.over > 0 {
		e.AddText(GatewatchFlattened, e.Copy(d.flat))
		e.AddText(ErrorMessage, "json: "+strconv.Itoa(d.over)+" values are over the bounds of an event")
	}
	return nil
}

// object reads the members of an object whose brace was read.
func (d *Decoder) object(e *Event) error {
	base := len(d.path)
	for {
		d.path = d.path[:base]
		if k, ok := d.guessed(); ok {
			v, err := d.scan.Value()
			if err != nil {
				return err
			}
			if v.Kind > jsonscan.Key && v.Kind != jsonscan.Null && len(e.fields) < MaxFields {
				d.last = k
				d.put(e, k, v, false)
				continue
			}
			d.path = append(d.path[:0], k.n.text...)
			if err := d.value(e, v, false); err != nil {
				return err
			}
			continue
		}
		t, err := d.scan.Next()
		if err != nil {
			return err
		}
		if t.Kind == jsonscan.ObjectEnd {
			return nil
		}
		d.enter(t)
		v, err := d.scan.Next()
		if err != nil {
			return err
		}
		if err := d.value(e, v, false); err != nil {
			return err
		}
	}
}

// guessed reads the next name if it is the one that is expected here.
func (d *Decoder) guessed() (Key, bool) {
	k := d.next.guess(d.last)
	if k.n == nil || !k.n.plain {
		return k, false
	}
	text := k.n.text
	if base := len(d.path); base > 0 {
		if len(text) <= base || text[base] != '.' || text[:base] != string(d.path) {
			return k, false
		}
		text = text[base+1:]
	}
	return k, d.scan.Key(text)
}

// enter appends a name to the path.
func (d *Decoder) enter(name jsonscan.Token) {
	if len(d.path) > 0 {
		d.path = append(d.path, '.')
	}
	switch {
	case len(name.Text) > MaxName: // longer than any name that is used
		d.path = append(d.path, name.Text[:MaxName+1]...)
	case name.Escaped:
		d.path = jsonscan.Unquote(d.path, name.Text)
	default:
		d.path = append(d.path, name.Text...)
	}
}

// value reads what t begins under the current path.
func (d *Decoder) value(e *Event, t jsonscan.Token, list bool) error {
	switch t.Kind {
	case jsonscan.Object:
		return d.object(e)
	case jsonscan.Array:
		base := len(d.path)
		for first := true; ; first = false {
			n, err := d.scan.Next()
			if err != nil {
				return err
			}
			if n.Kind == jsonscan.ArrayEnd {
				if first {
					d.null(e)
				}
				return nil
			}
			if err := d.value(e, n, true); err != nil {
				return err
			}
			d.path = d.path[:base]
		}
	case jsonscan.Null:
		d.null(e)
		return nil
	}
	d.scalar(e, t, list)
	return nil
}

// null keeps a field without a value if that is asked for.
func (d *Decoder) null(e *Event) {
	if d.Nulls && len(d.path) <= MaxName && len(e.fields) < MaxFields {
		if k := InternBytes(d.path); !IsMember(k) {
			e.AddNull(k)
		}
	}
}

func (d *Decoder) scalar(e *Event, t jsonscan.Token, list bool) {
	if len(d.path) > MaxName || len(e.fields) >= MaxFields {
		d.overflow(t)
		return
	}
	k := d.last
	if !list || k.n == nil || k.n.text != string(d.path) {
		k = d.key()
	}
	d.put(e, k, t, list)
}

// put adds the value of a key.
func (d *Decoder) put(e *Event, k Key, t jsonscan.Token, list bool) {
	var s string
	if t.Escaped {
		s = e.Build(func(dst []byte) []byte { return jsonscan.Unquote(dst, t.Text) })
	} else {
		s = View(t.Text)
	}
	more := placeIn(d.raw, t.Text)
	if k.n.member {
		if e.setMember(k, t.Kind, s) {
			e.placeMember(k, more)
			return
		}
		if IsMember(k) {
			k = Intern(k.String() + "_text")
		}
	}
	v := e.typed(k, t.Kind, s)
	if list || k.n.list {
		more |= listBit
	}
	e.fields = append(e.fields, Field{k, Value{v.str, v.num, v.kind, more}})
}

// typed makes a value of a JSON scalar under a key.
func (e *Event) typed(k Key, kind jsonscan.Kind, s string) Value {
	switch kind {
	case jsonscan.True, jsonscan.False:
		return Bool(kind == jsonscan.True)
	case jsonscan.Number:
		return number(s)
	}
	switch k.Type() {
	case TypeLong:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return Int(n)
		}
	case TypeFloat:
		if f, err := strconv.ParseFloat(s, 64); err == nil && !isSpecial(f) {
			return Float(f)
		}
	case TypeIP:
		if a, ok := ParseIP(s); ok {
			return e.ip(a)
		}
	case TypeDate:
		if ns, ok := ParseTime(s); ok {
			return Time(ns)
		}
	}
	return String(s)
}

// shortInt reads a decimal number without a sign that 64 bits hold for sure.
func shortInt(s string) (int64, bool) {
	if len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = 10*n + int64(c)
	}
	return n, s != ""
}

// number keeps an integer that 64 bits cannot hold, and a float that is none
// of ours, as its text: nothing is rounded away.
func number(s string) Value {
	if n, ok := shortInt(s); ok {
		return Int(n)
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return Int(n)
	}
	for i := range len(s) {
		if c := s[i]; c == '.' || c|0x20 == 'e' {
			if f, err := strconv.ParseFloat(s, 64); err == nil && !isSpecial(f) {
				return Float(f)
			}
			break
		}
	}
	return String(s)
}

// setMember sets the member that a key names, if it names one and the value
// has its form.
func (e *Event) setMember(k Key, kind jsonscan.Kind, s string) bool {
	switch k {
	case Timestamp:
		ns, ok := timeOf(kind, s)
		if ok {
			e.Time = ns
		}
		return ok
	case EventIngested:
		ns, ok := timeOf(kind, s)
		if ok {
			e.Received = ns
		}
		return ok
	case EventID:
		e.ID = s
	case EventDataset:
		e.Dataset = s
	case GatewatchSource:
		e.Source = s
	case EventOriginal:
		if e.Raw == nil {
			e.Raw = unsafe.Slice(unsafe.StringData(s), len(s))
		}
	case GatewatchOriginal64:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return false
		}
		e.Raw = b
	default:
		return false
	}
	return true
}

// timeOf reads a time from a JSON string (RFC 3339) or number ([ParseEpoch]).
func timeOf(kind jsonscan.Kind, s string) (int64, bool) {
	switch kind {
	case jsonscan.String:
		return ParseTime(s)
	case jsonscan.Number:
		return ParseEpoch(s)
	}
	return 0, false
}

// overflow keeps a value over the bounds as text as far as there is room.
func (d *Decoder) overflow(t jsonscan.Token) {
	d.over++
	if len(d.flat)+len(d.path)+len(t.Text)+2 > maxFlattened {
		return
	}
	d.flat = append(append(d.flat, d.path...), '=')
	d.flat = append(append(d.flat, t.Text...), '\n')
}

// ParseTime reads an RFC 3339 time, also with a space for the T, and returns
// Unix nanoseconds. It reports false for another form and for years that
// nanoseconds in 64 bits cannot express.
func ParseTime(s string) (int64, bool) {
	layout := time.RFC3339Nano
	if len(s) > 10 && s[10] == ' ' {
		layout = "2006-01-02 15:04:05.999999999Z07:00"
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, false
	}
	return Nanos(t)
}

// ParseEpoch reads Unix time as decimal digits with an optional fraction. Its size
// tells the unit: seconds up to the year 5138, milliseconds, microseconds or
// nanoseconds. It returns Unix nanoseconds. Numbers below 10^8 (1973 in seconds) are no time.
func ParseEpoch(s string) (int64, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 1e8 {
		return 0, false
	}
	unit := int64(1)
	switch {
	case n < 1e11:
		unit = 1e9
	case n < 1e14:
		unit = 1e6
	case n < 1e17:
		unit = 1e3
	}
	if n > math.MaxInt64/unit {
		return 0, false
	}
	n *= unit
	for _, c := range []byte(frac) {
		if c-'0' > 9 {
			return 0, false
		}
		if unit /= 10; unit > 0 && n <= math.MaxInt64-9*unit {
			n += int64(c-'0') * unit
		}
	}
	return n, true
}

// UnmarshalJSON reads what [Event.AppendJSON] writes into an emptied event. It
// keeps a copy of data.
func (e *Event) UnmarshalJSON(data []byte) error {
	e.Reset()
	var d Decoder
	return d.Decode(append([]byte(nil), data...), e)
}

// MarshalJSON is [Event.AppendJSON].
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }
