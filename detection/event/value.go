package event

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strconv"
	"time"
)

// Kind is the type of a [Value].
type Kind uint8

// The kinds of values. A list has no kind of its own: it is several fields of
// one name, see [Event.Add].
const (
	KindNone Kind = iota
	KindString
	KindInt
	KindFloat
	KindBool
	KindTime
	KindIP
)

// String returns the name of the kind.
func (k Kind) String() string {
	return [...]string{"none", "string", "int", "float", "bool", "time", "ip"}[k]
}

// Value is one typed value. The zero Value is "no value". Values are compared
// with [Value.Equal]; == is not meaningful for floats.
type Value struct {
	str  string // KindString: the text. KindIP: the 16 bytes of an IPv6 address.
	num  uint64
	kind Kind
	more uint32 // whether it is of a list, and its place; four members fit into registers
}

// The parts of Value.more: the lower bits are one more than the place, 0 if that
// is not known.
const (
	listBit  = 1 << 31
	maxPlace = listBit - 2
)

// String makes a string value. The text may hold any bytes.
func String(s string) Value { return Value{str: s, kind: KindString} }

// Int makes an integer value.
func Int(n int64) Value { return Value{num: uint64(n), kind: KindInt} }

// Float makes a floating-point value.
func Float(f float64) Value { return Value{num: math.Float64bits(f), kind: KindFloat} }

// Bool makes a boolean value.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Time makes a point in time from Unix nanoseconds.
func Time(ns int64) Value { return Value{num: uint64(ns), kind: KindTime} }

// IP makes an address value. IPv4-mapped IPv6 addresses become IPv4; a zone is
// dropped. An invalid address gives no value.
func IP(a netip.Addr) Value {
	a = a.Unmap()
	switch {
	case a.Is4():
		b := a.As4()
		return Value{num: uint64(binary.BigEndian.Uint32(b[:])), kind: KindIP}
	case a.Is6():
		b := a.As16()
		return Value{str: string(b[:]), kind: KindIP}
	}
	return Value{}
}

// Kind returns the type of the value, KindNone for the zero Value.
func (v Value) Kind() Kind { return v.kind }

// IsList tells whether the value is an element of a list, even of one element.
func (v Value) IsList() bool { return v.more&listBit != 0 }

// Text returns the string of a KindString value, else "".
func (v Value) Text() string {
	if v.kind != KindString {
		return ""
	}
	return v.str
}

// Int returns the integer of a KindInt value, the nanoseconds of a KindTime
// value, 0 or 1 for KindBool, else 0.
func (v Value) Int() int64 {
	switch v.kind {
	case KindInt, KindTime, KindBool:
		return int64(v.num)
	}
	return 0
}

// Float returns a KindFloat or KindInt value as a float, else 0.
func (v Value) Float() float64 {
	switch v.kind {
	case KindFloat:
		return math.Float64frombits(v.num)
	case KindInt:
		return float64(int64(v.num))
	}
	return 0
}

// Bool returns the value of a KindBool, else false.
func (v Value) Bool() bool { return v.kind == KindBool && v.num != 0 }

// Addr returns the address of a KindIP value, else the invalid address.
func (v Value) Addr() netip.Addr {
	if v.kind != KindIP {
		return netip.Addr{}
	}
	if v.str == "" {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(v.num))
		return netip.AddrFrom4(b)
	}
	return netip.AddrFrom16([16]byte([]byte(v.str)))
}

// Equal tells whether two values have the same kind and content. Whether they
// are elements of a list does not count.
func (v Value) Equal(o Value) bool {
	if v.kind == KindFloat && o.kind == KindFloat {
		return v.Float() == o.Float()
	}
	return v.kind == o.kind && v.num == o.num && v.str == o.str
}

// AppendText appends the value as text: strings as they are, numbers in
// decimal, times in RFC 3339 with nanoseconds in UTC, addresses as RFC 5952.
func (v Value) AppendText(dst []byte) []byte {
	switch v.kind {
	case KindString:
		return append(dst, v.str...)
	case KindInt:
		return strconv.AppendInt(dst, int64(v.num), 10)
	case KindFloat:
		return appendFloat(dst, v.Float())
	case KindBool:
		return strconv.AppendBool(dst, v.num != 0)
	case KindTime:
		return AppendTime(dst, int64(v.num))
	case KindIP:
		return v.Addr().AppendTo(dst)
	}
	return dst
}

// String returns what [Value.AppendText] appends. It allocates unless the value
// is a string.
func (v Value) String() string {
	if v.kind == KindString {
		return v.str
	}
	return string(v.AppendText(nil))
}

// AppendTime appends Unix nanoseconds as RFC 3339 in UTC with as many digits of
// a second as are needed, at least three.
func AppendTime(dst []byte, ns int64) []byte {
	t := time.Unix(0, ns).UTC()
	if ns%int64(time.Millisecond) == 0 {
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
	if ns%int64(time.Microsecond) == 0 {
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
	}
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
}

// Nanos converts a time to Unix nanoseconds. It reports false outside the years
// 1678 to 2261, which nanoseconds in 64 bits cannot express.
func Nanos(t time.Time) (int64, bool) {
	if y := t.UTC().Year(); y < 1678 || y > 2261 {
		return 0, false
	}
	return t.UnixNano(), true
}

// appendFloat writes a float so that it reads back as a float: 3 becomes 3.0.
func appendFloat(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' || c == 'N' || c == 'I' {
			return dst
		}
	}
	return append(dst, '.', '0')
}
