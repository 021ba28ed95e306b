package store

import (
	"context"
	"errors"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Aggregate implements [Store].
func (s *Columnar) Aggregate(ctx context.Context, r AggregateRequest) (*query.Table, Stats, error) {
	if !r.Query.IsAggregation() {
		return nil, Stats{}, errors.New("aggregate: the query gives events")
	}
	ctx, sc, err := s.begin(ctx, r.Query, "", r.From, r.To)
	if err != nil {
		return nil, Stats{}, err
	}
	budget := s.queries.Budget(s.cfg.QueryBytes, 0)
	defer func() { budget.Close() }()
	var exec *query.Exec
	if r.Query.Ordered() {
		exec, err = sc.inOrder(ctx, r.Query, budget)
	} else {
		exec, err = sc.inParallel(ctx, r.Query, budget, runtime.GOMAXPROCS(0))
		if _, over := errors.AsType[*query.LimitError](err); over && runtime.GOMAXPROCS(0) > 1 {
			// Each worker held groups of its own; one alone may have room for all.
			budget.Close()
			budget = s.queries.Budget(s.cfg.QueryBytes, 0)
			sc.again()
			exec, err = sc.inParallel(ctx, r.Query, budget, 1)
		}
	}
	var table *query.Table
	if err = sc.settle(ctx, err); err == nil {
		table, err = exec.Result(context.WithoutCancel(ctx))
		sc.stats.Notes = s.notes(r.Query, sc.stats.RowsMatched)
	}
	return table, sc.end("aggregate"), err
}

// again forgets what was counted of blocks, before all are looked at once more.
func (sc *scan) again() {
	clear(sc.seen)
	sc.stats.BlocksRead, sc.stats.RowsRead, sc.stats.RowsMatched = 0, 0, 0
}

// inOrder gives the rows to one execution, newest first.
func (sc *scan) inOrder(ctx context.Context, q *query.Query, budget *query.Budget) (*query.Exec, error) {
	exec := query.NewExec(q, budget)
	order := newest{scan: sc}
	var row blockRow
	at := int32(-1)
	err := order.each(ctx, 0, func(c candidate) (bool, error) {
		b := sc.snap.blocks[c.block]
		if c.block != at {
			at = c.block
			row.reset(b.Block)
		}
		row.row = int(c.row)
		sc.stats.RowsMatched++
		if err := exec.Add(&row); err != nil {
			return false, err
		}
		if row.err != nil {
			err := sc.damagedBlock(b, row.err)
			row.err = nil
			return err == nil, err
		}
		return exec.More(), nil
	})
	return exec, err
}

// inParallel gives the rows block by block to at most so many executions, which
// run at once, and merges them. Partial counts stay in the first execution when the time is over.
func (sc *scan) inParallel(ctx context.Context, q *query.Query, budget *query.Budget, workers int) (*query.Exec, error) {
	blocks := sc.snap.blocks
	sc.prepare(q.PipeFields())
	execs := make([]*query.Exec, max(1, min(len(blocks), workers)))
	errs := make([]error, len(execs))
	results := make([]blockResult, len(blocks))
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range execs {
		execs[w] = query.NewExec(q, budget)
		wg.Go(func() {
			c := counter{exec: execs[w], precount: newPrecount(q), vector: newVector(execs[w])}
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= len(blocks) {
					return
				}
				sc.ahead.within(i)
				results[i], errs[w] = sc.countBlock(ctx, blocks[i], &c)
			}
		})
	}
	wg.Wait()
	for i := range results {
		sc.count(blocks[i], &results[i].found)
		sc.stats.RowsMatched += results[i].matched
		if err := results[i].err; err != nil {
			if err := sc.damagedBlock(blocks[i], err); err != nil {
				return execs[0], err
			}
		}
	}
	err := firstError(errs)
	for _, x := range execs[1:] {
		if e := execs[0].Merge(x); e != nil {
			return execs[0], e
		}
	}
	return execs[0], err
}

// firstError returns the error that says most: one that is not a cancellation.
func firstError(errs []error) error {
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	return first
}

// blockResult is what one block gave to an aggregation.
type blockResult struct {
	found
	matched int64
}

// countBlock gives the matching rows of a block to an execution. The error ends
// the query; what concerns the block only is in the result.
func (sc *scan) countBlock(ctx context.Context, b blockRef, c *counter) (blockResult, error) {
	f := sc.find(ctx, b.Block, sc.from, sc.to)
	if f.err != nil && ctx.Err() != nil {
		return blockResult{}, f.err
	}
	if f.err != nil || f.rows == nil {
		return blockResult{found: f}, nil
	}
	r := blockResult{found: f, matched: int64(f.rows.count())}
	if sc.trace != nil {
		defer sc.trace.time(stageRows, time.Now())
	}
	err := c.block(ctx, b.Block, f.rows)
	if err == nil {
		r.err, c.row.err = c.row.err, nil
	}
	return r, err
}

// counter feeds the rows of blocks to one execution.
type counter struct {
	exec     *query.Exec
	precount *precount
	vector   *vector // nil where rows are added one by one
	row      blockRow
}

// block adds the rows of a block.
func (c *counter) block(ctx context.Context, b *segment.Block, rows bitmap) error {
	c.row.reset(b)
	done, err := c.precount.each(b, rows, func(row int, n int64) error {
		c.row.row = row
		return c.exec.AddN(&c.row, n)
	})
	if done || err != nil {
		return err
	}
	if c.vector != nil {
		if done, err := c.vector.add(ctx, b, rows, &c.row); done || err != nil {
			return err
		}
	}
	for i, w := range rows {
		if i%16 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for ; w != 0; w &= w - 1 {
			c.row.row = i<<6 + bits.TrailingZeros64(w)
			if err := c.exec.Add(&c.row); err != nil {
				return err
			}
		}
	}
	return nil
}
