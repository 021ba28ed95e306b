package store

import (
	"bytes"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// A block of the head is rotated at blockRows rows or blockBytes bytes; at the
// latest within the batch that reaches twice as many.
const (
	blockRows  = 8 << 10
	blockBytes = 12 << 20
)

// head is the part of the store that is in memory only. All of it is guarded by
// Columnar.mu.
type head struct {
	streams []*streamHead      // in the order of their first events
	spare   []*segment.Builder // emptied, at most maxUnsealed
	rows    int                // of all streams
	since   time.Time          // when the first row was added that no mark covers
	first   uint64             // queue range since the last mark
	next    uint64
	marks   []mark // ends of what is to be flushed
}

// streamHead is the head of one stream.
type streamHead struct {
	name   string
	blocks []*headBlock     // rotated, oldest first
	open   *segment.Builder // nil while it is empty
	view   *segment.Block   // of open, nil if rows were added since
	held   *holders         // of views of open
	seq    int64            // number of the first row of open
}

// headBlock is a rotated block: a builder at first, soon a sealed block.
type headBlock struct {
	builder *segment.Builder // nil once sealed
	block   *segment.Block
	seq     int64
	held    *holders // of views of the builder
}

// holders counts the readers of the memory of a builder. It is guarded by
// Columnar.mu.
type holders struct{ n int }

// mark says that the first blocks of each stream, which together hold whole
// batches, are to become a segment of that stream with this queue range.
type mark struct {
	blocks      []int // of head.streams; those that came later have none
	first, next uint64
}

// of returns how many blocks of stream i a mark covers.
func (m *mark) of(i int) int {
	if i < len(m.blocks) {
		return m.blocks[i]
	}
	return 0
}

// firstSeq numbers the first row that is written after a start: rows of before
// have numbers below.
const firstSeq = 1 << 40

// stream returns the head of a stream.
func (h *head) stream(name string) *streamHead {
	for _, s := range h.streams {
		if s.name == name {
			return s
		}
	}
	s := &streamHead{name: name, seq: firstSeq, held: &holders{}}
	h.streams = append(h.streams, s)
	return s
}

// add appends events with their queue offsets, nil for none, each to the stream
// that the router names.
func (h *head) add(events []event.Event, offsets []uint64, r router) {
	s := h.stream(DefaultStream)
	for i := range events {
		if len(r) > 0 || s.name != DefaultStream || events[i].Dataset == RequestStream {
			s = h.stream(r.of(&events[i]))
		}
		offset := uint64(segment.NoOffset)
		if offsets != nil {
			offset = offsets[i]
		}
		h.addTo(s, &events[i], offset)
	}
	h.rows += len(events)
	for _, s := range h.streams {
		if s.open != nil && (s.open.Rows() >= blockRows || s.open.Size() >= blockBytes) {
			h.rotate(s)
		}
	}
}

func (h *head) addTo(s *streamHead, e *event.Event, offset uint64) {
	if b := s.open; b != nil && (b.Rows() >= 2*blockRows || b.Size() >= 2*blockBytes || b.Full()) {
		h.rotate(s)
	}
	if s.open == nil {
		s.open = h.builder()
	}
	s.open.AddAt(e, offset)
	s.view = nil
}

// builder returns an empty builder.
func (h *head) builder() *segment.Builder {
	n := len(h.spare)
	if n == 0 {
		return segment.NewBuilder()
	}
	b := h.spare[n-1]
	h.spare = h.spare[:n-1]
	return b
}

// rotate makes what is open in a stream a block of its own.
func (h *head) rotate(s *streamHead) {
	if s.open == nil {
		return
	}
	s.blocks = append(s.blocks, &headBlock{builder: s.open, block: s.openBlock(), seq: s.seq, held: s.held})
	s.seq += int64(s.open.Rows())
	s.open, s.view, s.held = nil, nil, &holders{}
}

// mark asks for a flush of all there is.
func (h *head) mark() {
	m := mark{first: h.first, next: h.next}
	for _, s := range h.streams {
		h.rotate(s)
		m.blocks = append(m.blocks, len(s.blocks))
	}
	h.marks = append(h.marks, m)
	h.first = h.next
}

// extend makes a queue range part of what the head holds.
func (h *head) extend(first, next uint64) {
	if h.first == h.next {
		h.first = first
	}
	h.next = next
}

// markedRows returns how many rows wait for a flush already.
func (h *head) markedRows() int {
	if len(h.marks) == 0 {
		return 0
	}
	n, last := 0, &h.marks[len(h.marks)-1]
	for i, s := range h.streams {
		for _, b := range s.blocks[:last.of(i)] {
			n += b.block.Rows()
		}
	}
	return n
}

// bytes returns what the head holds, about: values in builders, and sealed blocks.
// unmarked is that part which no mark covers yet.
func (h *head) bytes() (all, unmarked int64) {
	for i, s := range h.streams {
		if s.open != nil {
			unmarked += s.open.Size()
		}
		covered := 0
		if n := len(h.marks); n > 0 {
			covered = h.marks[n-1].of(i)
		}
		for j, b := range s.blocks {
			if j < covered {
				all += b.bytes()
			} else {
				unmarked += b.bytes()
			}
		}
	}
	return all + unmarked, unmarked
}

func (b *headBlock) bytes() int64 {
	if b.builder != nil {
		return b.builder.Size()
	}
	return b.block.Size()
}

// ready tells whether all blocks of the first mark are encoded.
func (h *head) ready() bool {
	if len(h.marks) == 0 {
		return false
	}
	for i, s := range h.streams {
		for _, b := range s.blocks[:h.marks[0].of(i)] {
			if b.builder != nil {
				return false
			}
		}
	}
	return true
}

// unsealed returns the oldest block of a stream that is to be sealed, nil if
// there is none.
func (h *head) unsealed() (*streamHead, *headBlock) {
	for _, s := range h.streams {
		for _, b := range s.blocks {
			if b.builder != nil {
				return s, b
			}
		}
	}
	return nil, nil
}

func (h *head) countUnsealed() int {
	n := 0
	for _, s := range h.streams {
		for _, b := range s.blocks {
			if b.builder != nil {
				n++
			}
		}
	}
	return n
}

// sealed replaces the builder of a block by its encoded form and keeps the
// builder for later unless a reader may look at it.
func (h *head) sealed(b *headBlock, block *segment.Block) {
	if b.held.n == 0 && len(h.spare) < maxUnsealed {
		b.builder.Reset()
		h.spare = append(h.spare, b.builder)
	}
	b.builder, b.block = nil, block
}

// flushed removes the blocks of the first mark, which segments now hold.
func (h *head) flushed() {
	m := h.marks[0]
	h.marks = h.marks[1:]
	for i, s := range h.streams {
		n := m.of(i)
		if n == 0 {
			continue
		}
		for _, b := range s.blocks[:n] {
			h.rows -= b.block.Rows()
		}
		s.blocks = append([]*headBlock(nil), s.blocks[n:]...)
		for _, later := range h.marks {
			later.blocks[i] -= n
		}
	}
}

// openBlock returns what is open as a block for a reader, nil if it is empty.
func (s *streamHead) openBlock() *segment.Block {
	if s.open == nil {
		return nil
	}
	if s.view == nil {
		s.view = labelled(s.open.View().Block(), s.name)
	}
	return s.view
}

// endSeq is the number of the next row.
func (s *streamHead) endSeq() int64 {
	if s.open == nil {
		return s.seq
	}
	return s.seq + int64(s.open.Rows())
}

// labelled returns a block whose rows know their stream.
func labelled(b *segment.Block, stream string) *segment.Block {
	return b.Labelled(event.GatewatchStream, stream)
}

// sealBlock encodes a builder and opens the result from memory.
func sealBlock(s *segment.Sealer, b *segment.Builder, cache *segment.Cache) (*segment.Block, error) {
	raw := s.Seal(b)
	return segment.OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), cache)
}
