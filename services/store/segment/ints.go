package segment

import "math"

// scales are common divisors of times with less than nanoseconds; the number
// stored is the power of ten.
var scales = [...]uint64{0: 1, 3: 1e3, 6: 1e6, 9: 1e9}

// appendInts encodes integers as offsets from the lowest, or from the value
// before, divided by a common power of ten, in byte planes or packed.
func (e *encoder) appendInts(dst []byte, v []uint64) []byte {
	p := planIntegers(v)
	e.diff = p.numbers(e.diff[:0], v)
	width := byteWidth(p.most)
	at := len(dst)
	dst = appendStream(p.appendHead(dst, 0, width), e.planes(e.diff, width))
	if width = bitWidth(p.most); width <= maxBits && packedSize(len(v), width) <= len(dst)-at {
		dst = appendPacked(p.appendHead(dst[:at], modePacked, width), e.diff, width)
	}
	return dst
}

// planes splits numbers into their lowest width bytes, all first bytes first.
func (e *encoder) planes(v []uint64, width int) []byte {
	n := len(v)
	need := width * n
	if cap(e.plane) < need {
		e.plane = make([]byte, need)
	}
	p := e.plane[:need]
	for k := range width {
		q := p[k*n : k*n+n]
		shift := 8 * k
		for i, x := range v {
			q[i] = byte(x >> shift)
		}
	}
	return p
}

func bounds(v []uint64) (lo, hi int64) {
	lo, hi = math.MaxInt64, math.MinInt64
	for _, x := range v {
		lo, hi = min(lo, int64(x)), max(hi, int64(x))
	}
	return lo, hi
}

// commonScale returns the largest power of ten of scales that divides the
// distances of all values from lo, and so those between neighbours too.
func commonScale(v []uint64, lo, hi int64) int {
	if uint64(hi)-uint64(lo) > 1<<62 { // distances of neighbours would wrap
		return 0
	}
	for _, s := range [...]int{9, 6, 3} {
		ok := true
		for _, x := range v {
			if (x-uint64(lo))%scales[s] != 0 {
				ok = false
				break
			}
		}
		if ok {
			return s
		}
	}
	return 0
}

func byteWidth(x uint64) int {
	w := 1
	for x >>= 8; x != 0; x >>= 8 {
		w++
	}
	return w
}

// intColumn decodes the integers of a column.
func (r *reader) intColumn(c *Column) {
	p, first, sums := r.intHead(c.n)
	switch {
	case r.bad:
	case sums:
		c.nums = p.sums(first)
	default:
		c.planes = p
	}
}

// ints decodes n integers.
func (r *reader) ints(n int) []uint64 {
	p, first, sums := r.intHead(n)
	switch {
	case r.bad:
		return nil
	case sums:
		return p.sums(first)
	}
	return p.list()
}

// intHead reads what appendInts wrote. With sums set the numbers are distances
// and the first integer is first.
func (r *reader) intHead(n int) (p *planeSet, first uint64, sums bool) {
	mode, scale, width := r.byte(), int(r.byte()), int(r.byte())
	base := uint64(r.varint())
	if mode > modePacked|modeSums || scale >= len(scales) || scales[scale] == 0 || width < 1 {
		r.fail()
		return nil, 0, false
	}
	if sums = mode&modeSums != 0; sums {
		first = uint64(r.varint())
	}
	switch {
	case mode&modePacked != 0:
		p = r.packed(n, width)
	case width <= 8:
		p = r.planeSet(n, width)
	default:
		r.fail()
		return nil, 0, false
	}
	p.base, p.div = base, scales[scale]
	return p, first, sums
}

// sums returns the integers of which the set holds the distances, but for the
// first.
func (p *planeSet) sums(first uint64) []uint64 {
	v := p.list()
	at := first
	for i, x := range v {
		if i > 0 {
			at += x
		}
		v[i] = at
	}
	return v
}

// planes decodes n numbers of a width in bytes.
func (r *reader) planes(n, width int) []uint64 {
	p := r.planeSet(n, width)
	if r.bad {
		return nil
	}
	return p.list()
}

// planeSet reads n numbers of a width in bytes. It is never nil.
func (r *reader) planeSet(n, width int) *planeSet {
	p := &planeSet{n: n, width: width, raw: r.stream(n * width), div: 1}
	if r.bad || len(p.raw) != n*width {
		r.fail()
	}
	return p
}
