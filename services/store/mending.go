package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// mending is a segment whose damaged blocks are made again.
type mending struct {
	file  *segmentFile
	route router
	whole []*segment.Block // in order

	lo, hi  uint64    // offsets lo <= o < hi are asked for
	present offsetSet // in whole blocks, or in other segments
	wanted  offsetSet // of the events of damaged blocks
	exact   bool      // wanted is all of them
	found   []finding // of damaged blocks, in order: no queue gives them back

	out  merger
	rows int64 // that were made again
}

type finding struct {
	at    uint64
	event *event.Event
}

// survey reads what can be read of a segment.
func (s *Columnar) survey(f *segmentFile) (*mending, error) {
	i := f.info
	if i.First >= i.Next {
		return nil, errors.New("its events are of no offsets")
	}
	m := &mending{file: f, lo: i.First, hi: i.Next, exact: f.file != nil && f.damaged == 0}
	var err error
	if m.route, err = newRouter(s.cfg.Streams); err != nil {
		return nil, err
	}
	if m.present, err = newOffsetSet(i.First, i.Next); err != nil {
		return nil, err
	}
	if m.wanted, err = newOffsetSet(i.First, i.Next); err != nil {
		return nil, err
	}
	bad := map[int]bool{}
	if f.file != nil {
		segment.Verify(f.content, f.size, func(x segment.Fault) { bad[x.Block] = true })
	}
	missing := i.Rows
	for _, b := range f.blocks {
		if bad[b.Number()] {
			m.exact = m.want(b) == nil && m.exact
			continue
		}
		if err := m.present.add(b); err != nil {
			return nil, err
		}
		m.whole = append(m.whole, b)
		missing -= int64(b.Rows())
	}
	if missing == 0 { // all that is damaged says where the blocks are
		m.exact = true
	}
	if !m.exact {
		if err := s.elsewhere(m); err != nil {
			return nil, err
		}
	}
	m.narrow()
	return m, nil
}

// eachOffset calls f for the rows of a block that are of a record, in order.
func eachOffset(b *segment.Block, f func(row int, at uint64, derived bool)) error {
	offsets, err := b.Offsets()
	if err != nil {
		return err
	}
	rows, err := b.OpenRows([]event.Key{event.EventDataset})
	if err != nil {
		return err
	}
	var e event.Event
	for row, at := range offsets {
		if err := rows.Event(row, &e); err != nil {
			return err
		}
		if at != segment.NoOffset {
			f(row, at, e.Dataset == derivedDataset)
		}
	}
	return nil
}

// want notes the offsets of the events of a damaged block, and keeps its findings
// as far as they can be read.
func (m *mending) want(b *segment.Block) error {
	rows, lost := m.readable(b)
	return eachOffset(b, func(row int, at uint64, derived bool) {
		var e event.Event
		switch {
		case !derived:
			m.wanted.set(at)
		case rows != nil && rows.Event(row, &e) == nil:
			f := e.Clone()
			if lost != "" {
				f.AddText(event.ErrorMessage, "damaged in the store: lost are "+lost)
			}
			m.found = append(m.found, finding{at, f})
		}
	})
}

// readable opens the columns of a damaged block that can be read, and names the
// others. Without identity and time it returns nil.
func (m *mending) readable(b *segment.Block) (rows *segment.Rows, lost string) {
	var keys []event.Key
	var names []string
	err := b.Keys(func(k event.Key) {
		if _, err := b.Column(k); err == nil {
			keys = append(keys, k)
		} else {
			names = append(names, k.String())
		}
	})
	if err != nil || slices.ContainsFunc([]event.Key{event.Timestamp, event.EventID}, func(k event.Key) bool { return slices.Contains(names, k.String()) }) {
		return nil, ""
	}
	slices.Sort(names)
	if rows, err = b.OpenRows(keys); err != nil {
		return nil, ""
	}
	return rows, strings.Join(names, ", ")
}

// elsewhere adds the offsets whose events are in other segments.
func (s *Columnar) elsewhere(m *mending) error {
	held, err := s.hold()
	if err != nil {
		return err
	}
	defer releaseAll(held)
	for _, f := range held {
		if f == m.file || f.info.First >= m.hi || f.info.Next <= m.lo {
			continue
		}
		for _, b := range f.blocks {
			_ = m.present.add(b) // of one that is damaged too nothing is known
		}
	}
	return nil
}

// narrow sets the range that is asked for.
func (m *mending) narrow() {
	lo, hi := m.hi, m.lo
	for at := m.file.info.First; at < m.file.info.Next; at++ {
		if m.exact && m.wanted.has(at) || !m.exact && !m.present.has(at) {
			lo, hi = min(lo, at), at+1
		}
	}
	m.lo, m.hi = lo, max(lo, hi)
}

// write writes whole blocks and what was made again, in the order of the queue.
func (m *mending) write(ctx context.Context, source Source) error {
	if m.lo < m.hi {
		if err := source(ctx, m.lo, m.hi, m.batch); err != nil {
			return fmt.Errorf("read offsets %d to %d again: %w", m.lo, m.hi-1, err)
		}
	}
	if m.exact && !m.wanted.bits.empty() {
		return fmt.Errorf("%d records give no event: %w", m.wanted.bits.count(), ErrGone)
	}
	if err := m.upTo(segment.NoOffset); err != nil {
		return err
	}
	if err := m.out.flush(); err != nil {
		return err
	}
	if m.out.out.Rows() == 0 {
		return errors.New("nothing of it is left")
	}
	return nil
}

// batch takes what belongs to the damaged blocks.
func (m *mending) batch(b Batch) error {
	offsets, err := place(b, nil)
	if err != nil {
		return err
	}
	for i := range b.Events {
		e, at := &b.Events[i], offsets[i]
		if at < m.lo || at >= m.hi || m.exact && !m.wanted.has(at) || !m.exact && (m.present.has(at) || m.route.of(e) != m.file.info.Stream) {
			continue
		}
		if err := m.upTo(at); err != nil {
			return err
		}
		if err := m.row(e, at); err != nil {
			return err
		}
		if last := i+1 == len(b.Events) || offsets[i+1] != at; last {
			m.wanted.unset(at)
		}
	}
	return nil
}

// upTo writes what comes before the events of an offset: whole blocks that begin
// there, and findings.
func (m *mending) upTo(at uint64) error {
	for len(m.found) > 0 && m.found[0].at < at {
		f := m.found[0]
		m.found = m.found[1:]
		if err := m.blocks(f.at + 1); err != nil {
			return err
		}
		if err := m.row(f.event, f.at); err != nil {
			return err
		}
	}
	return m.blocks(at)
}

func (m *mending) row(e *event.Event, at uint64) error {
	if m.out.builder.Rows() >= blockRows || m.out.builder.Size() >= blockBytes || m.out.builder.Full() {
		if err := m.out.flush(); err != nil {
			return err
		}
	}
	m.out.builder.AddAt(e, at)
	m.rows++
	return nil
}

// blocks copies the whole blocks that begin before an offset.
func (m *mending) blocks(at uint64) error {
	for len(m.whole) > 0 {
		lo, _, ok, err := m.whole[0].OffsetBounds()
		if err != nil {
			return err
		}
		if ok && lo >= at && at != segment.NoOffset {
			return nil
		}
		if err := m.out.copy(m.whole[0]); err != nil {
			return err
		}
		m.whole = m.whole[1:]
	}
	return nil
}

// offsetSet is a set of offsets of a range.
type offsetSet struct {
	first uint64
	bits  bitmap
}

// maxRange bounds the queue range of a segment that is mended: its set takes an
// eighth of as many bytes.
const maxRange = 1 << 30

func newOffsetSet(first, next uint64) (offsetSet, error) {
	if next-first > maxRange {
		return offsetSet{}, fmt.Errorf("its range of %d offsets is too wide", next-first)
	}
	return offsetSet{first, newBitmap(int(next - first))}, nil
}

// add adds the offsets of the events of a block. Findings have those of others.
func (s offsetSet) add(b *segment.Block) error {
	return eachOffset(b, func(_ int, at uint64, derived bool) {
		if !derived {
			s.set(at)
		}
	})
}

// in tells whether the range of the set has an offset.
func (s offsetSet) in(at uint64) bool {
	return at >= s.first && at-s.first < uint64(len(s.bits))*64
}

func (s offsetSet) has(at uint64) bool { return s.in(at) && s.bits.has(int(at-s.first)) }

func (s offsetSet) set(at uint64) {
	if s.in(at) {
		s.bits.set(int(at - s.first))
	}
}

func (s offsetSet) unset(at uint64) {
	if s.in(at) {
		s.bits.unset(int(at - s.first))
	}
}
