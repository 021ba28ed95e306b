package segment

import (
	"cmp"
	"slices"
	"sort"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Reading ahead asks the operating system for bytes that will be read, and does
// not wait for them: a query that names all it needs first waits about once, not
// for one part after the other. It changes no answer, and what goes wrong with it
// shows when the bytes are read.

// aheader is a source that can begin to read what will be asked for.
type aheader interface{ ReadAhead(off, n int64) }

// extent is a part of a file.
type extent struct{ off, end int64 }

// nearby is how far apart parts may be that are read as one.
const nearby = 16 << 10

// readAhead begins to read parts of a file, those that are near each other at
// once. It may sort them.
func readAhead(src aheader, parts []extent) {
	slices.SortFunc(parts, func(a, b extent) int { return cmp.Compare(a.off, b.off) })
	for len(parts) > 0 {
		x, k := parts[0], 1
		for ; k < len(parts) && parts[k].off <= x.end+nearby; k++ {
			x.end = max(x.end, parts[k].end)
		}
		src.ReadAhead(x.off, x.end-x.off)
		parts = parts[k:]
	}
}

// aheadHeader and aheadTail are what is read of each side of where two blocks
// meet: the header of one, and what its neighbour's directory takes at most as a
// rule.
const (
	aheadHeader = blockHeader
	aheadTail   = 8 << 10
)

// aheadOfBlocks begins to read the headers of blocks, and of their directories
// what lies beside them.
func aheadOfBlocks(src any, spans []span) {
	a, ok := src.(aheader)
	if !ok {
		return
	}
	parts := make([]extent, 0, 2*len(spans))
	for _, s := range spans {
		parts = append(parts, extent{s.off, s.off + aheadHeader}, extent{max(s.off, s.off+s.length-aheadTail), s.off + s.length})
	}
	readAhead(a, parts)
}

// aheader returns the source of the block if it can read ahead.
func (b *Block) aheader() (aheader, bool) {
	if b.view != nil {
		return nil, false
	}
	a, ok := b.src.(aheader)
	return a, ok
}

// AheadDirectory begins to read the directory and reports whether it did: not if
// the cache has it.
func (b *Block) AheadDirectory() bool {
	a, ok := b.aheader()
	if !ok || b.cache.has(cacheKey{b.content, columnDirectory, 0}) {
		return false
	}
	at := b.off + b.dirOff
	a.ReadAhead(at, int64(b.dirLen))
	return true
}

// AheadFilter begins to read what [Block.MayEqual] looks at.
func (b *Block) AheadFilter(k event.Key, token string) {
	a, ok := b.aheader()
	if !ok || b.label.names(k) {
		return
	}
	if p, err := b.probe(k); err == nil && p.filterLen > 0 {
		line := lineOf(Hash([]byte(token)), int(p.filterLen)/lineBytes)
		a.ReadAhead(b.off+int64(p.filterOff)+int64(line*lineBytes), lineBytes)
	}
}

// AheadColumns begins to read the columns of keys that the cache does not have;
// all columns if keys is nil. Of text it is the heads alone unless pages is set. It
// reports whether there are any.
func (b *Block) AheadColumns(keys []event.Key, pages bool) bool {
	a, ok := b.aheader()
	if !ok {
		return false
	}
	d, err := b.directory()
	if err != nil {
		return false
	}
	var parts []extent
	add := func(i int) {
		if i < 0 || b.cache.has(b.columnKey(i, d.cols[i].enc)) {
			return
		}
		c := &d.cols[i]
		n := c.head
		if pages {
			n = c.len
		}
		at := b.off + int64(c.off)
		parts = append(parts, extent{at, at + int64(n)})
	}
	if keys == nil {
		for i := range d.cols {
			add(i)
		}
	}
	for _, k := range keys {
		if !b.label.names(k) {
			add(d.find(k))
		}
	}
	if len(keys) > 0 && d.rest > 0 {
		add(d.rest - 1)
	}
	some := len(parts) > 0
	readAhead(a, parts)
	return some
}

// Ahead begins to read the pages of text that a row needs.
func (r *Rows) Ahead(row int) {
	a, ok := r.block.aheader()
	if !ok {
		return
	}
	var parts []extent
	add := func(c *Column) {
		lo, hi := c.Span(row)
		for i := lo; i < hi; i++ {
			if x, ok := c.pageAt(i); ok {
				parts = append(parts, x)
			}
		}
	}
	for i := range r.cols {
		add(r.cols[i].col)
	}
	if r.rest != nil {
		add(r.rest.col)
	}
	readAhead(a, parts)
}

// pageAt returns where the page lies that has the text of an entry, and false
// where there is none, or the cache has it.
func (c *Column) pageAt(i int) (extent, bool) {
	if c.pages == nil && c.text == nil {
		return extent{}, false
	}
	t := c.pages
	if d, ok := c.text.(*derivedText); ok && d.codes[i] == 0 {
		t = d.stored.pages
		i = sort.Search(len(d.plain), func(k int) bool { return int(d.plain[k]) >= i })
	}
	if t == nil {
		return extent{}, false
	}
	k := t.find(i)
	key := t.key
	key.page = int32(k)
	at := t.off + int64(t.pages[k].off)
	return extent{at, at + int64(t.pages[k].len)}, !t.cache.has(key)
}

// AheadTwins reads, of those columns of keys that have their values in another,
// which one that is, and begins to read it. Call it some time after AheadColumns.
func (b *Block) AheadTwins(keys []event.Key) {
	a, ok := b.aheader()
	if !ok {
		return
	}
	d, err := b.directory()
	if err != nil {
		return
	}
	var parts []extent
	for _, k := range keys {
		i := d.find(k)
		if i < 0 || d.cols[i].enc != encTwin || b.label.names(k) || b.cache.has(b.columnKey(i, encTwin)) {
			continue
		}
		c, err := b.decoded(&d.cols[i])
		if err != nil {
			continue // it is found again when the column is loaded
		}
		if t, ok := c.text.(*twin); ok && t.of < i && !b.cache.has(b.columnKey(t.of, d.cols[t.of].enc)) {
			o := &d.cols[t.of]
			at := b.off + int64(o.off)
			parts = append(parts, extent{at, at + int64(o.head)})
		}
	}
	readAhead(a, parts)
}
