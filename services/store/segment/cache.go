package segment

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Cache keeps decoded columns, text pages and, apart from these, events up to a
// number of bytes, and block directories up to as many again. It may be used
// concurrently; a nil Cache keeps nothing.
type Cache struct {
	parts       recent
	rows        recent
	directories recent
	rosters     rosters
	read        atomic.Int64

	mu     sync.Mutex               // of whoever changes traces
	traces atomic.Pointer[[]*Trace] // nil if none is on
}

// recent keeps what is in use. For room it goes through its parts in turn and drops
// any of those that were not used since it came by last, not all: queries ask for
// the same parts of many blocks in turn, and where these are a little more than
// there is room for, a query would find none of them if those used first went first.
type recent struct {
	mu    sync.Mutex
	max   int64
	size  int64
	any   *rand.Rand // chooses what is dropped
	byKey map[cacheKey]*list.Element
	parts list.List // of *cached, the next to look at last
}

// cacheKey names a decoded part: a column of a block, or a page of it.
type cacheKey struct {
	block  uint64
	column int32 // columnDirectory for the directory, columnRows for an event
	page   int32 // wholeColumn for the column; the row of an event
}

const (
	columnDirectory = -1
	columnRows      = -2
	wholeColumn     = -1
)

type cached struct {
	key   cacheKey
	value any
	size  int64
	used  bool // since it was looked at
}

// cachedBytes is about what keeping a part takes besides the part.
const cachedBytes = 160

// rowsShare is the part of what a cache keeps besides directories that events get:
// one takes a few KiB and stands for columns of a few hundred.
const rowsShare = 8

// NewCache returns a cache of at most max bytes of columns, pages and events, and
// of directories.
func NewCache(max int64) *Cache {
	c := &Cache{}
	c.rows.max, c.directories.max = max/rowsShare, max
	c.parts.max = max - c.rows.max
	for _, r := range []*recent{&c.parts, &c.rows, &c.directories} {
		r.byKey, r.any = map[cacheKey]*list.Element{}, rand.New(rand.NewPCG(1, 2))
	}
	return c
}

// of returns what keeps the parts of a kind.
func (c *Cache) of(k cacheKey) *recent {
	switch k.column {
	case columnDirectory:
		return &c.directories
	case columnRows:
		return &c.rows
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
	part := el.Value.(*cached)
	part.used = true
	return part.value, true
}

// put keeps a part if there is room, and returns the one to use: another one if
// somebody put that before.
func (c *Cache) put(k cacheKey, v any, size int64) any {
	if c == nil {
		return v
	}
	if c.traces.Load() != nil {
		c.note(k, PartReads{Decoded: size})
	}
	r := c.of(k)
	if size += cachedBytes; size > r.max/4 {
		return v
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if el := r.byKey[k]; el != nil {
		return el.Value.(*cached).value
	}
	r.room(size)
	r.byKey[k] = r.parts.PushFront(&cached{key: k, value: v, size: size})
	return v
}

// grow counts memory that a part takes from now on, if the cache has that very one.
func (c *Cache) grow(k cacheKey, part *Column, size int64) {
	if c == nil {
		return
	}
	if c.traces.Load() != nil {
		c.note(k, PartReads{Decoded: size})
	}
	r := c.of(k)
	r.mu.Lock()
	defer r.mu.Unlock()
	if el := r.byKey[k]; el != nil && el.Value.(*cached).value == any(part) {
		el.Value.(*cached).size += size
		r.room(size)
	}
}

// room makes room for more bytes and counts them.
func (r *recent) room(size int64) {
	for r.size += size; r.size > r.max && r.parts.Len() > 0; {
		r.drop()
	}
}

// drop drops a part.
func (r *recent) drop() {
	el := r.parts.Back()
	for part := el.Value.(*cached); part.used || r.any.IntN(4) != 0; part = el.Value.(*cached) {
		part.used = false
		r.parts.MoveToFront(el)
		el = r.parts.Back()
	}
	old := r.parts.Remove(el).(*cached)
	delete(r.byKey, old.key)
	r.size -= old.size
}
