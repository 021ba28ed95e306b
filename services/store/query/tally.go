package query

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of a Tally.
const (
	tallyValues = 8192 // counted at a time
	tallyText   = 128  // bytes that are kept of a text
)

// Tally counts how often values occur, in at most about 2.5 MiB: which occur most
// and how many different ones there are. Values are told apart as by groups. The
// zero Tally is empty and ready; it belongs to one goroutine.
type Tally struct {
	seen   distinct
	counts map[uint64]*Tallied // by the hash of the value
	total  int64
	short  int64
	buf    []byte
}

// Tallied is a value with the number of times that it occurs.
type Tallied struct {
	Value event.Value
	Count int64 // at least; at most Tally.Short more
	Cut   bool  // the text is longer than what is kept of it
}

// Add counts n occurrences of a value. It keeps no memory of the caller.
func (t *Tally) Add(v event.Value, n int64) {
	if n <= 0 || v.Kind() == event.KindNone {
		return
	}
	t.total += n
	t.buf = appendIdentity(t.buf[:0], v)
	h := xxhash.Sum64(t.buf)
	t.seen.add(h)
	if c := t.counts[h]; c != nil {
		c.Count += n
		return
	}
	if n = t.room(n); n <= 0 {
		return
	}
	if t.counts == nil {
		t.counts = map[uint64]*Tallied{}
	}
	c := &Tallied{Count: n, Value: v}
	if v.Kind() == event.KindString {
		text, cut := kept(v.Text())
		c.Value, c.Cut = event.String(text), cut
	}
	t.counts[h] = c
}

// room makes room for one more value as Misra and Gries do (Finding repeated
// elements, 1982): what is taken from one is taken from all. It returns what is
// left of the new one.
func (t *Tally) room(n int64) int64 {
	if len(t.counts) < tallyValues {
		return n
	}
	least := n
	for _, c := range t.counts {
		least = min(least, c.Count)
	}
	for h, c := range t.counts {
		if c.Count -= least; c.Count == 0 {
			delete(t.counts, h)
		}
	}
	t.short += least
	return n - least
}

// kept returns a copy of what is kept of a text, whole characters of it.
func kept(s string) (text string, cut bool) {
	if len(s) <= tallyText {
		return strings.Clone(s), false
	}
	s = s[:tallyText]
	for i := 0; i < utf8.UTFMax && len(s) > 0; i++ {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return strings.Clone(s), true
}

// Total returns the number of occurrences of all values.
func (t *Tally) Total() int64 { return t.total }

// Short returns by how much the count of a value is too low at most; 0 means that
// all are exact.
func (t *Tally) Short() int64 { return t.short }

// Distinct returns the number of different values, and whether it is exact: it is
// up to 40,000, then within 2 %.
func (t *Tally) Distinct() (n int64, exact bool) { return t.seen.count(), t.seen.ranks == nil }

// Top returns the n most frequent values, equal ones in the order of [Compare].
func (t *Tally) Top(n int) []Tallied {
	all := make([]Tallied, 0, len(t.counts))
	for _, c := range t.counts {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Tallied) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), Compare(a.Value, b.Value), cmp.Compare(a.Value.Kind(), b.Value.Kind()))
	})
	return all[:min(max(n, 0), len(all), math.MaxInt32)]
}
