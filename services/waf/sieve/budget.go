package sieve

import (
	"sync"
	"sync/atomic"
)

// budget bounds the memory that the states of many automata take together, by
// their own count of it. Once they take more a new era begins, in which all begin
// anew. It may be used by any number of goroutines.
type budget struct {
	most int64
	era  atomic.Uint64
	held atomic.Int64 // by states of this era

	mu  sync.Mutex // held by who sweeps or adds, never while an automaton is locked
	all []*dfa
}

// automata is the budget of all expressions of the program. The rules of CRS take
// about 10 MiB of it with ordinary requests and attacks at paranoia level 4.
var automata = &budget{most: 64 << 20}

// stateCost is about what a state takes besides its lists, in bytes.
const stateCost = 200

// charge is what the states of one automaton take. The bytes are guarded by them.
type charge struct {
	era   uint64
	bytes int64
}

// add takes an automaton in, for good.
func (b *budget) add(d *dfa) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, d)
}

func (b *budget) open() charge { return charge{era: b.era.Load()} }

// over tells whether an era has ended.
func (b *budget) over(era uint64) bool { return era != b.era.Load() }

// take counts one more state. The one that is too many ends the era.
func (b *budget) take(c *charge, bytes int) {
	c.bytes += int64(bytes)
	if b.over(c.era) || b.held.Add(int64(bytes)) <= b.most {
		return
	}
	if b.era.CompareAndSwap(c.era, c.era+1) {
		b.held.Store(0)
	}
}

// give counts states off that are given up.
func (b *budget) give(c *charge) {
	if !b.over(c.era) {
		b.held.Add(-c.bytes)
	}
}

// sweep frees the states of eras that have ended.
func (b *budget) sweep() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.all {
		if c := d.cache.Load(); b.over(c.charge.era) {
			d.renew(c)
		}
	}
}
