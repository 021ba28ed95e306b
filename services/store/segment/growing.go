package segment

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/gatewatch/gatewatch/detection/event"
)

// growing is a column under construction. What a reader may have copied the
// slice headers of is only appended to, so that it is not disturbed.
type growing struct {
	key  event.Key
	role byte
	last int // row of the last entry
	from int // first entry of that row
	text int // bytes of the texts of all entries
	Column
	shared
}

func newGrowing(k event.Key, role byte) *growing {
	c := &growing{key: k, role: role, last: -1}
	c.alone = role == roleRest || k.Is(event.EventOriginal) // hardly ever the same twice
	c.begin()
	return c
}

// keepText is the text memory of a column that a reset keeps at most.
const keepText = 16 << 20

func (c *growing) reset() {
	data := c.data[:0]
	if cap(data) > keepText {
		data = nil
	}
	c.Column = Column{nums: c.nums[:0], data: data}
	c.last, c.from, c.text = -1, 0, 0
	c.begin()
}

// add appends a value and returns the bytes that it takes.
func (c *growing) add(row int, v event.Value) int64 {
	tag := byte(v.Kind())
	if v.IsList() {
		tag |= tagList
	}
	switch v.Kind() {
	case event.KindString:
		return c.addText(row, tag, v.Text())
	case event.KindFloat:
		return c.addNum(row, tag, math.Float64bits(v.Float()))
	case event.KindIP:
		return c.addAddress(row, tag, v.Addr())
	}
	return c.addNum(row, tag, uint64(v.Int()))
}

// addAddress appends an address. A column of which the first is of the other
// family is one of both from then on.
func (c *growing) addAddress(row int, tag byte, a netip.Addr) int64 {
	own := tag
	if !a.Is4() {
		own |= tagIP6
	}
	grown := 0
	if c.n > 0 && c.tags == nil && c.tag != own && c.tag&^tagIP == tag {
		grown = c.widen()
		own = c.tag
	}
	if own&tagIP6 == 0 {
		b := a.As4()
		return c.addNum(row, own, uint64(binary.BigEndian.Uint32(b[:])))
	}
	b := a.As16()
	return int64(grown) + c.addText(row, own, string(b[:]))
}

// widen makes a column of addresses one of both families and returns the bytes
// that this takes. Those that are IPv4 move to data of their own, so that readers
// of the column as it was are not disturbed.
func (c *growing) widen() (grown int) {
	if c.tag&tagIP6 == 0 {
		nums, data := make([]uint64, c.n, max(64, cap(c.nums))), make([]byte, 0, 16*max(64, cap(c.nums)))
		for i, x := range c.nums {
			nums[i] = uint64(len(data))<<32 | 16
			data = append(data, mapped[:]...)
			data = binary.BigEndian.AppendUint32(data, uint32(x))
		}
		c.nums, c.data, c.text, c.on = nums, data, 16*c.n, false
		grown = len(data)
	}
	c.tag |= tagIP
	return grown
}

// mapped begins the 16 bytes of an IPv4 address.
var mapped = [12]byte{10: 0xff, 11: 0xff}

func (c *growing) addNum(row int, tag byte, num uint64) int64 {
	c.entry(row, tag)
	c.nums = append(c.nums, num)
	return 8
}

// addText appends a text. Equal texts lie in the data once as long as they are
// shared; the bytes returned count each, and what sharing takes.
func (c *growing) addText(row int, tag byte, s string) int64 {
	c.entry(row, tag)
	c.text += len(s)
	num, known, grown := c.share(s)
	c.nums = append(c.nums, num)
	if !known {
		c.data = append(c.data, s...)
	}
	return 8 + int64(len(s)) + grown
}

// entry appends the row and the tag of an entry.
func (c *growing) entry(row int, tag byte) {
	if row != c.last {
		c.last, c.from = row, c.n
	}
	switch {
	case c.rowOf != nil:
		c.rowOf = append(c.rowOf, uint16(row))
	case row != c.n: // up to here entry i was row i
		rows := make([]uint16, c.n, max(64, 2*c.n))
		for i := range rows {
			rows[i] = uint16(i)
		}
		c.rowOf = append(rows, uint16(row))
	}
	switch {
	case c.n == 0:
		c.tag = tag
	case c.tags == nil && tag != c.tag: // the first that is of another kind
		c.spread()
		c.tags = append(bytes.Repeat([]byte{c.tag}, c.n), tag)
	case c.tags != nil:
		c.tags = append(c.tags, tag)
	}
	c.n++
}

// snapshot returns the column as it is now; it must not be appended to. Entries
// with equal texts may share them.
func (c *growing) snapshot(rows int) *Column {
	s := c.Column
	s.rows = rows
	return &s
}
