// Package segment is the format of the embedded store: events become columns,
// columns become encoded chunks, chunks become blocks, and blocks become one
// immutable file. FORMAT.md of package store documents every byte. The package
// has no goroutines, no clock and no policy.
package segment

import (
	"encoding/binary"
	"math"
	"net/netip"
	"sort"

	"github.com/gatewatch/gatewatch/detection/event"
)

// A tag is the kind of one entry of a column with two flags.
const (
	tagList = 0x80 // the value is an element of a list
	tagIP6  = 0x40 // the address has 16 bytes and lies in the data
	tagIP   = 0x60 // the same of addresses of both families: IPv4 as ::ffff:0:0/96
	tagKind = 0x0f
)

// Column is one column of a block in memory: entries in order of their rows. A
// row has no entry where the field is absent, and several where it is a list.
// A Column is immutable and may be read concurrently.
type Column struct {
	rows  int      // rows of the block
	n     int      // entries
	rowOf []uint16 // row of each entry; nil if entry i is the one value of row i
	lone  bool     // no row has two entries; false says nothing
	tag   byte     // tag of all entries unless tags is set
	tags  []byte   // tag of each entry

	// Where the values are: one of these is set, else nums has one of each entry.
	codes  *codeSet   // of a dictionary: entry i has the value codes.get(i) in nums
	planes *planeSet  // numbers
	pages  *textPages // text that is read page by page
	text   rendered   // text that is written when it is read

	nums  []uint64 // numbers; for strings and IPv6 position<<32 | length in data
	data  []byte
	chars *charset // of the texts that are stored; nil says nothing
}

// Rows returns the number of rows of the block.
func (c *Column) Rows() int { return c.rows }

// Len returns the number of entries.
func (c *Column) Len() int { return c.n }

// Row returns the row of an entry.
func (c *Column) Row(i int) int {
	if c.rowOf == nil {
		return i
	}
	return int(c.rowOf[i])
}

// Span returns the entries lo <= i < hi of a row.
func (c *Column) Span(row int) (lo, hi int) {
	if c.rowOf == nil {
		if row < c.n {
			return row, row + 1
		}
		return c.n, c.n
	}
	r := uint16(row)
	lo = sort.Search(c.n, func(i int) bool { return c.rowOf[i] >= r })
	for hi = lo; hi < c.n && c.rowOf[hi] == r; hi++ {
	}
	return lo, hi
}

func (c *Column) tagOf(i int) byte {
	if c.tags != nil {
		return c.tags[i]
	}
	return c.tag
}

// IsList tells whether an entry is an element of a list.
func (c *Column) IsList(i int) bool { return c.tagOf(i)&tagList != 0 }

// Uniform returns the kind that all entries have, or KindNone if they differ.
func (c *Column) Uniform() event.Kind {
	if c.tags != nil {
		return event.KindNone
	}
	return event.Kind(c.tag & tagKind)
}

// IsIPv4 tells whether all entries are IPv4 addresses.
func (c *Column) IsIPv4() bool {
	return c.Uniform() == event.KindIP && c.tag&tagIP6 == 0
}

// Lone tells whether no row has several entries. It is false for columns in
// memory of which that is not known.
func (c *Column) Lone() bool { return c.lone || c.rowOf == nil }

// Dictionary tells whether entries share values, see [Column.Codes].
func (c *Column) Dictionary() bool { return c.codes != nil }

// Distinct returns the number of values of a dictionary.
func (c *Column) Distinct() int { return len(c.nums) }

// Codes returns the value number of each entry of a dictionary. It belongs to
// the column.
func (c *Column) Codes() []uint16 { return c.codes.list() }

// DictValue returns value number d of a dictionary.
func (c *Column) DictValue(d int) event.Value { return valueOf(c.tag, c.nums[d], c.data) }

// Numbers returns the numbers behind the entries of a column without a
// dictionary whose kind is uniform: integers and nanoseconds as they are, floats
// as their bits, IPv4 addresses as 32 bits. It belongs to the column.
func (c *Column) Numbers() []uint64 {
	switch {
	case c.planes != nil && c.tags == nil:
		return c.planes.list()
	case c.codes != nil || c.tags != nil || c.pages != nil || c.text != nil:
		return nil
	}
	return c.nums
}

// num returns the number behind an entry that is neither paged nor rendered.
func (c *Column) num(i int) uint64 {
	switch {
	case c.codes != nil:
		return c.nums[c.codes.get(i)]
	case c.planes != nil:
		return c.planes.get(i)
	}
	return c.nums[i]
}

// Value returns an entry. Its string is valid as long as the column; for paged
// text a page is decoded when it is not the one that was read last through cur.
func (c *Column) Value(i int, cur *Cursor) (event.Value, error) {
	switch {
	case c.pages != nil:
		p, first, err := cur.pageOf(c, i)
		if err != nil {
			return event.Value{}, err
		}
		return valueOf(c.tagOf(i), p.nums[i-first], p.data), nil
	case c.text != nil:
		return cur.render(c, i)
	}
	return valueOf(c.tagOf(i), c.num(i), c.data), nil
}

// EachPage calls f for the entries of a column in runs whose values lie in
// memory at once, but only for runs of n entries from first on that wanted asks
// for. The page holds entries first <= i < first+page.Len() under the numbers 0
// to Len; for rows ask the column itself.
func (c *Column) EachPage(wanted func(first, n int) bool, f func(first int, page *Column) error) error {
	if c.text != nil {
		return c.eachRendered(wanted, f)
	}
	if c.pages == nil {
		return f(0, c)
	}
	for k, p := range c.pages.pages {
		if !wanted(p.first, p.n) {
			continue
		}
		page, err := c.pages.load(c, k)
		if err != nil {
			return err
		}
		if err := f(p.first, page); err != nil {
			return err
		}
	}
	return nil
}

// Text returns the text of all entries of a page of strings in one piece, and
// the positions at which each begins and ends as start<<32 | length.
func (c *Column) Text() (data []byte, spans []uint64) { return c.data, c.nums }

func valueOf(tag byte, num uint64, data []byte) event.Value {
	switch event.Kind(tag & tagKind) {
	case event.KindString:
		return event.String(event.View(textAt(num, data)))
	case event.KindInt:
		return event.Int(int64(num))
	case event.KindFloat:
		return event.Float(math.Float64frombits(num))
	case event.KindBool:
		return event.Bool(num != 0)
	case event.KindTime:
		return event.Time(int64(num))
	case event.KindIP:
		if tag&tagIP6 != 0 {
			return event.IP(netip.AddrFrom16([16]byte(textAt(num, data))))
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(num))
		return event.IP(netip.AddrFrom4(b))
	}
	return event.Value{}
}

func textAt(num uint64, data []byte) []byte {
	at, n := num>>32, num&math.MaxUint32
	return data[at : at+n : at+n]
}

// memory returns about how many bytes the column takes without lists that are made
// when they are asked for.
func (c *Column) memory() int64 {
	n := int64(192 + 2*cap(c.rowOf) + cap(c.tags) + 8*cap(c.nums) + cap(c.data))
	if c.codes != nil {
		n += c.codes.memory()
	}
	if c.planes != nil {
		n += c.planes.memory()
	}
	if c.pages != nil {
		n += c.pages.memory()
	}
	if c.text != nil {
		n += c.text.memory()
	}
	return n
}
