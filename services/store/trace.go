package store

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// traceKey is the key of a trace in the context of a query.
type traceKey struct{}

// trace follows one query for [Columnar.Explain].
type trace struct {
	from, to int64
	parts    segment.Trace
	stop     func() // of parts
	seen     map[*segment.Block]outcome
	result   Explanation
	begun    time.Time
	prepared time.Duration
	spent    [stageCount]atomic.Int64 // nanoseconds
}

// outcome is what a query found in a block.
type outcome struct{ read, matched bool }

// stage is a part of the work that is timed.
type stage int

const (
	stageFilter stage = iota
	stageRows
	stageEvents
	stageCount
)

// traceOf returns the trace that a query is to be followed with, nil without one.
func traceOf(ctx context.Context) *trace {
	t, _ := ctx.Value(traceKey{}).(*trace)
	return t
}

// time adds what has passed since a moment to a stage. It is called with defer; a
// nil trace does nothing.
func (t *trace) time(s stage, since time.Time) {
	if t != nil {
		t.spent[s].Add(int64(time.Since(since)))
	}
}

// start begins to follow a scan whose snapshot was taken.
func (t *trace) start(sc *scan) {
	if t == nil {
		return
	}
	t.from, t.to, t.begun = sc.from, sc.to, sc.begin
	t.seen = map[*segment.Block]outcome{}
	blocks := make([]*segment.Block, len(sc.snap.blocks))
	for i, b := range sc.snap.blocks {
		blocks[i] = b.Block
	}
	t.stop = sc.store.cache.Trace(&t.parts, blocks)
	t.prepared = time.Since(t.begun)
}

// look notes what a query found in a block.
func (t *trace) look(b *segment.Block, f *found) {
	if t != nil {
		t.seen[b] = outcome{f.read, f.rows != nil}
	}
}

// finish says what was read, before the snapshot is released.
func (t *trace) finish(sc *scan) {
	if t == nil {
		return
	}
	t.stop()
	tally := skips{byReason: map[string]*Skipped{}}
	t.outside(sc, &tally)
	x := &t.result
	looked, matched := map[*segmentFile]bool{}, map[*segmentFile]bool{}
	for _, b := range sc.snap.blocks {
		o, visited := t.seen[b.Block]
		rows := int64(b.Rows())
		if b.segment == nil {
			x.Memory.Blocks++
			x.Memory.Rows += rows
		}
		switch {
		case o.read:
			x.Blocks.Looked++
			x.Blocks.RowsInUse += rows
			if b.segment == nil {
				x.Memory.Looked++
			} else {
				looked[b.segment] = true
			}
		case sc.bad[b.Block]:
			tally.add(skipDamaged, false, rows)
			continue
		case !visited:
			tally.add(skipNeedless, false, rows)
			continue
		default:
			tally.add(ruledOut(b, sc.expr), false, rows)
			continue
		}
		if !o.matched {
			tally.add(noRow(b.Block, sc.expr), true, rows)
			continue
		}
		x.Blocks.Matched++
		if b.segment != nil {
			matched[b.segment] = true
		}
	}
	x.Segments.Looked, x.Segments.Matched = len(looked), len(matched)
	x.Skipped = tally.list()
}

// outside counts what the snapshot left out, and all there is.
func (t *trace) outside(sc *scan, tally *skips) {
	inRange := map[*segmentFile]int{}
	for _, b := range sc.snap.blocks {
		if b.segment != nil {
			inRange[b.segment]++
		}
	}
	x, s := &t.result, sc.store
	s.mu.Lock()
	defer s.mu.Unlock()
	x.Memory.Applied, x.Memory.Written = s.applied, max(s.written, s.applied)
	for _, f := range s.segments {
		x.Segments.All++
		x.Segments.RowsAll += f.info.Rows
		x.Blocks.All += len(f.blocks)
		x.Blocks.RowsAll += f.info.Rows
		if may, _ := mayHold(sc.expr, f.info.Stream); !may {
			tally.segment(skipStream, len(f.blocks), f.info.Rows)
			continue
		}
		if f.info.Rows > 0 && (f.info.MinT >= sc.to || f.info.MaxT < sc.from) {
			tally.segment(skipTime, len(f.blocks), f.info.Rows)
			continue
		}
		for _, b := range f.blocks {
			if lo, hi := b.Bounds(); hi < sc.from || lo >= sc.to {
				tally.add(skipTime, false, int64(b.Rows()))
			}
		}
	}
	for _, h := range s.head.streams {
		may, _ := mayHold(sc.expr, h.name)
		for _, b := range h.all() {
			x.Blocks.All++
			x.Blocks.RowsAll += int64(b.Rows())
			lo, hi := b.Bounds()
			switch {
			case !may:
				tally.add(skipStream, false, int64(b.Rows()))
			case hi < sc.from || lo >= sc.to:
				tally.add(skipTime, false, int64(b.Rows()))
			}
		}
	}
}

// all returns the blocks of a stream in memory. The caller holds Columnar.mu.
func (h *streamHead) all() []*segment.Block {
	var all []*segment.Block
	for _, b := range h.blocks {
		all = append(all, b.block)
	}
	if b := h.openBlock(); b != nil {
		all = append(all, b)
	}
	return all
}

// stages returns how long the parts of the work took.
func (t *trace) stages(whole time.Duration) []Stage {
	return []Stage{
		{"snapshot", t.prepared},
		{"filter", time.Duration(t.spent[stageFilter].Load())},
		{"rows", time.Duration(t.spent[stageRows].Load())},
		{"events", time.Duration(t.spent[stageEvents].Load())},
		{"elapsed", whole},
	}
}

// skips adds up why blocks were skipped.
type skips struct{ byReason map[string]*Skipped }

func (s *skips) of(reason string) *Skipped {
	if s.byReason[reason] == nil {
		s.byReason[reason] = &Skipped{Reason: reason}
	}
	return s.byReason[reason]
}

func (s *skips) add(reason string, read bool, rows int64) {
	x := s.of(reason)
	x.Blocks++
	x.Rows += rows
	x.Read = read
}

func (s *skips) segment(reason string, blocks int, rows int64) {
	x := s.of(reason)
	x.Segments++
	x.Blocks += blocks
	x.Rows += rows
}

// list returns the reasons, those of the most blocks first.
func (s *skips) list() []Skipped {
	var all []Skipped
	for _, x := range s.byReason {
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b Skipped) int {
		return cmp.Or(cmp.Compare(b.Blocks, a.Blocks), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}
