package enrich

// cache keeps what was asked for lately in two generations: once the young one
// is full it becomes the old one, whose entries are forgotten. It holds at most
// twice max entries and belongs to one goroutine.
type cache[K comparable, V any] struct {
	young, old map[K]V
	max        int
}

func newCache[K comparable, V any](most int) cache[K, V] {
	return cache[K, V]{young: map[K]V{}, max: most}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	if v, ok := c.young[k]; ok {
		return v, true
	}
	v, ok := c.old[k]
	if ok {
		c.put(k, v)
	}
	return v, ok
}

// put keeps a value. The key must own its memory.
func (c *cache[K, V]) put(k K, v V) {
	if len(c.young) >= c.max {
		c.young, c.old = c.old, c.young
		if c.young == nil {
			c.young = map[K]V{}
		}
		clear(c.young)
	}
	c.young[k] = v
}
