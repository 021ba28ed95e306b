package segment

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Directories stay when columns take all the memory for columns, and blocks with
// the same columns share what names them.
func TestDirectoriesStay(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	const most = 1 << 20
	cache := NewCache(most)
	var blocks []*Block
	for range 6 {
		var events []event.Event
		for i := range 2000 {
			var e event.Event
			e.ID = fmt.Sprint(i)
			for k := range 8 {
				e.AddText(event.Intern(fmt.Sprint("labels.f", k)), fmt.Sprint(r.Uint64()))
			}
			events = append(events, e)
		}
		b := openSealed(t, new(Sealer).Seal(build(events)))
		b.cache = cache
		blocks = append(blocks, b)
	}
	shared := map[*roster]bool{}
	for _, b := range blocks {
		d, err := b.directory()
		if err != nil {
			t.Fatal(err)
		}
		shared[d.roster] = true
		rows, err := b.OpenRows(nil)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		for row := range b.Rows() {
			if err := rows.Event(row, &e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(shared) != 1 {
		t.Errorf("%d rosters for blocks of the same columns", len(shared))
	}
	if cache.parts.size > most || cache.directories.size > most {
		t.Errorf("%d bytes of columns, %d of directories; most is %d", cache.parts.size, cache.directories.size, most)
	}
	first := cacheKey{blocks[0].id, 0, wholeColumn}
	if _, ok := cache.get(first); ok {
		t.Error("columns of the first block are still there: nothing had to be dropped")
	}
	for i, b := range blocks {
		if _, ok := cache.get(cacheKey{b.id, columnDirectory, 0}); !ok {
			t.Errorf("the directory of block %d was dropped for columns", i)
		}
	}
}

// Beyond a bound each block has a roster of its own.
func TestRostersAreBounded(t *testing.T) {
	var all rosters
	own := 0
	for i := range 2000 {
		var names []string
		for k := range 50 {
			names = append(names, fmt.Sprintf("labels.%d.%d", i, k))
		}
		l, shared := all.of(names, make([]byte, len(names)))
		if l.find(event.Intern(names[7])) != 7 {
			t.Fatal("a column is not found")
		}
		if !shared {
			own++
		}
	}
	if all.bytes > maxRosters || own == 0 {
		t.Errorf("%d bytes, %d rosters of their own", all.bytes, own)
	}
	a, _ := all.of([]string{"a", "b"}, []byte{roleField, roleField})
	b, _ := all.of([]string{"a\x00\x01b"}, []byte{roleField})
	if len(a.names) != 2 || len(b.names) != 1 {
		t.Error("names run into each other")
	}
}
