package store

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// manyBlocks is a store with so many blocks in one segment.
func manyBlocks(t *testing.T, n int) *Columnar {
	t.Helper()
	s := mustOpen(t, t.TempDir(), Config{})
	for i := range n {
		put(t, s, 3*i, 3*i+3)
		s.mu.Lock()
		for _, h := range s.head.streams {
			s.head.rotate(h)
		}
		s.mu.Unlock()
	}
	flushed(t, s)
	return s
}

// While the filters of some blocks are waited for, those of as many more are read;
// without conditions nothing of these is needed yet.
func TestFiltersAreReadFurtherAhead(t *testing.T) {
	s := manyBlocks(t, 3*aheadBatch)
	f := func(text string, asked int) {
		t.Helper()
		_, sc, err := s.begin(t.Context(), mustParse(t, text), "", time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		defer sc.end("search")
		sc.snap.newestFirst()
		sc.prepare(nil)
		for n := 1; n <= 3*aheadBatch; n += aheadBatch {
			sc.ahead.reach(n)
			if done := n - 1 + aheadBatch; sc.ahead.done < n || sc.ahead.done > done || sc.ahead.asked != max(sc.ahead.done, min(sc.ahead.done+asked, 3*aheadBatch)) {
				t.Errorf("%s: %d are prepared, %d asked for", text, sc.ahead.done, sc.ahead.asked)
			}
		}
	}
	f("message: \"message 7\"", aheadBatch)
	f("*", 0)
}

// Blocks of one latest time stay in the order of the queue.
func TestNewestFirst(t *testing.T) {
	s := manyBlocks(t, 40)
	r := rand.New(rand.NewPCG(6, 1))
	for round := range 20 {
		sn, err := s.snapshot(mustParse(t, "*").Where(), "", -1<<63, 1<<63-1)
		if err != nil {
			t.Fatal(err)
		}
		blocks := slices.Clone(sn.blocks)
		for i := range round { // doubles have the same times
			blocks = append(blocks, blocks[i])
		}
		r.Shuffle(len(blocks)*(round%2), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
		for i := range blocks {
			blocks[i].seq = int64(i)
		}
		want := slices.Clone(blocks)
		slices.SortStableFunc(want, func(a, b blockRef) int {
			_, x := a.Bounds()
			_, y := b.Bounds()
			return cmp.Compare(y, x)
		})
		sn.blocks = blocks
		sn.newestFirst()
		if !slices.Equal(sn.blocks, want) {
			t.Errorf("round %d: blocks are in another order", round)
		}
		sn.release()
	}
}
