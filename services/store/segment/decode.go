package segment

import (
	"encoding/binary"
	"math/bits"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxEntries bounds the entries of a column: a row may hold several.
const maxEntries = 1 << 26

// decode reads the head of a chunk. Text pages of pageBytes bytes follow it;
// the caller says where.
func decode(head []byte, rows, pageBytes int) (*Column, error) {
	r := reader{b: head}
	c := &Column{rows: rows}
	r.shape(c)
	enc := r.byte()
	if r.bad {
		return nil, damaged("decode column")
	}
	if enc == encMixed {
		r.mixed(c)
	} else {
		c.tag = r.byte()
		if !validTag(c.tag) || enc != encTwin && isText(c.tag) != textEncoding(enc, c.tag) {
			return nil, damaged("decode column")
		}
		r.values(c, enc, pageBytes)
	}
	if r.bad || len(r.b) > 0 || enc != encText && enc != encTemplate && pageBytes > 0 {
		return nil, damaged("decode column")
	}
	return c, nil
}

func validTag(tag byte) bool {
	k := event.Kind(tag & tagKind)
	return k >= event.KindString && k <= event.KindIP && tag&0x10 == 0 && (tag&tagIP == 0 || tag&tagIP6 != 0 && k == event.KindIP)
}

// textEncoding tells whether an encoding, for a tag where it serves both, holds
// text.
func textEncoding(enc, tag byte) bool {
	switch enc {
	case encIP6:
		return tag&tagIP == tagIP6
	case encIPs:
		return tag&tagIP == tagIP
	case encHex, encUUID, encIDs, encText, encTemplate:
		return event.Kind(tag&tagKind) == event.KindString
	case encConst, encDict, encCommon, encPacked:
		return isText(tag)
	}
	return false
}

// shape reads the rows of the entries.
func (r *reader) shape(c *Column) {
	c.n = int(r.uvarint(maxEntries))
	shape := r.byte()
	c.lone = shape != shapeDeltas
	switch shape {
	case shapeDense:
		if c.n != c.rows {
			r.fail()
		}
	case shapeBitmap:
		set := r.stream((c.rows + 7) / 8)
		if r.bad || len(set) != (c.rows+7)/8 || c.n > c.rows {
			r.fail()
			return
		}
		if c.rowOf = rowsOf(set, c.rows, c.n); len(c.rowOf) != c.n {
			r.fail()
		}
	case shapeDeltas:
		n := r.uvarint(3 * maxEntries)
		d := reader{b: r.stream(int(n))}
		if r.bad || c.n > len(d.b) {
			r.fail()
			return
		}
		c.rowOf = make([]uint16, c.n)
		at := uint64(0)
		for i := range c.rowOf {
			at += d.uvarint(uint64(c.rows))
			if d.bad || at >= uint64(c.rows) {
				r.fail()
				return
			}
			c.rowOf[i] = uint16(at)
		}
	default:
		r.fail()
	}
}

// rowsOf returns the rows of a bitmap of so many rows, of which so many are
// expected.
func rowsOf(set []byte, rows, n int) []uint16 {
	all := make([]uint16, 0, n)
	for at, b := range set {
		for ; b != 0; b &= b - 1 {
			if row := 8*at + bits.TrailingZeros8(b); row < rows {
				all = append(all, uint16(row))
			}
		}
	}
	return all
}

// values reads the values of a column whose tags are all the same.
func (r *reader) values(c *Column, enc byte, pageBytes int) {
	switch enc {
	case encConst, encDict, encCommon, encPacked:
		r.dict(c, enc)
	case encInts:
		r.intColumn(c)
	case encFloats:
		c.planes = r.planeSet(c.n, 8)
	case encDecimals:
		c.nums = r.decimals(c.n)
	case encIP4:
		c.planes = r.planeSet(c.n, 4)
	case encIP6:
		c.data = r.stream(16 * c.n)
		if len(c.data) != 16*c.n {
			r.fail()
			return
		}
		c.nums = spansOf16(c.n)
	case encIPs:
		r.addresses(c)
	case encHex, encUUID:
		r.hex(c, enc)
	case encIDs:
		r.ids(c)
	case encText:
		c.pages = r.pageDirectory(c, pageBytes)
	case encTemplate:
		r.derived(c, pageBytes)
	case encTwin:
		c.text = &twin{int(r.uvarint(MaxColumns))}
	default:
		r.fail()
	}
}

func (r *reader) dict(c *Column, enc byte) {
	n := 1
	if enc != encConst {
		n = int(r.uvarint(1 << 16))
	}
	values := Column{n: n}
	if isText(c.tag) {
		text := r.stream(int(r.uvarint(maxStream)))
		if r.bad || !values.setText(text) {
			r.fail()
			return
		}
		for _, x := range values.nums {
			if c.tag&tagIP6 != 0 && x&(1<<32-1) != 16 {
				r.fail()
				return
			}
		}
	} else {
		p := r.stream(8 * n)
		if len(p) != 8*n {
			r.fail()
			return
		}
		for ; len(p) > 0; p = p[8:] {
			values.nums = append(values.nums, binary.LittleEndian.Uint64(p))
		}
	}
	c.nums, c.data = values.nums, values.data
	switch enc {
	case encConst:
		c.codes = &codeSet{n: c.n}
	case encDict:
		c.codes = &codeSet{n: c.n}
		c.codes.bytes, c.codes.words = r.codes(c.n, n)
	case encCommon:
		c.codes = r.rareCodes(c.n, n)
	case encPacked:
		c.codes = r.packedCodes(c.n, n)
	}
}

// codes reads numbers below a limit, in bytes where they fit.
func (r *reader) codes(n, limit int) (bytes []byte, words []uint16) {
	if limit <= 256 {
		p := r.stream(n)
		if len(p) != n {
			r.fail()
			return nil, nil
		}
		for _, x := range p {
			if int(x) >= limit {
				r.fail()
				return nil, nil
			}
		}
		return p, nil
	}
	p := r.stream(2 * n)
	if len(p) != 2*n {
		r.fail()
		return nil, nil
	}
	words = make([]uint16, n)
	for i := range words {
		x := uint16(p[i]) | uint16(p[n+i])<<8
		if int(x) >= limit {
			r.fail()
			return nil, nil
		}
		words[i] = x
	}
	return nil, words
}

// packedCodes reads numbers below a limit that are packed.
func (r *reader) packedCodes(n, limit int) *codeSet {
	s := &codeSet{n: n}
	if limit < 1 {
		r.fail()
		return s
	}
	s.packed = r.packed(n, bitWidth(uint64(limit-1)))
	if !r.bad && n > 0 && limit != 1<<s.packed.bits && s.packed.highest() >= uint64(limit) {
		r.fail()
	}
	return s
}

// rareCodes reads the common number, and the entries of all others.
func (r *reader) rareCodes(n, limit int) *codeSet {
	if limit < 1 {
		r.fail()
		return &codeSet{n: n}
	}
	s := &codeSet{n: n, common: uint16(r.uvarint(uint64(limit - 1)))}
	m := int(r.uvarint(uint64(n)))
	d := reader{b: r.stream(int(r.uvarint(5 * maxEntries)))}
	bytes, words := r.codes(m, limit)
	if r.bad || m > len(d.b) {
		r.fail()
		return s
	}
	s.at, s.rare = make([]uint32, m), words
	at := uint64(0)
	for k := range s.at {
		step := d.uvarint(uint64(n))
		if k > 0 && step == 0 {
			d.fail()
		}
		at += step
		if d.bad || at >= uint64(n) {
			r.fail()
			return s
		}
		s.at[k] = uint32(at)
	}
	if words == nil {
		s.rare = make([]uint16, m)
		for k, x := range bytes {
			s.rare[k] = uint16(x)
		}
	}
	return s
}

// mixed reads a column whose entries have several kinds.
func (r *reader) mixed(c *Column) {
	c.tags = r.stream(c.n)
	c.nums = r.planes(c.n, 8)
	c.data = r.stream(int(r.uvarint(maxStream)))
	if r.bad || len(c.tags) != c.n {
		r.fail()
		return
	}
	at := uint64(0)
	for i, tag := range c.tags {
		if !validTag(tag) {
			r.fail()
			return
		}
		if !isText(tag) {
			continue
		}
		n := c.nums[i]
		if n > uint64(len(c.data))-at || tag&tagIP6 != 0 && n != 16 {
			r.fail()
			return
		}
		c.nums[i] = at<<32 | n
		at += n
	}
}
