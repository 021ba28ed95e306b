package segment

import (
	"encoding/hex"
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
)

// rendered is text that is written when it is read: *derivedText, *hexText or
// *idText.
type rendered interface {
	// append appends the text of an entry. The cursor is of the column.
	append(dst []byte, c *Column, i int, cur *Cursor) ([]byte, error)
	memory() int64
}

// Memory for the texts that are read through one cursor grows between these
// sizes.
const (
	leastRoom = 128
	mostRoom  = 16 << 10
)

// render returns the text of an entry in memory that is never written again.
func (cur *Cursor) render(c *Column, i int) (event.Value, error) {
	if cap(cur.room)-len(cur.room) < 64 {
		cur.room = make([]byte, 0, min(max(leastRoom, 2*cap(cur.room)), mostRoom))
	}
	dst := cur.room[len(cur.room):]
	text, err := c.text.append(dst, c, i, cur)
	if err != nil {
		return event.Value{}, err
	}
	if len(text) <= cap(dst) {
		cur.room = cur.room[:len(cur.room)+len(text)]
	} else { // it moved
		cur.room = make([]byte, 0, min(max(leastRoom, 2*len(text)), mostRoom))
	}
	return event.String(event.View(text[:len(text):len(text)])), nil
}

// eachRendered renders the entries in pages.
func (c *Column) eachRendered(wanted func(first, n int) bool, f func(first int, page *Column) error) error {
	var cur Cursor
	for first := 0; first < c.n; first += pageEntries {
		n := min(pageEntries, c.n-first)
		if !wanted(first, n) {
			continue
		}
		p := &Column{rows: c.rows, n: n, tag: c.tag, nums: make([]uint64, n)}
		for i := range n {
			at := len(p.data)
			var err error
			if p.data, err = c.text.append(p.data, c, first+i, &cur); err != nil {
				return err
			}
			p.nums[i] = uint64(at)<<32 | uint64(len(p.data)-at)
		}
		if err := f(first, p); err != nil {
			return err
		}
	}
	return nil
}

// hexText is hexadecimal text of one length, or UUIDs, as bytes.
type hexText struct {
	width int // bytes of a value
	raw   []byte
	uuid  bool
}

func (t *hexText) append(dst []byte, _ *Column, i int, _ *Cursor) ([]byte, error) {
	v := t.raw[i*t.width : (i+1)*t.width]
	if !t.uuid {
		return hex.AppendEncode(dst, v), nil
	}
	for k, part := range [...][]byte{v[:4], v[4:6], v[6:8], v[8:10], v[10:]} {
		if k > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst, nil
}

func (t *hexText) memory() int64 { return int64(64 + cap(t.raw)) }

// idText is made ids: the epoch and the sequence number of each entry.
type idText struct {
	epochs []byte // 16 bytes each
	codes  []byte // planes of two bytes: the epoch of each entry; nil if there is one
	seq    []uint64
}

func (t *idText) epoch(i int) int {
	if t.codes == nil {
		return 0
	}
	return int(t.codes[i]) | int(t.codes[len(t.seq)+i])<<8
}

func (t *idText) append(dst []byte, _ *Column, i int, _ *Cursor) ([]byte, error) {
	k := t.epoch(i)
	dst = hex.AppendEncode(dst, t.epochs[16*k:16*k+16])
	return strconv.AppendUint(append(dst, '-'), t.seq[i], 10), nil
}

func (t *idText) memory() int64 {
	return int64(96 + cap(t.epochs) + cap(t.codes) + 8*cap(t.seq))
}
