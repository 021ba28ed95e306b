package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
)

// A page of text ends after pageEntries values or pageBytes bytes.
const (
	pageEntries = 512
	pageBytes   = 256 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// appendText writes the directory of the pages to dst and returns the pages
// apart. Each page is a stream of the lengths of its values, then their text.
func (e *encoder) appendText(dst []byte, c *Column) (head, pages []byte) {
	var dir []byte
	count := uint64(0)
	e.buf = e.buf[:0] // the pages
	for i := 0; i < c.n; count++ {
		first, size := i, 0
		for i < c.n && i-first < pageEntries && (i == first || size < pageBytes) {
			size += int(c.nums[i] & (1<<32 - 1))
			i++
		}
		e.text = e.text[:0]
		for _, x := range c.nums[first:i] {
			e.text = binary.AppendUvarint(e.text, x&(1<<32-1))
		}
		for _, x := range c.nums[first:i] {
			e.text = append(e.text, textAt(x, c.data)...)
		}
		at := len(e.buf)
		e.buf = appendStream(e.buf, e.text)
		dir = binary.AppendUvarint(dir, uint64(i-first))
		dir = binary.AppendUvarint(dir, uint64(len(e.text)))
		dir = binary.AppendUvarint(dir, uint64(len(e.buf)-at))
		dir = binary.LittleEndian.AppendUint32(dir, checksum(e.buf[at:]))
	}
	dst = binary.AppendUvarint(dst, count)
	return append(dst, dir...), e.buf
}

// pageInfo says where a page lies.
type pageInfo struct {
	first, n int // entries
	raw      int // decoded length
	off, len int // bytes, from the first page on
	sum      uint32
}

// textPages reads the pages of a column on demand.
type textPages struct {
	src   io.ReaderAt
	off   int64 // of the first page
	cache *Cache
	key   cacheKey
	pages []pageInfo
}

// pageDirectory reads the directory that appendText wrote.
func (r *reader) pageDirectory(c *Column, limit int) *textPages {
	t := &textPages{}
	n := int(r.uvarint(uint64(c.n)))
	entry, off := 0, 0
	for range n {
		p := pageInfo{first: entry, off: off}
		p.n = int(r.uvarint(pageEntries))
		p.raw = int(r.uvarint(maxStream))
		p.len = int(r.uvarint(uint64(limit)))
		p.sum = r.uint32()
		entry, off = entry+p.n, off+p.len
		if r.bad || p.n == 0 || off > limit {
			r.fail()
			return nil
		}
		t.pages = append(t.pages, p)
	}
	if entry != c.n || off != limit {
		r.fail()
		return nil
	}
	return t
}

// Cursor remembers the page that was read last. The zero Cursor is ready; it
// belongs to one goroutine and one column.
type Cursor struct {
	at   int
	page *Column

	refs   []refCursor // of templates
	stored *Cursor     // of what is stored beside them
	room   []byte      // for the texts that are rendered
}

// page returns the page that holds an entry, and the page's first entry.
func (cur *Cursor) pageOf(c *Column, i int) (*Column, int, error) {
	t := c.pages
	if cur.page == nil || i < t.pages[cur.at].first || i >= t.pages[cur.at].first+t.pages[cur.at].n {
		k := t.find(i)
		p, err := t.load(c, k)
		if err != nil {
			return nil, 0, err
		}
		cur.at, cur.page = k, p
	}
	return cur.page, t.pages[cur.at].first, nil
}

// find returns the number of the page that has an entry.
func (t *textPages) find(i int) int {
	return sort.Search(len(t.pages), func(k int) bool { return t.pages[k].first > i }) - 1
}

// load returns page k, from the cache or from the file.
func (t *textPages) load(c *Column, k int) (*Column, error) {
	key := t.key
	key.page = int32(k)
	if p, ok := t.cache.get(key); ok {
		return p.(*Column), nil
	}
	info := t.pages[k]
	raw := make([]byte, info.len)
	if _, err := t.src.ReadAt(raw, t.off+int64(info.off)); err != nil {
		return nil, fmt.Errorf("read text page: %w", cut(err))
	}
	t.cache.countPart(key, int64(info.len))
	if checksum(raw) != info.sum {
		return nil, damaged("check text page")
	}
	r := reader{b: raw}
	text := r.stream(info.raw)
	p := &Column{rows: c.rows, n: info.n, tag: c.tag}
	if r.bad || len(text) != info.raw || !p.setText(text) {
		return nil, damaged("decode text page")
	}
	t.cache.put(key, p, p.memory())
	return p, nil
}

// setText takes the lengths of the column's values, then their text.
func (c *Column) setText(text []byte) bool {
	r := reader{b: text}
	c.nums = make([]uint64, c.n)
	at := uint64(0)
	for i := range c.nums {
		n := r.uvarint(uint64(len(text)))
		c.nums[i] = at<<32 | n
		at += n
	}
	c.data = r.b
	return !r.bad && at == uint64(len(r.b))
}

func (t *textPages) memory() int64 { return int64(48 * cap(t.pages)) }

// cut makes a file that ends too early a kind of damage.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("file is too short")
	}
	return err
}
