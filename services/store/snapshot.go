package store

import (
	"cmp"
	"slices"

	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// snapshot is what the store held at one moment. It stays readable until it is
// released, whatever is written, merged or deleted meanwhile.
type snapshot struct {
	blocks   []blockRef // those of a stream in the order of the queue
	segments []*segmentFile
	store    *Columnar
	held     []*holders
	damaged  int              // blocks that cannot be read at all
	endSeq   map[string]int64 // number of the next row of each stream
}

// blockRef is a block of a snapshot.
type blockRef struct {
	*segment.Block
	segment *segmentFile // nil in the head
	stream  string
	number  int   // of the block in its segment
	seq     int64 // number of its first row in the stream since the store was opened, -1 if unknown
}

// snapshot returns the blocks that may hold events of times from <= t < to, but
// for those of streams in which none can match an expression: of all streams that
// are not reserved, or of a reserved one alone.
func (s *Columnar) snapshot(e query.Expr, reserved string, from, to int64) (*snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	sn := &snapshot{store: s, endSeq: map[string]int64{}}
	asked := map[string]bool{}
	may := func(stream string) bool {
		ok, known := asked[stream]
		if !known {
			ok = isSeen(e, stream, reserved)
			asked[stream] = ok
		}
		return ok
	}
	for _, f := range s.segments {
		if f.info.Rows > 0 && (f.info.MinT >= to || f.info.MaxT < from) || !f.unknown && !may(f.info.Stream) {
			continue
		}
		f.refs.Add(1)
		sn.segments = append(sn.segments, f)
		sn.damaged += f.damaged
		seq := f.seq
		for _, b := range f.blocks {
			sn.add(blockRef{b, f, f.info.Stream, b.Number(), seq}, from, to)
			if seq >= 0 {
				seq += int64(b.Rows())
			}
		}
	}
	for _, h := range s.head.streams {
		sn.endSeq[h.name] = h.endSeq()
		if may(h.name) {
			sn.addHead(h, from, to)
		}
	}
	return sn, nil
}

// isSeen tells whether a query sees events of a stream; see [Columnar.snapshot].
func isSeen(e query.Expr, stream, reserved string) bool {
	if isReserved(stream) || reserved != "" {
		return stream == reserved
	}
	may, _ := mayHold(e, stream)
	return may
}

// addHead adds what a stream has in memory. The caller holds mu.
func (sn *snapshot) addHead(h *streamHead, from, to int64) {
	for _, b := range h.blocks {
		if b.builder != nil {
			sn.hold(b.held)
		}
		sn.add(blockRef{Block: b.block, stream: h.name, seq: b.seq}, from, to)
	}
	if b := h.openBlock(); b != nil {
		sn.hold(h.held)
		sn.add(blockRef{Block: b, stream: h.name, seq: h.seq}, from, to)
	}
}

func (sn *snapshot) add(b blockRef, from, to int64) {
	if lo, hi := b.Bounds(); hi >= from && lo < to {
		sn.blocks = append(sn.blocks, b)
	}
}

// hold keeps the memory of a builder from being used again. The caller holds mu.
func (sn *snapshot) hold(h *holders) {
	h.n++
	sn.held = append(sn.held, h)
}

// newestFirst orders the blocks by their latest time, of equal ones as they are.
// They mostly come in the reverse order, and there may be ten thousand.
func (sn *snapshot) newestFirst() {
	type place struct {
		latest int64
		at     int
	}
	places := make([]place, len(sn.blocks))
	for i, b := range sn.blocks {
		_, latest := b.Bounds()
		places[i] = place{latest, i}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(b.latest, a.latest), cmp.Compare(a.at, b.at)) })
	ordered := make([]blockRef, len(places))
	for i, p := range places {
		ordered[i] = sn.blocks[p.at]
	}
	sn.blocks = ordered
}

func (sn *snapshot) release() {
	sn.store.mu.Lock()
	for _, h := range sn.held {
		h.n--
	}
	sn.store.mu.Unlock()
	for _, f := range sn.segments {
		f.release()
	}
	sn.segments, sn.blocks, sn.held = nil, nil, nil
}
