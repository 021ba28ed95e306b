package segment

import (
	"encoding/binary"
	"math"

	"github.com/gatewatch/gatewatch/detection/event"
)

// appendAddresses writes addresses of both families: which entries are IPv4, then
// these as planes, then the others.
func (e *encoder) appendAddresses(dst []byte, c *Column) []byte {
	e.buf, e.diff, e.text = append(e.buf[:0], make([]byte, (c.n+7)/8)...), e.diff[:0], e.text[:0]
	for i := range c.n {
		a := textAt(c.nums[i], c.data)
		if x, ok := isMapped(a); ok {
			e.buf[i>>3] |= 1 << (i & 7)
			e.diff = append(e.diff, uint64(x))
		} else {
			e.text = append(e.text, a...)
		}
	}
	dst = appendStream(dst, e.buf)
	dst = binary.AppendUvarint(dst, uint64(len(e.diff)))
	dst = appendStream(dst, e.planes(e.diff, 4))
	return appendStream(dst, e.text)
}

// addresses reads what appendAddresses wrote.
func (r *reader) addresses(c *Column) {
	set := r.stream((c.n + 7) / 8)
	n := int(r.uvarint(uint64(c.n)))
	four := r.planes(n, 4)
	six := r.stream(16 * (c.n - n))
	if r.bad || len(set) != (c.n+7)/8 || len(six) != 16*(c.n-n) {
		r.fail()
		return
	}
	c.data = make([]byte, 0, 16*c.n)
	for i := range c.n {
		switch is4 := set[i>>3]>>(i&7)&1 != 0; {
		case is4 && len(four) > 0:
			c.data = binary.BigEndian.AppendUint32(append(c.data, mapped[:]...), uint32(four[0]))
			four = four[1:]
		case !is4 && len(six) > 0:
			c.data = append(c.data, six[:16]...)
			six = six[16:]
		default:
			r.fail()
			return
		}
	}
	c.nums = spansOf16(c.n)
}

// spansOf16 returns where n values of 16 bytes lie that follow each other.
func spansOf16(n int) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i)<<36 | 16
	}
	return all
}

// isMapped returns the IPv4 address that 16 bytes are, false if they are IPv6.
func isMapped(a []byte) (uint32, bool) {
	return binary.BigEndian.Uint32(a[12:]), [12]byte(a[:12]) == mapped
}

// zoneOfIPv4 returns the range of the IPv4 addresses in a column of both families.
func zoneOfIPv4(c *Column) Zone {
	z := Zone{Kind: event.KindIP, Lo: math.MaxUint32}
	for _, x := range c.nums[:c.n] {
		if v, ok := isMapped(textAt(x, c.data)); ok {
			z.Lo, z.Hi = min(z.Lo, uint64(v)), max(z.Hi, uint64(v))
		}
	}
	return z
}
