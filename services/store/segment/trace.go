package segment

import (
	"cmp"
	"slices"
	"sync"
)

// Trace counts what is read of some blocks while it is on, see [Cache.Trace]. It
// may be used concurrently.
type Trace struct {
	mu     sync.Mutex
	blocks map[uint64]*Block
	parts  map[partKey]*PartReads
}

type partKey struct {
	block  uint64
	column int32
}

// PartReads says what was read of one column in all blocks of a trace.
type PartReads struct {
	Name    string // of the field or member; the others are in parentheses
	Blocks  int    // in which it was read or found in the cache
	Hits    int    // parts that the cache held already
	Misses  int    // parts that it did not hold
	Read    int64  // bytes read from files, or from encoded blocks in memory
	Decoded int64  // bytes of memory of what was decoded from them
}

// Names of what is no column of a field.
const (
	partDirectory = "(directory)"
	partFlattened = "(flattened fields)"
	partOffsets   = "(queue offsets)"
	partRows      = "(events)"
)

// Trace counts in t what is read of blocks until stop is called. Reads of other
// queries of the same blocks meanwhile count too. A nil Cache counts nothing.
func (c *Cache) Trace(t *Trace, blocks []*Block) (stop func()) {
	t.blocks, t.parts = make(map[uint64]*Block, len(blocks)), map[partKey]*PartReads{}
	for _, b := range blocks {
		t.blocks[b.id], t.blocks[b.content] = b, b
	}
	if c == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setTraces(append(slices.Clone(c.tracing()), t))
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.setTraces(slices.DeleteFunc(slices.Clone(c.tracing()), func(o *Trace) bool { return o == t }))
	}
}

// tracing returns the traces that are on. The slice is shared.
func (c *Cache) tracing() []*Trace {
	if p := c.traces.Load(); p != nil {
		return *p
	}
	return nil
}

func (c *Cache) setTraces(all []*Trace) {
	if len(all) == 0 {
		c.traces.Store(nil)
		return
	}
	c.traces.Store(&all)
}

// note adds to what the traces that are on know of a part.
func (c *Cache) note(k cacheKey, add PartReads) {
	for _, t := range c.tracing() {
		t.note(k, add)
	}
}

func (t *Trace) note(k cacheKey, add PartReads) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.blocks[k.block]
	if b == nil {
		return
	}
	key := partKey{b.id, k.column}
	p := t.parts[key]
	if p == nil {
		p = &PartReads{}
		t.parts[key] = p
	}
	p.Hits += add.Hits
	p.Misses += add.Misses
	p.Read += add.Read
	p.Decoded += add.Decoded
}

// Parts returns what was read, the part with the most bytes first. A block whose
// directory cannot be read leaves its columns out. Call it after stop.
func (t *Trace) Parts() []PartReads {
	t.mu.Lock()
	defer t.mu.Unlock()
	byName := map[string]*PartReads{}
	for k, p := range t.parts {
		name, ok := t.blocks[k.block].partName(k.column)
		if !ok {
			continue
		}
		sum := byName[name]
		if sum == nil {
			sum = &PartReads{Name: name}
			byName[name] = sum
		}
		sum.Blocks++
		sum.Hits += p.Hits
		sum.Misses += p.Misses
		sum.Read += p.Read
		sum.Decoded += p.Decoded
	}
	all := make([]PartReads, 0, len(byName))
	for _, p := range byName {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b PartReads) int {
		return cmp.Or(cmp.Compare(b.Read, a.Read), cmp.Compare(b.Decoded, a.Decoded), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func (b *Block) partName(column int32) (string, bool) {
	switch column {
	case columnDirectory:
		return partDirectory, true
	case columnRows:
		return partRows, true
	}
	d, err := b.directory()
	if err != nil || int(column) >= len(d.cols) {
		return "", false
	}
	switch e := &d.cols[column]; e.role {
	case roleRest:
		return partFlattened, true
	case roleOffset:
		return partOffsets, true
	default:
		return e.name, true
	}
}

// MayHold tells whether a value of the column may hold a folded text, as far as
// the characters that occur in it tell.
func (c *Column) MayHold(folded string) bool {
	if c.text != nil {
		return true
	}
	chars := c.chars
	if k := charsOfKind(c.Uniform()); k != nil {
		chars = k
	}
	return chars == nil || chars.mayHold(folded)
}
