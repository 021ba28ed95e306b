package sigma

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"

	"github.com/gatewatch/gatewatch/detection/event"
)

const (
	// MaxGroupText bounds the bytes of one group-by value.
	MaxGroupText = 256
	// CutGroupText is how many bytes of a longer one stay; a hash follows them.
	CutGroupText = MaxGroupText - 17

	maxGroups = 16 // groups that one event belongs to in one correlation, by lists in its group-by fields
)

// odometer goes through the combinations of the values of the group-by fields.
type odometer struct {
	values [][]event.Value
	at     []int
	left   int // combinations that may still come
}

// reset prepares it for n fields and keeps its memory.
func (o *odometer) reset(n int) {
	for len(o.values) < n {
		o.values = append(o.values, nil)
	}
	o.values, o.left = o.values[:n], maxGroups
	o.at = append(o.at[:0], make([]int, n)...)
	for i := range o.values {
		o.values[i] = o.values[i][:0]
	}
}

// next moves on to another combination.
func (o *odometer) next() bool {
	if o.left--; o.left <= 0 {
		return false
	}
	for i := range o.at {
		if o.at[i]++; o.at[i] < len(o.values[i]) {
			return true
		}
		o.at[i] = 0
	}
	return false
}

// more tells whether a combination is left behind the one at hand.
func (o *odometer) more() bool {
	for i := range o.at {
		if o.at[i]+1 < len(o.values[i]) {
			return true
		}
	}
	return false
}

// gather collects the group-by values of an event as one reference of a
// correlation names them. It reports false if one is missing.
func (c *Correlator) gather(l *linked, f feed, e *event.Event) bool {
	c.odo.reset(len(l.groupBy))
	for i := range l.groupBy {
		by := &l.groupBy[i]
		list := c.odo.values[i]
		if at := by.inner[f.ref]; at >= 0 && f.from >= 0 {
			c.values = splitKey(c.values[:0], c.groups.at(f.group).key)
			list = append(list, event.String(c.values[at]))
		} else {
			for v := range e.Values(by.keys[f.ref]) {
				if v.Kind() != event.KindNone {
					list = append(list, v)
				}
			}
		}
		if c.odo.values[i] = list; len(list) == 0 {
			return false
		}
	}
	return true
}

// appendKey appends the combination at hand: each value as text behind its length.
func (o *odometer) appendKey(dst []byte, c *Correlator) []byte {
	for i, n := range o.at {
		c.text = o.values[i][n].AppendText(c.text[:0])
		dst = appendKeyText(dst, c.shorten(c.text))
	}
	return dst
}

func appendKeyText(dst, text []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// shorten puts a hash in place of what a value has too much.
func (c *Correlator) shorten(text []byte) []byte {
	if len(text) <= MaxGroupText {
		return text
	}
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], siphash(c.k0, c.k1, text))
	text = append(text[:CutGroupText], '#')
	return hex.AppendEncode(text, sum[:])
}

// splitKey appends the values of a key, which point into it.
func splitKey(dst []string, key string) []string {
	for len(key) > 0 {
		n, size := binary.Uvarint([]byte(key[:min(len(key), binary.MaxVarintLen64)]))
		if size <= 0 || n > uint64(len(key)-size) {
			return dst
		}
		dst = append(dst, key[size:size+int(n)])
		key = key[size+int(n):]
	}
	return dst
}

func (c *Correlator) hashGroup(corr int32, key []byte) uint64 {
	return siphash(c.k0^uint64(corr)<<32, c.k1, key)
}

func hashKeys(key [16]byte) (k0, k1 uint64) {
	return binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
}

// siphash is SipHash-1-3 of Aumasson and Bernstein.
func siphash(k0, k1 uint64, b []byte) uint64 {
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573
	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := binary.LittleEndian.Uint64(b)
		v3 ^= m
		round()
		v0 ^= m
	}
	for i, x := range b {
		last |= uint64(x) << (8 * i)
	}
	v3 ^= last
	round()
	v0 ^= last
	v2 ^= 0xff
	round()
	round()
	round()
	return v0 ^ v1 ^ v2 ^ v3
}
