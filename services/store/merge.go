package store

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Bounds of a merge.
const (
	mergeMin   = 4                     // segments that are merged at least
	mergeMax   = 16                    // segments that are merged at most
	mergeSpan  = int64(24 * time.Hour) // of the times of events in a merged segment, unless its parts have more or were written in more
	copiedRows = blockRows / 2         // rows from which on a block is copied as it is
	copiedSize = 1 << 20               // bytes from which on a block is copied as it is
)

// merge replaces a run of small segments by one. It reports whether it merged
// any. Writers and readers go on meanwhile.
func (s *Columnar) merge(ctx context.Context) (bool, error) {
	return s.mergeRun(ctx, func(segments []*segmentFile) []*segmentFile {
		return mergeable(segments, s.cfg.mergeLimits)
	})
}

// mergeRun merges the run that choose returns, nil for none.
func (s *Columnar) mergeRun(ctx context.Context, choose func(segments []*segmentFile) []*segmentFile) (bool, error) {
	s.manifests.Lock()
	defer s.manifests.Unlock()
	s.mu.Lock()
	run := choose(s.segments)
	id := s.nextID
	if run != nil {
		s.nextID++
	}
	s.mu.Unlock()
	if run == nil {
		return false, nil
	}
	f, err := s.writeSegment(id, joined(run), func(w *segment.Writer) error {
		m := merger{ctx: ctx, out: w, builder: segment.NewBuilder()}
		for _, f := range run {
			for _, b := range f.blocks {
				if err := m.add(b); err != nil {
					return fmt.Errorf("merge %s: %w", segmentName(f.id), err)
				}
			}
		}
		return m.flush()
	})
	if err != nil {
		return false, err
	}
	last := run[len(run)-1]
	f.since = run[0].since
	if f.seq = -1; last.seq >= 0 { // older rows get the numbers before
		f.seq = last.seq + last.info.Rows - f.info.Rows
	}
	if err := s.replace(run, []*segmentFile{f}, 0, "merge"); err != nil {
		f.drop()
		return false, err
	}
	s.metrics.merges.Inc()
	return true, nil
}

// mergeable returns the run of neighbours in a stream that is worth a merge most,
// nil if there is none.
func mergeable(segments []*segmentFile, limits func(stream string) (most, span int64)) []*segmentFile {
	var best []*segmentFile
	bestMean := int64(math.MaxInt64)
	for name, stream := range byStream(segments) {
		most, span := limits(name)
		if run, mean := mergeableIn(stream, most, span); run != nil && mean < bestMean {
			best, bestMean = run, mean
		}
	}
	return best
}

// A segment is deleted as a whole, so it must not be most of what is kept: that
// is about so many segments at least, by size and by age.
const (
	sizeParts = 8
	ageParts  = 30
	longest   = 30 * 24 * time.Hour // of a stream that is kept for ever
)

// mergeLimits returns the bytes of a merged segment of a stream at most, and the
// time in which its parts were written, nanoseconds.
func (c *Config) mergeLimits(stream string) (most, span int64) {
	age, bytes := c.limits(stream)
	most, span = min(c.SegmentBytes, max(1, c.MaxBytes/sizeParts)), int64(longest)
	if bytes > 0 {
		most = min(most, max(1, bytes/sizeParts))
	}
	if age > 0 {
		span = min(span, int64(age)/ageParts)
	}
	return most, span
}

// byStream returns the segments of each stream in their order.
func byStream(segments []*segmentFile) map[string][]*segmentFile {
	all := map[string][]*segmentFile{}
	for _, f := range segments {
		all[f.info.Stream] = append(all[f.info.Stream], f)
	}
	return all
}

// mergeableIn returns the run of neighbours with the lowest mean size, and that:
// small enough together, near each other in time, and none so large that it would
// be rewritten for little. Each row is so rewritten only a few times.
func mergeableIn(segments []*segmentFile, most, written int64) ([]*segmentFile, int64) {
	var best []*segmentFile
	bestMean := most
	for i := range segments {
		var sum, largest, span int64
		lo, hi := segments[i].info.MinT, segments[i].info.MaxT
		for j := i; j < len(segments) && j < i+mergeMax; j++ {
			f := segments[j]
			sum += f.info.Bytes
			if f.damaged > 0 || len(f.faulty) > 0 || f.ranged() != segments[i].ranged() || sum > most || f.info.Written-segments[i].since > written {
				break
			}
			largest = max(largest, f.info.Bytes)
			span = max(span, f.info.MaxT-f.info.MinT)
			lo, hi = min(lo, f.info.MinT), max(hi, f.info.MaxT)
			n := j - i + 1
			if mean := sum / int64(n); n >= mergeMin && largest <= sum/2 && hi-lo <= max(mergeSpan, written, 2*span) && mean < bestMean {
				best, bestMean = segments[i:j+1], mean
			}
		}
	}
	return best, bestMean
}

// joined returns stream and queue range of a run of segments and when they were
// written.
func joined(run []*segmentFile) segment.Info {
	i := segment.Info{Stream: run[0].info.Stream}
	for _, f := range run {
		i.Written = max(i.Written, f.info.Written)
		if f.info.First == f.info.Next {
			continue
		}
		if i.Next == 0 {
			i.First = f.info.First
		}
		i.First, i.Next = min(i.First, f.info.First), max(i.Next, f.info.Next)
	}
	return i
}

// merger copies blocks to a segment, and joins small ones. Rows keep their order.
type merger struct {
	ctx     context.Context
	out     *segment.Writer
	builder *segment.Builder
	sealer  segment.Sealer
	event   event.Event
}

func (m *merger) add(b *segment.Block) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if b.Rows() >= copiedRows || b.Size() >= copiedSize {
		return m.copy(b)
	}
	if m.builder.Rows()+b.Rows() > 2*blockRows || m.builder.Size() >= blockBytes {
		if err := m.flush(); err != nil {
			return err
		}
	}
	// A damaged block is copied as it is, so that its damage stays known. It is
	// read as a whole first: half of it must not be taken.
	if err := readable(b, &m.event); segment.IsDamaged(err) {
		return m.copy(b)
	} else if err != nil {
		return err
	}
	if err := m.rows(b, func(uint64) bool { return true }); err != nil {
		return err
	}
	if m.builder.Rows() >= blockRows {
		return m.flush()
	}
	return nil
}

// rows adds the rows of a block whose offsets are wanted.
func (m *merger) rows(b *segment.Block, wanted func(offset uint64) bool) error {
	rows, err := b.OpenRows(nil)
	if err != nil {
		return err
	}
	offsets, err := b.Offsets()
	if err != nil {
		return err
	}
	for i := range b.Rows() {
		giveWay(i)
		offset := uint64(segment.NoOffset)
		if offsets != nil {
			offset = offsets[i]
		}
		if !wanted(offset) {
			continue
		}
		if err := rows.Event(i, &m.event); err != nil {
			return err
		}
		if m.builder.Full() || m.builder.Size() >= blockBytes {
			if err := m.flush(); err != nil {
				return err
			}
		}
		m.builder.AddAt(&m.event, offset)
	}
	return nil
}

// readable returns the first error of reading a block.
func readable(b *segment.Block, e *event.Event) error {
	rows, err := b.OpenRows(nil)
	if err == nil {
		_, err = b.Offsets()
	}
	for i := 0; err == nil && i < b.Rows(); i++ {
		giveWay(i)
		err = rows.Event(i, e)
	}
	return err
}

// giveWay lets others go first that wait for the processor, queries perhaps, about
// each millisecond of work with rows.
func giveWay(row int) {
	if row%512 == 511 {
		runtime.Gosched()
	}
}

func (m *merger) copy(b *segment.Block) error {
	if err := m.flush(); err != nil {
		return err
	}
	return m.out.AddBlock(b)
}

// flush writes the rows that were joined so far.
func (m *merger) flush() error {
	if m.builder.Rows() == 0 {
		return nil
	}
	b, err := sealBlock(&m.sealer, m.builder, nil)
	if err != nil {
		return err
	}
	m.builder.Reset()
	return m.out.AddBlock(b)
}
