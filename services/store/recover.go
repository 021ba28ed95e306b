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
)

// segmentIDs lists the segment files of a directory in ascending order.
func segmentIDs(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var ids []uint64
	for _, e := range entries {
		hex, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if id, err := strconv.ParseUint(hex, 16, 64); ok && err == nil && segmentName(id) == e.Name() {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// removeOrphans removes the segment files that no manifest names: what a crash
// left of a flush, a merge or a deletion.
func removeOrphans(dir string, known []*segmentFile, log *slog.Logger) {
	ids, err := segmentIDs(dir)
	if err != nil {
		log.Warn("look for left segments", "dir", dir, "err", err)
		return
	}
	for _, id := range ids {
		if slices.ContainsFunc(known, func(s *segmentFile) bool { return s.id == id }) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, segmentName(id))); err != nil {
			log.Warn("remove left segment", "segment", segmentName(id), "err", err)
			continue
		}
		log.Info("removed a segment that is not in the manifest", "segment", segmentName(id))
	}
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
		s, err := openSegment(dir, namedEntry{ID: id}, cfg.Keys, nil)
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
	slices.SortStableFunc(all, func(a, b namedEntry) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Next, a.Next), cmp.Compare(b.ID, a.ID))
	})
	for _, e := range all {
		if e.Next > e.First && e.Next <= m.Applied {
			continue // part of a merged segment
		}
		m.Segments = append(m.Segments, e)
		m.Applied = max(m.Applied, e.Next)
	}
	return m, nil
}

// brokenSegment stands for a segment of which nothing can be read, so that its
// queue range stays known and its file is kept for repair.
func brokenSegment(dir string, e namedEntry) *segmentFile {
	s := &segmentFile{id: e.ID, path: filepath.Join(dir, segmentName(e.ID)), info: e.info(), damaged: 1, seq: -1}
	s.refs.Store(1)
	return s
}
