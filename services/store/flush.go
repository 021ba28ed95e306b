package store

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// retryAfter is the pause after a flush that failed.
const retryAfter = 2 * time.Second

// flushLoop encodes full blocks of the head and writes what is marked to
// segments, until ctx ends.
func (s *Columnar) flushLoop(ctx context.Context) {
	var sealer segment.Sealer
	tick := time.NewTicker(max(s.cfg.FlushAge/8, 10*time.Millisecond))
	defer tick.Stop()
	var retry <-chan time.Time
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		worked, err := s.step(&sealer, retry == nil)
		if err != nil {
			s.metrics.failures.Inc()
			s.cfg.Log.Error("write segment", "dir", s.dir, "err", err)
			retry = time.After(retryAfter)
		}
		if worked && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
			s.markOld()
		case <-retry:
			retry = nil
		}
	}
}

// step encodes one block or, where flushing is allowed, writes one segment. It
// reports whether there may be more to do.
func (s *Columnar) step(sealer *segment.Sealer, flush bool) (bool, error) {
	s.mu.Lock()
	b := s.head.unsealed()
	ready := flush && s.head.ready()
	s.mu.Unlock()
	switch {
	case ready:
		err := s.flush()
		return err == nil, err
	case b != nil:
		return true, s.seal(sealer, b)
	}
	return false, nil
}

// seal encodes a block of the head.
func (s *Columnar) seal(sealer *segment.Sealer, b *headBlock) error {
	block, err := sealBlock(sealer, b.builder, s.cache)
	if err != nil {
		return fmt.Errorf("encode block: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head.sealed(b, block)
	s.broadcast()
	return nil
}

// markOld marks the head for a flush once its oldest row has the age.
func (s *Columnar) markOld() {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.head
	waiting := h.rows-h.markedRows() > 0 || h.next > h.first
	if !s.closed && waiting && s.cfg.Now().Sub(h.since) >= s.cfg.FlushAge && len(h.marks) == 0 {
		h.mark()
		h.since = s.cfg.Now()
		s.broadcast()
	}
}

// markedRows returns how many rows wait for a flush already.
func (h *head) markedRows() int {
	if len(h.marks) == 0 {
		return 0
	}
	n := 0
	for _, b := range h.blocks[:h.marks[len(h.marks)-1].blocks] {
		n += b.block.Rows()
	}
	return n
}

// ready tells whether all blocks of the first mark are encoded.
func (h *head) ready() bool {
	if len(h.marks) == 0 {
		return false
	}
	for _, b := range h.blocks[:h.marks[0].blocks] {
		if b.builder != nil {
			return false
		}
	}
	return true
}

// flushAll writes all that is marked, after the loop has ended.
func (s *Columnar) flushAll() error {
	var sealer segment.Sealer
	for {
		worked, err := s.step(&sealer, true)
		if err != nil || !worked {
			return err
		}
	}
}

// flush writes the blocks of the first mark to a segment and the manifest that
// names it, then lets go of the blocks.
func (s *Columnar) flush() error {
	start := time.Now()
	s.manifests.Lock()
	defer s.manifests.Unlock()
	s.mu.Lock()
	m := s.head.marks[0]
	blocks := s.head.blocks[:m.blocks:m.blocks]
	id := s.nextID
	s.nextID++
	s.mu.Unlock()
	var f *segmentFile
	if len(blocks) > 0 {
		var err error
		f, err = s.writeSegment(id, segment.Info{First: m.first, Next: m.next, Written: s.cfg.Now().UnixNano()}, func(w *segment.Writer) error {
			for _, b := range blocks {
				if err := w.AddBlock(b.block); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		f.seq = blocks[0].seq
	}
	if err := s.replace(nil, f, m.next); err != nil {
		if f != nil {
			f.drop()
		}
		return err
	}
	s.metrics.flushed(time.Since(start))
	return nil
}

// writeSegment writes a segment that is durable on return, but not yet named by
// the manifest, and opens it. Of the info the queue range and Written are used.
func (s *Columnar) writeSegment(id uint64, i segment.Info, blocks func(*segment.Writer) error) (*segmentFile, error) {
	path := filepath.Join(s.dir, segmentName(id))
	err := writeSynced(path, s.sealed(func(f io.Writer) error {
		w, err := segment.NewWriter(f)
		if err != nil {
			return err
		}
		if err := blocks(w); err != nil {
			return err
		}
		i, err = w.Finish(i)
		return err
	}))
	if err != nil {
		return nil, err
	}
	if err := durable.SyncDir(s.dir); err != nil { // the name must be there before the manifest has it
		return nil, err
	}
	return openSegment(s.dir, entryOf(id, i), s.cfg.Keys, s.cache)
}

// replace makes the manifest name one segment in the place of others, and
// applies the same to the store once that is durable. An old segment list of nil
// means that the segment comes from the first mark of the head; f may be nil.
// The caller holds manifests.
func (s *Columnar) replace(old []*segmentFile, f *segmentFile, applied uint64) error {
	s.mu.Lock()
	next := replaced(s.segments, old, f)
	m := &manifest{Applied: max(applied, s.applied), NextID: s.nextID}
	s.mu.Unlock()
	for _, x := range next {
		m.Segments = append(m.Segments, x.entry())
	}
	if err := m.write(s.dir); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments, s.applied = next, m.Applied
	for _, x := range old {
		x.drop()
	}
	if old == nil {
		s.head.flushed()
	}
	s.broadcast()
	return nil
}

// replaced returns a new list in which f stands in the place of the old ones,
// at the end if there are none.
func replaced(list, old []*segmentFile, f *segmentFile) []*segmentFile {
	gone := map[*segmentFile]bool{}
	for _, x := range old {
		gone[x] = true
	}
	out := make([]*segmentFile, 0, len(list)+1)
	for _, x := range list {
		if !gone[x] {
			out = append(out, x)
			continue
		}
		if f != nil {
			out, f = append(out, f), nil
		}
	}
	if f != nil {
		out = append(out, f)
	}
	return out
}
