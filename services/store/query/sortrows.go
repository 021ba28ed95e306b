package query

import (
	"cmp"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// sortRows orders rows by their first columns, by in number: by the first, of which
// groups mostly come in order, then those that are alike there.
func sortRows(rows [][]event.Value, by int) {
	if by == 0 {
		return
	}
	sortNearly(rows, compareFirst)
	if by == 1 {
		return
	}
	rest := func(a, b []event.Value) int { return compareAll(a[1:by], b[1:by]) }
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && compareFirst(rows[0], rows[n]) == 0 {
			n++
		}
		sortNearly(rows[:n], rest)
		rows = rows[n:]
	}
}

// farMoves is over how many places rows that come nearly in order are moved, on
// average.
const farMoves = 8

// sortNearly sorts rows of which most are near their places: it inserts one after
// the other, until that has moved too many.
func sortNearly(rows [][]event.Value, compare func(a, b []event.Value) int) {
	left := farMoves * len(rows)
	for i := 1; i < len(rows); i++ {
		row := rows[i]
		at := i
		for at > 0 && compare(rows[at-1], row) > 0 {
			if left--; left < 0 {
				rows[at] = row
				slices.SortFunc(rows, compare)
				return
			}
			rows[at] = rows[at-1]
			at--
		}
		rows[at] = row
	}
}

func compareFirst(a, b []event.Value) int { return compareValues(&a[0], &b[0]) }

func compareAll(a, b []event.Value) int {
	for i := range a {
		if c := compareValues(&a[i], &b[i]); c != 0 {
			return c
		}
	}
	return 0
}

// compareValues is [Compare]. Most values are times or integers.
func compareValues(x, y *event.Value) int {
	if k := x.Kind(); k == y.Kind() && (k == event.KindTime || k == event.KindInt) {
		return cmp.Compare(x.Int(), y.Int())
	}
	return Compare(*x, *y)
}
