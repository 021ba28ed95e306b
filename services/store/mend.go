package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Source makes the events of the queue offsets first <= o < next again, and hands
// them to write in order, perhaps with others around them. It may add findings
// that it has from elsewhere, each behind the event that completed it, and is
// called twice for one range where it must be known first what there is. It
// returns ErrGone if it does not have all records of the range; what write was
// given is then not used.
type Source func(ctx context.Context, first, next uint64, write func(Batch) error) error

// ErrGone means that records are not in the queue any more.
var ErrGone = errors.New("the queue does not hold the records any more")

// lookAgain is how long a segment that could not be read is left alone.
const lookAgain = time.Minute

// Mend replaces damaged blocks by what a source makes again of their records,
// until ctx ends: those that were found at the start, and those that queries find.
// Only bytes that are not what was written count as damage: a file that cannot be
// read is looked at again every minute. What cannot be mended stays as it is
// until the next start. Of what is mended in part the damaged file goes to the
// quarantine, and [Columnar.Lost] says how much of it is lost.
func (s *Columnar) Mend(ctx context.Context, source Source) error {
	if s.lock == nil {
		return ErrReadOnly
	}
	given := map[*segmentFile]bool{} // up: they are not tried again
	retry := time.NewTicker(lookAgain)
	defer retry.Stop()
	unread := map[*segmentFile]bool{} // until the next look
	for {
		f := s.nextFaulty(given, unread)
		if f == nil {
			select {
			case <-s.faults:
				continue
			case <-retry.C:
				clear(unread)
				continue
			case <-ctx.Done():
				return nil
			}
		}
		m, err := s.mend(ctx, f, source)
		f.release()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errUnread):
			unread[f] = true
			s.cfg.Log.Warn("segment cannot be read now and is left as it is", "segment", segmentName(f.id), "stream", f.info.Stream, "err", err)
		case err != nil:
			given[f] = true
			s.metrics.unmended.Inc()
			s.cfg.Log.Error("damaged segment cannot be mended", "segment", segmentName(f.id), "stream", f.info.Stream, "err", err)
		default:
			s.tell(f, m)
		}
	}
}

// mended is what became of a damaged segment.
type mended struct {
	whole bool  // it is not damaged any more
	rows  int64 // that were made again
	lost  int64 // that were not
}

// tell logs and counts what became of a damaged segment.
func (s *Columnar) tell(f *segmentFile, m mended) {
	name := segmentName(f.id)
	switch {
	case m.whole:
		s.cfg.Log.Info("segment is not damaged any more", "segment", name, "stream", f.info.Stream)
	case m.lost > 0:
		s.metrics.mended.Inc()
		s.metrics.lost.Add(float64(m.lost))
		s.cfg.Log.Error("damaged segment was mended in part, its file is kept in the quarantine", "segment", name, "stream", f.info.Stream,
			"first", f.info.First, "next", f.info.Next, "rows", m.rows, "lost", m.lost)
	default:
		s.metrics.mended.Inc()
		s.cfg.Log.Info("damaged segment was mended from the queue", "segment", name, "stream", f.info.Stream, "rows", m.rows)
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

// nextFaulty holds and returns a damaged segment that is in none of the sets, nil
// if there is none.
func (s *Columnar) nextFaulty(not ...map[*segmentFile]bool) *segmentFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.segments {
		left := slices.ContainsFunc(not, func(set map[*segmentFile]bool) bool { return set[f] })
		if (f.damaged > 0 || len(f.faulty) > 0) && !left {
			f.refs.Add(1)
			return f
		}
	}
	return nil
}

// errUnread means that a file cannot be read, which says nothing of its content.
var errUnread = errors.New("read error")

// mend replaces a segment by one with its whole blocks and what a source gives
// for the others. A segment whose file turns out to be whole is only opened anew.
func (s *Columnar) mend(ctx context.Context, f *segmentFile, source Source) (mended, error) {
	again, bad, err := s.examine(f)
	absent := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !absent:
		return mended{}, err
	case again != nil && len(bad) == 0 && again.damaged == 0:
		again.release()
		return mended{whole: true}, s.reopen(f)
	case again != nil:
		defer again.release()
	case absent && f.unknown:
		return mended{whole: true}, s.forget(f)
	}
	m, err := s.survey(f, again, bad)
	if err != nil {
		return mended{}, err
	}
	m.absent = absent
	if err := m.count(ctx, s, source); err != nil {
		return mended{}, err
	}
	was := f.found()
	made, err := s.remake(ctx, m, source)
	if err != nil {
		return mended{}, err
	}
	if err := s.exchange(f, made, m, was); err != nil {
		made.drop()
		return mended{}, err
	}
	return mended{rows: m.rows, lost: m.lost()}, nil
}

// examine opens the file of a segment anew and checks all of it. The result has
// one holder, and is nil if no part of the file can be used; bad are the numbers of
// its damaged blocks, -1 for what is of none. An error means that nothing is to be
// done to the file, fs.ErrNotExist that there is none.
func (s *Columnar) examine(f *segmentFile) (again *segmentFile, bad map[int]bool, err error) {
	again, err = openSegment(s.dir, f.entry(), &s.cfg, nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	case segment.IsDamaged(err):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	bad = map[int]bool{}
	segment.Verify(again.content, again.size, func(x segment.Fault) {
		if !segment.IsDamaged(x.Err) {
			err = errors.Join(err, x.Err)
		}
		bad[x.Block] = true
	})
	if err != nil {
		again.release()
		return nil, nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	return again, bad, nil
}

// reopen takes a segment as its file is now.
func (s *Columnar) reopen(f *segmentFile) error {
	now, err := openSegment(s.dir, f.entry(), &s.cfg, s.cache)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	now.seq = f.seq
	s.manifests.Lock()
	defer s.manifests.Unlock()
	if err := now.learn(); err != nil {
		now.release()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.segments, f)
	if i < 0 { // retention was faster
		now.release()
		return nil
	}
	s.segments = inOrder(slices.Delete(slices.Clone(s.segments), i, i+1), now)
	f.release()
	s.broadcast()
	return nil
}

// forget takes a segment off the manifest of which nothing is known, and whose
// file somebody has taken away.
func (s *Columnar) forget(f *segmentFile) error {
	s.manifests.Lock()
	defer s.manifests.Unlock()
	if !slices.Contains(s.listed(), f) {
		return nil
	}
	f.kept.Store(true)
	undo := s.lose(lostEntry{ID: f.id, Stream: f.info.Stream, At: s.cfg.Now().UnixNano()})
	unsay := s.noteMended(mendedEntry{ID: f.id, Stream: f.info.Stream, At: s.cfg.Now().UnixNano()})
	if err := s.replace([]*segmentFile{f}, nil, 0, "repair"); err != nil {
		undo()
		unsay()
		return err
	}
	return nil
}

// remake writes the segment that takes the place of a damaged one, and reads all
// of it back.
func (s *Columnar) remake(ctx context.Context, m *mending, source Source) (*segmentFile, error) {
	s.mu.Lock()
	id := s.nextID
	s.nextID++
	s.mu.Unlock()
	info := m.info
	info.Parts = 0
	made, err := s.writeSegment(id, info, func(w *segment.Writer) error {
		m.out = merger{ctx: ctx, out: w, builder: segment.NewBuilder()}
		return m.write(ctx, source)
	})
	if err != nil {
		return nil, err
	}
	made.since = m.file.since
	segment.Verify(made.content, made.size, func(x segment.Fault) { err = errors.Join(err, x.Err) })
	if err != nil {
		made.drop()
		return nil, fmt.Errorf("read what was mended: %w", err)
	}
	return made, nil
}

// exchange names a mended segment in the place of the damaged one. Where events
// are missing the damaged file goes to the quarantine. The manifest says what was
// done, and to which file: found is its hash.
func (s *Columnar) exchange(f, made *segmentFile, m *mending, found string) error {
	s.manifests.Lock()
	defer s.manifests.Unlock()
	if !slices.Contains(s.listed(), f) { // retention was faster
		made.drop()
		return nil
	}
	undo := func() {}
	if n := m.lost(); n > 0 || m.absent {
		undo = s.lose(lostEntry{ID: f.id, Stream: f.info.Stream, First: f.info.First, Next: f.info.Next, Rows: n, At: s.cfg.Now().UnixNano()})
		f.kept.Store(true)
	}
	e := mendedEntry{
		ID: f.id, By: made.id, Stream: f.info.Stream, First: f.info.First, Next: f.info.Next,
		Made: m.rows, Lost: m.lost(), Found: found, At: s.cfg.Now().UnixNano(),
	}
	unsay := s.noteMended(e)
	told := e.mended()
	made.mends = &told
	if err := s.replace([]*segmentFile{f}, []*segmentFile{made}, 0, "repair"); err != nil {
		f.kept.Store(false)
		undo()
		unsay()
		return err
	}
	return nil
}
