package segment

import "math"

// maxDecimals is the number of decimals that floats of a column may have to be
// kept as integers.
const maxDecimals = 9

// appendDecimals writes floats as integers of the smallest power of ten that
// gives each of them back bit by bit: its exponent, then the integers. It reports
// false, and writes nothing, where there is none.
func (e *encoder) appendDecimals(dst []byte, v []uint64) ([]byte, bool) {
	e.whole = e.whole[:0]
	decimals := 0
	for i := 0; i < len(v); {
		n, ok := wholeOf(v[i], decimals)
		if ok {
			e.whole = append(e.whole, n)
			i++
			continue
		}
		if decimals++; decimals > maxDecimals {
			return dst, false
		}
		i, e.whole = 0, e.whole[:0]
	}
	return e.appendInts(append(dst, byte(decimals)), e.whole), true
}

// wholeOf returns a float times a power of ten if that is an integer that gives
// the float back.
func wholeOf(bits uint64, decimals int) (uint64, bool) {
	f := math.Float64frombits(bits)
	x := math.Round(f * float64(powers[decimals]))
	if !(math.Abs(x) < 1<<53) {
		return 0, false
	}
	n := uint64(int64(x))
	return n, decimalOf(n, decimals) == bits
}

func decimalOf(n uint64, decimals int) uint64 {
	return math.Float64bits(float64(int64(n)) / float64(powers[decimals]))
}

// decimals reads n floats that appendDecimals wrote.
func (r *reader) decimals(n int) []uint64 {
	decimals := int(r.byte())
	if decimals > maxDecimals {
		r.fail()
		return nil
	}
	v := r.ints(n)
	for i, x := range v {
		v[i] = decimalOf(x, decimals)
	}
	return v
}
