package segment

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// shared keeps equal texts of a column under construction once, with the
// dictionary that the column will be encoded with: while the text of an event is
// in the cache of the processor, that takes less than to copy it and to look for
// it later. A column whose texts turn out to be unlike each other is as any other
// from then on, and in the blocks after, until one of them has a dictionary.
type shared struct {
	on     bool
	alone  bool // never on
	unlike bool // of the last block that was sealed or given up
	dict   dictionary
	values []uint64 // where each value of the dictionary lies in the data
}

const (
	// Of firstTexts entries no more than firstDistinct may differ.
	firstTexts    = 1024
	firstDistinct = 900
	// No column of a value a row that has more becomes a dictionary.
	maxShared = MaxRows/4 + moreDistinct
)

// moreDistinct values may be in the dictionary of texts of a column however few
// entries there are.
const moreDistinct = 16

// mostDistinct is how many values the dictionary of n texts may have.
func mostDistinct(n int) int { return min(n/4+moreDistinct, 1<<15) }

const (
	// valueMemory is about what a value of a dictionary takes besides its text: 24
	// bytes in lists with room to grow, and its places in the table.
	valueMemory = 40
	// codeMemory is what an entry takes that has a value of a dictionary.
	codeMemory = 2
	// keepValues is the room for values that a reset keeps at most.
	keepValues = 256
)

// begin prepares for the first entry of a block.
func (s *shared) begin() {
	s.on = !s.alone && !s.unlike
	d := &s.dict
	if !s.on || cap(d.first) > keepValues {
		*d, s.values = dictionary{}, nil
	}
	d.codes, d.first, d.hash, s.values = d.codes[:0], d.first[:0], d.hash[:0], s.values[:0]
	clear(d.table)
}

// share returns where the text of the entry that was just begun lies, whether it is
// there already, else it is to be appended to the data, and the bytes that the
// dictionary takes for it.
func (c *growing) share(s string) (num uint64, known bool, grown int64) {
	num = uint64(len(c.data))<<32 | uint64(len(s))
	if !c.on {
		return num, false, 0
	}
	d := &c.dict
	if n := len(d.codes); n > 0 { // the same as before, often
		k := d.codes[n-1]
		if string(textAt(c.values[k], c.data)) == s {
			d.codes = append(d.codes, k)
			return c.values[k], true, codeMemory
		}
	}
	h := xxhash.Sum64String(s)
	if 2*len(d.first) >= len(d.table) {
		d.enlarge()
	}
	mask := uint64(len(d.table) - 1)
	at := h & mask
	for ; d.table[at] != 0; at = (at + 1) & mask {
		k := d.table[at] - 1
		if d.hash[k] == h && string(textAt(c.values[k], c.data)) == s {
			d.codes = append(d.codes, k)
			return c.values[k], true, codeMemory
		}
	}
	if n := len(d.first); n == maxShared || c.n == firstTexts && n >= firstDistinct {
		c.unlike = true
		c.spread()
		return uint64(len(c.data))<<32 | uint64(len(s)), false, 0
	}
	d.codes = append(d.codes, uint16(len(d.first)))
	d.first, d.hash = append(d.first, c.n-1), append(d.hash, h)
	d.table[at] = uint16(len(d.first))
	c.values = append(c.values, num)
	return num, false, valueMemory + codeMemory
}

// spread ends the sharing of texts before an entry is added: each of those there
// are has its own then.
func (c *growing) spread() {
	if c.on && len(c.dict.first) < len(c.dict.codes) {
		c.nums, c.data = c.apart(c.nums)
	}
	c.on = false
}

// apart returns a copy of the texts of entries, each its own, and where they lie.
func (c *growing) apart(entries []uint64) (nums []uint64, data []byte) {
	nums, data = make([]uint64, len(entries), cap(entries)), make([]byte, 0, c.text)
	for i, x := range entries {
		nums[i] = uint64(len(data))<<32 | x&(1<<32-1)
		data = append(data, textAt(x, c.data)...)
	}
	return nums, data
}

// settled returns the column for its encoding, and the dictionary of its texts if
// it has one that may be written.
func (c *growing) settled(rows int) (*Column, *dictionary) {
	s := c.snapshot(rows)
	switch {
	case !c.on || len(c.dict.first) == 0:
		return s, nil
	case len(c.dict.first) <= mostDistinct(c.n):
		return s, &c.dict
	}
	c.unlike = true
	s.nums, s.data = c.apart(c.nums)
	return s, nil
}

// view returns the column for readers as it is now.
func (c *growing) view(rows int) *Column {
	s := c.snapshot(rows)
	if c.on && len(c.dict.first) > 0 {
		s.codes = &codeSet{n: c.n, words: slices.Clip(c.dict.codes)}
		s.nums = slices.Clip(c.values)
	}
	return s
}
