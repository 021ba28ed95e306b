package query

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

const (
	minTime = math.MinInt64
	maxTime = math.MaxInt64
)

// Literal is a value of a query in all forms that it may be compared in.
type Literal struct {
	Text   string // as meant, without quotes and escapes
	Quoted bool   // was written in quotes
	// Token is the [Token] of the values that equal the literal: what a filter
	// over values is asked for. It has no meaning for a date, see Day.
	Token string

	folded   string
	special  bool // text with another folded form may have the same token
	isInt    bool // and isNumber
	isNumber bool
	isBool   bool
	isTime   bool
	boolean  bool
	integer  int64
	number   float64
	from, to int64 // isTime: the instants it stands for, to exclusive
	addr     netip.Addr
}

// newLiteral reads a value that is compared for equality. Quotes make text of a
// date, but not where the field is one.
func newLiteral(text string, quoted bool, field event.Key) Literal {
	l := Literal{Text: text, Quoted: quoted, folded: Fold(text)}
	l.Token = l.folded
	l.isBool = l.folded == "true" || l.folded == "false"
	l.boolean = l.folded == "true"
	if token, ok := appendSpecial(nil, text); ok {
		l.Token, l.special = string(token), true
	}
	if isNumeric(text) {
		l.setNumber(l.Token)
		if !l.isInt && string(appendFloatToken(nil, l.number)) != l.Token {
			l.isNumber = false // no float has exactly this value
		}
	} else if a, ok := event.ParseIP(text); ok {
		l.addr = a
	} else if ns, ok := textTime(text); ok {
		l.setTime(ns, 1)
	} else if ns, ok := parseDay(text); ok && (!quoted || isDate(field)) {
		l.setTime(ns, int64(24*time.Hour))
		l.special = true
	}
	return l
}

// newBound reads a value that is compared by order.
func newBound(text string, quoted bool, field event.Key, now time.Time) Literal {
	l := newLiteral(text, quoted, field)
	if isNumeric(text) {
		l.setNumber(l.Token)
		return l
	}
	if quoted && !isDate(field) || l.isTime || l.addr.IsValid() {
		return l
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f-f == 0 && isNumberStart(text) {
		l.isNumber, l.number = true, f
	} else if ns, ok, _ := relativeTime(text, now); ok {
		l.setTime(ns, 1)
	}
	return l
}

// isDate tells whether a field, which may be none, holds times.
func isDate(field event.Key) bool { return field.Known() && field.Type() == event.TypeDate }

func (l *Literal) setNumber(text string) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		l.isInt, l.integer = true, n
	}
	f, err := strconv.ParseFloat(text, 64)
	l.number, l.isNumber = f, err == nil
}

func (l *Literal) setTime(ns, width int64) {
	l.isTime, l.from, l.to = true, ns, ns+width
}

// Day tells whether the literal is a date, which stands for a whole day.
func (l *Literal) Day() bool { return l.isTime && l.to-l.from > 1 }

// Folded returns the folded text of the literal, and whether text equals it only
// where its folded form is the same: that is so for all but numbers, addresses
// and times.
func (l *Literal) Folded() (text string, alone bool) { return l.folded, !l.special }

// Int returns the literal as an integer.
func (l *Literal) Int() (int64, bool) { return l.integer, l.isInt }

// Float returns the literal as a number.
func (l *Literal) Float() (float64, bool) { return l.number, l.isNumber }

// Bool returns the literal as a boolean.
func (l *Literal) Bool() (value, ok bool) { return l.boolean, l.isBool }

// Addr returns the literal as an address, the invalid one where it is none.
func (l *Literal) Addr() netip.Addr { return l.addr }

// Time returns the times [from, to) in Unix nanoseconds that the literal stands for.
func (l *Literal) Time() (from, to int64, ok bool) { return l.from, l.to, l.isTime }

// AppendToken appends the token of a value: two values are equal in the sense of
// [Equal] if and only if they have the same token. It is folded text; numbers,
// times and addresses, also those in text, have one canonical form.
func AppendToken(dst []byte, v event.Value) []byte {
	switch v.Kind() {
	case event.KindString:
		return AppendTextToken(dst, v.Text())
	case event.KindFloat:
		return appendFloatToken(dst, v.Float())
	case event.KindTime:
		return appendTimeToken(dst, v.Int())
	}
	return v.AppendText(dst)
}

// AppendTextToken is [AppendToken] of a string value.
func AppendTextToken(dst []byte, s string) []byte {
	if d, ok := appendSpecial(dst, s); ok {
		return d
	}
	return AppendFold(dst, s)
}

// appendSpecial appends the canonical form of text that is a number, an address
// or a time, and tells whether it is one.
func appendSpecial(dst []byte, s string) ([]byte, bool) {
	if s == "" {
		return dst, false
	}
	switch c := lower(s[0]); {
	case c == '-' || '0' <= c && c <= '9':
		if isNumeric(s) {
			return append(dst, canonicalNumber(s)...), true
		}
		if ns, ok := textTime(s); ok {
			return appendTimeToken(dst, ns), true
		}
	case c != ':' && c != '[' && (c < 'a' || c > 'f'):
		return dst, false
	}
	if a, ok := event.ParseIP(s); ok {
		return a.AppendTo(dst), true
	}
	return dst, false
}

func appendFloatToken(dst []byte, f float64) []byte {
	if f == 0 {
		f = 0 // no negative zero
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

func appendTimeToken(dst []byte, ns int64) []byte {
	n := len(dst)
	dst = event.AppendTime(dst, ns)
	for i := n; i < len(dst); i++ {
		dst[i] = lower(dst[i])
	}
	return dst
}

// isNumeric tells whether text is a number in the form -?(0|[1-9]\d*)(\.\d+)?.
// What has leading zeros or an exponent is rather an identifier.
func isNumeric(s string) bool {
	s = strings.TrimPrefix(s, "-")
	n := digits(s)
	if n == 0 || s[0] == '0' && n > 1 {
		return false
	}
	if n == len(s) {
		return true
	}
	return s[n] == '.' && n+1 < len(s) && digits(s[n+1:]) == len(s)-n-1
}

// digits returns how many decimal digits text begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func isNumberStart(s string) bool {
	s = strings.TrimLeft(s, "+-.")
	return s != "" && '0' <= s[0] && s[0] <= '9' && !strings.ContainsAny(s, "xX_pP")
}

// canonicalNumber cuts zeros behind the point of numeric text.
func canonicalNumber(s string) string {
	if strings.IndexByte(s, '.') >= 0 {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// textNumber reads numeric text, as an integer where it is one.
func textNumber(s string) (n int64, f float64, isInt, ok bool) {
	if s == "" || s[0] > '9' || !isNumeric(s) {
		return 0, 0, false, false
	}
	s = canonicalNumber(s)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, 0, true, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return 0, f, false, err == nil
}

// textTime reads text in the form of RFC 3339.
func textTime(s string) (int64, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[13] != ':' {
		return 0, false
	}
	return event.ParseTime(s)
}

// floatIsInt tells whether a float is exactly the integer.
func floatIsInt(f float64, n int64) bool { return compareIntFloat(n, f) == 0 }

// compareIntFloat compares exactly, also where a float cannot hold the integer.
func compareIntFloat(n int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := math.Floor(f)
	if m := int64(whole); n != m {
		if n < m {
			return -1
		}
		return 1
	}
	if f > whole {
		return -1
	}
	return 0
}
