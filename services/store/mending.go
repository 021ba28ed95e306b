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
	file   *segmentFile // that is replaced
	info   segment.Info // of it
	route  router
	whole  []*segment.Block // in order
	intact int64            // rows of them
	absent bool             // there is no file

	lo, hi   uint64          // offsets lo <= o < hi are asked for
	present  offsetSet       // of records whose events are in whole blocks, or in other segments
	wanted   offsetSet       // of the events of damaged blocks
	lacking  offsetSet       // of the findings of damaged blocks that cannot be read
	exact    bool            // wanted and lacking are all of them
	doubtful bool            // another segment of the same range is damaged too
	all      bool            // whatever is in no segment is of this one
	found    []finding       // of damaged blocks, in order: no queue gives them back
	missed   map[string]bool // ids of findings that a source has and no segment

	out  merger
	rows int64 // that were made again
}

type finding struct {
	at    uint64
	event *event.Event
}

// lost is how many rows of the damaged segment the mended one does not have.
func (m *mending) lost() int64 { return max(0, m.info.Rows-m.intact-m.rows) }

// survey finds what can be kept of a segment, of which again is the open file, nil
// if no part of it can be used, and which records are to be made again.
func (s *Columnar) survey(f, again *segmentFile, bad map[int]bool) (*mending, error) {
	i := f.info
	if i.First >= i.Next {
		return nil, errors.New("it is not known of which offsets its events are")
	}
	m := &mending{file: f, info: i, lo: i.First, hi: i.Next, missed: map[string]bool{}}
	var err error
	if m.route, err = newRouter(s.cfg.Streams); err != nil {
		return nil, err
	}
	for _, set := range []*offsetSet{&m.present, &m.wanted, &m.lacking} {
		if *set, err = newOffsetSet(i.First, i.Next); err != nil {
			return nil, err
		}
	}
	if again != nil {
		m.exact = again.damaged == 0
		if err := m.sort(again.blocks, bad); err != nil {
			return nil, err
		}
	}
	if m.intact == i.Rows { // all that is damaged says where the blocks are
		m.exact = true
	}
	if err := s.elsewhere(m, m.compare); err != nil {
		return nil, err
	}
	m.narrow()
	return m, nil
}

// sort tells whole blocks from damaged ones, and notes what these had.
func (m *mending) sort(blocks []*segment.Block, bad map[int]bool) error {
	for _, b := range blocks {
		if bad[b.Number()] {
			if err := m.want(b); segment.IsDamaged(err) {
				m.exact = false
			} else if err != nil {
				return err
			}
			continue
		}
		if err := m.present.add(b); err != nil {
			return err
		}
		m.whole = append(m.whole, b)
		m.intact += int64(b.Rows())
	}
	return nil
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
		default:
			m.lacking.set(at)
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

// elsewhere calls look for each other segment of the queue range.
func (s *Columnar) elsewhere(m *mending, look func(f *segmentFile, damaged bool) error) error {
	held, err := s.hold()
	if err != nil {
		return err
	}
	defer releaseAll(held)
	for _, f := range held {
		if f == m.file || f.info.First >= m.info.Next || f.info.Next <= m.info.First {
			continue
		}
		s.mu.Lock()
		damaged := f.damaged > 0 || len(f.faulty) > 0
		s.mu.Unlock()
		if err := look(f, damaged); err != nil {
			return err
		}
	}
	return nil
}

// compare adds the offsets whose events are in another segment.
func (m *mending) compare(f *segmentFile, damaged bool) error {
	m.doubtful = m.doubtful || damaged
	if m.exact {
		return nil
	}
	for _, b := range f.blocks {
		if err := m.present.add(b); segment.IsDamaged(err) {
			m.doubtful = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// narrow sets the range that is asked for. Where it is not known what is missing it
// is all: a finding may be of any event, whatever segment that is in.
func (m *mending) narrow() {
	if !m.exact {
		return
	}
	lo, hi := m.hi, m.lo
	for at := m.info.First; at < m.info.Next; at++ {
		if m.wanted.has(at) || m.lacking.has(at) {
			lo, hi = min(lo, at), at+1
		}
	}
	m.lo, m.hi = lo, max(lo, hi)
}

// count finds what there is to choose from, where the damaged blocks do not say
// themselves what they had: which findings of a source no segment has, and whether
// the events that no segment has are as many as are missing here, so that rules
// which route them elsewhere today do not count.
func (m *mending) count(ctx context.Context, s *Columnar, source Source) error {
	if m.lo >= m.hi || m.exact && m.lacking.bits.empty() {
		return nil
	}
	free := int64(0)
	err := source(ctx, m.lo, m.hi, func(b Batch) error {
		offsets, err := place(b, nil)
		if err != nil {
			return err
		}
		for i := range b.Events {
			e, at := &b.Events[i], offsets[i]
			switch {
			case at < m.lo || at >= m.hi:
			case e.Dataset == derivedDataset && (!m.exact || m.lacking.has(at)) && len(m.missed) < maxMissed:
				m.missed[strings.Clone(e.ID)] = true
			case e.Dataset != derivedDataset && !m.present.has(at):
				free++
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read offsets %d to %d again: %w", m.lo, m.hi-1, err)
	}
	if len(m.missed) > 0 {
		if err := m.meet(m.whole); err != nil {
			return err
		}
		for _, f := range m.found {
			delete(m.missed, f.event.ID)
		}
		if err := s.elsewhere(m, func(f *segmentFile, _ bool) error { return m.meet(f.blocks) }); err != nil {
			return err
		}
	}
	m.all = !m.exact && !m.doubtful && m.info.Rows > 0 &&
		free+int64(len(m.found)+len(m.missed)) <= m.info.Rows-m.intact
	return nil
}

// maxMissed bounds the findings that are taken from a source for one segment.
const maxMissed = 1 << 20

// meet strikes the findings of blocks off those that no segment has.
func (m *mending) meet(blocks []*segment.Block) error {
	for _, b := range blocks {
		rows, err := b.OpenRows([]event.Key{event.EventDataset, event.EventID})
		var e event.Event
		for row := 0; err == nil && row < b.Rows(); row++ {
			if err = rows.Event(row, &e); err == nil && e.Dataset == derivedDataset {
				delete(m.missed, e.ID)
			}
		}
		if err != nil && !segment.IsDamaged(err) {
			return err
		}
	}
	return nil
}

// write writes whole blocks and what was made again, in the order of the queue.
func (m *mending) write(ctx context.Context, source Source) error {
	if m.lo < m.hi {
		if err := source(ctx, m.lo, m.hi, m.batch); err != nil {
			return fmt.Errorf("read offsets %d to %d again: %w", m.lo, m.hi-1, err)
		}
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

// takes tells whether an event of a source was in a damaged block.
func (m *mending) takes(e *event.Event, at uint64) bool {
	switch {
	case at < m.lo || at >= m.hi:
		return false
	case e.Dataset == derivedDataset:
		return m.missed[e.ID] && (!m.doubtful || m.route.of(e) == m.info.Stream)
	case m.exact:
		return m.wanted.has(at)
	}
	return !m.present.has(at) && (m.all || m.route.of(e) == m.info.Stream)
}

// batch takes what belongs to the damaged blocks.
func (m *mending) batch(b Batch) error {
	offsets, err := place(b, nil)
	if err != nil {
		return err
	}
	for i := range b.Events {
		e, at := &b.Events[i], offsets[i]
		if !m.takes(e, at) {
			continue
		}
		if err := m.upTo(at); err != nil {
			return err
		}
		if err := m.row(e, at); err != nil {
			return err
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
