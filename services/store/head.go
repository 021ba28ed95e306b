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
	blocks []*headBlock // rotated, oldest first
	open   *segment.Builder
	view   *segment.Block     // of open, nil if rows were added since
	held   *holders           // of views of open
	spare  []*segment.Builder // emptied, at most maxUnsealed
	seq    int64              // number of the first row of open
	rows   int                // of blocks and open
	since  time.Time
	first  uint64 // queue range of blocks and open
	next   uint64
	marks  []mark // ends of what is to be flushed
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

// mark says that the blocks up to a count, which hold whole batches, are to
// become a segment with this queue range.
type mark struct {
	blocks      int
	first, next uint64
}

// add appends events.
func (h *head) add(events []event.Event) {
	for i := range events {
		if h.open.Rows() >= 2*blockRows || h.open.Rows() > 0 && h.open.Size() >= 2*blockBytes || h.open.Full() {
			h.rotate()
		}
		h.open.Add(&events[i])
	}
	h.view = nil
	h.rows += len(events)
	if h.open.Rows() >= blockRows || h.open.Size() >= blockBytes {
		h.rotate()
	}
}

// rotate makes what is open a block of its own.
func (h *head) rotate() {
	if h.open.Rows() == 0 {
		return
	}
	b := &headBlock{builder: h.open, block: h.view, seq: h.seq, held: h.held}
	if b.block == nil {
		b.block = h.open.View().Block()
	}
	h.blocks = append(h.blocks, b)
	h.seq += int64(h.open.Rows())
	h.view, h.held = nil, &holders{}
	if n := len(h.spare); n > 0 {
		h.open, h.spare = h.spare[n-1], h.spare[:n-1]
	} else {
		h.open = segment.NewBuilder()
	}
}

// mark asks for a flush of all there is.
func (h *head) mark() {
	h.rotate()
	h.marks = append(h.marks, mark{len(h.blocks), h.first, h.next})
	h.first = h.next
}

// gap begins a new queue range at an offset: a segment spans no gap of the
// queue, so that each of its rows stays one offset.
func (h *head) gap(at uint64) {
	if h.first < h.next {
		h.mark()
	}
	h.first, h.next = at, at
}

// unsealed returns the oldest block that is to be sealed, nil if there is none.
func (h *head) unsealed() *headBlock {
	for _, b := range h.blocks {
		if b.builder != nil {
			return b
		}
	}
	return nil
}

func (h *head) countUnsealed() int {
	n := 0
	for _, b := range h.blocks {
		if b.builder != nil {
			n++
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

// flushed removes the blocks of the first mark, which a segment now holds.
func (h *head) flushed() {
	n := h.marks[0].blocks
	for _, b := range h.blocks[:n] {
		h.rows -= b.block.Rows()
	}
	h.blocks = append([]*headBlock(nil), h.blocks[n:]...)
	h.marks = h.marks[1:]
	for i := range h.marks {
		h.marks[i].blocks -= n
	}
}

// openBlock returns what is open as a block for a reader, nil if it is empty.
func (h *head) openBlock() *segment.Block {
	if h.open.Rows() == 0 {
		return nil
	}
	if h.view == nil {
		h.view = h.open.View().Block()
	}
	return h.view
}

// sealBlock encodes a builder and opens the result from memory.
func sealBlock(s *segment.Sealer, b *segment.Builder, cache *segment.Cache) (*segment.Block, error) {
	raw := s.Seal(b)
	return segment.OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), cache)
}
