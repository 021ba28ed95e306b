package segment

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// minTwin is the length of a chunk from which on another with the same values
// refers to it.
const minTwin = 48

// twinOf returns the number of a column that was encoded before with the values
// of c, entry by entry, -1 if there is none. Whether they are elements of lists
// does not count, nor which rows they are in.
func (s *Sealer) twinOf(d *directory, c *Column) int {
	if c.tags != nil {
		return -1
	}
	for i := range d.cols {
		e, o := &d.cols[i], s.parts[i].col
		if e.n != c.n || e.len < minTwin || !sharable(e.enc) || (o.tag^c.tag)&^tagList != 0 {
			continue
		}
		if slices.Equal(c.nums[:c.n], o.nums[:o.n]) && bytes.Equal(c.data, o.data) {
			return i
		}
	}
	return -1
}

// sharable tells whether the values of an encoding stand for themselves: they
// need neither pages nor other columns nor a row.
func sharable(enc byte) bool {
	switch enc {
	case encDict, encCommon, encPacked, encInts, encFloats, encDecimals, encIP4, encIP6, encIPs, encHex, encUUID:
		return true
	}
	return false
}

// appendTwin appends the chunk of a column that has the values of another.
func (e *encoder) appendTwin(dst []byte, c *Column, of int) ([]byte, encoded) {
	start := len(dst)
	dst = append(e.appendShape(dst, c), encTwin, c.tag)
	dst = binary.AppendUvarint(dst, uint64(of))
	return dst, encoded{enc: encTwin, chunk: dst[start:], head: len(dst) - start}
}

// twin stands in the place of the values of a column until those of the other
// column are there.
type twin struct{ of int }

func (*twin) append(dst []byte, _ *Column, _ int, _ *Cursor) ([]byte, error) {
	return dst, damaged("find values of column")
}

func (*twin) memory() int64 { return 8 }

// join gives column i the values of the one it refers to, which comes before it.
func (b *Block) join(d *directory, i int, c *Column) error {
	t, ok := c.text.(*twin)
	if !ok {
		return nil
	}
	if t.of >= i || !sharable(d.cols[t.of].enc) {
		return damaged("find values of column")
	}
	o, err := b.load(d, t.of)
	if err != nil {
		return err
	}
	if o.n != c.n || o.tags != nil || (o.tag^c.tag)&^tagList != 0 {
		return damaged("check values of column")
	}
	c.codes, c.planes, c.text, c.nums, c.data, c.chars = o.codes, o.planes, o.text, o.nums, o.data, o.chars
	return nil
}
