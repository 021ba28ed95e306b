package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
)

// segmentIDs lists the segment files of a directory in ascending order.
func segmentIDs(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var ids []uint64
	for _, e := range entries {
		if id, ok := segmentID(e.Name()); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// segmentID returns the id of the segment that a file name is of.
func segmentID(name string) (id uint64, ok bool) {
	hex, ok := strings.CutSuffix(name, segmentSuffix)
	id, err := strconv.ParseUint(hex, 16, 64)
	return id, ok && err == nil && segmentName(id) == name
}

// removeOrphans removes the files that no manifest names: what a crash left of a
// flush, a merge or a deletion.
func removeOrphans(dir string, known []*segmentFile, cfg *Config) {
	left, err := orphans(dir, known)
	if err != nil {
		cfg.Log.Warn("look for left files", "dir", dir, "err", err)
		return
	}
	for _, name := range left {
		if err := cfg.files.remove(filepath.Join(dir, name)); err != nil {
			cfg.Log.Warn("remove left file", "file", name, "err", err)
			continue
		}
		cfg.Log.Info("removed a file that is not in the manifest", "file", name)
	}
}

// orphans returns the names of the files that are not among the known ones:
// segments, and what was being written when a process ended.
func orphans(dir string, known []*segmentFile) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, f := range known {
		named[segmentName(f.id)] = true
	}
	var left []string
	for _, e := range entries {
		name := e.Name()
		if id, ok := segmentID(name); ok && !named[segmentName(id)] || strings.HasSuffix(name, durable.Unfinished) {
			left = append(left, name)
		}
	}
	return left, nil
}

// rebuildManifest makes a manifest from the footers of the segments. Where a
// merged segment and its parts are both there, the one with the wider queue
// range is taken. Segments whose range is not known are kept.
func rebuildManifest(dir string, cfg Config) (*manifest, error) {
	ids, err := segmentIDs(dir)
	if err != nil {
		return nil, err
	}
	m := &manifest{NextID: 1}
	var all []namedEntry
	for _, id := range ids {
		m.NextID = id + 1
		s, err := openSegment(dir, namedEntry{ID: id}, &cfg, nil)
		if errors.Is(err, errKey) {
			return nil, err
		}
		if err != nil {
			cfg.Log.Error("segment cannot be read", "segment", segmentName(id), "err", err)
			continue
		}
		all = append(all, entryOf(id, s.own))
		if s.own.Written == 0 { // the footer is lost
			all[len(all)-1].Written = cfg.Now().UnixNano()
		}
		s.release()
	}
	m.Segments = widest(all)
	m.settle(cfg.Log)
	return m, nil
}

// widest returns the entries whose queue range is not within that of another of
// the same stream.
func widest(all []namedEntry) []namedEntry {
	slices.SortStableFunc(all, func(a, b namedEntry) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Next, a.Next), cmp.Compare(b.ID, a.ID))
	})
	var out []namedEntry
	upTo := map[string]uint64{}
	for _, e := range all {
		if e.Next > e.First && e.Next <= upTo[e.Stream] {
			continue // part of a merged segment
		}
		out = append(out, e)
		upTo[e.Stream] = max(upTo[e.Stream], e.Next)
	}
	return out
}

// settle finds up to which queue offset the segments of a manifest are complete.
// A flush that a crash cut short has not written a segment for every stream: what
// it wrote does not count, the queue still has it.
func (m *manifest) settle(log *slog.Logger) {
	var last namedEntry
	n := uint64(0)
	for _, e := range m.Segments {
		if e.Next <= e.First {
			continue
		}
		switch {
		case e.Next > last.Next:
			last, n = e, 1
		case e.Next == last.Next && e.First == last.First:
			n++
		}
		if e.Next == last.Next && e.Parts == 0 {
			last.Parts = 0 // merged: a manifest named them all
		}
	}
	m.Applied = last.Next
	if n >= last.Parts {
		return
	}
	log.Warn("segments of a flush that was cut short are left to the queue", "segments", n, "of", last.Parts)
	m.Applied = last.First
	m.Segments = slices.DeleteFunc(m.Segments, func(e namedEntry) bool { return e.Next == last.Next && e.First == last.First })
}

// brokenSegment stands for a segment of which nothing can be read, so that its
// queue range stays known and its file is kept for repair.
func brokenSegment(dir string, e namedEntry, disk files, why error) *segmentFile {
	s := &segmentFile{id: e.ID, path: filepath.Join(dir, segmentName(e.ID)), info: e.info(), since: cmp.Or(e.Since, e.Written), damaged: 1, broken: why, seq: -1, disk: disk}
	s.refs.Store(1)
	return s
}
