package segment

import (
	"math"
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
)

// Kinds of forms: how a value of a column is written inside another text.
const (
	formText     = 0  // strings as they are
	formJSON     = 1  // strings as in JSON: \" \\ \b \f \n \r \t, other controls as \u00xx
	formJSONHTML = 2  // the same with \u003c \u003e \u0026 too
	formHex      = 3  // strings with " and \ and what is no printable ASCII as \xHH
	formPlain    = 8  // event.Value.AppendText: integers, floats, booleans, addresses
	formSeconds3 = 9  // integers of nanoseconds as seconds with 3 decimals
	formSeconds6 = 10 // the same with 6
	formMillis   = 11 // integers of nanoseconds as whole milliseconds
	formMicros   = 12 // the same as microseconds
	formFixed1   = 13 // floats with 1 decimal
	formFixed2   = 14 // with 2
	formFixed3   = 15 // with 3
	formTime     = 16 // times as time says
)

// form says how a value is written. It is comparable.
type form struct {
	kind byte
	time timeForm // for formTime
}

// formsOf returns the kinds of forms but formTime that values of a kind may
// have, the usual one first.
func formsOf(k event.Kind) []byte {
	switch k {
	case event.KindString:
		return []byte{formText, formJSON, formJSONHTML, formHex}
	case event.KindInt:
		return []byte{formPlain, formSeconds3, formSeconds6, formMillis, formMicros}
	case event.KindFloat:
		return []byte{formPlain, formFixed1, formFixed2, formFixed3}
	case event.KindBool, event.KindIP:
		return []byte{formPlain}
	}
	return nil
}

// fits tells whether values of a kind have the form.
func (f *form) fits(k event.Kind) bool {
	if f.kind == formTime {
		return k == event.KindTime && f.time.valid()
	}
	for _, x := range formsOf(k) {
		if x == f.kind {
			return true
		}
	}
	return false
}

// suits is fits for a form that is known to be valid.
func (f *form) suits(k event.Kind) bool {
	switch {
	case f.kind <= formHex:
		return k == event.KindString
	case f.kind == formPlain:
		return k == event.KindInt || k == event.KindIP || k == event.KindFloat || k == event.KindBool
	case f.kind == formTime:
		return k == event.KindTime
	}
	return f.fits(k)
}

// append writes a value, which the form fits.
func (f *form) append(dst []byte, v event.Value) []byte {
	switch f.kind {
	case formText:
		return append(dst, v.Text()...)
	case formJSON, formJSONHTML, formHex:
		return appendEscaped(dst, f.kind, v.Text())
	case formSeconds3:
		return appendSeconds(dst, v.Int(), 1e6, 3)
	case formSeconds6:
		return appendSeconds(dst, v.Int(), 1e3, 6)
	case formMillis:
		return strconv.AppendInt(dst, v.Int()/1e6, 10)
	case formMicros:
		return strconv.AppendInt(dst, v.Int()/1e3, 10)
	case formFixed1, formFixed2, formFixed3:
		return strconv.AppendFloat(dst, v.Float(), 'f', int(f.kind-formFixed1)+1, 64)
	case formTime:
		return f.time.append(dst, v.Int())
	}
	return v.AppendText(dst)
}

// appendSeconds writes nanoseconds as seconds with decimals, of which one more
// would be worth unit/10 nanoseconds.
func appendSeconds(dst []byte, ns, unit int64, decimals int) []byte {
	if ns < 0 {
		if ns == math.MinInt64 {
			return dst // no text has this form
		}
		dst, ns = append(dst, '-'), -ns
	}
	dst = strconv.AppendInt(dst, ns/1e9, 10)
	return appendDigits(append(dst, '.'), ns%1e9/unit, decimals)
}

// appendDigits writes a number below 10^digits, at most 9 digits, with leading
// zeros.
func appendDigits(dst []byte, n int64, digits int) []byte {
	if digits == 2 {
		two := uint8(n)
		return append(dst, '0'+two/10, '0'+two%10)
	}
	var buf [9]byte
	x := uint32(n)
	for i := digits - 1; i >= 0; i-- {
		buf[i] = '0' + byte(x%10)
		x /= 10
	}
	return append(dst, buf[:digits]...)
}

const (
	lowerHex = "0123456789abcdef"
	upperHex = "0123456789ABCDEF"
)

// escapes tells by form and byte whether the form writes the byte as something
// else.
var escapes = func() (t [formHex + 1][256]bool) {
	for k := range t {
		for c := range t[k] {
			switch {
			case k == formText:
			case c < ' ' || c == '"' || c == '\\':
				t[k][c] = true
			case k == formHex:
				t[k][c] = c >= 0x7f
			case k == formJSONHTML:
				t[k][c] = c == '<' || c == '>' || c == '&'
			}
		}
	}
	return t
}()

func appendEscaped(dst []byte, kind byte, s string) []byte {
	from := 0
	table := &escapes[kind]
	for i := range len(s) {
		c := s[i]
		if !table[c] {
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, kind, c)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// beginsEscaped returns the length of a value in a form if a text begins with
// it, else -1.
func beginsEscaped(text []byte, kind byte, value string) int {
	at, from := 0, 0
	table := &escapes[kind]
	run := func(s string) bool {
		if len(text)-at < len(s) || string(text[at:at+len(s)]) != s {
			return false
		}
		at += len(s)
		return true
	}
	for i := range len(value) {
		c := value[i]
		if !table[c] {
			continue
		}
		var buf [8]byte
		if !run(value[from:i]) || !run(string(appendEscape(buf[:0], kind, c))) {
			return -1
		}
		from = i + 1
	}
	if !run(value[from:]) {
		return -1
	}
	return at
}

// beginsJSON is beginsEscaped for formJSON, faster.
func beginsJSON(text []byte, value string) int {
	at := 0
	for value != "" {
		rest := text[at:]
		if len(rest) > len(value) {
			rest = rest[:len(value)]
		}
		n := jsonscan.Plain(rest)
		if string(rest[:n]) != value[:n] {
			return -1
		}
		at, value = at+n, value[n:]
		if value == "" {
			break
		}
		var buf [8]byte
		if !escapes[formJSON][value[0]] {
			return -1
		}
		esc := appendEscape(buf[:0], formJSON, value[0])
		if len(text)-at < len(esc) || string(text[at:at+len(esc)]) != string(esc) {
			return -1
		}
		at, value = at+len(esc), value[1:]
	}
	return at
}

func appendEscape(dst []byte, kind, c byte) []byte {
	if kind == formHex {
		return append(dst, '\\', 'x', upperHex[c>>4], upperHex[c&15])
	}
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
}
