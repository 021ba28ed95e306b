package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Rewound is what a rewind takes from a store.
type Rewound struct {
	Segments int   // segments that go as a whole
	Rows     int64 // events that go
	Split    bool  // one more segment goes in part
	part     int64 // events of that one
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
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r, err := s.rewindPlan(offset)
	return r, err
}

// Covers tells whether segments hold events of any of the offsets
// first <= o < next.
func (s *Columnar) Covers(first, next uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.segments, func(f *segmentFile) bool {
		return f.info.First < next && f.info.Next > first
	})
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
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Rewound{}, ErrClosed
	}
	split, r, err := s.rewindPlan(offset)
	id := s.nextID
	s.nextID++
	done := offset >= s.applied
	s.mu.Unlock()
	if err != nil || done {
		return r, err
	}
	var part *segmentFile
	if split != nil {
		if part, err = s.writePart(ctx, id, split, offset, split.info.Rows-r.part); err != nil {
			return r, err
		}
	}
	if err := s.rewindTo(offset, split, part); err != nil {
		if part != nil {
			part.drop()
		}
		return r, err
	}
	return r, nil
}

// rewindPlan returns the segment to split, if there is one, and counts what
// goes. The caller holds mu.
func (s *Columnar) rewindPlan(offset uint64) (split *segmentFile, r Rewound, err error) {
	if s.head.rows > 0 || s.written > s.applied {
		return nil, r, fmt.Errorf("rewind store: events wait in memory")
	}
	for _, f := range s.segments {
		i := f.info
		switch {
		case i.Next <= offset || i.First == i.Next:
		case i.First >= offset:
			r.Segments++
			r.Rows += i.Rows
		case split != nil:
			return nil, r, &SplitError{i.First, i.Next, "another one holds the same offset"}
		case f.damaged > 0:
			return nil, r, &SplitError{i.First, i.Next, "it is damaged"}
		default:
			keep, err := rowsBefore(f, offset)
			if err != nil {
				return nil, r, err
			}
			split, r.Split, r.part = f, true, i.Rows-keep
			r.Rows += r.part
		}
	}
	return split, r, nil
}

// derivedDataset is that of events that follow from others and so have no offset
// of their own: they come behind the event that completed them.
const derivedDataset = "gatewatch.finding"

// rowsBefore returns how many of the first rows of a segment are of offsets
// before a given one. Each offset is one row that is not derived, in order.
func rowsBefore(f *segmentFile, offset uint64) (int64, error) {
	i := f.info
	if uint64(i.Rows) == i.Next-i.First {
		return int64(offset - i.First), nil
	}
	keep, rows, at := int64(0), int64(0), i.First
	var e event.Event
	for _, b := range f.blocks {
		r, err := b.OpenRows([]event.Key{event.EventDataset})
		for n := 0; err == nil && n < b.Rows(); n++ {
			if err = r.Event(n, &e); err == nil && e.Dataset != derivedDataset {
				if at == offset {
					keep = rows
				}
				at++
			}
			rows++
		}
		if segment.IsDamaged(err) {
			return 0, &SplitError{i.First, i.Next, "it is damaged"}
		}
		if err != nil {
			return 0, fmt.Errorf("split %s: %w", segmentName(f.id), err)
		}
	}
	if at != i.Next {
		return 0, &SplitError{i.First, i.Next, fmt.Sprintf("it holds %d events", rows)}
	}
	return keep, nil
}

// writePart writes the first rows of a segment, those from before an offset.
func (s *Columnar) writePart(ctx context.Context, id uint64, f *segmentFile, offset uint64, rows int64) (*segmentFile, error) {
	i := segment.Info{First: f.info.First, Next: offset, Written: f.info.Written}
	part, err := s.writeSegment(id, i, func(w *segment.Writer) error {
		m := merger{ctx: ctx, out: w, builder: segment.NewBuilder()}
		keep := int(rows)
		for _, b := range f.blocks {
			if keep <= 0 {
				break
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := m.addFirst(b, keep); err != nil {
				return err
			}
			keep -= b.Rows()
		}
		return m.flush()
	})
	if segment.IsDamaged(err) {
		return nil, &SplitError{f.info.First, f.info.Next, "it is damaged"}
	}
	if err != nil {
		return nil, fmt.Errorf("split %s: %w", segmentName(f.id), err)
	}
	return part, nil
}

// addFirst adds the first n rows of a block.
func (m *merger) addFirst(b *segment.Block, n int) error {
	if n >= b.Rows() {
		return m.add(b)
	}
	rows, err := b.OpenRows(nil)
	if err != nil {
		return err
	}
	for i := range n {
		if err := rows.Event(i, &m.event); err != nil {
			return err
		}
		if m.builder.Full() || m.builder.Size() >= blockBytes {
			if err := m.flush(); err != nil {
				return err
			}
		}
		m.builder.Add(&m.event)
	}
	return nil
}

// rewindTo makes the manifest forget what is beyond an offset, and then the
// store. The caller holds writing and manifests.
func (s *Columnar) rewindTo(offset uint64, split, part *segmentFile) error {
	s.mu.Lock()
	var keep, gone []*segmentFile
	for _, f := range s.segments {
		switch {
		case f == split:
			keep, gone = append(keep, part), append(gone, f)
		case f.info.Next > offset && f.info.First < f.info.Next:
			gone = append(gone, f)
		default:
			keep = append(keep, f)
		}
	}
	m := &manifest{Applied: offset, NextID: s.nextID}
	s.mu.Unlock()
	for _, f := range keep {
		m.Segments = append(m.Segments, f.entry())
	}
	if err := m.write(s.dir); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = slices.Clone(keep)
	s.applied, s.written, s.head.first, s.head.next = offset, offset, offset, offset
	for _, f := range gone {
		f.drop()
	}
	s.broadcast()
	return nil
}
