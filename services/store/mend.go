package store

import (
	"context"
	"errors"
	"slices"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Source makes the events of the queue offsets first <= o < next again, and hands
// them to write in order, perhaps with others around them. It returns ErrGone if it does not have all records of
// the range; what write was given is then not used.
type Source func(ctx context.Context, first, next uint64, write func(Batch) error) error

// ErrGone means that records are not in the queue any more.
var ErrGone = errors.New("the queue does not hold the records any more")

// Mend replaces damaged blocks by what a source makes again of their records,
// until ctx ends: those that were found at the start, and those that queries find.
// What cannot be mended stays as it is until the next start.
func (s *Columnar) Mend(ctx context.Context, source Source) error {
	if s.lock == nil {
		return ErrReadOnly
	}
	given := map[*segmentFile]bool{} // up: they are not tried again
	for {
		f := s.nextFaulty(given)
		if f == nil {
			select {
			case <-s.faults:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		rows, err := s.mend(ctx, f, source)
		f.release()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			given[f] = true
			s.metrics.unmended.Inc()
			s.cfg.Log.Error("damaged segment cannot be mended", "segment", segmentName(f.id), "stream", f.info.Stream, "err", err)
		default:
			s.metrics.mended.Inc()
			s.cfg.Log.Info("damaged segment was mended from the queue", "segment", segmentName(f.id), "stream", f.info.Stream, "rows", rows)
		}
	}
}

// fault notes that a block of a segment is damaged, and reports whether that is
// news.
func (s *Columnar) fault(f *segmentFile, number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(f.faulty, number) {
		return false
	}
	f.faulty = append(f.faulty, number)
	select {
	case s.faults <- struct{}{}:
	default: // it is awake already
	}
	return true
}

// nextFaulty holds and returns a damaged segment that is not given up, nil if
// there is none.
func (s *Columnar) nextFaulty(given map[*segmentFile]bool) *segmentFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.segments {
		if (f.damaged > 0 || len(f.faulty) > 0) && !given[f] {
			f.refs.Add(1)
			return f
		}
	}
	return nil
}

// mend replaces a segment by one with its whole blocks and what a source gives
// for the others. It returns the number of rows that were made again.
func (s *Columnar) mend(ctx context.Context, f *segmentFile, source Source) (int64, error) {
	m, err := s.survey(f)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	id := s.nextID
	s.nextID++
	s.mu.Unlock()
	info := f.info
	info.Parts = 0
	made, err := s.writeSegment(id, info, func(w *segment.Writer) error {
		m.out = merger{ctx: ctx, out: w, builder: segment.NewBuilder()}
		return m.write(ctx, source)
	})
	if err != nil {
		return 0, err
	}
	made.since = f.since
	s.manifests.Lock()
	defer s.manifests.Unlock()
	if !slices.Contains(s.listed(), f) { // retention was faster
		made.drop()
		return 0, nil
	}
	if err := s.replace([]*segmentFile{f}, []*segmentFile{made}, 0, "repair"); err != nil {
		made.drop()
		return 0, err
	}
	return m.rows, nil
}
