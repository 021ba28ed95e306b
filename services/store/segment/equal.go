package segment

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// MarkEqual adds the rows that have a text to a set, with a bit for each row, by
// comparing the bytes that a column of hexadecimal text, UUIDs or made ids is
// kept in. It reports false, and adds nothing, for columns of other kinds.
func (c *Column) MarkEqual(text string, set []uint64) bool {
	if c.tags != nil || c.text == nil {
		return false
	}
	switch t := c.text.(type) {
	case *hexText:
		if want := t.bytesOf(text); want != nil {
			t.mark(want, c, set)
		}
	case *idText:
		t.mark(text, c, set)
	default:
		return false
	}
	return true
}

// bytesOf returns what a value with the text is kept as, nil if none can have it.
func (t *hexText) bytesOf(text string) []byte {
	if t.uuid {
		if !isUUID([]byte(text)) {
			return nil
		}
		text = strings.ReplaceAll(text, "-", "")
	}
	if len(text) != 2*t.width || !isHex([]byte(text)) {
		return nil
	}
	want, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return want
}

// mark adds the rows of the entries that are want, which has the width of all.
func (t *hexText) mark(want []byte, c *Column, set []uint64) {
	if t.width < 8 {
		for i := range c.n {
			if bytes.Equal(t.raw[i*t.width:(i+1)*t.width], want) {
				setRow(set, c.Row(i))
			}
		}
		return
	}
	first := binary.LittleEndian.Uint64(want)
	for i, at := 0, 0; i < c.n; i, at = i+1, at+t.width {
		v := t.raw[at : at+t.width]
		if binary.LittleEndian.Uint64(v) == first && bytes.Equal(v, want) {
			setRow(set, c.Row(i))
		}
	}
}

// mark adds the rows of the entries that have a text.
func (t *idText) mark(text string, c *Column, set []uint64) {
	if !isMadeID([]byte(text)) {
		return
	}
	seq, _ := madeSeq([]byte(text))
	epoch, err := hex.DecodeString(text[:32])
	if err != nil {
		return
	}
	for i, s := range t.seq {
		if s != seq {
			continue
		}
		k := t.epoch(i)
		if bytes.Equal(t.epochs[16*k:16*k+16], epoch) {
			setRow(set, c.Row(i))
		}
	}
}
