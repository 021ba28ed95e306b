package segment

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// Cache keeps decoded columns, text pages and block directories up to a number
// of bytes, the least recently used ones are dropped first. It may be used
// concurrently; a nil Cache keeps nothing.
type Cache struct {
	mu    sync.Mutex
	max   int64
	size  int64
	byKey map[cacheKey]*list.Element
	used  list.List // of *cached, the newest first
	read  atomic.Int64
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

// NewCache returns a cache of at most max bytes.
func NewCache(max int64) *Cache {
	return &Cache{max: max, byKey: map[cacheKey]*list.Element{}}
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

func (c *Cache) get(k cacheKey) (any, bool) {
	if c == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byKey[k]
	if el == nil {
		return nil, false
	}
	c.used.MoveToFront(el)
	return el.Value.(*cached).value, true
}

func (c *Cache) put(k cacheKey, v any, size int64) {
	if c == nil || size > c.max/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[k] != nil {
		return
	}
	c.byKey[k] = c.used.PushFront(&cached{k, v, size})
	for c.size += size; c.size > c.max; {
		old := c.used.Remove(c.used.Back()).(*cached)
		delete(c.byKey, old.key)
		c.size -= old.size
	}
}
