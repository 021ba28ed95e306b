package store

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// ExplainRequest asks how a query is answered.
type ExplainRequest struct {
	Query    *query.Query
	From, To time.Time // From <= @timestamp < To; a zero time is no bound
	PageSize int       // of a query that gives events: how many are looked for; 0 has no bound
}

// Explanation says how a query was answered and what was read for it.
type Explanation struct {
	Plan     Plan
	Segments Places // of the whole store
	Blocks   Places
	Skipped  []Skipped // blocks, by reason, and segments where all blocks are
	Memory   Memory
	Parts    []segment.PartReads // directories and columns; about, while others ask the same blocks
	Stages   []Stage
	Stats    Stats
}

// Plan is a query as it is understood.
type Plan struct {
	Filter   string   // with the conditions of leading where pipes, simplified
	Pipes    []string // that come behind it
	From, To int64    // from <= @timestamp < to in Unix nanoseconds, conditions of the filter included; the extremes of int64 are no bounds
	Strategy string   // how rows are gone through
	Fields   []string // that pipes read, besides those of the filter
	Cores    int      // that blocks are worked on at a time
}

// Places counts segments or blocks.
type Places struct {
	All       int // in the store
	Looked    int // whose rows were looked at
	Matched   int // in which rows matched
	RowsAll   int64
	RowsInUse int64 // rows of those that were looked at
}

// Skipped says for how many segments and blocks something made it needless to look
// at rows, or, where Read is set, which columns were enough to know that no row
// matches.
type Skipped struct {
	Reason   string
	Segments int
	Blocks   int
	Rows     int64
	Read     bool
}

// Memory is the part of the store that is not in segments yet.
type Memory struct {
	Blocks  int   // in the time range
	Rows    int64 // of these blocks
	Looked  int   // blocks whose rows were looked at
	Applied uint64
	Written uint64 // queue offsets from Applied to Written are in memory only
}

// Stage is how long a part of the work took.
type Stage struct {
	Name string
	Time time.Duration // of all cores together
}

// Explain answers a query, drops the answer and says what was done for it. The
// query is run as [Columnar.Search] or [Columnar.Aggregate] run it, so it takes as
// long and is bounded alike.
func (s *Columnar) Explain(ctx context.Context, r ExplainRequest) (*Explanation, error) {
	t := &trace{}
	ctx = context.WithValue(ctx, traceKey{}, t)
	var stats Stats
	var err error
	if r.Query.IsAggregation() {
		_, stats, err = s.Aggregate(ctx, AggregateRequest{Query: r.Query, From: r.From, To: r.To})
	} else {
		var page Page
		page, err = s.Search(ctx, SearchRequest{Query: r.Query, From: r.From, To: r.To, PageSize: r.PageSize}, func(*event.Event) error { return nil })
		stats = page.Stats
	}
	if err != nil {
		return nil, err
	}
	x := &t.result
	x.Stats = stats
	x.Plan = planOf(r.Query, t.from, t.to)
	x.Stages = t.stages(stats.Duration)
	x.Parts = t.parts.Parts()
	return x, nil
}

// planOf describes a query.
func planOf(q *query.Query, from, to int64) Plan {
	p := Plan{Filter: q.Where().String(), From: from, To: to, Cores: runtime.GOMAXPROCS(0)}
	leading := true
	for _, pipe := range q.Pipes {
		if _, ok := pipe.(*query.Where); ok && leading {
			continue
		}
		leading = false
		p.Pipes = append(p.Pipes, pipe.String())
	}
	for _, k := range q.PipeFields() {
		p.Fields = append(p.Fields, k.String())
	}
	switch {
	case q.IsAggregation() && q.Ordered():
		p.Strategy = "rows newest first into one table"
	case q.IsAggregation():
		p.Strategy = "blocks in any order, a table for each core, merged"
	case isPlain(q):
		p.Strategy = "blocks newest first until the page is full"
	default:
		p.Strategy = "rows newest first through the pipes"
	}
	return p
}

// Unbounded tells whether a bound of [Plan] is none.
func Unbounded(ns int64) bool { return ns == math.MinInt64 || ns == math.MaxInt64 }
