package query

import (
	"bytes"
	"hash/maphash"
)

// identities numbers different identities from 0 on. They lie one behind another
// in memory without pointers, which costs the collector nothing however many
// there are. The zero identities is empty.
type identities struct {
	text  []byte
	ends  []uint64 // of each identity in text
	table []uint64 // open addressing by the upper half of the hash, which comes before number + 1; 0 is free
}

// seed keeps those who write the values from choosing ones that collide.
var seed = maphash.MakeSeed()

// size returns how many identities there are.
func (x *identities) size() int { return len(x.ends) }

// at returns an identity. It is valid until another is added.
func (x *identities) at(i int) []byte {
	start := uint64(0)
	if i > 0 {
		start = x.ends[i-1]
	}
	return x.text[start:x.ends[i]:x.ends[i]]
}

// find returns the number of an identity, and where it belongs in the table if
// it has none.
func (x *identities) find(id []byte) (number int, free place) {
	if len(x.table) == 0 {
		x.table = make([]uint64, 16)
	}
	h := maphash.Bytes(seed, id)
	mask := uint64(len(x.table) - 1)
	for i := h >> 32 & mask; ; i = (i + 1) & mask {
		slot := x.table[i]
		if slot == 0 {
			return -1, place{i, h}
		}
		if slot>>32 == h>>32 {
			if n := int(uint32(slot)) - 1; bytes.Equal(x.at(n), id) {
				return n, place{}
			}
		}
	}
}

// place is where an identity that was not found belongs.
type place struct{ slot, hash uint64 }

// add gives an identity, which find did not find, the next number.
func (x *identities) add(id []byte, p place) int {
	x.text = append(x.text, id...)
	x.ends = append(x.ends, uint64(len(x.text)))
	n := len(x.ends)
	x.table[p.slot] = p.hash>>32<<32 | uint64(n)
	if 2*n > len(x.table) {
		x.grow()
	}
	return n - 1
}

// grow doubles the table.
func (x *identities) grow() {
	table := make([]uint64, 2*len(x.table))
	mask := uint64(len(table) - 1)
	for _, slot := range x.table {
		if slot == 0 {
			continue
		}
		i := slot >> 32 & mask
		for table[i] != 0 {
			i = (i + 1) & mask
		}
		table[i] = slot
	}
	x.table = table
}
