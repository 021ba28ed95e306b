package store

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// segmentFile is an open segment. It is closed, and removed or moved aside if it
// was dropped, when its last holder releases it.
type segmentFile struct {
	id       uint64
	path     string
	info     segment.Info // as the manifest says
	own      segment.Info // as its footer says
	blocks   []*segment.Block
	damaged  int   // blocks that cannot be read at all
	faulty   []int // blocks that queries found damaged; guarded by Columnar.mu
	scrubbed int64 // when all of it was read last, Unix nanoseconds; guarded by Columnar.mu
	since    int64 // when the oldest of its events was stored, Unix nanoseconds
	seq      int64 // number of its first row since the store was opened, -1 if it is older
	unknown  bool  // see namedEntry

	disk    files
	file    *os.File    // nil if it cannot be opened
	content io.ReaderAt // of the file, decrypted
	size    int64       // of the content
	broken  error       // why it cannot be opened
	refs    atomic.Int32
	dropped atomic.Bool
	kept    atomic.Bool // dropped: its file goes to the quarantine
	mends   *Mended     // the damaged segment whose place it takes, until it is published
}

// openSegment opens a segment with one holder. What its manifest entry says of
// its range counts more than a damaged footer.
func openSegment(dir string, e namedEntry, cfg *Config, cache *segment.Cache) (*segmentFile, error) {
	s := &segmentFile{id: e.ID, path: filepath.Join(dir, segmentName(e.ID)), info: e.info(), since: cmp.Or(e.Since, e.Written), seq: -1, unknown: e.Unknown, disk: cfg.files}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open segment: %w", err)
	}
	src, size, err := unsealed(newSegmentSource(f), st.Size(), cfg.Keys)
	var sf *segment.File
	if err == nil {
		sf, err = segment.OpenFile(src, size, cache)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open segment %s: %w", segmentName(e.ID), err)
	}
	s.file, s.own, s.damaged = f, sf.Info, sf.Damaged
	s.content, s.size = src, size
	for _, b := range sf.Blocks {
		s.blocks = append(s.blocks, labelled(b, s.info.Stream))
	}
	s.refs.Store(1)
	return s, nil
}

func (s *segmentFile) entry() namedEntry {
	e := entryOf(s.id, s.info)
	e.Since, e.Unknown = s.since, s.unknown
	return e
}

// learn takes what the footer of a segment says of it, where the manifest did not
// know. It fails if the queue was asked for some of its events meanwhile.
func (s *segmentFile) learn() error {
	if !s.unknown {
		return nil
	}
	if s.own.Next > s.info.Next || s.own.First >= s.own.Next {
		return fmt.Errorf("open segment %s: it can be read again, but the manifest was made anew without it and its queue offsets %d to %d were read again from %d on",
			segmentName(s.id), s.own.First, s.own.Next, s.info.Next)
	}
	s.info, s.since, s.unknown = entryOf(s.id, s.own).info(), s.own.Written, false
	for i, b := range s.blocks {
		s.blocks[i] = labelled(b, s.info.Stream)
	}
	return nil
}

// ranged tells whether its events are of offsets of the queue. Those that are not,
// as of an archive, have segments of their own, which a rewind leaves alone.
func (s *segmentFile) ranged() bool { return s.info.First < s.info.Next }

// release gives up one hold.
func (s *segmentFile) release() {
	if s.refs.Add(-1) > 0 {
		return
	}
	if s.file != nil {
		s.file.Close() // only read from
	}
	switch {
	case s.dropped.Load() && s.kept.Load():
		_ = s.disk.aside(s.path) // what stays is moved at the next start, see Columnar.lost
	case s.dropped.Load():
		_ = s.disk.remove(s.path) // what stays is removed at the next start
	}
}

// drop makes the last release remove the file.
func (s *segmentFile) drop() {
	s.dropped.Store(true)
	s.release()
}
