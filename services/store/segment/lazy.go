package segment

import (
	"math/bits"
	"sync/atomic"
)

// Columns are read in two ways: a few rows, and all. What follows serves the
// first without undoing more than it must; the second makes it do so once.

// codeSet is the value number of each entry of a dictionary, in one of four
// forms. It may be read concurrently.
type codeSet struct {
	n      int
	bytes  []byte    // of each entry, where they fit
	words  []uint16  // of each entry
	packed *planeSet // of each entry

	common uint16   // of the entries that are not named in at
	at     []uint32 // ascending
	rare   []uint16 // of the entries in at

	all   atomic.Pointer[[]uint16]
	owner owner
}

// owner is where memory is counted that a part of a column takes once it is asked
// for. The zero owner counts nothing.
type owner struct {
	cache *Cache
	key   cacheKey
	part  *Column
}

func (o *owner) grow(size int) { o.cache.grow(o.key, o.part, int64(size)) }

// own has the memory of lists of all entries counted as that of a part of a cache.
func (c *Column) own(o owner) {
	if c.codes != nil {
		c.codes.owner = o
	}
	if c.planes != nil {
		c.planes.owner = o
	}
}

// listed returns what lists of all entries take.
func (c *Column) listed() int64 {
	n := 0
	if c.codes != nil {
		n += c.codes.listed()
	}
	if c.planes != nil {
		n += c.planes.listed()
	}
	return int64(n)
}

// get returns the value number of an entry.
func (s *codeSet) get(i int) int {
	switch {
	case s.bytes != nil:
		return int(s.bytes[i])
	case s.words != nil:
		return int(s.words[i])
	case s.packed != nil:
		return int(s.packed.unpack(i))
	}
	if all := s.all.Load(); all != nil {
		return int((*all)[i])
	}
	lo, hi := 0, len(s.at)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); int(s.at[mid]) < i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(s.at) && int(s.at[lo]) == i {
		return int(s.rare[lo])
	}
	return int(s.common)
}

// list returns the value numbers of all entries.
func (s *codeSet) list() []uint16 {
	if s.words != nil {
		return s.words
	}
	if p := s.all.Load(); p != nil {
		return *p
	}
	all := make([]uint16, s.n)
	switch {
	case s.bytes != nil:
		for i, c := range s.bytes {
			all[i] = uint16(c)
		}
	case s.packed != nil:
		for i := range all {
			all[i] = uint16(s.packed.unpack(i))
		}
	default:
		if s.common != 0 {
			for i := range all {
				all[i] = s.common
			}
		}
		for k, i := range s.at {
			all[i] = s.rare[k]
		}
	}
	if !s.all.CompareAndSwap(nil, &all) {
		return *s.all.Load()
	}
	s.owner.grow(s.listed())
	return all
}

// listed is what the list of all entries takes.
func (s *codeSet) listed() int {
	if s.words != nil {
		return 0
	}
	return 2 * s.n
}

// memory returns the bytes that the set takes without the list of all entries.
func (s *codeSet) memory() int64 {
	n := int64(0)
	if s.packed != nil {
		n = int64(cap(s.packed.raw))
	}
	return n + int64(80+cap(s.bytes)+2*cap(s.words)+4*cap(s.at)+2*cap(s.rare))
}

// Mark adds the rows to a set, with a bit for each row, in which an entry of a
// dictionary has a value for which hit is true.
func (c *Column) Mark(hit []bool, set []uint64) {
	s := c.codes
	switch {
	case s.words != nil:
		for i, code := range s.words {
			if hit[code] {
				setRow(set, c.Row(i))
			}
		}
	case s.bytes != nil && c.rowOf == nil:
		markBytes(s.bytes, hit, set)
	case s.bytes != nil:
		for i, code := range s.bytes {
			if hit[code] {
				setRow(set, int(c.rowOf[i]))
			}
		}
	case s.packed != nil:
		for i := range s.n {
			if hit[s.packed.unpack(i)] {
				setRow(set, c.Row(i))
			}
		}
	case !hit[s.common]:
		for k, i := range s.at {
			if hit[s.rare[k]] {
				setRow(set, c.Row(int(i)))
			}
		}
	default:
		k := 0
		for i := range s.n {
			code := s.common
			if k < len(s.at) && int(s.at[k]) == i {
				code = s.rare[k]
				k++
			}
			if hit[code] {
				setRow(set, c.Row(i))
			}
		}
	}
}

// MarkAmong is [Column.Mark] for few rows: it looks at those of among only.
func (c *Column) MarkAmong(hit []bool, among, set []uint64) {
	for w, word := range among {
		for ; word != 0; word &= word - 1 {
			row := w<<6 + bits.TrailingZeros64(word)
			lo, hi := c.Span(row)
			for i := lo; i < hi; i++ {
				if hit[c.codes.get(i)] {
					setRow(set, row)
					break
				}
			}
		}
	}
}

// markBytes is Mark where entry i is row i, 64 rows at a time.
func markBytes(codes []byte, hit []bool, set []uint64) {
	var one [256]uint8
	for i, h := range hit {
		if h {
			one[i] = 1
		}
	}
	for w := 0; len(codes) > 0; w++ {
		part := codes[:min(64, len(codes))]
		codes = codes[len(part):]
		var bits uint64
		for i, code := range part {
			bits |= uint64(one[code]) << i
		}
		set[w] |= bits
	}
}

// planeSet is numbers in planes of bytes, or packed in bits, each base + n·div.
// It may be read concurrently.
type planeSet struct {
	n         int
	width     int // planes, where bits is 0
	bits      int // of a number
	raw       []byte
	base, div uint64

	all   atomic.Pointer[[]uint64]
	owner owner
}

// get returns number i.
func (p *planeSet) get(i int) uint64 {
	if p.bits > 0 {
		return p.base + p.unpack(i)*p.div
	}
	var x uint64
	for k := range p.width {
		x |= uint64(p.raw[k*p.n+i]) << (8 * k)
	}
	return p.base + x*p.div
}

// list returns all numbers.
func (p *planeSet) list() []uint64 {
	if all := p.all.Load(); all != nil {
		return *all
	}
	v := make([]uint64, p.n)
	switch p.width {
	case 0:
		p.unpackAll(v)
		for i, x := range v {
			v[i] = p.base + x*p.div
		}
	case 1:
		for i, c := range p.raw[:p.n] {
			v[i] = p.base + uint64(c)*p.div
		}
	case 2:
		a, b := p.raw[:p.n], p.raw[p.n:2*p.n]
		for i := range a {
			v[i] = p.base + (uint64(a[i])|uint64(b[i])<<8)*p.div
		}
	case 4:
		a, b, c, d := p.raw[:p.n], p.raw[p.n:2*p.n], p.raw[2*p.n:3*p.n], p.raw[3*p.n:4*p.n]
		for i := range a {
			v[i] = p.base + (uint64(a[i])|uint64(b[i])<<8|uint64(c[i])<<16|uint64(d[i])<<24)*p.div
		}
	default:
		for k := range p.width {
			shift := 8 * k
			for i, c := range p.raw[k*p.n : k*p.n+p.n] {
				v[i] |= uint64(c) << shift
			}
		}
		for i, x := range v {
			v[i] = p.base + x*p.div
		}
	}
	if !p.all.CompareAndSwap(nil, &v) {
		return *p.all.Load()
	}
	p.owner.grow(p.listed())
	return v
}

// listed is what the list of all numbers takes.
func (p *planeSet) listed() int { return 8 * p.n }

// memory returns the bytes that the set takes without the list of all numbers.
func (p *planeSet) memory() int64 { return int64(80 + cap(p.raw)) }
