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
func (s *Columnar) Tail(ctx context.Context, q *query.Query, yield func(e *event.Event, missed int) error) error {
	t := tail{store: s, expr: q.Where(), keep: q.Keep(), yield: yield}
	s.mu.Lock()
	t.next = s.head.seq + int64(s.head.open.Rows())
	changed := s.changed
	s.mu.Unlock()
	pause := time.NewTicker(tailPause)
	defer pause.Stop()
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
		changed = s.changed
		s.mu.Unlock()
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
	store  *Columnar
	expr   query.Expr
	keep   []event.Key
	yield  func(*event.Event, int) error
	next   int64 // number of the first row that was not looked at
	missed int64
	event  event.Event
}

// read looks at all rows that were written since the last time.
func (t *tail) read(ctx context.Context) error {
	snap, err := t.store.snapshot(math.MinInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	defer snap.release()
	for _, b := range snap.blocks {
		end := b.seq + int64(b.Rows())
		if b.seq < 0 || end <= t.next {
			continue
		}
		if b.seq > t.next {
			t.missed += b.seq - t.next
			t.next = b.seq
		}
		if err := t.block(ctx, snap, b); err != nil {
			return err
		}
		t.next = end
	}
	if t.next < snap.endSeq { // deleted or merged away before they were seen
		t.missed += snap.endSeq - t.next
		t.next = snap.endSeq
	}
	return nil
}

// block hands out the matching rows of a block from t.next on.
func (t *tail) block(ctx context.Context, snap *snapshot, b blockRef) error {
	sc := scan{store: t.store, snap: snap, expr: t.expr, bad: map[*segment.Block]bool{}}
	among := fullBitmap(b.Rows())
	for i := range int(t.next - b.seq) {
		among.unset(i)
	}
	f := filter{ctx: ctx, block: b.Block}
	rows, err := f.match(t.expr, among)
	if err != nil {
		return sc.damagedBlock(b, err)
	}
	if rows.empty() {
		return nil
	}
	open, err := b.OpenRows(t.keep)
	if err != nil {
		return sc.damagedBlock(b, err)
	}
	rows.each(func(row int) bool {
		if err = ctx.Err(); err != nil {
			return false
		}
		if err = open.Event(row, &t.event); err != nil {
			err = sc.damagedBlock(b, err)
			return err == nil
		}
		err = t.yield(&t.event, int(t.missed))
		t.missed = 0
		return err == nil
	})
	return err
}
