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

// Parts that are asked for in turn are found for the most part, even if there are
// more of them than there is room for, and those that are asked for between others
// that come once stay.
func TestCacheKeepsWhatComesAgain(t *testing.T) {
	const room, size = 1000, 1000 - cachedBytes
	ask := func(c *Cache, block int) bool {
		k := cacheKey{uint64(block), 0, wholeColumn}
		_, ok := c.get(k)
		if !ok {
			c.put(k, nil, size)
		}
		return ok
	}
	c := NewCache(room * (size + cachedBytes) * rowsShare / (rowsShare - 1))
	for range 10 {
		for block := range room * 6 / 5 {
			ask(c, block)
		}
	}
	hits := 0
	for block := range room * 6 / 5 {
		if ask(c, block) {
			hits++
		}
	}
	if hits < room/2 {
		t.Errorf("%d of %d parts in turn are found where there is room for %d", hits, room*6/5, room)
	}
	missed := 0
	for i := range 20 * room {
		ask(c, 10*room+i)
		if hot := i % (room / 5); !ask(c, 5*room+hot) {
			missed++
		}
	}
	if missed > room {
		t.Errorf("parts that are asked for again and again were missed %d times", missed)
	}
}

// What a list of all numbers takes is counted once the list is made.
func TestCacheCountsLists(t *testing.T) {
	var events []event.Event
	for i := range 2000 {
		var e event.Event
		e.ID = fmt.Sprint(i)
		e.AddInt(event.Intern("labels.n"), int64(i*7919%4001))
		e.AddText(event.Intern("labels.d"), fmt.Sprint(i%7))
		events = append(events, e)
	}
	b := openSealed(t, new(Sealer).Seal(build(events)))
	b.cache = NewCache(1 << 20)
	for _, name := range []string{"labels.n", "labels.d"} {
		c, err := b.Column(event.Intern(name))
		if err != nil || c == nil {
			t.Fatal(c, err)
		}
		before := b.cache.parts.size
		if c.Dictionary() {
			c.Codes()
		} else {
			c.Numbers()
		}
		if got := b.cache.parts.size - before; got == 0 || got != c.listed() {
			t.Errorf("%s: %d bytes more, want %d", name, got, c.listed())
		}
	}
}

// TestCacheCountsWhatItHas decodes a column twice at once: one of the two is kept
// and used by both, and what the other one takes is not counted.
func TestCacheCountsWhatItHas(t *testing.T) {
	cache := NewCache(1 << 20)
	key := cacheKey{1, 0, wholeColumn}
	one, other := &Column{}, &Column{}
	if got := cache.put(key, one, 1000); got != any(one) {
		t.Error("what is put first is not what is used")
	}
	if got := cache.put(key, other, 1000); got != any(one) {
		t.Error("what is put second is used")
	}
	f := func(part *Column, want int64) {
		t.Helper()
		before := cache.parts.size
		(&owner{cache, key, part}).grow(500)
		if got := cache.parts.size - before; got != want {
			t.Errorf("a list adds %d bytes, want %d", got, want)
		}
	}
	f(other, 0)
	f(one, 500)
}
