package query

import (
	"cmp"
	"net/netip"
	"regexp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Op is what a leaf asks of one value: [*Equal], [*Glob], [*CIDR], [*Range],
// [*Regex], [*Contains] or [Exists]. An Op is immutable and may be used
// concurrently.
type Op interface {
	// MatchValue tells whether the operation holds for one value. It is false
	// for no value.
	MatchValue(v event.Value) bool
	// MatchText is MatchValue of a string value.
	MatchText(s string) bool
	// String returns the value part of the query text.
	String() string
	op()
}

// Equal holds for a value that is the same as the literal: strings in any case,
// numbers by their value, addresses in canonical form. It holds exactly where
// [Token] of the value equals Literal.Token; but for a date ([Literal.Day]) it
// also holds for the times of that day.
type Equal struct{ Literal Literal }

// MatchValue implements [Op].
func (o *Equal) MatchValue(v event.Value) bool {
	l := &o.Literal
	switch v.Kind() {
	case event.KindString:
		return o.MatchText(v.Text())
	case event.KindInt:
		return l.isInt && l.integer == v.Int()
	case event.KindFloat:
		return l.isNumber && l.number == v.Float() && (!l.isInt || floatIsInt(v.Float(), l.integer))
	case event.KindBool:
		return l.isBool && l.boolean == v.Bool()
	case event.KindTime:
		return l.isTime && l.from <= v.Int() && v.Int() < l.to
	case event.KindIP:
		return l.addr.IsValid() && l.addr == v.Addr()
	}
	return false
}

// MatchText implements [Op].
func (o *Equal) MatchText(s string) bool {
	if equalFolded(s, o.Literal.folded) {
		return true
	}
	if !o.Literal.special {
		return false
	}
	if o.Literal.Day() {
		ns, ok := textTime(s)
		return ok && o.Literal.from <= ns && ns < o.Literal.to
	}
	var buf [64]byte
	token, ok := appendSpecial(buf[:0], s)
	return ok && string(token) == o.Literal.Token
}

// CIDR holds for addresses of a network, text that looks like an address
// included, and for the text of the network itself.
type CIDR struct {
	Prefix netip.Prefix // masked, IPv4-mapped networks as IPv4
	Text   string       // as written
	folded string
}

// MatchValue implements [Op].
func (o *CIDR) MatchValue(v event.Value) bool {
	switch v.Kind() {
	case event.KindIP:
		return o.Prefix.Contains(v.Addr())
	case event.KindString:
		return o.MatchText(v.Text())
	}
	return false
}

// MatchText implements [Op].
func (o *CIDR) MatchText(s string) bool {
	if a, ok := event.ParseIP(s); ok {
		return o.Prefix.Contains(a)
	}
	return equalFolded(s, o.folded)
}

// Comparison is the operator of a [Range].
type Comparison uint8

// The comparisons of a range.
const (
	Less Comparison = iota
	LessEqual
	Greater
	GreaterEqual
)

// String returns the operator as it is written.
func (c Comparison) String() string { return [...]string{"<", "<=", ">", ">="}[c] }

// holds tells whether the comparison accepts an order of value and literal.
func (c Comparison) holds(order int) bool {
	switch c {
	case Less:
		return order < 0
	case LessEqual:
		return order <= 0
	case Greater:
		return order > 0
	}
	return order >= 0
}

// Range compares with a literal of one type. A number is compared with numbers
// and numeric text, a time with times and text in RFC 3339, an address with
// addresses and their text, other text with strings in any case. Values of
// other types do not match.
type Range struct {
	Comparison Comparison
	Literal    Literal
}

// Bounds returns the times [from, to) in Unix nanoseconds that a range with a
// time allows, and false where its literal is no time.
func (o *Range) Bounds() (from, to int64, ok bool) {
	l := &o.Literal
	from, to = minTime, maxTime
	switch o.Comparison {
	case Less:
		to = l.from
	case LessEqual:
		to = l.to
	case Greater:
		from = l.to
	case GreaterEqual:
		from = l.from
	}
	return from, to, l.isTime
}

// MatchValue implements [Op].
func (o *Range) MatchValue(v event.Value) bool {
	l := &o.Literal
	switch v.Kind() {
	case event.KindString:
		return o.MatchText(v.Text())
	case event.KindInt:
		if l.isInt {
			return o.Comparison.holds(cmp.Compare(v.Int(), l.integer))
		}
		return l.isNumber && o.Comparison.holds(compareIntFloat(v.Int(), l.number))
	case event.KindFloat:
		return l.isNumber && o.matchFloat(v.Float())
	case event.KindTime:
		return o.matchTime(v.Int())
	case event.KindIP:
		return l.addr.IsValid() && o.Comparison.holds(v.Addr().Compare(l.addr))
	}
	return false
}

func (o *Range) matchFloat(f float64) bool {
	if f != f {
		return false
	}
	if o.Literal.isInt {
		return o.Comparison.holds(-compareIntFloat(o.Literal.integer, f))
	}
	return o.Comparison.holds(cmp.Compare(f, o.Literal.number))
}

func (o *Range) matchTime(ns int64) bool {
	from, to, ok := o.Bounds()
	return ok && from <= ns && (ns < to || to == maxTime)
}

// MatchText implements [Op].
func (o *Range) MatchText(s string) bool {
	l := &o.Literal
	switch {
	case l.isNumber:
		n, f, isInt, ok := textNumber(s)
		if !ok {
			return false
		}
		if isInt {
			return o.MatchValue(event.Int(n))
		}
		return o.matchFloat(f)
	case l.isTime:
		ns, ok := textTime(s)
		return ok && o.matchTime(ns)
	case l.addr.IsValid():
		a, ok := event.ParseIP(s)
		return ok && o.Comparison.holds(a.Compare(l.addr))
	}
	return o.Comparison.holds(compareFold(s, l.folded))
}

// Exists holds for every value.
type Exists struct{}

// MatchValue implements [Op].
func (Exists) MatchValue(v event.Value) bool { return v.Kind() != event.KindNone }

// MatchText implements [Op].
func (Exists) MatchText(string) bool { return true }

// Regex holds for values whose text holds a match of a regular expression in
// the syntax of RE2, in any case; `.` matches line ends too.
type Regex struct {
	Pattern  string // as written between the slashes
	re       *regexp.Regexp
	required []string
}

// MatchValue implements [Op].
func (o *Regex) MatchValue(v event.Value) bool { return matchAsText(o, v) }

// MatchText implements [Op].
func (o *Regex) MatchText(s string) bool { return o.re.MatchString(s) }

// Contains holds for values whose text has a substring, in any case.
type Contains struct {
	Text   string // as meant, without escapes
	needle needle
}

// MatchValue implements [Op].
func (o *Contains) MatchValue(v event.Value) bool { return matchAsText(o, v) }

// MatchText implements [Op].
func (o *Contains) MatchText(s string) bool { return o.needle.in(s) }

// matchAsText applies an operation on text to the text form of a value.
func matchAsText(o Op, v event.Value) bool {
	switch v.Kind() {
	case event.KindNone:
		return false
	case event.KindString:
		return o.MatchText(v.Text())
	}
	var buf [64]byte
	return o.MatchText(event.View(v.AppendText(buf[:0])))
}

func (*Equal) op()    {}
func (*Glob) op()     {}
func (*CIDR) op()     {}
func (*Range) op()    {}
func (Exists) op()    {}
func (*Regex) op()    {}
func (*Contains) op() {}
