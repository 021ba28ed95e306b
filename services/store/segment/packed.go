package segment

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Numbers are packed with as many bits each as the largest needs, the first one
// in the lowest bits of the first byte. packPadding zero bytes follow, so that
// any number is read at once.
const (
	maxBits     = 57
	packPadding = 7
)

func packedSize(n, width int) int { return (n*width+7)/8 + packPadding }

// appendPacked packs numbers of at most maxBits bits.
func appendPacked(dst []byte, v []uint64, width int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, packedSize(len(v), width)+1)...)
	p := dst[at:]
	for i, x := range v {
		bit := i * width
		q := p[bit>>3:]
		binary.LittleEndian.PutUint64(q, binary.LittleEndian.Uint64(q)|x<<(bit&7))
	}
	return dst[:len(dst)-1]
}

// packed reads n numbers of a width in bits. It is never nil.
func (r *reader) packed(n, width int) *planeSet {
	p := &planeSet{n: n, bits: width, div: 1}
	if width < 1 || width > maxBits {
		r.fail()
		return p
	}
	p.raw = r.take(packedSize(n, width))
	return p
}

// unpack returns packed number i.
func (p *planeSet) unpack(i int) uint64 {
	bit := i * p.bits
	return binary.LittleEndian.Uint64(p.raw[bit>>3:]) >> (bit & 7) & (1<<p.bits - 1)
}

// unpackAll writes all packed numbers to v, which has a place for each.
func (p *planeSet) unpackAll(v []uint64) {
	mask := uint64(1)<<p.bits - 1
	per := (64 - 7) / p.bits // numbers that are read at once, wherever the first begins
	for i := 0; i < len(v); i += per {
		bit := i * p.bits
		w := binary.LittleEndian.Uint64(p.raw[bit>>3:]) >> (bit & 7)
		for k := range v[i:min(i+per, len(v))] {
			v[i+k] = w & mask
			w >>= p.bits
		}
	}
}

// highest returns the highest packed number.
func (p *planeSet) highest() uint64 {
	mask := uint64(1)<<p.bits - 1
	per := (64 - 7) / p.bits
	most, whole := uint64(0), p.n-p.n%per
	for i := 0; i < whole; i += per {
		bit := i * p.bits
		w := binary.LittleEndian.Uint64(p.raw[bit>>3:]) >> (bit & 7)
		for range per {
			most = max(most, w&mask)
			w >>= p.bits
		}
	}
	for i := whole; i < p.n; i++ {
		most = max(most, p.unpack(i))
	}
	return most
}

func bitWidth(x uint64) int { return max(1, bits.Len64(x)) }

// Bits of the mode of integers.
const (
	modeSums   = 1 // each number is the distance from the one before
	modePacked = 2 // in bits instead of planes of bytes
)

// integers describes how integers are written: the number stored of each is its
// distance from base, or with sums its distance from the one before less base,
// divided by a power of ten.
type integers struct {
	sums  bool
	scale int
	base  int64
	first uint64
	most  uint64 // of the numbers stored
}

// planIntegers chooses the form with the smaller numbers.
func planIntegers(v []uint64) integers {
	lo, hi := bounds(v)
	p := integers{scale: commonScale(v, lo, hi), base: lo}
	div := scales[p.scale]
	p.most = (uint64(hi) - uint64(lo)) / div
	dlo, dhi := int64(math.MaxInt64), int64(math.MinInt64)
	for i := 1; i < len(v); i++ {
		d := int64(v[i] - v[i-1])
		dlo, dhi = min(dlo, d), max(dhi, d)
	}
	if len(v) <= 8 || dlo > dhi {
		return p
	}
	if most := (uint64(dhi) - uint64(dlo)) / div; byteWidth(most) < byteWidth(p.most) || bitWidth(most)+2 < bitWidth(p.most) {
		p.sums, p.base, p.first, p.most = true, dlo, v[0], most
	}
	return p
}

// numbers returns the numbers to be stored.
func (p *integers) numbers(dst, v []uint64) []uint64 {
	div := scales[p.scale]
	for i, x := range v {
		switch {
		case !p.sums:
			x -= uint64(p.base)
		case i == 0:
			x = 0
		default:
			x = x - v[i-1] - uint64(p.base)
		}
		if div > 1 {
			x /= div
		}
		dst = append(dst, x)
	}
	return dst
}

func (p *integers) appendHead(dst []byte, mode byte, width int) []byte {
	if p.sums {
		mode |= modeSums
	}
	dst = append(dst, mode, byte(p.scale), byte(width))
	dst = binary.AppendVarint(dst, p.base)
	if p.sums {
		dst = binary.AppendVarint(dst, int64(p.first))
	}
	return dst
}
