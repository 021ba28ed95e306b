package store

import (
	"context"
	"math"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// tailPause is how often a tail looks for more at most, so that many small
// writes cost a reader no more than few large ones.
const tailPause = 100 * time.Millisecond

// Tail implements [Store]. It reads what was written since the call from the
// head, or from the segments that it became; nothing is buffered for a slow
// reader. Of the query the filter and leading where are used.
func (s *Columnar) Tail(q *query.Query) Follow {
	t := tail{store: s, expr: q.Where(), keep: q.Keep(), next: map[string]int64{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.head.streams {
		t.next[h.name] = h.endSeq()
	}
	t.changed = s.changed
	return t.follow
}

// follow is a [Follow].
func (t *tail) follow(ctx context.Context, yield func(e *event.Event, missed int) error) error {
	t.yield = yield
	pause := time.NewTicker(tailPause)
	defer pause.Stop()
	for {
		select {
		case <-t.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		t.store.mu.Lock()
		t.changed = t.store.changed
		t.store.mu.Unlock()
		if err := t.read(ctx); err != nil {
			return err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tail is one call of Tail.
type tail struct {
	store   *Columnar
	expr    query.Expr
	keep    []event.Key
	yield   func(*event.Event, int) error
	next    map[string]int64 // of each stream, the number of the first row that was not looked at
	changed <-chan struct{}  // closed when something was written
	missed  int64
	event   event.Event
}

// read looks at all rows that were written since the last time, those of all
// streams in the order of the queue.
func (t *tail) read(ctx context.Context) error {
	snap, err := t.store.snapshot(t.expr, "", math.MinInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	defer snap.release()
	sc := &scan{store: t.store, snap: snap, expr: t.expr, bad: map[*segment.Block]bool{}}
	streams := map[string]*follower{}
	var open []*follower
	for _, b := range snap.blocks {
		f := streams[b.stream]
		if f == nil {
			f = &follower{tail: t, scan: sc, next: max(firstSeq, t.next[b.stream])}
			streams[b.stream] = f
			open = append(open, f)
		}
		f.blocks = append(f.blocks, b)
	}
	if err := t.merge(ctx, open); err != nil {
		return err
	}
	for stream, end := range snap.endSeq {
		from := max(firstSeq, t.next[stream])
		if f := streams[stream]; f != nil {
			from = f.next
		}
		if isSeen(t.expr, stream, "") {
			t.missed += end - from // deleted or merged away before they were seen
		}
		t.next[stream] = end
	}
	return nil
}

// merge hands out the rows of several streams in the order of the queue.
func (t *tail) merge(ctx context.Context, open []*follower) error {
	for i := 0; i < len(open); {
		ok, err := open[i].advance(ctx)
		if err != nil {
			return err
		}
		if ok {
			i++
		} else {
			open = append(open[:i], open[i+1:]...)
		}
	}
	for len(open) > 0 {
		first := 0
		for i := range open {
			if open[i].before(open[first]) {
				first = i
			}
		}
		if err := open[first].handOut(ctx); err != nil {
			return err
		}
		ok, err := open[first].advance(ctx)
		if err != nil {
			return err
		}
		if !ok {
			open = append(open[:first], open[first+1:]...)
		}
	}
	return nil
}

// follower goes through the matching rows of one stream.
type follower struct {
	tail   *tail
	scan   *scan
	blocks []blockRef // still to be looked at, the first one is open
	next   int64      // number of the first row behind the open block

	rows    *segment.Rows // of the open block, nil if none is
	found   []int         // its rows that are still to be handed out
	offsets []uint64
}

// advance moves to the next matching row and reports whether there is one.
func (f *follower) advance(ctx context.Context) (bool, error) {
	if len(f.found) > 0 {
		f.found = f.found[1:]
	}
	for len(f.found) == 0 {
		if f.rows != nil {
			f.rows, f.blocks = nil, f.blocks[1:]
		}
		if len(f.blocks) == 0 {
			return false, nil
		}
		if err := f.open(ctx); err != nil {
			return false, err
		}
		if f.rows == nil {
			f.blocks = f.blocks[1:]
		}
	}
	return true, nil
}

// open finds the rows of the next block that match and were not looked at.
func (f *follower) open(ctx context.Context) error {
	b := f.blocks[0]
	end := b.seq + int64(b.Rows())
	if b.seq < 0 || end <= f.next {
		return nil
	}
	if b.seq > f.next {
		f.tail.missed += b.seq - f.next
		f.next = b.seq
	}
	among := fullBitmap(b.Rows())
	for i := range int(f.next - b.seq) {
		among.unset(i)
	}
	f.next = end
	match := filter{ctx: ctx, block: b.Block}
	rows, err := match.match(f.tail.expr, among)
	if err == nil && !rows.empty() {
		f.offsets, err = b.Offsets()
	}
	if err == nil && !rows.empty() {
		f.rows, err = b.OpenRows(f.tail.keep)
	}
	if err != nil {
		f.rows = nil
		return f.scan.damagedBlock(b, err)
	}
	f.found = f.found[:0]
	rows.each(func(row int) bool {
		f.found = append(f.found, row)
		return true
	})
	return nil
}

// before tells whether the next row of a stream comes before that of another: by
// the offset of the queue, and a finding behind its event.
func (f *follower) before(o *follower) bool {
	a, b := f.offset(), o.offset()
	if a != b {
		return a < b
	}
	return f != o && o.derived() && !f.derived()
}

func (f *follower) offset() uint64 {
	if f.offsets == nil || f.offsets[f.found[0]] == segment.NoOffset {
		return 0
	}
	return f.offsets[f.found[0]]
}

func (f *follower) derived() bool {
	row := blockRow{block: f.blocks[0].Block, row: f.found[0]}
	v := row.AppendValues(nil, event.EventDataset)
	return len(v) > 0 && v[0].Text() == derivedDataset
}

// handOut gives the next row to the reader.
func (f *follower) handOut(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := f.tail
	if err := f.rows.Event(f.found[0], &t.event); err != nil {
		return f.scan.damagedBlock(f.blocks[0], err)
	}
	err := t.yield(&t.event, int(t.missed))
	t.missed = 0
	return err
}
