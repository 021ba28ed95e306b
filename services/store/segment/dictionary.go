package segment

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// dictionary finds the distinct values of a column.
type dictionary struct {
	codes []uint16
	first []int    // entry that has each value first
	hash  []uint64 // of each value
	table []uint16 // value number + 1 by hash

	common uint16 // the value that most entries have, see others
	counts []int
}

// others finds the most frequent value and returns how many entries have
// another.
func (d *dictionary) others() int {
	d.counts = append(d.counts[:0], make([]int, len(d.first))...)
	for _, x := range d.codes {
		d.counts[x]++
	}
	d.common = 0
	for x, n := range d.counts {
		if n > d.counts[d.common] {
			d.common = uint16(x)
		}
	}
	return len(d.codes) - d.counts[d.common]
}

// build numbers the distinct values, and reports false where there are more
// than limit.
func (d *dictionary) build(c *Column, text bool, limit int) bool {
	size := 64
	for size < 4*min(limit, c.n) {
		size *= 2
	}
	if cap(d.table) < size {
		d.table = make([]uint16, size)
	}
	d.table = d.table[:size]
	clear(d.table)
	d.codes, d.first, d.hash = d.codes[:0], d.first[:0], d.hash[:0]
	for i := range c.n {
		if !d.add(c, i, text) {
			continue
		}
		if n := len(d.first); n > max(limit, 1) || i == firstTexts-1 && n > firstDistinct {
			return false
		}
	}
	return true
}

// add numbers the value of an entry and reports whether it was new.
func (d *dictionary) add(c *Column, i int, text bool) bool {
	x := c.nums[i]
	var h uint64
	var s []byte
	if text {
		s = textAt(x, c.data)
		h = xxhash.Sum64(s)
	} else {
		h = x * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	mask := uint64(len(d.table) - 1)
	for at := h & mask; ; at = (at + 1) & mask {
		k := d.table[at]
		if k == 0 {
			d.first = append(d.first, i)
			d.hash = append(d.hash, h)
			d.table[at] = uint16(len(d.first))
			d.codes = append(d.codes, uint16(len(d.first)-1))
			return true
		}
		if d.hash[k-1] != h {
			continue
		}
		y := c.nums[d.first[k-1]]
		if text && bytes.Equal(s, textAt(y, c.data)) || !text && x == y {
			d.codes = append(d.codes, k-1)
			return false
		}
	}
}

// enlarge makes the table several times as large, from nothing at first.
func (d *dictionary) enlarge() {
	d.table = make([]uint16, max(64, 4*len(d.table)))
	mask := uint64(len(d.table) - 1)
	for k, h := range d.hash {
		at := h & mask
		for d.table[at] != 0 {
			at = (at + 1) & mask
		}
		d.table[at] = uint16(k + 1)
	}
}
