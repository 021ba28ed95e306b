package segment

import (
	"fmt"
	"io"
	"math"
	"sync/atomic"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Block is a run of rows that can be read column by column: a block of a
// segment, a sealed block in memory, or a [View]. It is immutable and may be
// read concurrently. Errors for which [IsDamaged] holds concern this block only.
type Block struct {
	rows       int
	minT, maxT int64
	number     int // in its segment
	view       *View
	label      *label // nil without one

	table *filterTable // that has filters of the block, nil if there is none
	place uint         // of the block in the table

	id     uint64 // names the block in the cache
	origin        // its own unless it is a copy
	src    io.ReaderAt
	off    int64
	size   int64
	dirOff int64
	dirLen int
	dirSum uint32
	cache  *Cache
}

var lastBlock atomic.Uint64

// OpenBlock returns the block that begins at off of src, where at most limit
// bytes follow. Decoded parts are kept in the cache, which may be nil.
func OpenBlock(src io.ReaderAt, off, limit int64, cache *Cache) (*Block, error) {
	var h [blockHeader]byte
	if _, err := src.ReadAt(h[:], off); err != nil {
		return nil, fmt.Errorf("read block header: %w", cut(err))
	}
	cache.count(blockHeader)
	r := reader{b: h[:]}
	magic := string(r.take(8))
	flags := r.uint32()
	b := &Block{src: src, off: off, cache: cache, id: lastBlock.Add(1)}
	b.origin = origin{b.id, new(probes)}
	b.rows = int(r.uint32())
	b.minT, b.maxT = int64(r.uint64()), int64(r.uint64())
	size, dirOff := r.uint64(), r.uint64()
	b.dirLen, b.dirSum = int(r.uint32()), r.uint32()
	switch {
	case magic != blockMagic || checksum(h[:blockHeader-4]) != r.uint32():
		return nil, damaged("check block header")
	case flags != 0:
		return nil, fmt.Errorf("open block: flags %#x are of a later version", flags)
	case size > uint64(limit) || size > math.MaxInt32 || dirOff < blockHeader || dirOff+uint64(b.dirLen) != size,
		b.rows < 1 || b.rows > MaxRows || b.minT > b.maxT:
		return nil, damaged("check block header")
	}
	b.size, b.dirOff = int64(size), int64(dirOff)
	return b, nil
}

// Block returns the view as a block.
func (v *View) Block() *Block {
	return &Block{rows: v.rows, minT: v.minT, maxT: v.maxT, view: v}
}

// Rows returns the number of rows.
func (b *Block) Rows() int { return b.rows }

// Number returns the number of the block in its segment, from 0 on.
func (b *Block) Number() int { return b.number }

// Bounds returns the lowest and the highest event time.
func (b *Block) Bounds() (lo, hi int64) { return b.minT, b.maxT }

// Size returns the encoded bytes, 0 for a view.
func (b *Block) Size() int64 { return b.size }

// directory returns the parsed directory.
func (b *Block) directory() (*directory, error) {
	key := cacheKey{b.content, columnDirectory, 0}
	if d, ok := b.cache.get(key); ok {
		return d.(*directory), nil
	}
	raw := make([]byte, b.dirLen)
	if _, err := b.src.ReadAt(raw, b.off+b.dirOff); err != nil {
		return nil, fmt.Errorf("read block directory: %w", cut(err))
	}
	b.cache.countPart(key, int64(len(raw)))
	if checksum(raw) != b.dirSum {
		return nil, damaged("check block directory")
	}
	d, err := parseDirectory(raw, int(b.dirOff), b.cache)
	if err != nil {
		return nil, err
	}
	b.cache.put(key, d, d.memory())
	return d, nil
}

func memberOf(k event.Key) int {
	for m, o := range memberKeys {
		if k == o {
			return m
		}
	}
	return -1
}

// Column returns the column of a key, nil if no row has it. Fields over the cap
// of columns are not found here but by [Block.Rest].
func (b *Block) Column(k event.Key) (*Column, error) {
	if b.label.names(k) {
		return b.label.column(b.rows), nil
	}
	if b.view != nil {
		return b.view.column(k), nil
	}
	d, err := b.directory()
	if err != nil {
		return nil, err
	}
	i := d.find(k)
	if i < 0 {
		return nil, nil
	}
	return b.load(d, i)
}

// Rest returns the flattened column, nil if there is none.
func (b *Block) Rest() (*Column, error) {
	if b.view != nil {
		return b.view.rest, nil
	}
	d, err := b.directory()
	if err != nil || d.rest == 0 {
		return nil, err
	}
	return b.load(d, d.rest-1)
}

// Zone returns the range of a key's values, and whether the block has a column
// of the key or a flattened column at all. Where it has none, no row has the
// key.
func (b *Block) Zone(k event.Key) (z Zone, has bool, err error) {
	if b.label.names(k) {
		return Zone{}, true, nil
	}
	if v := b.view; v != nil {
		c, err := b.Column(k)
		if k == event.Timestamp {
			z = Zone{Kind: event.KindTime, Lo: uint64(b.minT), Hi: uint64(b.maxT)}
		}
		return z, c != nil || v.rest != nil, err
	}
	p, err := b.probe(k)
	if err != nil {
		return Zone{}, true, err
	}
	return p.zone, p.has, nil
}

// Entries returns how many values the rows have of a key, without those in the
// flattened column.
func (b *Block) Entries(k event.Key) (int, error) {
	if b.view != nil || b.label.names(k) {
		c, err := b.Column(k)
		if c == nil || err != nil {
			return 0, err
		}
		return c.n, nil
	}
	d, err := b.directory()
	if err != nil {
		return 0, err
	}
	if i := d.find(k); i >= 0 {
		return d.cols[i].n, nil
	}
	return 0, nil
}

// MayEqual tells whether a value of a key may have this token.
func (b *Block) MayEqual(k event.Key, token string) (bool, error) {
	if b.label.names(k) {
		return b.label.hash == Hash([]byte(token)), nil
	}
	if b.view != nil {
		return true, nil
	}
	p, err := b.probe(k)
	if err != nil {
		return true, err
	}
	if !p.has || p.ids != nil && !p.ids.mayHold(token) {
		return false, nil
	}
	if p.filterLen == 0 {
		return true, nil
	}
	b.cache.countPart(cacheKey{b.content, p.col, wholeColumn}, lineBytes)
	return mayHold(b.src, b.off+int64(p.filterOff), int(p.filterLen), Hash([]byte(token)))
}

// load returns column i.
func (b *Block) load(d *directory, i int) (*Column, error) { return b.loadAt(d, i, 0) }

// loadAt is load for a column that is derived at a level: how many columns above
// asked for it.
func (b *Block) loadAt(d *directory, i, level int) (*Column, error) {
	e := &d.cols[i]
	key := b.columnKey(i, e.enc)
	if c, ok := b.cache.get(key); ok {
		return c.(*Column), nil
	}
	c, err := b.decoded(e)
	if err != nil {
		return nil, err
	}
	b.cache.countPart(key, int64(e.head))
	c.place(b, level, key, b.off+int64(e.off+e.head))
	if c.chars = e.chars; e.enc == encHex || e.enc == encUUID || e.enc == encIDs {
		c.chars = &charsOfHex
	}
	if err := b.join(d, i, c); err != nil {
		return nil, err
	}
	if err := checkRole(c, e); err != nil {
		return nil, err
	}
	size := c.memory()
	if e.enc == encTwin { // the lists are counted as those of the other column, which may be dropped before this one
		size += c.listed()
	} else {
		c.own(owner{b.cache, key, c})
	}
	return b.cache.put(key, c, size).(*Column), nil
}

// decoded reads and decodes the head of a column.
func (b *Block) decoded(e *entry) (*Column, error) {
	head := make([]byte, e.head)
	if _, err := b.src.ReadAt(head, b.off+int64(e.off)); err != nil {
		return nil, fmt.Errorf("read column: %w", cut(err))
	}
	if checksum(head) != e.sum {
		return nil, damaged("check column")
	}
	return decode(head, b.rows, e.len-e.head)
}

// checkRole makes sure of what readers rely on: members have one value a row
// and their own kind.
func checkRole(c *Column, e *entry) error {
	if c.n != e.n {
		return damaged("check column")
	}
	if e.role == roleField {
		return nil
	}
	for i := 1; i < c.n && c.rowOf != nil; i++ {
		if c.rowOf[i] == c.rowOf[i-1] {
			return damaged("check member column")
		}
	}
	want := event.KindString
	switch {
	case e.role == roleOffset:
		want = event.KindInt
	case e.role == roleMember && (e.name == event.Timestamp.String() || e.name == event.EventIngested.String()):
		want = event.KindTime
	}
	if c.Uniform() != want || e.name == event.Timestamp.String() && (c.rowOf != nil || c.n != c.rows) {
		return damaged("check member column")
	}
	return nil
}

// Keys calls f for every field and member of the block that has a column.
func (b *Block) Keys(f func(k event.Key)) error {
	if v := b.view; v != nil {
		for m, c := range v.mem {
			if c != nil {
				f(memberKeys[m])
			}
		}
		for name := range v.cols {
			f(event.Intern(name))
		}
		return nil
	}
	d, err := b.directory()
	if err != nil {
		return err
	}
	for i := range d.cols {
		if c := &d.cols[i]; c.role == roleField || c.role == roleMember {
			f(event.Intern(c.name))
		}
	}
	return nil
}
