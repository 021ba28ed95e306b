package query

import (
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TimeRange returns times [from, to) in Unix nanoseconds outside of which no
// event matches an expression, as far as its conditions on @timestamp tell. It
// is [math.MinInt64, math.MaxInt64] where they don't; from >= to where nothing
// can match.
func TimeRange(e Expr) (from, to int64) {
	switch e := e.(type) {
	case *And:
		from, to = minTime, maxTime
		for _, x := range e.Exprs {
			f, t := TimeRange(x)
			from, to = max(from, f), min(to, t)
		}
		return from, to
	case *Or:
		from, to = maxTime, minTime
		for _, x := range e.Exprs {
			if f, t := TimeRange(x); f < t {
				from, to = min(from, f), max(to, t)
			}
		}
		return from, to
	case *Match:
		return leafRange(e)
	case Const:
		if !e {
			return maxTime, minTime
		}
	}
	return minTime, maxTime
}

func leafRange(m *Match) (from, to int64) {
	if m.Field == event.Timestamp {
		switch op := m.Op.(type) {
		case *Range:
			if from, to, ok := op.Bounds(); ok {
				return from, to
			}
		case *Equal:
			if from, to, ok := op.Literal.Time(); ok {
				return from, to
			}
		}
	}
	return minTime, maxTime
}

// Required returns folded texts ([Fold]) that the folded text form of every
// value that matches the operation holds: what an accelerator for substrings is
// asked for. For [Equal] see Literal.Token.
func Required(op Op) []string {
	switch op := op.(type) {
	case *Contains:
		return []string{op.needle.folded}
	case *Glob:
		var all []string
		for i := range op.needles {
			if s := op.needles[i].folded; s != "" {
				all = append(all, s)
			}
		}
		return all
	case *Regex:
		return slices.Clone(op.required)
	}
	return nil
}

// ExprFields returns the keys that an expression looks at, each once.
func ExprFields(e Expr) []event.Key {
	var keys []event.Key
	Walk(e, func(m *Match, _ bool) { keys = addKeys(keys, m.Fields()...) })
	return keys
}

func addKeys(keys []event.Key, more ...event.Key) []event.Key {
	for _, k := range more {
		if k != (event.Key{}) && !slices.ContainsFunc(keys, k.Is) {
			keys = append(keys, k)
		}
	}
	return keys
}

// IsAggregation tells whether the query computes a table of columns rather than
// choosing events.
func (q *Query) IsAggregation() bool { return q.aggregation() < len(q.Pipes) }

// aggregation returns the index of the first pipe that computes a table, the
// number of pipes where there is none.
func (q *Query) aggregation() int {
	for i, p := range q.Pipes {
		switch p.(type) {
		case *Stats, *Top:
			return i
		}
	}
	return len(q.Pipes)
}

// Where returns the filter together with the conditions of leading where pipes:
// only events that match it can matter to the query. [Exec] and [Search] are to
// be given such events and do not test them again.
func (q *Query) Where() Expr {
	all := []Expr{q.Filter}
	for _, p := range q.Pipes {
		w, ok := p.(*Where)
		if !ok {
			break
		}
		all = append(all, w.Expr)
	}
	return simplify(&And{all})
}

// events returns the pipes that work on events, without the leading where.
func (q *Query) events() []Pipe {
	pipes := q.Pipes[:q.aggregation()]
	for len(pipes) > 0 {
		if _, ok := pipes[0].(*Where); !ok {
			break
		}
		pipes = pipes[1:]
	}
	return pipes
}

// Ordered tells whether the answer of an aggregation depends on the order of
// events, because a limit, sort or dedup comes before it. Such a query wants
// the events newest first, in one [Exec].
func (q *Query) Ordered() bool {
	for _, p := range q.events() {
		switch p.(type) {
		case *Where, *Keep:
		default:
			return true
		}
	}
	return false
}

// Keep returns the fields that the rows of a search are cut down to, in order,
// or nil for whole events.
func (q *Query) Keep() []event.Key {
	if q.IsAggregation() {
		return nil
	}
	for _, p := range slices.Backward(q.Pipes) {
		if k, ok := p.(*Keep); ok {
			return k.Fields
		}
	}
	return nil
}

// Fields returns every key that the query touches, or nil where it returns
// whole events. The key list of `stats count()` is empty, not nil.
func (q *Query) Fields() []event.Key {
	keep := q.Keep()
	if keep == nil && !q.IsAggregation() {
		return nil
	}
	keys := addKeys([]event.Key{}, ExprFields(q.Filter)...)
	for _, p := range q.Pipes[:q.aggregation()] {
		keys = addKeys(keys, pipeFields(p)...)
	}
	if i := q.aggregation(); i < len(q.Pipes) {
		keys = addKeys(keys, pipeFields(q.Pipes[i])...)
	}
	return keys
}

// PipeFields returns the keys that a query touches behind its filter and
// leading where: the columns that [Exec] or [Search] read from rows.
func (q *Query) PipeFields() []event.Key {
	var keys []event.Key
	for _, p := range q.events() {
		if _, ok := p.(*Keep); !ok {
			keys = addKeys(keys, pipeFields(p)...)
		}
	}
	if i := q.aggregation(); i < len(q.Pipes) {
		keys = addKeys(keys, pipeFields(q.Pipes[i])...)
	}
	return keys
}

func pipeFields(p Pipe) []event.Key {
	var keys []event.Key
	switch p := p.(type) {
	case *Stats:
		for _, g := range p.By {
			keys = addKeys(keys, g.Field)
		}
		for _, a := range p.Aggs {
			keys = addKeys(keys, a.Field)
		}
	case *Where:
		return ExprFields(p.Expr)
	case *Sort:
		for _, k := range p.Keys {
			keys = addKeys(keys, k.Field)
		}
	case *Keep:
		return p.Fields
	case *Dedup:
		return p.Fields
	case *Top:
		return append(slices.Clone(p.By), p.Field)
	}
	return keys
}
