package store

import (
	"context"
	"io"
	"time"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

const (
	scrubRate  = 8 << 20 // bytes that a scrub reads in a second, at most
	scrubLook  = time.Minute
	scrubBurst = 1 << 20
)

// scrub reads every segment through once in Config.ScrubEvery, until ctx ends:
// damage in what nobody asks for would else be found when the queue has long
// forgotten its records. When a segment was read is not kept, so that those that
// are older are read after each start. What it finds goes the way of what queries find, see
// [Columnar.Mend].
func (s *Columnar) scrub(ctx context.Context) {
	tick := time.NewTicker(min(scrubLook, s.cfg.ScrubEvery))
	defer tick.Stop()
	for {
		select { // the start comes first
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.scrubDue(ctx)
	}
}

// scrubDue reads the segments through that are due.
func (s *Columnar) scrubDue(ctx context.Context) {
	for ctx.Err() == nil {
		f := s.nextUnscrubbed()
		if f == nil {
			return
		}
		s.scrubSegment(ctx, f)
		f.release()
	}
}

// nextUnscrubbed holds and returns the segment that has waited longest of those
// that are due, nil if there is none.
func (s *Columnar) nextUnscrubbed() *segmentFile {
	due := s.cfg.Now().Add(-s.cfg.ScrubEvery).UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest *segmentFile
	for _, f := range s.segments {
		at := f.checked()
		if f.file == nil || f.damaged > 0 || len(f.faulty) > 0 || at > due {
			continue // it cannot be read, or is known to be damaged
		}
		if oldest == nil || at < oldest.checked() {
			oldest = f
		}
	}
	if oldest != nil {
		oldest.refs.Add(1)
	}
	return oldest
}

// checked is when all of a segment was read last: as it was written, at first. The
// caller holds the mu of its store.
func (f *segmentFile) checked() int64 { return max(f.scrubbed, f.info.Written) }

// scrubSegment reads a segment through. One that cannot be read says nothing of
// its content.
func (s *Columnar) scrubSegment(ctx context.Context, f *segmentFile) {
	src := &slowReader{ctx: ctx, src: f.content, rate: scrubRate}
	var found []segment.Fault
	segment.Verify(src, f.size, func(x segment.Fault) {
		if segment.IsDamaged(x.Err) {
			found = append(found, x)
		}
	})
	if ctx.Err() != nil {
		return
	}
	now := s.cfg.Now().UnixNano()
	s.mu.Lock()
	f.scrubbed = now
	s.mu.Unlock()
	s.metrics.scrubbed.Inc()
	for _, x := range found {
		if s.fault(f, x.Block) {
			s.metrics.damaged.Inc()
			s.cfg.Log.Error("damaged block found", "segment", segmentName(f.id), "stream", f.info.Stream, "block", x.Block, "column", x.Column, "err", x.Err)
		}
	}
}

// slowReader reads at a bounded rate, in bursts, until ctx ends.
type slowReader struct {
	ctx  context.Context
	src  io.ReaderAt
	rate int // bytes in a second
	debt int // bytes that were read and not waited for
}

// ReadAt implements [io.ReaderAt].
func (r *slowReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.src.ReadAt(p, off)
	if r.debt += n; r.debt < scrubBurst {
		return n, err
	}
	wait := time.NewTimer(time.Duration(r.debt) * time.Second / time.Duration(r.rate))
	defer wait.Stop()
	r.debt = 0
	select {
	case <-wait.C:
		return n, err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}
