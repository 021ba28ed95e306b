package segment

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Roles of a column. A field may have the name of a member; the two are kept
// apart.
const (
	roleField  = 0
	roleMember = 1
	roleRest   = 2 // fields over the cap, flattened
	roleOffset = 3 // queue offset of the record that a row was made from
)

// Zone is the range of the values of a column in a block.
type Zone struct {
	Kind event.Kind // KindInt, KindTime, KindFloat or KindIP (IPv4); KindNone says nothing
	Lo   uint64     // as in [Column.Numbers]
	Hi   uint64
}

// entry describes one column of a block.
type entry struct {
	name     string
	role     byte
	enc      byte
	n        int
	off      int // from the start of the block
	head     int
	len      int
	sum      uint32 // of the head
	zone     Zone
	bloomOff int
	bloomLen int
	chars    *charset // of the texts that are stored; nil says nothing
	ids      *idRange // instead of a filter; nil says nothing
}

// directory describes the columns of a block.
type directory struct {
	*roster // nil while the block is made
	cols    []entry
	size    int64
}

func (d *directory) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(d.cols)))
	for i := range d.cols {
		c := &d.cols[i]
		dst = binary.AppendUvarint(dst, uint64(len(c.name)))
		dst = append(dst, c.name...)
		dst = append(dst, c.role, c.enc, byte(c.zone.Kind))
		for _, v := range [...]int{c.n, c.off, c.head, c.len, c.bloomOff, c.bloomLen} {
			dst = binary.AppendUvarint(dst, uint64(v))
		}
		dst = binary.LittleEndian.AppendUint32(dst, c.sum)
		if c.zone.Kind != event.KindNone {
			dst = binary.LittleEndian.AppendUint64(dst, c.zone.Lo)
			dst = binary.LittleEndian.AppendUint64(dst, c.zone.Hi)
		}
		switch {
		case c.ids != nil:
			dst = append(append(dst, byte(len(c.chars)+idRangeBytes)), charsOfHex[:]...)
			dst = c.ids.append(dst)
		case c.chars != nil:
			dst = append(append(dst, byte(len(c.chars))), c.chars[:]...)
		default:
			dst = append(dst, 0)
		}
	}
	return dst
}

// parseDirectory reads the directory of a block that has size bytes before it.
// The cache, which may be nil, knows rosters.
func parseDirectory(b []byte, size int, cache *Cache) (*directory, error) {
	r := reader{b: b}
	n := int(r.uvarint(MaxColumns + 2)) // and the flattened fields, and the offsets
	d := &directory{cols: make([]entry, 0, min(n, len(b)/minEntry))}
	var roles []byte
	var names []string
	for range n {
		c := entry{name: string(r.take(int(r.uvarint(maxStream))))}
		c.role, c.enc = r.byte(), r.byte()
		c.zone.Kind = event.Kind(r.byte())
		for _, p := range [...]*int{&c.n, &c.off, &c.head, &c.len, &c.bloomOff, &c.bloomLen} {
			*p = int(r.uvarint(math.MaxInt32))
		}
		c.sum = r.uint32()
		if c.zone.Kind != event.KindNone {
			c.zone.Lo, c.zone.Hi = r.uint64(), r.uint64()
		}
		more := r.take(int(r.byte())) // what is longer is of a later version
		if len(more) >= len(charset{}) {
			chars := charset(more[:len(charset{})])
			c.chars = &chars
		}
		if len(more) >= len(charset{})+idRangeBytes {
			c.ids = readIDRange(more[len(charset{}):])
		}
		if r.bad || c.head > c.len || c.off+c.len > size || c.bloomOff+c.bloomLen > size || c.bloomLen%lineBytes != 0 {
			return nil, damaged("decode block directory")
		}
		d.cols = append(d.cols, c)
		roles, names = append(roles, c.role), append(names, c.name)
	}
	if r.bad || len(r.b) > 0 {
		return nil, damaged("decode block directory")
	}
	d.share(cache.roster(names, roles))
	return d, nil
}

// minEntry is less than the bytes of any entry.
const minEntry = 12

// share takes a roster of the columns. The names of one that is shared are not
// kept twice.
func (d *directory) share(l *roster, shared bool) {
	d.roster = l
	d.size = 96
	if !shared {
		d.size += int64(l.bytes())
	}
	for i := range d.cols {
		c := &d.cols[i]
		c.name = l.names[i]
		d.size += int64(unsafe.Sizeof(*c))
		if c.chars != nil {
			d.size += int64(len(c.chars))
		}
		if c.ids != nil {
			d.size += int64(unsafe.Sizeof(*c.ids))
		}
	}
}

func (d *directory) memory() int64 { return d.size }

// zoneOf returns the range of the numbers of a column.
func zoneOf(c *Column) Zone {
	if c.tags != nil || c.n == 0 {
		return Zone{}
	}
	z := Zone{Kind: event.Kind(c.tag & tagKind), Lo: c.nums[0], Hi: c.nums[0]}
	switch {
	case z.Kind == event.KindInt || z.Kind == event.KindTime:
		lo, hi := bounds(c.nums[:c.n])
		z.Lo, z.Hi = uint64(lo), uint64(hi)
	case z.Kind == event.KindFloat:
		return floatZone(c.nums[:c.n])
	case z.Kind == event.KindIP && c.tag&tagIP6 == 0:
		for _, x := range c.nums[:c.n] {
			z.Lo, z.Hi = min(z.Lo, x), max(z.Hi, x)
		}
	case c.tag&tagIP == tagIP:
		return zoneOfIPv4(c)
	default:
		return Zone{}
	}
	return z
}

func floatZone(v []uint64) Zone {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, x := range v {
		f := math.Float64frombits(x)
		if f != f {
			return Zone{}
		}
		lo, hi = min(lo, f), max(hi, f)
	}
	return Zone{Kind: event.KindFloat, Lo: math.Float64bits(lo), Hi: math.Float64bits(hi)}
}
