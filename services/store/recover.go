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
	"github.com/gatewatch/gatewatch/services/store/segment"
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
// flush, a merge or a deletion. Where that is not sure, as the manifest was made
// anew or a segment was mended in part, they go to the quarantine.
func (s *Columnar) removeOrphans() {
	left, err := orphans(s.dir, s.segments)
	if err != nil {
		s.cfg.Log.Warn("look for left files", "dir", s.dir, "err", err)
		return
	}
	lost := s.gone()
	for _, name := range left {
		id, whole := segmentID(name)
		keep := whole && (s.rebuilt || lost[id])
		remove := s.cfg.files.remove
		if keep {
			remove = s.cfg.files.aside
		}
		if err := remove(filepath.Join(s.dir, name)); err != nil {
			s.cfg.Log.Warn("remove left file", "file", name, "err", err)
			continue
		}
		s.cfg.Log.Info("cleared away a file that is not in the manifest", "file", name, "in_quarantine", keep)
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
// range is taken. Segments whose range is not known are kept, and so are those
// that cannot be opened.
func rebuildManifest(dir string, cfg Config) (*manifest, error) {
	ids, err := segmentIDs(dir)
	if err != nil {
		return nil, err
	}
	m := &manifest{NextID: afterQuarantine(dir)}
	var all, cut, unknown []namedEntry
	for _, id := range ids {
		m.NextID = max(m.NextID, id+1)
		e, whole, err := ownEntry(dir, id, &cfg)
		switch {
		case errors.Is(err, errKey):
			return nil, err
		case err != nil: // opening it again says why
			unknown = append(unknown, namedEntry{ID: id, Written: cfg.Now().UnixNano(), Unknown: true})
		case whole:
			all = append(all, e)
		default:
			cut = append(cut, e)
		}
	}
	m.Segments = append(widest(all), cut...)
	slices.SortStableFunc(m.Segments, func(a, b namedEntry) int { return cmp.Compare(a.First, b.First) })
	m.settle(cfg.Log, len(cut)+len(unknown) > 0, cfg.Replays)
	for _, e := range unknown {
		e.First, e.Next = m.Applied, m.Applied
		m.Segments = append(m.Segments, e)
	}
	return m, nil
}

// ownEntry returns what a segment says of itself. Without its footer, whole is
// false, and that is what the rows say that can be read: not of which stream they
// are. If they say nothing it is an error.
func ownEntry(dir string, id uint64, cfg *Config) (e namedEntry, whole bool, err error) {
	s, err := openSegment(dir, namedEntry{ID: id}, cfg, nil)
	if err != nil {
		return e, false, err
	}
	defer s.release()
	e = entryOf(id, s.own)
	if s.own.Written != 0 {
		return e, true, nil
	}
	e.Written = cfg.Now().UnixNano()
	for _, b := range s.blocks {
		lo, hi, ok, err := b.OffsetBounds()
		if err != nil && !segment.IsDamaged(err) {
			return e, false, err
		}
		if err != nil || !ok {
			continue
		}
		if e.Next == 0 {
			e.First = lo
		}
		e.First, e.Next = min(e.First, lo), max(e.Next, hi+1)
	}
	if len(s.blocks) == 0 {
		return e, false, errors.New("nothing of it can be read")
	}
	return e, false, nil
}

// afterQuarantine is a number above those of the segments in the quarantine, so
// that no name is given twice.
func afterQuarantine(dir string) (next uint64) {
	entries, err := os.ReadDir(filepath.Join(dir, QuarantineName))
	if err != nil {
		return 0 // there is none
	}
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), segmentSuffix)
		if id, ok := segmentID(name + segmentSuffix); ok {
			next = max(next, id+1)
		}
	}
	return next
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
// it wrote does not count as long as the queue has the range, which a queue behind
// an unfinished flush always does. Else retention has deleted the rest, or nobody
// can tell, and it counts. Where a segment could not be opened it may be of any
// flush that is not whole, and may be all of one: the queue is read again from the
// first one that it still has.
func (m *manifest) settle(log *slog.Logger, unknown bool, replays func(first, next uint64) bool) {
	for _, e := range m.Segments {
		m.Applied = max(m.Applied, e.Next)
	}
	gaps := m.gaps(unknown)
	i := slices.IndexFunc(gaps, func(first uint64) bool { return replays != nil && replays(first, m.Applied) })
	if i != 0 && len(gaps) > 0 {
		log.Warn("segments may be missing whose records the queue does not hold any more", "first", gaps[0])
	}
	if i < 0 {
		return
	}
	at := gaps[i]
	before := len(m.Segments)
	m.Applied = at
	m.Segments = slices.DeleteFunc(m.Segments, func(e namedEntry) bool { return e.Next > e.First && e.First >= at })
	log.Warn("segments of a flush that is not whole are left to the queue", "segments", before-len(m.Segments), "first", at)
}

// gaps returns the offsets from which on segments may be missing, in order: where
// the last flush is not whole, or any if all is asked for, and then also where no
// segment has the offsets between two. No segment reaches over one of them.
func (m *manifest) gaps(all bool) []uint64 {
	type span struct{ first, next uint64 }
	there, parts := map[span]uint64{}, map[span]uint64{}
	var spans []span
	for _, e := range m.Segments {
		x := span{e.First, e.Next}
		if e.Next <= e.First {
			continue
		}
		if there[x]++; there[x] == 1 {
			spans, parts[x] = append(spans, x), e.Parts
		}
		parts[x] = min(parts[x], e.Parts) // one is merged: a manifest named them all
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.next, b.next)) })
	var out []uint64
	upTo := uint64(0)
	for i, x := range spans {
		if all && i > 0 && x.first > upTo {
			out = append(out, upTo)
		}
		if there[x] < parts[x] && (all || x.next == m.Applied) && x.first >= upTo {
			out = append(out, x.first)
		}
		upTo = max(upTo, x.next)
	}
	return slices.DeleteFunc(out, func(at uint64) bool {
		return slices.ContainsFunc(spans, func(x span) bool { return x.first < at && at < x.next })
	})
}

// brokenSegment stands for a segment of which nothing can be read, so that its
// queue range stays known and its file is kept for repair.
func brokenSegment(dir string, e namedEntry, disk files, why error) *segmentFile {
	s := &segmentFile{id: e.ID, path: filepath.Join(dir, segmentName(e.ID)), info: e.info(), since: cmp.Or(e.Since, e.Written), unknown: e.Unknown, damaged: 1, broken: why, seq: -1, disk: disk}
	s.refs.Store(1)
	return s
}

// inOrder inserts a segment into a list before the first of its stream that is of
// later offsets.
func inOrder(list []*segmentFile, f *segmentFile) []*segmentFile {
	i := slices.IndexFunc(list, func(o *segmentFile) bool {
		return o.info.Stream == f.info.Stream && o.info.First > f.info.First
	})
	if i < 0 {
		i = len(list)
	}
	return slices.Insert(list, i, f)
}
