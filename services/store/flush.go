package store

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

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
	from, b := s.head.unsealed()
	ready := flush && s.head.ready()
	s.mu.Unlock()
	switch {
	case ready:
		err := s.flush()
		return err == nil, err
	case b != nil:
		return true, s.seal(sealer, from.name, b)
	}
	return false, nil
}

// seal encodes a block of the head.
func (s *Columnar) seal(sealer *segment.Sealer, stream string, b *headBlock) error {
	block, err := sealBlock(sealer, b.builder, s.cache)
	if err != nil {
		return fmt.Errorf("encode block: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head.sealed(b, labelled(block, stream))
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

// flush writes the blocks of the first mark to segments, one for each stream,
// and the manifest that names them all, then lets go of the blocks.
func (s *Columnar) flush() error {
	start := time.Now()
	s.manifests.Lock()
	defer s.manifests.Unlock()
	s.mu.Lock()
	parts, info := s.head.parts()
	info.Written = s.cfg.Now().UnixNano()
	id := s.nextID
	s.nextID += uint64(len(parts))
	s.mu.Unlock()
	var files []*segmentFile
	for i, p := range parts {
		info.Stream = p.stream
		f, err := s.writeSegment(id+uint64(i), info, p.write)
		if err != nil {
			dropAll(files)
			return err
		}
		f.seq = p.blocks[0].seq
		files = append(files, f)
	}
	if err := s.replace(nil, files, info.Next, "flush"); err != nil {
		dropAll(files)
		return err
	}
	s.metrics.flushed(time.Since(start))
	return nil
}

// part is what a flush writes of one stream.
type part struct {
	stream string
	blocks []*headBlock
}

// parts returns what the first mark covers, and what is the same of all parts.
func (h *head) parts() ([]part, segment.Info) {
	m := &h.marks[0]
	var all []part
	for i, s := range h.streams {
		if n := m.of(i); n > 0 {
			all = append(all, part{s.name, s.blocks[:n:n]})
		}
	}
	return all, segment.Info{First: m.first, Next: m.next, Parts: uint64(len(all))}
}

func (p *part) write(w *segment.Writer) error {
	for _, b := range p.blocks {
		if err := w.AddBlock(b.block); err != nil {
			return err
		}
	}
	return nil
}

// dropAll removes segments that no manifest names.
func dropAll(files []*segmentFile) {
	for _, f := range files {
		f.drop()
	}
}

// writeSegment writes a segment that is durable on return, but not yet named by
// the manifest, and opens it. Of the info it takes what [segment.Writer.Finish] does.
func (s *Columnar) writeSegment(id uint64, i segment.Info, blocks func(*segment.Writer) error) (*segmentFile, error) {
	path := filepath.Join(s.dir, segmentName(id))
	var w *segment.Writer
	err := s.cfg.files.write(path, s.sealed(func(f io.Writer) (err error) {
		if w, err = segment.NewWriter(f); err != nil {
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
	f, err := openSegment(s.dir, entryOf(id, i), &s.cfg, s.cache)
	if err != nil {
		return nil, err
	}
	w.Succeed(f.blocks)
	return f, nil
}

// replace makes the manifest name segments in the place of others, and applies
// the same to the store once that is durable. An old segment list of nil means
// that they come from the first mark of the head. The caller holds manifests.
func (s *Columnar) replace(old, files []*segmentFile, applied uint64, why string) error {
	s.mu.Lock()
	next := replaced(s.segments, old, files)
	m := &manifest{Applied: max(applied, s.applied), NextID: s.nextID, Lost: s.lost, Mended: s.mended}
	s.mu.Unlock()
	for _, x := range next {
		m.Segments = append(m.Segments, x.entry())
	}
	if err := s.publish(m, files, old, why); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments, s.applied = next, m.Applied
	dropAll(old)
	if old == nil {
		s.head.flushed()
	}
	s.broadcast()
	return nil
}

// replaced returns a new list in which files stand in the place of the first of
// the old ones, at the end if there are none.
func replaced(list, old, files []*segmentFile) []*segmentFile {
	gone := map[*segmentFile]bool{}
	for _, x := range old {
		gone[x] = true
	}
	out := make([]*segmentFile, 0, len(list)+len(files))
	for _, x := range list {
		if !gone[x] {
			out = append(out, x)
			continue
		}
		out = append(out, files...)
		files = nil
	}
	return append(out, files...)
}
