package store

import (
	"context"
	"time"
)

// maintainEvery is how often segments are looked at for merging and retention.
const maintainEvery = 5 * time.Second

// maintain merges small segments and deletes old ones until ctx ends.
func (s *Columnar) maintain(ctx context.Context) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		s.lookAtRoom()
		s.lookAgainAtUnread()
		if err := s.archive(ctx); err != nil && ctx.Err() == nil {
			s.metrics.failures.Inc()
			s.cfg.Log.Error("archive old segments, they stay", "dir", s.dir, "err", err)
		}
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
