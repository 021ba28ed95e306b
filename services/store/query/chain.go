package query

import (
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// chain makes the stages of pipes.
type chain struct {
	budget *Budget
	group  func(*grouping) // is told each grouping, the last first
}

// build returns the first stage of pipes that end in sink.
func (c *chain) build(pipes []Pipe, sink stage) stage { return c.from(pipes, sink, nil, nil) }

// from builds stages from the front. columns are those of the rows, nil for
// events. tie are the columns that make an order by other columns complete.
func (c *chain) from(pipes []Pipe, sink stage, columns, tie []event.Key) stage {
	if len(pipes) == 0 {
		return sink
	}
	rest := pipes[1:]
	switch p := pipes[0].(type) {
	case *Where:
		return &whereStage{matcher: NewMatcher(p.Expr), next: c.from(rest, sink, columns, tie)}
	case *Limit:
		return &limitStage{left: p.N, next: c.from(rest, sink, columns, nil)}
	case *Keep:
		return c.from(rest, sink, columns, tie)
	case *Dedup:
		return newDedup(p.Fields, 1, c.budget, c.from(rest, sink, columns, nil))
	case *Sort:
		s := &sortStage{keys: slices.Clone(p.Keys), limit: limitOf(rest), carry: columns, budget: c.budget}
		for _, k := range tie {
			s.keys = append(s.keys, SortKey{Field: k})
		}
		if columns == nil {
			s.carry = eventFields(rest)
		}
		s.next = c.from(rest, sink, columns, nil)
		return s
	case *Stats:
		return c.aggregate(p, rest, sink)
	case *Top:
		return c.top(p, rest, sink)
	}
	panic("query: unknown pipe")
}

func (c *chain) aggregate(p *Stats, rest []Pipe, sink stage) stage {
	g := newGrouping(p, c.budget)
	columns := outputOf(p)
	by := columns[:len(p.By)]
	s := &groupStage{grouping: g, columns: columns, sorted: !sortFollows(rest)}
	s.next = c.from(rest, sink, columns, by)
	if c.group != nil {
		c.group(g)
	}
	return s
}

// top is stats, a sort, and the first rows of each group of By.
func (c *chain) top(p *Top, rest []Pipe, sink stage) stage {
	stats := &Stats{Aggs: []Agg{{Name: "count", Func: Count}}}
	order := &Sort{}
	for _, k := range p.By {
		stats.By = append(stats.By, Group{Name: k.String(), Field: k})
		order.Keys = append(order.Keys, SortKey{Field: k})
	}
	stats.By = append(stats.By, Group{Name: p.Field.String(), Field: p.Field})
	order.Keys = append(order.Keys, SortKey{Field: event.Intern("count"), Desc: !p.Rare}, SortKey{Field: p.Field})
	columns := outputOf(stats)
	tail := newDedup(p.By, p.N, c.budget, c.from(rest, sink, columns, nil))
	front := c.aggregate(stats, []Pipe{order}, nil).(*groupStage)
	front.next.(*sortStage).next = tail
	if len(p.By) == 0 {
		front.next.(*sortStage).limit = p.N
	}
	exists := NewMatcher(&Match{p.Field, Exists{}})
	return &whereStage{matcher: exists, next: front}
}

// limitOf returns the limit that directly follows, -1 where none does.
func limitOf(pipes []Pipe) int {
	for _, p := range pipes {
		switch p := p.(type) {
		case *Keep:
			continue
		case *Limit:
			return p.N
		}
		return -1
	}
	return -1
}

// sortFollows tells whether rows are sorted before their order matters.
func sortFollows(pipes []Pipe) bool {
	for _, p := range pipes {
		switch p.(type) {
		case *Keep, *Where:
			continue
		case *Sort:
			return true
		}
		return false
	}
	return false
}

// eventFields returns the keys of events that pipes read.
func eventFields(pipes []Pipe) []event.Key {
	q := Query{Pipes: append([]Pipe{&Limit{}}, pipes...)} // no pipe counts as leading
	return q.PipeFields()
}

func outputOf(p *Stats) []event.Key {
	var keys []event.Key
	for i := range p.By {
		keys = append(keys, event.Intern(p.By[i].Name))
	}
	for i := range p.Aggs {
		keys = append(keys, event.Intern(p.Aggs[i].Name))
	}
	return keys
}

// columnsOf returns the columns of the answer of an aggregation.
func columnsOf(pipes []Pipe) []event.Key {
	for _, p := range slices.Backward(pipes) {
		switch p := p.(type) {
		case *Keep:
			return p.Fields
		case *Stats:
			return outputOf(p)
		case *Top:
			return append(append(slices.Clone(p.By), p.Field), event.Intern("count"))
		}
	}
	return nil
}
