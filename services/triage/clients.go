package triage

import (
	"hash/fnv"
	"math"
	"math/bits"
	"slices"
)

// clients counts different addresses in bounded memory: exactly up to
// exactClients, and within about 3 % up to some ten thousand. What it says does
// not depend on the order.
type clients struct {
	few  []uint64
	many []uint64 // bitmap, nil while there are few
}

const (
	exactClients = 32
	clientBits   = 4096
)

func (c *clients) add(address string) {
	if address == "" {
		return
	}
	h := fnv.New64a()
	h.Write([]byte(address)) // never fails
	c.addHash(h.Sum64())
}

func (c *clients) addHash(h uint64) {
	if c.many == nil {
		if slices.Contains(c.few, h) {
			return
		}
		if c.few = append(c.few, h); len(c.few) <= exactClients {
			return
		}
		c.many = make([]uint64, clientBits/64)
		for _, h := range c.few {
			c.set(h)
		}
		c.few = nil
		return
	}
	c.set(h)
}

func (c *clients) set(h uint64) {
	h ^= h >> 32 // the low bits of FNV alone are poor
	i := h % clientBits
	c.many[i/64] |= 1 << (i % 64)
}

func (c *clients) merge(o *clients) {
	for _, h := range o.few {
		c.addHash(h)
	}
	if o.many == nil {
		return
	}
	if c.many == nil {
		few := c.few
		c.many, c.few = make([]uint64, clientBits/64), nil
		for _, h := range few {
			c.set(h)
		}
	}
	for i, w := range o.many {
		c.many[i] |= w
	}
}

// count estimates by linear counting.
func (c *clients) count() int {
	if c.many == nil {
		return len(c.few)
	}
	set := 0
	for _, w := range c.many {
		set += bits.OnesCount64(w)
	}
	zero := max(clientBits-set, 1)
	return max(exactClients+1, int(math.Round(clientBits*math.Log(float64(clientBits)/float64(zero)))))
}
