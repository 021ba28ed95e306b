package sieve

import (
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// liveStates are the bytes that automata count for the states in use.
func liveStates(b *budget) (total int64) {
	for _, d := range b.all {
		c := d.cache.Load()
		c.mu.Lock()
		total += c.charge.bytes
		c.mu.Unlock()
	}
	return total
}

// TestMemoryOfStatesIsBounded lets automata make more states than there is memory for, from
// several goroutines: they never hold more than they may, and go on to tell the truth.
func TestMemoryOfStatesIsBounded(t *testing.T) {
	const most = 96 << 10
	b := &budget{most: most}
	exprs := []string{`a.{0,9}b.{0,9}c`, `(?i)x[^y]{3,12}y`, `\b(?:one|two|three).{1,8}\bfour\b`, `[ab]{4,8}[bc]{4,8}[cd]`}
	var all []*dfa
	var expect []*regexp.Regexp
	for _, expr := range exprs {
		d, err := newDFAWithin("(?sm)"+expr, false, b)
		if err != nil {
			t.Fatal(err)
		}
		all, expect = append(all, d), append(expect, regexp.MustCompile("(?sm)"+expr))
	}
	var work sync.WaitGroup
	for g := range 4 {
		work.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for range 3000 {
				text := hardWords(r)
				for i, d := range all {
					if got, known := d.match(text); known && got != expect[i].MatchString(text) {
						t.Errorf("%s: %q: %t", exprs[i], text, got)
					}
				}
			}
		})
	}
	work.Wait()
	b.sweep()
	// What was in the making when an era ended may come on top: a state of each goroutine.
	if n := liveStates(b); n > most+4*8<<10 {
		t.Errorf("states take %d bytes, %d are allowed", n, most)
	}
	if b.era.Load() < 3 {
		t.Errorf("%d eras: the memory has never run out", b.era.Load())
	}
}

func hardWords(r *rand.Rand) string {
	var s strings.Builder
	for range 20 {
		s.WriteString([]string{"a", "b", "c", "d", "x", "y", "one", "two", "three", "four", " ", "\n", "é"}[r.IntN(13)])
	}
	return s.String()
}

// TestStatesAreCounted compares the count of the states of CRS with the memory that
// they take: it must not be much less.
func TestStatesAreCounted(t *testing.T) {
	b := &budget{most: 1 << 40}
	var all []*dfa
	exprs := crsExpressions(t)[:80]
	for _, expr := range exprs {
		if d, err := newDFAWithin("(?sm)"+expr, false, b); err == nil {
			all = append(all, d)
		}
	}
	texts := make([]string, 100)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range texts {
		texts[i] = bait(r, exprs[r.IntN(len(exprs))])
	}
	before := heap()
	counted := liveStates(b)
	for _, d := range all {
		for _, text := range texts {
			d.match(text)
		}
	}
	counted = liveStates(b) - counted
	taken := heap() - before
	if counted < 64<<10 || taken > 2*counted {
		t.Errorf("states take %d bytes and count %d", taken, counted)
	}
	runtime.KeepAlive(all)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
