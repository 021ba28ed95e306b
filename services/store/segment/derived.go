package segment

import (
	"sort"
)

// derivedText is the part of a column whose text is rendered from others when
// it is read.
type derivedText struct {
	block     *Block
	level     int // columns above that were loaded for this one
	templates []*template
	refs      []int   // columns in the directory
	codes     []byte  // template + 1 of each entry, 0 for what is stored
	plain     []int32 // entries that are stored
	stored    *Column // of them
}

// appendDerived writes a column by its plan. The pages of what is stored follow
// the head.
func (e *encoder) appendDerived(dst []byte, p *plan) (head, pages []byte) {
	dst = appendTemplates(dst, p.templates, p.refs)
	dst = appendStream(dst, p.codes)
	return e.appendText(dst, &p.stored)
}

// derived reads what appendDerived wrote.
func (r *reader) derived(c *Column, pageBytes int) {
	d := &derivedText{}
	d.templates, d.refs = r.templates()
	d.codes = r.stream(c.n)
	if r.bad || len(d.codes) != c.n {
		r.fail()
		return
	}
	for i, code := range d.codes {
		switch {
		case int(code) > len(d.templates):
			r.fail()
			return
		case code == 0:
			d.plain = append(d.plain, int32(i))
		}
	}
	d.stored = &Column{rows: c.rows, n: len(d.plain), tag: c.tag}
	d.stored.pages = r.pageDirectory(d.stored, pageBytes)
	c.text = d
}

// place tells a column where its bytes lie: what follows the head begins at off.
func (c *Column) place(b *Block, level int, key cacheKey, off int64) {
	pages := c.pages
	if d, ok := c.text.(*derivedText); ok {
		d.block, d.level = b, level
		pages = d.stored.pages
	}
	if pages != nil {
		pages.src, pages.cache, pages.key, pages.off = b.src, b.cache, key, off
	}
}

// open prepares a cursor to render.
func (d *derivedText) open(cur *Cursor) error {
	if cur.refs != nil || len(d.refs) == 0 {
		return nil
	}
	if d.block == nil {
		return damaged("find columns of template")
	}
	dir, err := d.block.directory()
	if err != nil {
		return err
	}
	refs := make([]refCursor, len(d.refs))
	for i, col := range d.refs {
		if col >= len(dir.cols) || d.level >= maxLevel {
			return damaged("find columns of template")
		}
		if refs[i].col, err = d.block.loadAt(dir, col, d.level+1); err != nil {
			return err
		}
	}
	cur.refs = refs
	return nil
}

// append appends the text of an entry.
func (d *derivedText) append(dst []byte, c *Column, i int, cur *Cursor) ([]byte, error) {
	if code := d.codes[i]; code > 0 {
		if err := d.open(cur); err != nil {
			return dst, err
		}
		return d.templates[code-1].append(dst, c.Row(i), cur.refs)
	}
	k := sort.Search(len(d.plain), func(k int) bool { return int(d.plain[k]) >= i })
	if cur.stored == nil {
		cur.stored = &Cursor{}
	}
	v, err := d.stored.Value(k, cur.stored)
	return append(dst, v.Text()...), err
}

func (d *derivedText) memory() int64 {
	n := int64(cap(d.codes)+4*cap(d.plain)+8*cap(d.refs)) + d.stored.memory()
	for _, t := range d.templates {
		n += int64(64 + 96*len(t.parts) + len(t.tail))
		for i := range t.parts {
			n += int64(len(t.parts[i].lit))
		}
	}
	return n
}
