package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// scan is one query at work on a snapshot.
type scan struct {
	store    *Columnar
	snap     *snapshot
	expr     query.Expr
	from, to int64 // from <= @timestamp < to
	stats    Stats
	bytes    int64 // read by all before
	begin    time.Time
	limit    *time.Timer
	progress atomic.Int64            // events handed out
	waiting  atomic.Bool             // for the caller to take an event
	seen     map[*segment.Block]bool // blocks counted already
	bad      map[*segment.Block]bool
	ahead    *lookahead // nil where blocks are looked at one by one
	trace    *trace     // nil unless the query is explained
}

// errTimeLimit ends a query that takes longer than Config.QueryTime.
var errTimeLimit = errors.New("time limit of the query")

// begin prepares a query of the streams that are not reserved, or of a reserved
// one. The context that comes back ends with the time limit.
func (s *Columnar) begin(ctx context.Context, q *query.Query, reserved string, from, to time.Time) (context.Context, *scan, error) {
	lo, hi := nanosOf(from, math.MinInt64), nanosOf(to, math.MaxInt64)
	where := q.Where()
	f, t := query.TimeRange(where)
	lo, hi = max(lo, f), min(hi, t)
	snap, err := s.snapshot(where, reserved, lo, hi)
	if err != nil {
		return nil, nil, err
	}
	sc := &scan{
		store: s, snap: snap, expr: where, from: lo, to: hi, bytes: s.cache.BytesRead(), begin: time.Now(),
		seen: map[*segment.Block]bool{}, bad: map[*segment.Block]bool{},
	}
	sc.trace = traceOf(ctx)
	sc.trace.start(sc)
	sc.stats.Segments, sc.stats.Blocks = len(snap.segments), len(snap.blocks)
	if snap.damaged > 0 {
		sc.stats.BlocksDamaged = snap.damaged
		sc.stats.Partial = append(sc.stats.Partial, fmt.Sprintf("%d damaged blocks or segments in the time range cannot be read", snap.damaged))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	sc.watch(func() { cancel(errTimeLimit) })
	return ctx, sc, nil
}

// watch calls cancel once the time of a query has passed without an event being
// handed out. Time that the caller takes does not count.
func (sc *scan) watch(cancel func()) {
	last := int64(0)
	sc.limit = time.AfterFunc(math.MaxInt64, func() {
		if now := sc.progress.Load(); now != last || sc.waiting.Load() {
			last = now
			sc.limit.Reset(sc.store.cfg.QueryTime)
			return
		}
		cancel()
	})
	sc.limit.Reset(sc.store.cfg.QueryTime)
}

func nanosOf(t time.Time, none int64) int64 {
	switch {
	case t.IsZero():
		return none
	case t.Year() < 1678:
		return math.MinInt64
	case t.Year() > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// end releases the snapshot and returns what the query read.
func (sc *scan) end(kind string) Stats {
	sc.limit.Stop()
	sc.trace.finish(sc)
	sc.snap.release()
	sc.stats.BytesRead = sc.store.cache.BytesRead() - sc.bytes
	sc.stats.Duration = time.Since(sc.begin)
	sc.store.metrics.query(kind, &sc.stats)
	return sc.stats
}

// settle turns an error that only makes the answer partial into a note.
func (sc *scan) settle(ctx context.Context, err error) error {
	if err == nil || !errors.Is(err, context.Canceled) || !errors.Is(context.Cause(ctx), errTimeLimit) {
		return err
	}
	sc.stats.Partial = append(sc.stats.Partial, fmt.Sprintf("the time limit of %v was reached", sc.store.cfg.QueryTime))
	return nil
}

// damagedBlock notes that a block cannot be read, and returns err if it is about
// something else.
func (sc *scan) damagedBlock(b blockRef, err error) error {
	if !segment.IsDamaged(err) {
		return err
	}
	if sc.bad[b.Block] {
		return nil
	}
	sc.bad[b.Block] = true
	name, news := "memory", true
	if b.segment != nil {
		name = "segment " + segmentName(b.segment.id)
		news = sc.store.fault(b.segment, b.number)
	}
	sc.stats.BlocksDamaged++
	sc.stats.Partial = append(sc.stats.Partial, fmt.Sprintf("%s block %d is damaged", name, b.number))
	if !news {
		return nil
	}
	sc.store.metrics.damaged.Inc()
	sc.store.cfg.Log.Error("block is damaged", "where", name, "block", b.number, "err", err)
	return nil
}

// found is what one block answers to a filter.
type found struct {
	rows bitmap // nil if no row matches
	read bool   // the block could not be ruled out
	err  error
}

// find returns the rows of a block that match and have a time from <= t < to.
func (sc *scan) find(ctx context.Context, b *segment.Block, from, to int64) found {
	if err := ctx.Err(); err != nil {
		return found{err: err}
	}
	if sc.trace != nil {
		defer sc.trace.time(stageFilter, time.Now())
	}
	if lo, hi := b.Bounds(); hi < from || lo >= to {
		return found{}
	}
	if ok, err := sc.ahead.mayMatch(b, sc.expr); !ok || err != nil {
		return found{err: err}
	}
	among, err := inTime(b, from, to)
	if err != nil {
		return found{err: err, read: true}
	}
	f := filter{ctx: ctx, block: b}
	rows, err := f.match(sc.expr, among)
	if err != nil || rows.empty() {
		rows = nil
	}
	return found{rows, true, err}
}

// findAll answers for several blocks at once, on all cores.
func (sc *scan) findAll(ctx context.Context, blocks []blockRef, from, to int64) []found {
	out := make([]found, len(blocks))
	parallel(len(blocks), func(i int) { out[i] = sc.find(ctx, blocks[i].Block, from, to) })
	return out
}

// count adds what a block answered to the statistics.
func (sc *scan) count(b blockRef, f *found) {
	if sc.seen[b.Block] {
		return
	}
	sc.seen[b.Block] = true
	sc.trace.look(b.Block, f)
	if f.read {
		sc.stats.BlocksRead++
		sc.stats.RowsRead += int64(b.Rows())
	}
}

// parallel calls f for 0 <= i < n on all cores and returns when all are done.
func parallel(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for range workers {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n {
					return
				}
				f(i)
			}
		})
	}
	wg.Wait()
}
