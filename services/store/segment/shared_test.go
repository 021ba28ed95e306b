package segment

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestShared makes blocks of texts that are shared while they are added, and of
// texts that are not: they are the same to the byte.
func TestShared(t *testing.T) {
	f := func(name string, rows int, text func(row int) []event.Value) {
		t.Helper()
		b, plain := NewBuilder(), NewBuilder()
		key := event.Intern("test.text")
		plain.newColumn(key, roleField).alone = true
		for block := range 3 { // what one block teaches holds for the next
			b.Reset()
			plain.Reset()
			plain.column(key).on = false
			for row := range rows {
				e := event.Event{Time: int64(row + 1)}
				for _, v := range text(row) {
					e.Add(key, v)
				}
				b.Add(&e)
				plain.Add(&e)
			}
			if got, least := b.Size(), plain.Size(); got < least || plain.column(key).n > 0 && b.column(key).on && got == least {
				t.Errorf("%s: size %d, without what sharing takes %d", name, got, least)
			}
			if diff := cmp.Diff(values(t, plain.View(), key), values(t, b.View(), key)); diff != "" {
				t.Errorf("%s: view of block %d (-apart +shared):\n%s", name, block, diff)
			}
			var s, p Sealer
			if got, want := s.Seal(b), p.Seal(plain); !bytes.Equal(got, want) {
				t.Errorf("%s: block %d of shared texts differs", name, block)
			}
		}
	}
	one := func(s string) []event.Value { return []event.Value{event.String(s)} }
	r := rand.New(rand.NewPCG(3, 3))
	f("the same", 2000, func(int) []event.Value { return one("GET") })
	f("few", 2000, func(row int) []event.Value { return one(strings.Repeat("a", row%7)) })
	f("runs", 2000, func(row int) []event.Value { return one(fmt.Sprint(row / 50)) })
	f("many", 8000, func(int) []event.Value { return one(fmt.Sprint(r.IntN(1500))) })
	f("too many of all", 3000, func(row int) []event.Value { return one(fmt.Sprint(row / 2)) })
	f("too many of the first", 3000, func(row int) []event.Value { return one(fmt.Sprint(min(row, 1100))) })
	f("all unlike", 3000, func(row int) []event.Value { return one(fmt.Sprint(row)) })
	f("unlike up to the last", 1024, func(row int) []event.Value { return one(fmt.Sprint(row % 1023)) })
	f("as many as there may be", MaxRows, func(row int) []event.Value { return one(fmt.Sprint(min(row/3, maxShared-1))) })
	f("one more", MaxRows, func(row int) []event.Value { return one(fmt.Sprint(min(row/3, maxShared))) })
	f("lists", 500, func(row int) []event.Value {
		return []event.Value{event.String("a"), event.String(fmt.Sprint(row % 3)), event.String("a")}
	})
	f("rows without", 500, func(row int) []event.Value { return one("x" + fmt.Sprint(row%5))[:row%2] })
	f("another kind late", 500, func(row int) []event.Value {
		if row == 400 {
			return []event.Value{event.Int(1)}
		}
		return one(fmt.Sprint(row % 5))
	})
	f("another kind first", 500, func(row int) []event.Value {
		if row == 0 {
			return []event.Value{event.Int(1)}
		}
		return one(fmt.Sprint(row % 5))
	})
}

// TestSharedMemory fills many columns with texts of which few are alike: what the
// builder says they take holds for the dictionaries too, and most of that is given
// back.
func TestSharedMemory(t *testing.T) {
	b := NewBuilder()
	key := func(i int) event.Key { return event.Intern(fmt.Sprint("test.memory", i)) }
	const columns = 20
	for row := range 1100 {
		e := event.Event{Time: 1}
		for i := range columns {
			e.AddText(key(i), fmt.Sprint(row%890))
		}
		b.Add(&e)
	}
	taken := func() (n int) {
		for i := range columns {
			d := &b.column(key(i)).shared
			n += 8*(cap(d.dict.first)+cap(d.dict.hash)+cap(d.values)) + 2*(cap(d.dict.codes)+cap(d.dict.table))
		}
		return n
	}
	var least int64 // of the values without the dictionaries
	for _, c := range b.cols {
		least += int64(8*c.n + c.text)
	}
	least += int64(64 * b.Rows())
	if !b.column(key(0)).on {
		t.Fatal("the texts are not shared: the test shows nothing")
	}
	if counted := b.Size() - least; int64(taken()) > counted*5/4 {
		t.Errorf("dictionaries take %d bytes, of which %d are counted", taken(), counted)
	}
	b.Reset()
	if n := taken(); n > columns*keepValues*64 {
		t.Errorf("after a reset dictionaries take %d bytes", n)
	}
}

// TestSharedUnderReaders takes views of a column before and after it gives up
// sharing: what they showed stays.
func TestSharedUnderReaders(t *testing.T) {
	b := NewBuilder()
	key := event.Intern("test.text")
	var views []*View
	var want [][]string
	var all []string
	for row := range 3000 {
		s := fmt.Sprint(row % 5)
		if row >= 20 && row%50 != 0 { // too many that are unlike
			s = fmt.Sprint(row)
		}
		e := event.Event{Time: 1}
		e.AddText(key, s)
		b.Add(&e)
		if all = append(all, fmt.Sprint(row, " ", s)); row%250 == 99 {
			views, want = append(views, b.View()), append(want, all[:len(all):len(all)])
		}
	}
	if b.column(key).on {
		t.Fatal("the texts are shared to the end: the test shows nothing")
	}
	for i, v := range views {
		if diff := cmp.Diff(want[i], values(t, v, key)); diff != "" {
			t.Errorf("view %d (-want +got):\n%s", i, diff)
		}
	}
}

// values returns the entries of a column as row and text.
func values(t *testing.T, v *View, key event.Key) []string {
	t.Helper()
	c, err := v.Block().Column(key)
	if err != nil || c == nil {
		t.Fatalf("column %s: %v, %v", key, c, err)
	}
	var out []string
	var cur Cursor
	for i := range c.Len() {
		x, err := c.Value(i, &cur)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(c.Row(i), " ", x))
	}
	return out
}
