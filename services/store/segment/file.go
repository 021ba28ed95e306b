package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// File is an open segment.
type File struct {
	Info    Info
	Blocks  []*Block
	Damaged int // blocks that are named, or were seen, and cannot be read
}

// OpenFile reads the footer of a segment of size bytes. If the footer is damaged
// the blocks are looked for in the file itself; the queue range is then not
// known and left zero. Blocks whose header is damaged are counted and left out.
func OpenFile(src io.ReaderAt, size int64, cache *Cache) (*File, error) {
	if err := checkFileHeader(src); err != nil {
		return nil, err
	}
	f, err := readFooter(src, size, cache)
	if IsDamaged(err) {
		f, err = scanBlocks(src, size, cache)
	}
	if err != nil {
		return nil, err
	}
	f.Info.Bytes = size
	return f, nil
}

// checkFileHeader refuses what is not a segment of this version. A damaged
// header costs nothing as long as its magic is whole.
func checkFileHeader(src io.ReaderAt) error {
	var h [fileHeader]byte
	if _, err := src.ReadAt(h[:], 0); IsDamaged(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read segment header: %w", cut(err))
	}
	if string(h[:8]) != fileMagic {
		return damaged("check segment header")
	}
	if checksum(h[:fileHeader-4]) != binary.LittleEndian.Uint32(h[fileHeader-4:]) {
		return nil
	}
	if v := binary.LittleEndian.Uint32(h[8:]); v < 1 || v > fileVersion {
		return fmt.Errorf("open segment: version %d is not known", v)
	}
	if flags := binary.LittleEndian.Uint32(h[12:]); flags != 0 {
		return fmt.Errorf("open segment: flags %#x are of a later version", flags)
	}
	return nil
}

// span is where a block lies in a file.
type span struct{ off, length int64 }

// parseFooter reads what a segment says of itself, its blocks and its filter tables.
func parseFooter(src io.ReaderAt, size int64, cache *Cache) (Info, []span, []placedTable, error) {
	fail := func(err error) (Info, []span, []placedTable, error) { return Info{}, nil, nil, err }
	if size < fileHeader+fileTrailer || size > maxFileBytes {
		return fail(damaged("check segment size"))
	}
	var t [fileTrailer]byte
	if _, err := src.ReadAt(t[:], size-fileTrailer); err != nil {
		return fail(fmt.Errorf("read segment trailer: %w", cut(err)))
	}
	n := int64(binary.LittleEndian.Uint32(t[:]))
	if string(t[8:]) != footerMagic || n > maxFooter || n > size-fileTrailer-fileHeader {
		return fail(damaged("check segment trailer"))
	}
	body := make([]byte, n)
	at := size - fileTrailer - n
	if _, err := src.ReadAt(body, at); err != nil {
		return fail(fmt.Errorf("read segment footer: %w", cut(err)))
	}
	if checksum(body) != binary.LittleEndian.Uint32(t[4:]) {
		return fail(damaged("check segment footer"))
	}
	cache.count(n)
	r := reader{b: body}
	i := Info{First: r.uint64(), Next: r.uint64(), Rows: int64(r.uint64()), MinT: int64(r.uint64()), MaxT: int64(r.uint64()), Written: int64(r.uint64())}
	var spans []span
	for range r.uvarint(uint64(len(body))) {
		s := span{int64(r.uvarint(uint64(at))), int64(r.uvarint(uint64(at)))}
		if r.bad || s.off+s.length > at {
			return fail(damaged("decode segment footer"))
		}
		spans = append(spans, s)
	}
	i.Stream = string(r.take(int(r.uvarint(maxStreamName))))
	i.Parts = r.uvarint(math.MaxUint32)
	var tables []placedTable
	if len(r.b) > 0 { // else it is of version 1
		tables = readTables(&r, src, len(spans), at, cache)
	}
	if r.bad || len(r.b) > 0 {
		return fail(damaged("decode segment footer"))
	}
	return i, spans, tables, nil
}

func readFooter(src io.ReaderAt, size int64, cache *Cache) (*File, error) {
	info, spans, tables, err := parseFooter(src, size, cache)
	if err != nil {
		return nil, err
	}
	f := &File{Info: info}
	aheadOfBlocks(src, spans)
	for i, s := range spans {
		b, err := OpenBlock(src, s.off, s.length, cache)
		switch {
		case IsDamaged(err):
			f.Damaged++
		case err != nil:
			return nil, err
		default:
			b.number = i
			for len(tables) > 1 && tables[1].first <= i {
				tables = tables[1:]
			}
			if len(tables) > 0 && i >= tables[0].first && i < tables[0].first+tableBlocks {
				b.table, b.place = tables[0].filterTable, uint(i-tables[0].first)
			}
			f.Blocks = append(f.Blocks, b)
		}
	}
	return f, nil
}

// damagePage divides the size of what one damaged byte costs in an encrypted file.
const damagePage = 4 << 10

// scanBlocks finds the blocks of a segment without its footer.
func scanBlocks(src io.ReaderAt, size int64, cache *Cache) (*File, error) {
	f := &File{Damaged: 1}
	buf := make([]byte, 256<<10)
	for at := int64(fileHeader); at < size; {
		n, err := src.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) && !IsDamaged(err) {
			return nil, fmt.Errorf("scan segment: %w", err)
		}
		if IsDamaged(err) && n < len(blockMagic) {
			at = at&^(damagePage-1) + damagePage // of an encrypted file
			continue
		}
		i := bytes.Index(buf[:n], []byte(blockMagic))
		if i < 0 {
			if n < len(blockMagic) {
				break
			}
			at += int64(n - len(blockMagic) + 1)
			continue
		}
		at += int64(i)
		b, err := OpenBlock(src, at, size-at, cache)
		if err != nil && !IsDamaged(err) {
			return nil, fmt.Errorf("scan segment: %w", err)
		}
		if err != nil {
			at++
			continue
		}
		f.add(b)
		at += b.size
	}
	return f, nil
}

func (f *File) add(b *Block) {
	if len(f.Blocks) == 0 {
		f.Info.MinT, f.Info.MaxT = b.minT, b.maxT
	}
	f.Info.MinT, f.Info.MaxT = min(f.Info.MinT, b.minT), max(f.Info.MaxT, b.maxT)
	f.Info.Rows += int64(b.rows)
	b.number = len(f.Blocks)
	f.Blocks = append(f.Blocks, b)
}
