package segment

import (
	"encoding/binary"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Encodings of a column's values. Numbers not named here are reserved: 34 to 39
// for what is derived in other ways, 42 to 47 for dictionaries of other forms,
// 49 to 55 for other forms of decimals.
const (
	encConst  = 1
	encDict   = 2
	encInts   = 3
	encFloats = 4
	encIP4    = 5
	encIP6    = 6
	encHex    = 7
	encUUID   = 8
	encIDs    = 9
	encText   = 10
	encMixed  = 11
	encIPs    = 12

	encTemplate = 32
	encTwin     = 33
	encCommon   = 40
	encPacked   = 41

	encDecimals = 48
)

// isDictionary tells whether an encoding keeps each value once.
func isDictionary(enc byte) bool {
	return enc == encConst || enc == encDict || enc == encCommon || enc == encPacked
}

// encoder encodes columns. Its buffers are reused from column to column.
type encoder struct {
	diff  []uint64
	whole []uint64
	plane []byte
	buf   []byte
	text  []byte
	rare  []uint16
	dict  *dictionary // of the column at hand, if its encoding is one of dictionaries
	own   dictionary  // of columns whose builder has none
}

// encoded is one column ready to be written: the head, and the pages of text
// that follow it.
type encoded struct {
	enc   byte
	chunk []byte // head, then pages
	head  int    // length of the head
}

// encode appends the chunk of a column to dst, derived where there is a plan. The
// encoding is that which choose returned, of a column whose tags are all the same,
// and the encoder's dictionary what it was then.
func (e *encoder) encode(dst []byte, c *Column, enc byte, p *plan) ([]byte, encoded) {
	start := len(dst)
	dst = e.appendShape(dst, c)
	out := encoded{}
	switch {
	case c.tags != nil:
		out.enc = encMixed
		dst = append(dst, encMixed)
		dst = appendStream(dst, c.tags)
	case p != nil:
		out.enc = encTemplate
		dst = append(dst, encTemplate, c.tag)
	default:
		out.enc = enc
		dst = append(dst, enc, c.tag)
	}
	var pages []byte
	at := len(dst) - 2
	switch {
	case p != nil:
		dst, pages = e.appendDerived(dst, p)
	case out.enc == encFloats:
		var ok bool
		if dst, ok = e.appendDecimals(dst, c.nums[:c.n]); !ok {
			dst, pages = e.appendValues(dst, c, out.enc)
			break
		}
		out.enc, dst[at] = encDecimals, encDecimals
	case out.enc == encDict:
		if dst, out.enc = e.appendPackedDict(dst, c); out.enc == encPacked {
			dst[at] = encPacked
		}
	default:
		dst, pages = e.appendValues(dst, c, out.enc)
	}
	out.head = len(dst) - start
	dst = append(dst, pages...)
	out.chunk = dst[start:]
	return dst, out
}

// Shapes of a column.
const (
	shapeDense  = 0 // one entry a row
	shapeBitmap = 1 // at most one entry a row
	shapeDeltas = 2 // any number of entries a row
)

// appendShape writes which rows the entries belong to.
func (e *encoder) appendShape(dst []byte, c *Column) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.n))
	if c.rowOf == nil && c.n == c.rows {
		return append(dst, shapeDense)
	}
	single, last := true, -1
	for i := range c.n {
		r := c.Row(i)
		single = single && r > last
		last = r
	}
	e.buf = e.buf[:0]
	if single && c.n > c.rows/16 {
		e.buf = append(e.buf, make([]byte, (c.rows+7)/8)...)
		for i := range c.n {
			r := c.Row(i)
			e.buf[r>>3] |= 1 << (r & 7)
		}
		return appendStream(append(dst, shapeBitmap), e.buf)
	}
	last = 0
	for i := range c.n {
		r := c.Row(i)
		e.buf = binary.AppendUvarint(e.buf, uint64(r-last))
		last = r
	}
	dst = append(dst, shapeDeltas)
	dst = binary.AppendUvarint(dst, uint64(len(e.buf)))
	return appendStream(dst, e.buf)
}

// choose picks the encoding of a column whose tags are all the same. Its
// dictionary, if there is one already, has no more values than one may have.
func (e *encoder) choose(c *Column, known *dictionary) byte {
	text := isText(c.tag)
	kind := event.Kind(c.tag & tagKind)
	limit := 64
	switch {
	case text:
		limit = mostDistinct(c.n)
	case kind == event.KindIP:
		limit = c.n / 4
	}
	if e.dict = known; known == nil {
		e.dict = &e.own
	}
	if known != nil || e.own.build(c, text, limit) {
		switch {
		case len(e.dict.first) == 1:
			return encConst
		case c.n >= minCommon && e.dict.others() <= c.n/4:
			return encCommon
		}
		return encDict
	}
	switch {
	case c.tag&tagIP == tagIP:
		return encIPs
	case c.tag&tagIP6 != 0:
		return encIP6
	case text:
		return e.chooseText(c)
	case kind == event.KindIP:
		return encIP4
	case kind == event.KindFloat:
		return encFloats
	}
	return encInts
}

// chooseText recognises identifiers of one form.
func (e *encoder) chooseText(c *Column) byte {
	first := textAt(c.nums[0], c.data)
	switch {
	case c.n <= maxEpochs && areMadeIDs(c):
		return encIDs
	case len(first) == 36 && all(c, isUUID):
		return encUUID
	case len(first) >= 8 && len(first) <= 128 && len(first)%2 == 0:
		n := len(first)
		if all(c, func(s []byte) bool { return len(s) == n && isHex(s) }) {
			return encHex
		}
	}
	return encText
}

func all(c *Column, f func([]byte) bool) bool {
	for _, x := range c.nums[:c.n] {
		if !f(textAt(x, c.data)) {
			return false
		}
	}
	return true
}

// isText tells whether entries with a tag have their bytes in the data.
func isText(tag byte) bool {
	return event.Kind(tag&tagKind) == event.KindString || tag&tagIP6 != 0
}

// appendValues writes the values in an encoding; text pages come back apart.
func (e *encoder) appendValues(dst []byte, c *Column, enc byte) (head, pages []byte) {
	switch enc {
	case encConst, encCommon:
		return e.appendDict(dst, c, enc), nil
	case encInts:
		return e.appendInts(dst, c.nums[:c.n]), nil
	case encFloats:
		return appendStream(dst, e.planes(c.nums[:c.n], 8)), nil
	case encIP4:
		return appendStream(dst, e.planes(c.nums[:c.n], 4)), nil
	case encIP6:
		e.buf = e.buf[:0]
		for _, x := range c.nums[:c.n] {
			e.buf = append(e.buf, textAt(x, c.data)...)
		}
		return appendStream(dst, e.buf), nil
	case encIPs:
		return e.appendAddresses(dst, c), nil
	case encHex, encUUID:
		return e.appendHex(dst, c, enc), nil
	case encIDs:
		return e.appendIDs(dst, c), nil
	case encText:
		return e.appendText(dst, c)
	}
	return e.appendMixed(dst, c), nil
}

// appendDict writes the distinct values, then where those are that are not common.
func (e *encoder) appendDict(dst []byte, c *Column, enc byte) []byte {
	dst = e.appendDistinct(dst, c, enc)
	if enc == encCommon {
		return e.appendCommon(dst)
	}
	return dst
}

// appendDistinct writes the distinct values.
func (e *encoder) appendDistinct(dst []byte, c *Column, enc byte) []byte {
	d := e.dict
	if enc != encConst {
		dst = binary.AppendUvarint(dst, uint64(len(d.first)))
	}
	if isText(c.tag) {
		e.text = e.text[:0]
		for _, i := range d.first {
			e.text = binary.AppendUvarint(e.text, c.nums[i]&(1<<32-1))
		}
		for _, i := range d.first {
			e.text = append(e.text, textAt(c.nums[i], c.data)...)
		}
		dst = binary.AppendUvarint(dst, uint64(len(e.text)))
		dst = appendStream(dst, e.text)
	} else {
		e.buf = e.buf[:0]
		for _, i := range d.first {
			e.buf = binary.LittleEndian.AppendUint64(e.buf, c.nums[i])
		}
		dst = appendStream(dst, e.buf)
	}
	return dst
}

// appendPackedDict writes a dictionary, packed unless that takes much more.
func (e *encoder) appendPackedDict(dst []byte, c *Column) ([]byte, byte) {
	d := e.dict
	dst = e.appendDistinct(dst, c, encDict)
	at := len(dst)
	dst = e.appendCodes(dst, d.codes)
	width := bitWidth(uint64(len(d.first) - 1))
	if 4*packedSize(c.n, width) > 5*(len(dst)-at) {
		return dst, encDict
	}
	e.diff = e.diff[:0]
	for _, x := range d.codes {
		e.diff = append(e.diff, uint64(x))
	}
	return appendPacked(dst[:at], e.diff, width), encPacked
}

// appendCodes writes the numbers of values in the dictionary.
func (e *encoder) appendCodes(dst []byte, codes []uint16) []byte {
	e.buf = e.buf[:0]
	for _, x := range codes {
		e.buf = append(e.buf, byte(x))
	}
	if len(e.dict.first) > 256 {
		for _, x := range codes {
			e.buf = append(e.buf, byte(x>>8))
		}
	}
	return appendStream(dst, e.buf)
}

// minCommon is the number of entries from which on a common value is left out.
const minCommon = 64

// appendCommon writes the number of the most frequent value, and where the
// entries with other values are.
func (e *encoder) appendCommon(dst []byte) []byte {
	common := e.dict.common
	e.buf, e.rare = e.buf[:0], e.rare[:0]
	last := 0
	for i, x := range e.dict.codes {
		if x != common {
			e.buf = binary.AppendUvarint(e.buf, uint64(i-last))
			e.rare = append(e.rare, x)
			last = i
		}
	}
	dst = binary.AppendUvarint(dst, uint64(common))
	dst = binary.AppendUvarint(dst, uint64(len(e.rare)))
	dst = binary.AppendUvarint(dst, uint64(len(e.buf)))
	dst = appendStream(dst, e.buf)
	return e.appendCodes(dst, e.rare)
}

// appendMixed writes values of several kinds: a number for each entry (of text
// its length), then all text.
func (e *encoder) appendMixed(dst []byte, c *Column) []byte {
	e.diff, e.text = e.diff[:0], e.text[:0]
	for i, x := range c.nums[:c.n] {
		if isText(c.tags[i]) {
			s := textAt(x, c.data)
			e.text = append(e.text, s...)
			x = uint64(len(s))
		}
		e.diff = append(e.diff, x)
	}
	dst = appendStream(dst, e.planes(e.diff, 8))
	dst = binary.AppendUvarint(dst, uint64(len(e.text)))
	return appendStream(dst, e.text)
}
