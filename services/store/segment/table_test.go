package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

const tableRows = tableLines*lineBits/bitsPerValue + 20

var tableKey = event.Intern("trace.id")

func tableValue(block, row int) string { return fmt.Sprintf("value %d of %d", row, block) }

// tableSegment returns a segment of which each block has its own values of one
// field; every seventh has fewer rows, and every eleventh no such field.
func tableSegment(t *testing.T, blocks int) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	var s Sealer
	for i := range blocks {
		b := NewBuilder()
		rows := tableRows
		if i%7 == 6 {
			rows = 10
		}
		for j := range rows {
			e := &event.Event{Time: int64(i*tableRows + j), ID: fmt.Sprint(i, j), Dataset: "d"}
			if i%11 != 10 {
				e.AddText(tableKey, tableValue(i, j))
			}
			b.Add(e)
		}
		if err := w.AddBlock(openSealed(t, s.Seal(b))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(Info{Stream: "s"}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// reads counts the calls of a source.
type reads struct {
	io.ReaderAt
	n int
}

func (r *reads) ReadAt(p []byte, off int64) (int, error) {
	r.n++
	return r.ReaderAt.ReadAt(p, off)
}

func openTables(t *testing.T, raw []byte) (*File, *reads) {
	t.Helper()
	src := &reads{ReaderAt: bytes.NewReader(raw)}
	f, err := OpenFile(src, int64(len(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	src.n = 0
	return f, src
}

// Tables say what the filters of the blocks say, and one read tells it for all of
// the blocks of a table.
func TestFilterTable(t *testing.T) {
	const blocks = tableBlocks + 9
	raw := tableSegment(t, blocks)
	f, src := openTables(t, raw)
	if len(f.Blocks) != blocks {
		t.Fatalf("%d blocks, want %d", len(f.Blocks), blocks)
	}
	token := func(s string) string { return string(event.String(s).AppendText(nil)) }
	excluded := 0
	ask := func(value string, own int) {
		t.Helper()
		src.n = 0
		for i, b := range f.Blocks {
			if b.Excludes(tableKey, token(value)) {
				excluded++
				if i == own {
					t.Errorf("%q is excluded in its own block %d", value, i)
				}
			}
		}
		if src.n > 2 {
			t.Errorf("%q is looked for with %d reads, want one for each of 2 tables", value, src.n)
		}
	}
	tabled := 0
	for i, b := range f.Blocks {
		want := i%7 != 6 && i%11 != 10
		if got := b.Tabled(tableKey); got != want {
			t.Errorf("block %d is in a table: %t, want %t", i, got, want)
		} else if want {
			ask(tableValue(i, tableRows/2), i)
			tabled++
		}
	}
	for i := range 50 {
		ask(tableValue(blocks, i), -1)
	}
	if most := (tabled + 50) * tabled; excluded < most*95/100 || excluded > most {
		t.Errorf("%d blocks were excluded of %d", excluded, most)
	}
	for i, b := range f.Blocks {
		for _, value := range []string{tableValue(i, 1), tableValue(i+1, 1), "none"} {
			may, err := b.MayEqual(tableKey, token(value))
			if err != nil {
				t.Fatal(err)
			}
			if b.Tabled(tableKey) && may == b.Excludes(tableKey, token(value)) {
				t.Errorf("block %d, %q: filter and table differ", i, value)
			}
		}
	}
	Verify(bytes.NewReader(raw), int64(len(raw)), func(x Fault) { t.Errorf("whole segment: %+v", x) })
}

// A damaged line of a table excludes nothing, and is found.
func TestFilterTableDamage(t *testing.T) {
	raw := tableSegment(t, 6)
	f, _ := openTables(t, raw)
	c := &f.Blocks[0].table.cols[f.Blocks[0].table.find(tableKey, 0)]
	value := tableValue(9, 9)
	if !f.Blocks[0].Excludes(tableKey, value) || !f.Blocks[1].Excludes(tableKey, value) {
		t.Fatal("the value is not excluded")
	}
	at := c.lineAt(Hash([]byte(value)))
	raw[at+7] ^= 4
	f, _ = openTables(t, raw)
	if f.Blocks[0].Excludes(tableKey, value) || !f.Blocks[1].Excludes(tableKey, value) {
		t.Error("a damaged line is believed, or a whole one is not")
	}
	var faults []Fault
	Verify(bytes.NewReader(raw), int64(len(raw)), func(x Fault) { faults = append(faults, x) })
	if len(faults) != 1 || faults[0].Block != -1 || faults[0].Column != tableKey.String() || !IsDamaged(faults[0].Err) {
		t.Errorf("faults: %+v, want the table of %s", faults, tableKey)
	}
}

// Segments of version 1 have no tables and are read as before.
func TestSegmentOfVersion1(t *testing.T) {
	raw := tableSegment(t, tableFew-1) // too few for a table
	size := len(raw)
	footer := int(binary.LittleEndian.Uint32(raw[size-fileTrailer:]))
	body := raw[size-fileTrailer-footer : size-fileTrailer-1] // without the number of tables
	if raw[size-fileTrailer-1] != 0 {
		t.Fatal("the segment has tables")
	}
	old := append([]byte(nil), raw[:size-fileTrailer-footer]...)
	binary.LittleEndian.PutUint32(old[8:], 1)
	binary.LittleEndian.PutUint32(old[fileHeader-4:], checksum(old[:fileHeader-4]))
	old = append(old, body...)
	old = binary.LittleEndian.AppendUint32(old, uint32(len(body)))
	old = binary.LittleEndian.AppendUint32(old, checksum(body))
	old = append(old, footerMagic...)
	f, _ := openTables(t, old)
	if len(f.Blocks) != tableFew-1 || f.Blocks[0].Tabled(tableKey) {
		t.Errorf("%d blocks, tabled: %t", len(f.Blocks), f.Blocks[0].Tabled(tableKey))
	}
	Verify(bytes.NewReader(old), int64(len(old)), func(x Fault) { t.Errorf("%+v", x) })
}
