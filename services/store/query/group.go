package query

import (
	"bytes"
	"math"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxCombinations bounds the groups that one row with lists belongs to.
const maxCombinations = 1 << 16

// grouping is the state of one stats pipe: groups by the identity of their
// values, and the states of the columns.
type grouping struct {
	stats  *Stats
	budget *Budget

	ids     identities // of the groups
	columns []accumulator
	fields  []event.Key // that the columns read, each once
	slots   []int       // index into fields by column, -1 for none
	bytes   int64       // taken from the budget

	id     []byte
	last   int // group that was found last, -1 for none
	by     []event.Value
	values [][]event.Value // by field
	list   []event.Value
}

func newGrouping(s *Stats, b *Budget) *grouping {
	g := &grouping{stats: s, budget: b, last: -1}
	for i := range s.Aggs {
		a := &s.Aggs[i]
		g.columns = append(g.columns, newAccumulator(a))
		g.slots = append(g.slots, g.slot(a.Field))
	}
	g.values = make([][]event.Value, len(g.fields))
	return g
}

func (g *grouping) slot(k event.Key) int {
	if k == (event.Key{}) {
		return -1
	}
	for i, f := range g.fields {
		if f.Is(k) {
			return i
		}
	}
	g.fields = append(g.fields, k)
	return len(g.fields) - 1
}

// add counts a row n times.
func (g *grouping) add(row Row, n int64) error {
	for i, k := range g.fields {
		g.values[i] = row.AppendValues(g.values[i][:0], k)
	}
	g.id, g.list = g.id[:0], g.list[:0]
	for i := range g.stats.By {
		by := &g.stats.By[i]
		g.by = row.AppendValues(g.by[:0], by.Field)
		g.by = by.buckets(g.by)
		switch len(g.by) {
		case 0:
			g.id = append(g.id, idNone)
		case 1:
			g.id = appendIdentity(g.id, g.by[0])
		default:
			return g.addCombinations(row, n)
		}
	}
	return g.count(n)
}

// count adds the values that were read to the group of the identity.
func (g *grouping) count(n int64) error {
	at, err := g.find(g.id)
	if err != nil {
		return err
	}
	var grown int64
	for i, c := range g.columns {
		var values []event.Value
		if slot := g.slots[i]; slot >= 0 {
			values = g.values[slot]
		}
		grown += c.add(at, values, n)
	}
	return g.take(grown)
}

func (g *grouping) take(n int64) error {
	g.bytes += n
	if n == 0 {
		return nil
	}
	return g.budget.take(n)
}

// find returns the group of an identity, a new one if need be.
func (g *grouping) find(id []byte) (int, error) {
	if g.last >= 0 && bytes.Equal(id, g.ids.at(g.last)) {
		return g.last, nil
	}
	at, place := g.ids.find(id)
	if at < 0 {
		if err := g.budget.group(); err != nil {
			return 0, err
		}
		at = g.ids.add(id, place)
		size := int64(len(id)) + 80 // its place in the table, rows of the answer
		for _, c := range g.columns {
			size += c.extend()
		}
		if err := g.take(size); err != nil {
			return 0, err
		}
	}
	g.last = at
	return at, nil
}

// addCombinations counts a row with a list in the group of each combination of
// different elements.
func (g *grouping) addCombinations(row Row, n int64) error {
	ids := []string{""}
	for i := range g.stats.By {
		by := &g.stats.By[i]
		values := by.buckets(row.AppendValues(g.by[:0], by.Field))
		g.by = values
		parts := map[string]bool{}
		var order []string
		if len(values) == 0 {
			order = append(order, string([]byte{idNone}))
		}
		for _, v := range values {
			if id := string(appendIdentity(nil, v)); !parts[id] {
				parts[id] = true
				order = append(order, id)
			}
		}
		if len(ids)*len(order) > maxCombinations {
			return &LimitError{What: "combinations", Max: maxCombinations}
		}
		next := make([]string, 0, len(ids)*len(order))
		for _, id := range ids {
			for _, part := range order {
				next = append(next, id+part)
			}
		}
		ids = next
	}
	for _, id := range ids {
		g.id = append(g.id[:0], id...)
		if err := g.count(n); err != nil {
			return err
		}
	}
	return nil
}

// merge adds all groups of another grouping of the same pipe, which is then
// spent.
func (g *grouping) merge(o *grouping) error {
	for h := range o.ids.size() {
		// Twice the count while both are there would refuse what fits.
		g.budget.release(0, 1)
		at, err := g.find(o.ids.at(h))
		if err != nil {
			return err
		}
		var grown int64
		for i, c := range g.columns {
			grown += c.merge(at, o.columns[i], h)
		}
		if err := g.take(grown); err != nil {
			return err
		}
	}
	g.budget.release(o.bytes, 0)
	o.ids, o.last, o.columns, o.bytes = identities{}, -1, nil, 0
	return nil
}

// row appends the values of group i: those of By, then those of the columns. Texts
// share the memory of the groups, to which no more may be added.
func (g *grouping) row(dst []event.Value, i int) []event.Value {
	for rest := event.View(g.ids.at(i)); rest != ""; {
		var v event.Value
		v, rest = readIdentity(rest)
		dst = append(dst, v)
	}
	for _, c := range g.columns {
		dst = append(dst, c.value(i))
	}
	return dst
}

// buckets rounds values down to the width of the group, where it has one, and
// drops those that have no bucket.
func (b *Group) buckets(values []event.Value) []event.Value {
	if b.Every == 0 && b.Step == 0 {
		return values
	}
	kept := values[:0]
	for _, v := range values {
		if v = b.bucket(v); v.Kind() != event.KindNone {
			kept = append(kept, v)
		}
	}
	return kept
}

func (b *Group) bucket(v event.Value) event.Value {
	if b.Every > 0 {
		return timeBucket(v, b.Every)
	}
	whole, f, isInt, ok := numberOf(v)
	if !ok {
		return event.Value{}
	}
	if step := int64(b.Step); isInt && float64(step) == b.Step && step > 0 {
		if start, ok := floorTo(whole, step); ok {
			return event.Int(start)
		}
		return event.Value{}
	}
	if isInt {
		f = float64(whole)
	}
	start := math.Floor(f/b.Step) * b.Step
	if start-start != 0 {
		return event.Value{}
	}
	return event.Float(start)
}

// timeBucket returns the start of the bucket of a time, aligned to 1970 in UTC.
func timeBucket(v event.Value, width time.Duration) event.Value {
	ns := v.Int()
	switch v.Kind() {
	case event.KindTime:
	case event.KindString:
		var ok bool
		if ns, ok = textTime(v.Text()); !ok {
			return event.Value{}
		}
	default:
		return event.Value{}
	}
	if start, ok := floorTo(ns, int64(width)); ok {
		return event.Time(start)
	}
	return event.Value{}
}

// floorTo rounds down to a multiple; it reports false where that is too small
// for an int64.
func floorTo(n, step int64) (int64, bool) {
	rest := n % step
	if rest < 0 {
		rest += step
	}
	return n - rest, n >= math.MinInt64+rest
}
