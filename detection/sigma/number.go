package sigma

import (
	"math"
	"strconv"
)

// number is an exact 64-bit integer or a float that is no such integer: equal
// numbers are equal as Go values, whichever way they were written.
type number struct {
	i     int64
	f     float64
	float bool
}

func intNumber(i int64) number { return number{i: i} }

// floatNumber makes a number of a finite float.
func floatNumber(f float64) number {
	if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
		return number{i: int64(f)}
	}
	return number{f: f, float: true}
}

// parseNumber reads a decimal integer or float with no space around it. Special
// floats and hexadecimal forms are none.
func parseNumber(s string) (number, bool) {
	if len(s) == 0 || len(s) > 400 || s[0] == '+' {
		return number{}, false
	}
	digits := true
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
		case c == '-' && i == 0 && len(s) > 1:
		case c == '.', c|0x20 == 'e', (c == '-' || c == '+') && i > 0:
			digits = false
		default:
			return number{}, false
		}
	}
	if digits {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return number{i: i}, true
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return number{}, false
	}
	return floatNumber(f), true
}

// compare returns how n lies to o: -1, 0 or 1.
func (n number) compare(o number) int {
	switch {
	case !n.float && !o.float:
		return order(n.i, o.i)
	case n.float && o.float:
		return order(n.f, o.f)
	case n.float:
		return -o.compare(n)
	}
	// An integer and a float that is none: beyond the integers, or with a fraction
	// and so below 2^53, where the float's floor is exact.
	if o.f >= 1<<63 {
		return -1
	}
	if o.f < -(1 << 63) {
		return 1
	}
	if n.i <= int64(math.Floor(o.f)) {
		return -1
	}
	return 1
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (n number) String() string {
	if n.float {
		return strconv.FormatFloat(n.f, 'g', -1, 64)
	}
	return strconv.FormatInt(n.i, 10)
}
