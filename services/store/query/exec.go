package query

import (
	"context"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Table is the answer of an aggregation. A missing value is the zero Value.
// Without a sort its rows are ordered by the columns they are grouped by.
type Table struct {
	Columns []string
	Rows    [][]event.Value
}

// Exec runs the pipes of an aggregation over rows that match [Query.Where]. An
// Exec is used by one goroutine; several work on parts of the rows and are then
// merged, unless the query is [Query.Ordered]. After an error it is of no use.
type Exec struct {
	first   stage
	group   *grouping // of the first stats or top
	answer  *tableSink
	more    bool
	ordered bool
}

// NewExec prepares an aggregation (see [Query.IsAggregation]; it panics for a
// search). The executions of one answer share the budget.
func NewExec(q *Query, b *Budget) *Exec {
	if !q.IsAggregation() {
		panic("query: NewExec of a search")
	}
	sink := &tableSink{budget: b, columns: columnsOf(q.Pipes)}
	x := &Exec{answer: sink, more: true, ordered: q.Ordered()}
	c := chain{budget: b, group: func(g *grouping) { x.group = g }}
	pipes := append(slices.Clip(q.events()), q.Pipes[q.aggregation():]...)
	x.first = c.build(pipes, sink)
	return x
}

// Add takes one row. The row may change after the call.
func (x *Exec) Add(row Row) error { return x.AddN(row, 1) }

// AddN takes a row as if it came n times, for back ends that count equal rows
// first. With n other than 1 the query must not be [Query.Ordered].
func (x *Exec) AddN(row Row, n int64) error {
	more, err := x.first.push(row, n, 0)
	x.more = x.more && more
	return err
}

// More tells whether further rows can change the answer.
func (x *Exec) More() bool { return x.more }

// Merge takes over what another execution of the same query has counted. The
// other is then of no use. It panics for a query that is [Query.Ordered].
func (x *Exec) Merge(o *Exec) error {
	if x.ordered {
		panic("query: Merge of an ordered query")
	}
	return x.group.merge(o.group)
}

// Result ends the execution and returns its answer. It ends with the error of
// the context if that is cancelled.
func (x *Exec) Result(ctx context.Context) (*Table, error) {
	if err := x.first.close(ctx); err != nil {
		return nil, err
	}
	t := &Table{Rows: x.answer.rows}
	for _, k := range x.answer.columns {
		t.Columns = append(t.Columns, k.String())
	}
	return t, nil
}

// Search runs the pipes of a query that returns events over those that match
// [Query.Where]. It is used by one goroutine. After an error it is of no use.
type Search struct {
	first  stage
	sorted bool
}

// NewSearch prepares a search; it panics for an aggregation. emit is called for
// each event of the answer, in order, with the reference that the event was
// added with: during Add while nothing is sorted, else during Close. It returns
// false to end the search.
func NewSearch(q *Query, b *Budget, emit func(ref uint64) bool) *Search {
	if q.IsAggregation() {
		panic("query: NewSearch of an aggregation")
	}
	c := chain{budget: b}
	s := &Search{first: c.build(q.events(), emitSink(emit))}
	s.sorted = slices.ContainsFunc(q.Pipes, func(p Pipe) bool { _, ok := p.(*Sort); return ok })
	return s
}

// Sorted tells whether events are emitted only in Close, so that references
// must stay good until then.
func (s *Search) Sorted() bool { return s.sorted }

// Add takes an event; events come newest first. It returns false when no
// further event can change the answer.
func (s *Search) Add(row Row, ref uint64) (more bool, err error) {
	return s.first.push(row, 1, ref)
}

// Close ends the search and emits what was held back.
func (s *Search) Close(ctx context.Context) error { return s.first.close(ctx) }

// emitSink is the end of the stages of a search.
type emitSink func(ref uint64) bool

func (s emitSink) push(_ Row, _ int64, ref uint64) (bool, error) { return s(ref), nil }

func (s emitSink) close(context.Context) error { return nil }

// tableSink is the end of the stages of an aggregation.
type tableSink struct {
	columns []event.Key
	rows    [][]event.Value
	budget  *Budget
	buf     []event.Value
}

func (s *tableSink) push(row Row, _ int64, _ uint64) (bool, error) {
	values := make([]event.Value, len(s.columns))
	for i, k := range s.columns {
		if s.buf = row.AppendValues(s.buf[:0], k); len(s.buf) > 0 {
			values[i] = s.buf[0]
		}
	}
	s.rows = append(s.rows, values)
	return true, s.budget.take(int64(32*len(values)) + 24)
}

func (s *tableSink) close(context.Context) error { return nil }

// groupStage groups rows and passes on a row for each group when closed.
type groupStage struct {
	*grouping
	columns []event.Key
	sorted  bool // by the groups
	next    stage
}

func (s *groupStage) push(row Row, n int64, _ uint64) (bool, error) { return true, s.add(row, n) }

func (s *groupStage) close(ctx context.Context) error {
	if len(s.stats.By) == 0 && s.ids.size() == 0 {
		if _, err := s.find(nil); err != nil {
			return err
		}
	}
	n, width := s.ids.size(), len(s.columns)
	if err := s.take(int64(n * (24 + 32*width))); err != nil {
		return err
	}
	rows := make([][]event.Value, n)
	all := make([]event.Value, 0, n*width)
	for i := range rows {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		all = s.row(all, i)
		rows[i] = all[len(all)-width : len(all) : len(all)]
	}
	if s.sorted {
		sortRows(rows, len(s.stats.By))
	}
	if sink, ok := s.next.(*tableSink); ok && slices.EqualFunc(s.columns, sink.columns, event.Key.Is) {
		sink.rows = rows
		return nil
	}
	row := tuple{keys: s.columns}
	for i, values := range rows {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row.values = values
		more, err := s.next.push(&row, 1, 0)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return s.next.close(ctx)
}
