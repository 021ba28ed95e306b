package store

import "context"

// Compacted is what a compaction did.
type Compacted struct {
	SegmentsBefore, SegmentsAfter int
	BytesBefore, BytesAfter       int64
}

// Compact merges the segments of a store that nobody has open as far as its
// bounds allow, which writing does only where it is worth it. progress, which may
// be nil, is called with what was done so far. A crash leaves the store as it was
// before or after one of the merges. Nothing is deleted.
func Compact(ctx context.Context, dir string, cfg Config, progress func(Compacted)) (c Compacted, err error) {
	if err := cfg.Validate(); err != nil {
		return c, err
	}
	s, err := openLocked(dir, cfg)
	if err != nil {
		return c, err
	}
	defer func() {
		s.closeSegments()
		s.lock.Close()
	}()
	_, c.BytesBefore, c.SegmentsBefore = s.totals()
	for {
		merged, err := s.mergeRun(ctx, func(segments []*segmentFile) []*segmentFile {
			return compactable(segments, s.cfg.mergeLimits)
		})
		_, c.BytesAfter, c.SegmentsAfter = s.totals()
		if err != nil || !merged {
			return c, err
		}
		if progress != nil {
			progress(c)
		}
	}
}

// compactable returns a run of neighbours in a stream that may be one segment,
// nil if there is none.
func compactable(segments []*segmentFile, limits func(stream string) (most, span int64)) []*segmentFile {
	for name, stream := range byStream(segments) {
		most, span := limits(name)
		for i := 0; i < len(stream); {
			sum, j := int64(0), i
			for j < len(stream) && j < i+mergeMax && stream[j].damaged == 0 && len(stream[j].faulty) == 0 && stream[j].ranged() == stream[i].ranged() && sum+stream[j].info.Bytes <= most &&
				stream[j].info.Written-stream[i].since <= span {
				sum += stream[j].info.Bytes
				j++
			}
			if j-i > 1 {
				return stream[i:j]
			}
			i++
		}
	}
	return nil
}
