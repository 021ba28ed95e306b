package storetest

import (
	"cmp"
	"context"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Naive returns a store that holds its events in a slice and looks at each of
// them: the reference that other stores are compared with.
func Naive() Store {
	n := &naive{}
	return Store{Write: n.write, Search: n.search, Aggregate: n.aggregate}
}

type naive struct{ events []*event.Event } // newest first

func (n *naive) write(events []*event.Event) error {
	for _, e := range events {
		n.events = append(n.events, e.Clone())
	}
	slices.SortStableFunc(n.events, func(a, b *event.Event) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.ID, a.ID), cmp.Compare(b.Source, a.Source))
	})
	return nil
}

// matching calls visit for the events of a query, newest first, as long as it
// returns true.
func (n *naive) matching(q *query.Query, from, to int64, visit func(i int, row query.Row) bool) {
	m := query.NewMatcher(q.Where())
	for i, e := range n.events {
		row := query.EventRow{Event: e}
		if from <= e.Time && e.Time < to && m.Match(row) && !visit(i, row) {
			return
		}
	}
}

func (n *naive) search(ctx context.Context, q *query.Query, from, to int64) ([]*event.Event, error) {
	var found []*event.Event
	s := query.NewSearch(q, query.NewBudget(0, 0), func(ref uint64) bool {
		found = append(found, n.events[ref])
		return true
	})
	var err error
	n.matching(q, from, to, func(i int, row query.Row) bool {
		var more bool
		more, err = s.Add(row, uint64(i))
		return more && err == nil
	})
	if err != nil {
		return nil, err
	}
	return found, s.Close(ctx)
}

func (n *naive) aggregate(ctx context.Context, q *query.Query, from, to int64) (*query.Table, error) {
	x := query.NewExec(q, query.NewBudget(0, 0))
	var err error
	n.matching(q, from, to, func(_ int, row query.Row) bool {
		err = x.Add(row)
		return err == nil && x.More()
	})
	if err != nil {
		return nil, err
	}
	return x.Result(ctx)
}
