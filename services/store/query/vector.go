package query

import (
	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Groups feeds the first grouping of an execution column by column instead of
// row by row. It gives the same answer as [Exec.Add] of every row, in any order
// of the columns. It belongs to the goroutine of its Exec.
type Groups struct{ *grouping }

// Groups returns the first grouping of the pipes, and false where rows must pass
// other pipes before it.
func (x *Exec) Groups() (Groups, bool) {
	s, ok := x.first.(*groupStage)
	if !ok {
		return Groups{}, false
	}
	return Groups{s.grouping}, true
}

// By returns the fields that rows are grouped by. The slice must not be changed.
func (g Groups) By() []Group { return g.stats.By }

// Aggs returns the columns of results. The slice must not be changed.
func (g Groups) Aggs() []Agg { return g.stats.Aggs }

// Of returns the number of the group of a row that has at most one value in each
// field of By.
func (g Groups) Of(row Row) (int, error) {
	id := g.id[:0]
	for i := range g.stats.By {
		by := &g.stats.By[i]
		g.by = by.buckets(row.AppendValues(g.by[:0], by.Field))
		if len(g.by) == 0 {
			id = append(id, idNone)
			continue
		}
		id = appendIdentity(id, g.by[0])
	}
	g.id = id
	return g.find(id)
}

// Add adds the values that n rows of a group each have in the field of a column
// of results; none for rows without the field.
func (g Groups) Add(agg, group int, values []event.Value, n int64) error {
	return g.take(g.columns[agg].add(group, values, n))
}

// Distinct tells whether a column of results counts distinct values, so that
// [Groups.AddHashes] can be used.
func (g Groups) Distinct(agg int) bool {
	_, ok := g.columns[agg].(*distincts)
	return ok
}

// AddHashes adds values to a column of results that counts distinct ones: to each
// group the identity ([HashIdentity]) beside it.
func (g Groups) AddHashes(agg int, groups []int32, hashes []uint64) error {
	return g.take(g.columns[agg].(*distincts).addAll(groups, hashes))
}

// HashIdentity returns the hash by which distinct values are counted.
func HashIdentity(v event.Value) uint64 {
	var buf [64]byte
	return xxhash.Sum64(appendIdentity(buf[:0], v))
}

// HashIPv4 is [HashIdentity] of an IPv4 address.
func HashIPv4(a uint32) uint64 {
	return xxhash.Sum64([]byte{idIPv4, byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}
