package segment

import (
	"unsafe"

	"github.com/gatewatch/gatewatch/detection/event"
)

// A block is copied as it is from memory to a segment, and from one segment to
// another. The copy takes over what the cache has of it, but for text whose pages
// are read from where they lie.

// origin is what a copy takes over from a block.
type origin struct {
	content uint64  // names it in the cache
	probes  *probes // nil for a view
}

// Succeed makes the blocks of the segment that was written, which nobody reads
// yet, copies of those that were added.
func (s *Writer) Succeed(blocks []*Block) {
	for _, b := range blocks {
		if b.number < len(s.origins) {
			b.origin = s.origins[b.number]
		}
	}
}

// columnKey names column i in the cache.
func (b *Block) columnKey(i int, enc byte) cacheKey {
	if enc == encText || enc == encTemplate {
		return cacheKey{b.id, int32(i), wholeColumn}
	}
	return cacheKey{b.content, int32(i), wholeColumn}
}

// Row returns an event that [Block.KeepRow] kept, nil if the cache does not have
// it (any more). It is not to be changed.
func (b *Block) Row(row int) *event.Event {
	if b.view != nil {
		return nil
	}
	e, _ := b.cache.get(cacheKey{b.content, columnRows, int32(row)})
	kept, _ := e.(*event.Event)
	return kept
}

// HasRow tells whether [Block.Row] finds an event.
func (b *Block) HasRow(row int) bool {
	return b.view == nil && b.cache.has(cacheKey{b.content, columnRows, int32(row)})
}

// KeepRow keeps a copy of an event that was rebuilt from a row with all its keys:
// that takes less than the columns it came from.
func (b *Block) KeepRow(row int, e *event.Event) {
	if b.view != nil || b.cache == nil {
		return
	}
	c := e.Clone()
	size := int(unsafe.Sizeof(*c)) + len(c.ID) + len(c.Source) + len(c.Dataset) + len(c.Raw)
	for _, f := range c.Fields() {
		size += int(unsafe.Sizeof(f))
		if k := f.Value.Kind(); k == event.KindString {
			size += len(f.Value.Text())
		}
	}
	b.cache.put(cacheKey{b.content, columnRows, int32(row)}, c, int64(size))
}
