package segment

import (
	"math/rand/v2"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// TestSearchLosesNothing looks for parts of texts, and for what is not there, in
// every column of blocks with derived, stored and mixed text, and compares with
// the values themselves.
func TestSearchLosesNothing(t *testing.T) {
	var s Sealer
	sure := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		var events []event.Event
		if seed%4 == 0 {
			events = randomEvents(r, 1+r.IntN(100))
		} else {
			events = make([]event.Event, 20+r.IntN(200))
			for i := range events {
				renderMessage(r, &events[i], int(seed))
			}
		}
		b := openSealed(t, s.Seal(build(events)))
		err := b.Keys(func(k event.Key) {
			c, err := b.Column(k)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				sure += compareSearch(t, r, c, k)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if sure == 0 {
		t.Fatal("no row was sure")
	}
}

// compareSearch looks for a random part of a random value and returns in how many
// rows the search was sure of it.
func compareSearch(t *testing.T, r *rand.Rand, c *Column, k event.Key) int {
	t.Helper()
	var cur Cursor
	v, err := c.Value(r.IntN(c.Len()), &cur)
	if err != nil {
		t.Fatal(err)
	}
	text := v.String()
	from := r.IntN(len(text) + 1)
	text = text[from : from+r.IntN(min(12, len(text)-from)+1)]
	if r.IntN(8) == 0 {
		text += string(rune('a' + r.IntN(26)))
	}
	if text == "" {
		return 0
	}
	op := query.NewContains(text)
	words := (c.Rows() + 63) / 64
	among, may, sure := make([]uint64, words), make([]uint64, words), make([]uint64, words)
	for i := range among {
		if among[i] = ^uint64(0); r.IntN(3) == 0 {
			among[i] = r.Uint64()
		}
	}
	var search Search
	if err := search.Rows(c, op.Folded(), among, may, sure); err != nil {
		t.Fatal(err)
	}
	holds := make([]uint64, words)
	for i := range c.Len() {
		v, err := c.Value(i, &cur)
		if err != nil {
			t.Fatal(err)
		}
		if op.MatchValue(v) {
			setRow(holds, c.Row(i))
		}
	}
	n := 0
	for row := range c.Rows() {
		has := func(set []uint64) bool { return set[row>>6]>>(row&63)&1 == 1 }
		switch {
		case !has(among):
			if has(may) || has(sure) {
				t.Fatalf("%s: row %d was not asked for", k, row)
			}
		case has(holds) && !has(may):
			t.Fatalf("%s: row %d is lost for %q", k, row, text)
		case has(sure) && (!has(may) || !has(holds)):
			t.Fatalf("%s: row %d has no %q", k, row, text)
		case has(sure):
			n++
		}
	}
	return n
}

func TestUnescaped(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := unescaped(in); got != want {
			t.Fatalf("%q: %q, want %q", in, got, want)
		}
	}
	f("select", "select")
	f("admin", "min")      // an escape may end in ad
	f("u001fx", "x")       // \u001f
	f("x41union", "union") // \x41
	f("null", "ull")       // \n
	f(`say "hi"`, "")      // quotes are escaped
	f("00aa00 z", "00 z")
	f("zebra", "zebra")
}

// TestCommonValues compares the forms of a dictionary.
func TestCommonValues(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, distinct := range []int{1, 2, 20, 256, 257, 600} {
		for _, rare := range []float64{0.01, 0.2, 0.9} {
			events := make([]event.Event, 3000)
			for i := range events {
				if r.IntN(10) == 0 {
					continue
				}
				n := 0
				if r.Float64() < rare {
					n = r.IntN(distinct)
				}
				events[i].AddInt(event.Intern("n"), int64(n)*1e12)
				events[i].AddInt(event.Intern("often"), int64(n%7))
			}
			b := openSealed(t, new(Sealer).Seal(build(events)))
			sameEvents(t, b, events)
			compareMarks(t, r, b)
		}
	}
}

// compareMarks wants Mark and Codes to say what the values say.
func compareMarks(t *testing.T, r *rand.Rand, b *Block) {
	t.Helper()
	for _, name := range []string{"n", "often"} {
		c, err := b.Column(event.Intern(name))
		if err != nil {
			t.Fatal(err)
		}
		if !c.Dictionary() {
			continue
		}
		hit := make([]bool, c.Distinct())
		for i := range hit {
			hit[i] = r.IntN(2) == 0
		}
		set := make([]uint64, (c.Rows()+63)/64)
		c.Mark(hit, set)
		codes := c.Codes()
		for i := range c.Len() {
			v, err := c.Value(i, &Cursor{})
			if err != nil || !v.Equal(c.DictValue(int(codes[i]))) {
				t.Fatalf("entry %d is %v, not value %d: %v", i, v, codes[i], err)
			}
			row := c.Row(i)
			if got := set[row>>6]>>(row&63)&1 == 1; got != hit[codes[i]] {
				t.Fatalf("row %d is marked: %t", row, got)
			}
		}
	}
}
