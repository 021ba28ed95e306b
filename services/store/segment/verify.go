package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Fault is a damaged part of a segment.
type Fault struct {
	Block  int    // its number, -1 for a part that is of no block
	Column string // its name, "" for a part that is of no column
	Err    error
}

// Verify reads all of a segment of size bytes and calls report for each part
// whose checksum or content is wrong, or that cannot be read. It returns the
// number of blocks that it found.
func Verify(src io.ReaderAt, size int64, report func(Fault)) (blocks int) {
	v := verifier{src: src, report: report}
	v.header()
	info, spans, tables, err := parseFooter(src, size, nil)
	if err != nil {
		v.fault(-1, "", err)
		f, err := scanBlocks(src, size, nil)
		if err != nil {
			v.fault(-1, "", err)
			return 0
		}
		for _, b := range f.Blocks {
			v.block(b)
		}
		return len(f.Blocks)
	}
	at := int64(fileHeader)
	for i, s := range spans {
		for len(tables) > 0 && tables[0].starts() == at {
			at = v.table(tables[0], spans)
			tables = tables[1:]
		}
		if s.off != at {
			v.fault(i, "", damaged("check position of block"))
		}
		at = s.off + s.length
		b, err := OpenBlock(src, s.off, s.length, nil)
		if err != nil {
			v.fault(i, "", err)
			continue
		}
		b.number = i
		info.Rows -= int64(b.rows)
		v.block(b)
	}
	for _, t := range tables {
		v.table(t, spans)
	}
	if info.Rows != 0 && v.lost == 0 {
		v.fault(-1, "", damaged("check number of rows"))
	}
	return len(spans)
}

// verifier reads a segment for what is wrong with it.
type verifier struct {
	src    io.ReaderAt
	report func(Fault)
	lost   int
}

func (v *verifier) fault(block int, column string, err error) {
	if err != nil {
		v.lost++
		v.report(Fault{block, column, err})
	}
}

func (v *verifier) header() {
	var h [fileHeader]byte
	_, err := v.src.ReadAt(h[:], 0)
	switch {
	case err != nil:
		v.fault(-1, "", fmt.Errorf("read segment header: %w", cut(err)))
	case checksum(h[:fileHeader-4]) != binary.LittleEndian.Uint32(h[fileHeader-4:]):
		v.fault(-1, "", damaged("check segment header"))
	default:
		v.fault(-1, "", checkFileHeader(v.src))
	}
}

func (v *verifier) block(b *Block) {
	d, err := b.directory()
	if err != nil {
		v.fault(b.number, "", err)
		return
	}
	for i := range d.cols {
		c := &d.cols[i]
		name := c.name
		if c.role == roleRest {
			name = "flattened fields"
		}
		v.fault(b.number, name, verifyColumn(b, d, i))
		v.fault(b.number, name, verifyFilter(b, c))
	}
}

// table compares the lines of a table with those of the filters that they are
// copies of, and returns where it ends.
func (v *verifier) table(t placedTable, spans []span) (end int64) {
	for i := range t.cols {
		c := &t.cols[i]
		end = c.off + c.bytes()
		v.fault(-1, c.key.String(), v.copies(t.first, c, spans))
	}
	return end
}

func (v *verifier) copies(first int, c *tableColumn, spans []span) error {
	lines := make([]byte, c.bytes())
	if _, err := v.src.ReadAt(lines, c.off); err != nil {
		return fmt.Errorf("read filter table: %w", cut(err))
	}
	n := 0
	for i := range tableBlocks {
		if c.blocks>>i&1 == 0 {
			continue
		}
		s := spans[first+i]
		b, err := OpenBlock(v.src, s.off, s.length, nil)
		if err != nil {
			return nil // it is told with the block
		}
		d, err := b.directory()
		if err != nil {
			return nil
		}
		e := d.find(c.key)
		if e < 0 || d.cols[e].bloomLen != c.lines*lineBytes {
			return damaged("check filter table")
		}
		filter := make([]byte, d.cols[e].bloomLen)
		if _, err := v.src.ReadAt(filter, b.off+int64(d.cols[e].bloomOff)); err != nil {
			return fmt.Errorf("read filter: %w", cut(err))
		}
		for at := range c.lines {
			copied := lines[at*c.stride()+n*lineBytes:][:lineBytes]
			if !bytes.Equal(copied, filter[at*lineBytes:][:lineBytes]) {
				return damaged("check filter table")
			}
		}
		n++
	}
	return nil
}

// verifyColumn reads a column and what of it is stored in pages. What is rendered
// from other columns is theirs to fail.
func verifyColumn(b *Block, d *directory, i int) error {
	c, err := b.load(d, i)
	if err != nil {
		return err
	}
	if d, ok := c.text.(*derivedText); ok {
		c = d.stored
	}
	every := func(int, int) bool { return true }
	return c.EachPage(every, func(int, *Column) error { return nil })
}

func verifyFilter(b *Block, c *entry) error {
	var line [lineBytes]byte
	for at := range c.bloomLen / lineBytes {
		if _, err := b.src.ReadAt(line[:], b.off+int64(c.bloomOff+at*lineBytes)); err != nil {
			return fmt.Errorf("read filter: %w", cut(err))
		}
		if checksum(line[:lineBytes-4]) != binary.LittleEndian.Uint32(line[lineBytes-4:]) {
			return damaged("check filter")
		}
	}
	return nil
}
