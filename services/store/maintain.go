package store

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// maintainEvery is how often segments are looked at for merging and retention.
const maintainEvery = 5 * time.Second

// maintain merges small segments and deletes old ones until ctx ends.
func (s *Columnar) maintain(ctx context.Context) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		if err := s.retain(); err != nil {
			s.metrics.failures.Inc()
			s.cfg.Log.Error("delete old segments", "dir", s.dir, "err", err)
		}
		for s.roomToMerge() {
			merged, err := s.merge(ctx)
			if err != nil && ctx.Err() == nil {
				s.metrics.failures.Inc()
				s.cfg.Log.Error("merge segments", "dir", s.dir, "err", err)
			}
			if !merged || err != nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// roomToMerge tells whether the disk can hold a merged segment beside its parts.
func (s *Columnar) roomToMerge() bool {
	sp, err := s.cfg.space(s.dir)
	return err == nil && sp.free > s.cfg.MinFreeBytes+s.cfg.SegmentBytes
}

// retain deletes whole segments: those whose newest event was stored longer ago
// than the age, and the oldest while all are over the size. The time that events
// claim does not count: neither a clock that is wrong nor the loading of old logs
// makes events vanish, or stay. Nor does the free space of the disk: who else
// fills it must not be able to have events deleted. Write refuses then.
func (s *Columnar) retain() error {
	s.manifests.Lock()
	defer s.manifests.Unlock()
	old, why := s.expired()
	if len(old) == 0 {
		return nil
	}
	if err := s.replace(old, nil, 0); err != nil {
		return err
	}
	for i, f := range old {
		s.metrics.deleted.Add(float64(f.info.Rows))
		s.cfg.Log.Info("deleted a segment", "segment", segmentName(f.id), "why", why[i],
			"rows", f.info.Rows, "bytes", f.info.Bytes, "written", time.Unix(0, f.info.Written).UTC())
	}
	return nil
}

// expired returns the segments to delete, and the reasons.
func (s *Columnar) expired() (old []*segmentFile, why []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var size int64
	for _, f := range s.segments {
		size += f.info.Bytes
	}
	limit := s.cfg.Now().Add(-s.cfg.RetainAge).UnixNano()
	for _, f := range byAge(s.segments) {
		switch {
		case s.cfg.RetainAge > 0 && f.info.Written < limit:
			why = append(why, "age")
		case size > s.cfg.MaxBytes:
			why = append(why, "size")
		default:
			continue
		}
		old = append(old, f)
		size -= f.info.Bytes
	}
	return old, why
}

// byAge returns segments in the order in which they were written.
func byAge(segments []*segmentFile) []*segmentFile {
	out := slices.Clone(segments)
	slices.SortStableFunc(out, func(a, b *segmentFile) int { return cmp.Compare(a.info.Written, b.info.Written) })
	return out
}
