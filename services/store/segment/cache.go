package segment

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Cache keeps decoded columns and text pages up to a number of bytes, of which the
// least recently used ones are dropped first, and block directories up to as many
// again, of which any are dropped: most queries ask for those of all blocks in turn,
// and would find none where those used first go first. It may be used concurrently; a nil Cache
// keeps nothing.
type Cache struct {
	parts       recent
	directories recent
	rosters     rosters
	read        atomic.Int64

	mu     sync.Mutex               // of whoever changes traces
	traces atomic.Pointer[[]*Trace] // nil if none is on
}

// recent keeps what was used last.
type recent struct {
	mu    sync.Mutex
	max   int64
	size  int64
	any   *rand.Rand // chooses what is dropped; nil drops what was used first
	byKey map[cacheKey]*list.Element
	used  list.List // of *cached, the newest first
}

// cacheKey names a decoded part: a column of a block, or a page of it.
type cacheKey struct {
	block  uint64
	column int32 // columnDirectory for the directory
	page   int32 // wholeColumn for the column
}

const (
	columnDirectory = -1
	wholeColumn     = -1
)

type cached struct {
	key   cacheKey
	value any
	size  int64
}

// cachedBytes is about what keeping a part takes besides the part.
const cachedBytes = 160

// NewCache returns a cache of at most max bytes of columns and pages, and of
// directories.
func NewCache(max int64) *Cache {
	c := &Cache{}
	for _, r := range []*recent{&c.parts, &c.directories} {
		r.max, r.byKey = max, map[cacheKey]*list.Element{}
	}
	c.directories.any = rand.New(rand.NewPCG(1, 2))
	return c
}

// of returns what keeps the parts of a kind.
func (c *Cache) of(k cacheKey) *recent {
	if k.column == columnDirectory {
		return &c.directories
	}
	return &c.parts
}

// BytesRead returns how many bytes were read from files so far.
func (c *Cache) BytesRead() int64 {
	if c == nil {
		return 0
	}
	return c.read.Load()
}

func (c *Cache) count(n int64) {
	if c != nil {
		c.read.Add(n)
	}
}

// countPart is count of a part of a block.
func (c *Cache) countPart(k cacheKey, n int64) {
	if c == nil {
		return
	}
	c.read.Add(n)
	if c.traces.Load() != nil {
		c.note(k, PartReads{Read: n})
	}
}

func (c *Cache) get(k cacheKey) (any, bool) {
	if c == nil {
		return nil, false
	}
	v, ok := c.find(k)
	if c.traces.Load() != nil {
		if ok {
			c.note(k, PartReads{Hits: 1})
		} else {
			c.note(k, PartReads{Misses: 1})
		}
	}
	return v, ok
}

// has tells whether the cache has a part, which is not counted as use.
func (c *Cache) has(k cacheKey) bool {
	if c == nil {
		return false
	}
	r := c.of(k)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byKey[k] != nil
}

func (c *Cache) find(k cacheKey) (any, bool) {
	r := c.of(k)
	r.mu.Lock()
	defer r.mu.Unlock()
	el := r.byKey[k]
	if el == nil {
		return nil, false
	}
	if r.any == nil {
		r.used.MoveToFront(el)
	}
	return el.Value.(*cached).value, true
}

func (c *Cache) put(k cacheKey, v any, size int64) {
	if c == nil {
		return
	}
	if c.traces.Load() != nil {
		c.note(k, PartReads{Decoded: size})
	}
	r := c.of(k)
	if size += cachedBytes; size > r.max/4 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey[k] != nil {
		return
	}
	for r.size += size; r.size > r.max; {
		r.drop()
	}
	r.byKey[k] = r.used.PushFront(&cached{k, v, size})
}

// drop makes room for another part.
func (r *recent) drop() {
	el := r.used.Back()
	// One of eight goes, the others come up again once all were looked at.
	for r.any != nil && r.any.IntN(8) != 0 {
		r.used.MoveToFront(el)
		el = r.used.Back()
	}
	old := r.used.Remove(el).(*cached)
	delete(r.byKey, old.key)
	r.size -= old.size
}
