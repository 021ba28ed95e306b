package query

import (
	"cmp"
	"math"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// The classes of values in the order of [Compare].
const (
	rankNumber = iota
	rankTime
	rankIP
	rankBool
	rankText
	rankNull
)

// Compare is the total order in which values are sorted, and by which min and
// max choose: numbers (numeric text among them, behind an equal number), times,
// addresses, booleans, text by its folded form and then by its bytes, and no
// value last. It is 0 for an integer and a float of the same value.
func Compare(a, b event.Value) int {
	ra, rb := rankOf(a), rankOf(b)
	if ra != rb {
		return ra - rb
	}
	switch ra {
	case rankNumber:
		return compareNumbers(a, b)
	case rankTime, rankBool:
		return cmp.Compare(a.Int(), b.Int())
	case rankIP:
		return a.Addr().Compare(b.Addr())
	case rankText:
		return compareTexts(a.Text(), b.Text())
	}
	return 0
}

func rankOf(v event.Value) int {
	switch v.Kind() {
	case event.KindInt, event.KindFloat:
		return rankNumber
	case event.KindTime:
		return rankTime
	case event.KindIP:
		return rankIP
	case event.KindBool:
		return rankBool
	case event.KindString:
		if s := v.Text(); s != "" && s[0] <= '9' && isNumeric(s) {
			return rankNumber
		}
		return rankText
	}
	return rankNull
}

// numberOf reads a number or numeric text.
func numberOf(v event.Value) (n int64, f float64, isInt, ok bool) {
	switch v.Kind() {
	case event.KindInt:
		return v.Int(), 0, true, true
	case event.KindFloat:
		return 0, v.Float(), false, true
	case event.KindString:
		return textNumber(v.Text())
	}
	return 0, 0, false, false
}

func compareNumbers(a, b event.Value) int {
	na, fa, aInt, _ := numberOf(a)
	nb, fb, bInt, _ := numberOf(b)
	var c int
	switch {
	case aInt && bInt:
		c = cmp.Compare(na, nb)
	case aInt:
		c = compareToFloat(na, fb)
	case bInt:
		c = -compareToFloat(nb, fa)
	default:
		c = cmp.Compare(fa, fb)
	}
	if c != 0 {
		return c
	}
	aText, bText := a.Kind() == event.KindString, b.Kind() == event.KindString
	switch {
	case aText && bText:
		return strings.Compare(a.Text(), b.Text())
	case aText:
		return 1
	case bText:
		return -1
	}
	return 0
}

// compareToFloat puts what is not a number first, as cmp.Compare does.
func compareToFloat(n int64, f float64) int {
	if math.IsNaN(f) {
		return 1
	}
	return compareIntFloat(n, f)
}

func compareTexts(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		ca, cb := a[i], b[i]
		if ca|cb >= 0x80 {
			if c := strings.Compare(Fold(a[i:]), Fold(b[i:])); c != 0 {
				return c
			}
			return strings.Compare(a, b)
		}
		if ca, cb = lower(ca), lower(cb); ca != cb {
			return int(ca) - int(cb)
		}
	}
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// extreme returns the least, or the greatest, of values, or no value.
func extreme(values []event.Value, greatest bool) event.Value {
	var best event.Value
	for _, v := range values {
		if best.Kind() == event.KindNone || (Compare(v, best) > 0) == greatest && Compare(v, best) != 0 {
			best = v
		}
	}
	return best
}

// keep returns a value that shares no memory with the row it came from, and is
// no element of a list.
func keep(v event.Value) event.Value {
	switch v.Kind() {
	case event.KindString:
		return event.String(strings.Clone(v.Text()))
	case event.KindIP:
		return event.IP(v.Addr())
	case event.KindInt:
		return event.Int(v.Int())
	case event.KindFloat:
		return event.Float(v.Float())
	case event.KindTime:
		return event.Time(v.Int())
	case event.KindBool:
		return event.Bool(v.Bool())
	}
	return v
}
