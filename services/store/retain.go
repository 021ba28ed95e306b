package store

import (
	"cmp"
	"slices"
	"time"
)

// retain deletes whole segments: those whose newest event was stored longer ago
// than their stream is kept, the oldest of a stream over its size, and the oldest
// of the largest stream while all together are over theirs. The time that events
// claim does not count: neither a clock that is wrong nor the loading of old logs
// makes events vanish, or stay. The free space of the disk counts where
// Config.DeleteWhenLow says so: else who fills it with something else must not be
// able to have events deleted.
func (s *Columnar) retain() error {
	s.manifests.Lock()
	defer s.manifests.Unlock()
	x := s.expire()
	s.keepUnarchived(x)
	if len(x.gone) == 0 {
		return nil
	}
	undo := s.keepUnread(x.gone)
	if err := s.replace(x.gone, nil, 0, "retention"); err != nil {
		undo()
		return err
	}
	for i, f := range x.gone {
		delete(s.retiring.kept, f.id)
		if f.unknown {
			s.cfg.Log.Error("segment that cannot be read is no part of the store any more, its file is kept in the quarantine",
				"segment", segmentName(f.id), "stream", f.info.Stream, "why", x.why[i], "archived", false)
			continue
		}
		s.metrics.deleted.WithLabelValues(x.why[i]).Add(float64(f.info.Rows))
		s.cfg.Log.Info("deleted a segment", "segment", segmentName(f.id), "stream", f.info.Stream, "why", x.why[i],
			"rows", f.info.Rows, "bytes", f.info.Bytes, "written", time.Unix(0, f.info.Written).UTC())
	}
	return nil
}

// Reasons to delete a segment, as metrics and log name them.
const (
	whyAge    = "age"
	whyStream = "stream_size"
	whySize   = "size"
	whySpace  = "free_space"
)

// expiry finds what retention deletes.
type expiry struct {
	streams map[string][]*segmentFile // those that stay, oldest first
	bytes   map[string]int64          // of them
	total   int64
	gone    []*segmentFile
	why     []string
}

// expire returns the segments to delete, with the reasons. The caller holds
// manifests.
func (s *Columnar) expire() *expiry {
	x := &expiry{streams: byStream(s.listed()), bytes: map[string]int64{}}
	for name, segments := range x.streams {
		x.streams[name] = byAge(segments)
		for _, f := range segments {
			x.bytes[name] += f.info.Bytes
			x.total += f.info.Bytes
		}
	}
	now := s.cfg.Now()
	for name := range x.streams {
		age, most := s.cfg.limits(name)
		limit := now.Add(-age).UnixNano()
		for age > 0 && len(x.streams[name]) > 0 && x.streams[name][0].info.Written < limit {
			x.drop(name, whyAge)
		}
		for most > 0 && x.bytes[name] > most {
			x.drop(name, whyStream)
		}
	}
	for x.total > s.cfg.MaxBytes {
		x.drop(x.largest(), whySize)
	}
	if s.cfg.DeleteWhenLow {
		s.expireForSpace(x)
	}
	return x
}

// expireForSpace adds the oldest segments of the largest streams until the disk
// would have the space that it is to have.
func (s *Columnar) expireForSpace(x *expiry) {
	sp, err := s.cfg.space(s.dir)
	if err != nil {
		return // to delete nothing is safe
	}
	free := sp.free
	for _, f := range x.gone {
		free += f.info.Bytes
	}
	for free < s.cfg.LowFreeBytes && x.total > 0 {
		free += x.drop(x.largest(), whySpace)
	}
}

// drop marks the oldest segment of a stream for deletion and returns its bytes.
func (x *expiry) drop(stream, why string) int64 {
	f := x.streams[stream][0]
	x.streams[stream] = x.streams[stream][1:]
	x.bytes[stream] -= f.info.Bytes
	x.total -= f.info.Bytes
	x.gone, x.why = append(x.gone, f), append(x.why, why)
	return f.info.Bytes
}

// largest returns the stream that takes most, the first by name of equal ones.
func (x *expiry) largest() string {
	best := ""
	for name, n := range x.bytes {
		if best == "" || n > x.bytes[best] || n == x.bytes[best] && name < best {
			best = name
		}
	}
	return best
}

// byAge returns segments in the order in which they were written.
func byAge(segments []*segmentFile) []*segmentFile {
	out := slices.Clone(segments)
	slices.SortStableFunc(out, func(a, b *segmentFile) int { return cmp.Compare(a.info.Written, b.info.Written) })
	return out
}
