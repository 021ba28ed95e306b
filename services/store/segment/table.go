package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync/atomic"

	"github.com/gatewatch/gatewatch/detection/event"
)

// A filter table has copies of the filters of neighbouring blocks in the order of
// their lines: all first lines, then all second lines. Whoever looks for a value
// reads one run of bytes for all of the blocks, and no directory, where else one
// line of each is read.
const (
	tableBlocks = 64      // at most
	tableFew    = 4       // filters of one length that a table has at least of a column
	tableLines  = 32      // a shorter filter is not worth it: few values, or few rows
	tableMemory = 8 << 20 // bytes of filters that a writer collects
)

// filterTable says where a table is. It may be used concurrently.
type filterTable struct {
	src   io.ReaderAt
	cache *Cache
	cols  []tableColumn
	known atomic.Pointer[[]tableAnswer]
	ahead []atomic.Uint64 // for each column the hash that was read ahead last
}

// tableColumn is the filters of one column.
type tableColumn struct {
	key    event.Key
	blocks uint64 // a bit for each block of the table whose filter is there
	lines  int    // of each filter
	off    int64  // in the file
}

func (c *tableColumn) stride() int  { return bits.OnesCount64(c.blocks) * lineBytes }
func (c *tableColumn) bytes() int64 { return int64(c.lines) * int64(c.stride()) }

// tableAnswer is which blocks may have a value in a column.
type tableAnswer struct {
	hash uint64
	col  int
	may  uint64
}

// maxAnswers bounds what a table remembers: a query asks for each of its blocks, and
// filters of a column have several lengths.
const maxAnswers = 16

// find returns the number of the column that has the filter of a block, or -1.
func (t *filterTable) find(k event.Key, block uint) int {
	if t == nil {
		return -1
	}
	for i := range t.cols {
		if c := &t.cols[i]; c.key.Is(k) && c.blocks>>block&1 == 1 {
			return i
		}
	}
	return -1
}

// answer returns the blocks that may have a value, if that is known.
func (t *filterTable) answer(col int, hash uint64) (may uint64, known bool) {
	if list := t.known.Load(); list != nil {
		for _, a := range *list {
			if a.hash == hash && a.col == col {
				return a.may, true
			}
		}
	}
	return 0, false
}

// ask is answer that reads what is not known. A damaged line may hold anything.
func (t *filterTable) ask(col int, hash uint64) (may uint64, err error) {
	if may, ok := t.answer(col, hash); ok {
		return may, nil
	}
	var buf [tableBlocks * lineBytes]byte
	c := &t.cols[col]
	lines := buf[:c.stride()]
	if _, err := t.src.ReadAt(lines, c.lineAt(hash)); err != nil {
		return 0, fmt.Errorf("read filter table: %w", cut(err))
	}
	t.cache.count(int64(len(lines)))
	for blocks := c.blocks; blocks != 0; blocks &= blocks - 1 {
		if lineMayHold(lines[:lineBytes], hash) {
			may |= blocks & -blocks
		}
		lines = lines[lineBytes:]
	}
	var list []tableAnswer
	if known := t.known.Load(); known != nil {
		list = *known
		if len(list) == maxAnswers {
			list = list[1:]
		}
	}
	list = append(list[:len(list):len(list)], tableAnswer{hash, col, may})
	t.known.Store(&list) // of two at once one may be lost
	return may, nil
}

func (c *tableColumn) lineAt(hash uint64) int64 {
	return c.off + int64(lineOf(hash, c.lines))*int64(c.stride())
}

// Excludes tells whether the table of filters that the block is in, if any, says
// that no value of a key has this token. It reads no directory; what it does not
// know, [Block.MayEqual] may.
func (b *Block) Excludes(k event.Key, token string) bool {
	col := b.table.find(k, b.place)
	if col < 0 || b.label.names(k) {
		return false
	}
	may, err := b.table.ask(col, Hash([]byte(token)))
	return err == nil && may>>b.place&1 == 0
}

// Tabled tells whether [Block.Excludes] knows something of a key.
func (b *Block) Tabled(k event.Key) bool { return b.table.find(k, b.place) >= 0 }

// AheadTable begins to read what [Block.Excludes] looks at, once for all blocks.
func (b *Block) AheadTable(k event.Key, token string) {
	col := b.table.find(k, b.place)
	a, ok := b.aheader()
	if col < 0 || !ok {
		return
	}
	hash := Hash([]byte(token))
	if _, known := b.table.answer(col, hash); known || b.table.ahead[col].Swap(hash) == hash {
		return
	}
	c := &b.table.cols[col]
	a.ReadAhead(c.lineAt(hash), int64(c.stride()))
}

// tabling collects the filters of blocks for the next table of a segment.
type tabling struct {
	blocks int
	cols   []*collected
	byName map[string]*collected
	bytes  int
}

// collected is the filters of a column.
type collected struct {
	name    string
	filters [tableBlocks][]byte
	taken   uint64 // those that are in the table
}

// add collects the filters of a block. Damage in it says nothing.
func (t *tabling) add(b *Block) error {
	at := t.blocks
	t.blocks++
	d, err := b.directory()
	if IsDamaged(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range d.cols {
		c := &d.cols[i]
		if c.bloomLen < tableLines*lineBytes || c.role != roleField && c.role != roleMember {
			continue
		}
		filter := make([]byte, c.bloomLen)
		if _, err := b.src.ReadAt(filter, b.off+int64(c.bloomOff)); IsDamaged(err) || errors.Is(err, io.EOF) {
			continue
		} else if err != nil {
			return fmt.Errorf("read filter: %w", err)
		}
		if t.byName == nil {
			t.byName = map[string]*collected{}
		}
		x := t.byName[c.name]
		if x == nil {
			x = &collected{name: c.name}
			t.byName[c.name], t.cols = x, append(t.cols, x)
		}
		x.filters[at] = filter
		t.bytes += len(filter)
	}
	return nil
}

// full tells whether the table should be written before the next block is added.
func (t *tabling) full() bool { return t.blocks == tableBlocks || t.bytes >= tableMemory }

// choose returns, as bits, the filters of the length that most have, and that; and
// forgets them.
func (c *collected) choose() (blocks uint64, length int) {
	of := map[int]uint64{}
	for i, f := range c.filters {
		n := len(f)
		if n == 0 || c.taken>>i&1 == 1 {
			continue
		}
		of[n] |= 1 << i
		if have, most := bits.OnesCount64(of[n]), bits.OnesCount64(blocks); have > most || have == most && n > length {
			blocks, length = of[n], n
		}
	}
	c.taken |= blocks
	return blocks, length
}

// table writes the filters that were collected, and describes them in the footer.
// Filters of a column that differ in length are columns of their own.
func (s *Writer) table() error {
	t := s.tabling
	s.tabling = tabling{}
	first := s.blocks - t.blocks
	var described []byte
	n := 0
	for _, x := range t.cols {
		for {
			blocks, length := x.choose()
			if bits.OnesCount64(blocks) < tableFew {
				break
			}
			described = binary.AppendUvarint(described, uint64(len(x.name)))
			described = append(described, x.name...)
			described = binary.LittleEndian.AppendUint64(described, blocks)
			described = binary.AppendUvarint(described, uint64(length/lineBytes))
			described = binary.AppendUvarint(described, uint64(s.off))
			n++
			if err := s.lines(x, blocks, length); err != nil {
				return err
			}
		}
	}
	if n == 0 {
		return nil
	}
	s.tables++
	s.described = binary.AppendUvarint(s.described, uint64(first))
	s.described = binary.AppendUvarint(s.described, uint64(n))
	s.described = append(s.described, described...)
	return nil
}

// lines writes filters of one length in the order of their lines.
func (s *Writer) lines(x *collected, blocks uint64, length int) error {
	for at := 0; at < length; at += lineBytes {
		for i, f := range x.filters {
			if blocks>>i&1 == 0 {
				continue
			}
			if err := s.write(f[at : at+lineBytes]); err != nil {
				return err
			}
		}
	}
	return nil
}

// placedTable is a table and the number of its first block.
type placedTable struct {
	first int
	*filterTable
}

// starts returns where the table lies in the file.
func (t *filterTable) starts() int64 { return t.cols[0].off }

// readTables reads what a footer says of the tables of a segment of so many blocks,
// whose bytes end before end.
func readTables(r *reader, src io.ReaderAt, blocks int, end int64, cache *Cache) []placedTable {
	var tables []placedTable
	next := 0
	for range r.uvarint(uint64(blocks)) {
		t := placedTable{int(r.uvarint(uint64(blocks))), &filterTable{src: src, cache: cache}}
		if t.first < next {
			r.bad = true
		}
		next = t.first + 1
		for range r.uvarint(MaxColumns * tableBlocks / tableFew) {
			c := tableColumn{key: event.Intern(string(r.take(int(r.uvarint(maxStream)))))}
			c.blocks = r.uint64()
			c.lines, c.off = int(r.uvarint(maxFilterLines)), int64(r.uvarint(uint64(end)))
			if r.bad || c.blocks == 0 || c.lines == 0 || t.first+bits.Len64(c.blocks) > blocks || c.off+c.bytes() > end {
				r.bad = true
				return nil
			}
			t.cols = append(t.cols, c)
		}
		if r.bad || len(t.cols) == 0 {
			r.bad = true
			return nil
		}
		t.ahead = make([]atomic.Uint64, len(t.cols))
		tables = append(tables, t)
	}
	return tables
}

// maxFilterLines is more than the lines of the filter of any column.
const maxFilterLines = 1 << 20
