package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Rewound is what a rewind takes from a store.
type Rewound struct {
	Segments int   // segments that go as a whole
	Split    int   // segments that go in part
	Rows     int64 // events that go
}

// SplitError means that a rewind would have to split a segment of which it
// cannot tell which events come from which offset. A rewind to either end of
// its range is possible.
type SplitError struct {
	First, Next uint64 // queue range of the segment
	Reason      string
}

func (e *SplitError) Error() string {
	return fmt.Sprintf("rewind store: the segment of the queue offsets %d to %d cannot be split: %s; rewind to %d or %d",
		e.First, e.Next-1, e.Reason, e.First, e.Next)
}

// Beyond says what [Columnar.Rewind] to the same offset would take.
func (s *Columnar) Beyond(offset uint64) (Rewound, error) {
	s.manifests.Lock()
	defer s.manifests.Unlock()
	p, err := s.planRewind(offset)
	return p.sum, err
}

// Covers tells whether segments hold events of any of the offsets
// first <= o < next, or may hold them where a block cannot be read.
func (s *Columnar) Covers(first, next uint64) bool {
	s.manifests.Lock()
	defer s.manifests.Unlock()
	return slices.ContainsFunc(s.listed(), func(f *segmentFile) bool {
		if f.info.First >= next || f.info.Next <= first {
			return false
		}
		return f.damaged > 0 || slices.ContainsFunc(f.blocks, func(b *segment.Block) bool { return blockCovers(b, first, next) })
	})
}

func blockCovers(b *segment.Block, first, next uint64) bool {
	lo, hi, ok, err := b.OffsetBounds()
	if err != nil || !ok || lo >= next || hi < first {
		return err != nil
	}
	offsets, err := b.Offsets()
	return err != nil || slices.ContainsFunc(offsets, func(at uint64) bool { return first <= at && at < next })
}

// listed returns the segments of the store. They stay as long as the caller
// holds manifests.
func (s *Columnar) listed() []*segmentFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.segments
}

// Rewind takes out all events of queue offsets >= offset, so that the queue can
// be replayed from there: [Columnar.Applied] is then the offset, or what it was
// before if that is lower. It is one step: a crash leaves the store as before or
// rewound, and durable on return. The store must not have been written to since
// it was opened. Events that name no queue range stay.
func (s *Columnar) Rewind(ctx context.Context, offset uint64) (Rewound, error) {
	if s.lock == nil {
		return Rewound{}, ErrReadOnly
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.manifests.Lock()
	defer s.manifests.Unlock()
	p, err := s.planRewind(offset)
	if err != nil || offset >= s.Applied() {
		return p.sum, err
	}
	var made []*segmentFile
	for i, f := range p.keep {
		if f.info.Next <= offset || f.info.First == f.info.Next {
			continue
		}
		part, err := s.writePart(ctx, f, offset)
		if err != nil {
			dropAll(made)
			return p.sum, err
		}
		p.keep[i] = part
		made = append(made, part)
		p.gone = append(p.gone, f)
	}
	if err := s.rewindTo(offset, p, made); err != nil {
		dropAll(made)
		return p.sum, err
	}
	return p.sum, nil
}

// rewindPlan is what a rewind does with each segment. Those of keep that reach
// beyond the offset are split.
type rewindPlan struct {
	keep, gone []*segmentFile
	sum        Rewound
}

// planRewind counts what goes. The caller holds manifests.
func (s *Columnar) planRewind(offset uint64) (p rewindPlan, err error) {
	s.mu.Lock()
	waiting, closed := s.head.rows > 0 || s.written > s.applied, s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return p, ErrClosed
	case waiting:
		return p, fmt.Errorf("rewind store: events wait in memory")
	}
	for _, f := range s.listed() {
		i := f.info
		switch {
		case i.Next <= offset || i.First == i.Next:
			p.keep = append(p.keep, f)
		case i.First >= offset:
			p.gone = append(p.gone, f)
			p.sum.Segments++
			p.sum.Rows += i.Rows
		default:
			kept, err := rowsBefore(f, offset)
			switch {
			case err != nil:
				return p, err
			case kept == 0:
				p.gone = append(p.gone, f)
				p.sum.Segments++
			case kept < i.Rows:
				p.sum.Split++
				fallthrough
			default:
				p.keep = append(p.keep, f)
			}
			p.sum.Rows += i.Rows - kept
		}
	}
	return p, nil
}

// rowsBefore returns how many rows of a segment are of offsets before a given
// one, or of none.
func rowsBefore(f *segmentFile, offset uint64) (int64, error) {
	split := func(reason string) error { return &SplitError{f.info.First, f.info.Next, reason} }
	if f.damaged > 0 {
		return 0, split("it is damaged")
	}
	kept := int64(0)
	for _, b := range f.blocks {
		offsets, err := b.Offsets()
		switch {
		case segment.IsDamaged(err):
			return 0, split("it is damaged")
		case err != nil:
			return 0, fmt.Errorf("split %s: %w", segmentName(f.id), err)
		case offsets == nil:
			return 0, split("an earlier version wrote it, without the offsets of its events")
		}
		for _, at := range offsets {
			if at < offset || at == segment.NoOffset {
				kept++
			}
		}
	}
	return kept, nil
}

// writePart writes the rows of a segment that are of offsets before a given one.
func (s *Columnar) writePart(ctx context.Context, f *segmentFile, offset uint64) (*segmentFile, error) {
	s.mu.Lock()
	id := s.nextID
	s.nextID++
	s.mu.Unlock()
	i := segment.Info{Stream: f.info.Stream, First: f.info.First, Next: offset, Written: f.info.Written}
	part, err := s.writeSegment(id, i, func(w *segment.Writer) error {
		m := merger{ctx: ctx, out: w, builder: segment.NewBuilder()}
		for _, b := range f.blocks {
			if err := m.addBefore(b, offset); err != nil {
				return err
			}
		}
		return m.flush()
	})
	if segment.IsDamaged(err) {
		return nil, &SplitError{f.info.First, f.info.Next, "it is damaged"}
	}
	if err != nil {
		return nil, fmt.Errorf("split %s: %w", segmentName(f.id), err)
	}
	part.since = f.since
	return part, nil
}

// addBefore adds the rows of a block that are of offsets before a given one, or
// of none.
func (m *merger) addBefore(b *segment.Block, offset uint64) error {
	_, hi, ok, err := b.OffsetBounds()
	if err != nil {
		return err
	}
	if !ok || hi < offset {
		return m.add(b)
	}
	if err := m.ctx.Err(); err != nil {
		return err
	}
	return m.rows(b, func(at uint64) bool { return at < offset || at == segment.NoOffset })
}

// rewindTo makes the manifest forget what is beyond an offset, and then the
// store. The caller holds writing and manifests.
func (s *Columnar) rewindTo(offset uint64, p rewindPlan, made []*segmentFile) error {
	s.mu.Lock()
	m := &manifest{Applied: offset, NextID: s.nextID, Lost: s.lost, Mended: s.mended}
	s.mu.Unlock()
	for _, f := range p.keep {
		m.Segments = append(m.Segments, f.entry())
	}
	if err := s.publish(m, made, p.gone, "rewind"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = p.keep
	s.applied, s.written, s.head.first, s.head.next = offset, offset, offset, offset
	dropAll(p.gone)
	s.broadcast()
	return nil
}
