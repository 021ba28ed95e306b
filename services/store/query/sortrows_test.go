package query

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Rows in order, nearly so, from two halves that are each in order, and in none.
func TestSortRows(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	value := func() event.Value {
		switch r.IntN(5) {
		case 0:
			return event.Value{}
		case 1:
			return event.String(fmt.Sprint("text ", r.IntN(5)))
		case 2:
			return event.Float(r.Float64() * 4)
		}
		return event.Int(int64(r.IntN(5)))
	}
	f := func(name string, first func(i int) event.Value) {
		t.Helper()
		for _, n := range []int{0, 1, 2, 30, 1000} {
			for by := range 4 {
				var rows [][]event.Value
				for i := range n {
					rows = append(rows, []event.Value{first(i), value(), value(), event.Int(int64(i))})
				}
				want := slices.Clone(rows)
				order := func(a, b []event.Value) int { return slices.CompareFunc(a[:by], b[:by], Compare) }
				slices.SortStableFunc(want, order)
				sortRows(rows, by)
				seen := map[int64]bool{}
				for i := range rows {
					seen[rows[i][3].Int()] = true
					if order(rows[i], want[i]) != 0 {
						t.Fatalf("%s: row %d of %d by %d is %v, want %v", name, i, n, by, rows[i], want[i])
					}
				}
				if len(seen) != n {
					t.Fatalf("%s: %d of %d rows are left", name, len(seen), n)
				}
			}
		}
	}
	f("in order", func(i int) event.Value { return event.Time(int64(i / 6)) })
	f("nearly", func(i int) event.Value { return event.Time(int64(i/6 + r.IntN(3))) })
	f("two halves", func(i int) event.Value { return event.Time(int64(i % 500 / 6)) })
	f("backward", func(i int) event.Value { return event.Time(int64(-i)) })
	f("any", func(int) event.Value { return value() })
}
