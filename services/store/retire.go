package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Retired is a segment that retention is about to delete.
type Retired struct {
	Segment
	From, To int64 // the times of its events, both inclusive, Unix nanoseconds

	file *segmentFile
}

// Each yields the events of the segment in the order in which they were stored,
// each valid during the call. It returns the number of blocks that are damaged,
// whose events are left out.
func (r Retired) Each(yield func(*event.Event) error) (damaged int, err error) {
	damaged = r.file.damaged
	var e event.Event
	for _, b := range r.file.blocks {
		rows, err := b.OpenRows(nil)
		for i := 0; err == nil && i < b.Rows(); i++ {
			if err = rows.Event(i, &e); err != nil {
				break
			}
			if err := yield(&e); err != nil {
				return damaged, err
			}
		}
		if segment.IsDamaged(err) {
			damaged++
			continue
		}
		if err != nil {
			return damaged, fmt.Errorf("read %s: %w", r.Name, err)
		}
	}
	return damaged, nil
}

// SHA256 returns the hash of the segment's file, as it is on disk, in hexadecimal
// digits; "" of a file that cannot be opened, of which there are no events.
func (r Retired) SHA256() (string, error) {
	if r.file.file == nil {
		return "", nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r.file.file, 0, math.MaxInt64)); err != nil {
		return "", fmt.Errorf("hash %s: %w", r.Name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// archivePause is how long retention waits after Config.Archive has failed.
const archivePause = time.Minute

// retirement is what retention knows of the segments that it may delete. It
// belongs to the goroutine of maintenance.
type retirement struct {
	kept  map[uint64]bool // segments whose events are kept elsewhere
	after time.Time       // when to try again
}

// archive hands the segments that retention would delete to Config.Archive. No
// lock is held meanwhile: segments that were not handed over stay.
func (s *Columnar) archive(ctx context.Context) error {
	if s.cfg.Archive == nil || s.cfg.Now().Before(s.retiring.after) {
		return nil
	}
	s.manifests.Lock()
	gone := s.expire().gone
	for _, f := range gone {
		f.refs.Add(1)
	}
	s.manifests.Unlock()
	defer func() {
		for _, f := range gone {
			f.release()
		}
	}()
	for _, f := range gone {
		if s.retiring.kept[f.id] || f.unknown || isReserved(f.info.Stream) {
			continue
		}
		i := f.info
		r := Retired{Segment: Segment{Name: segmentName(f.id), Stream: i.Stream, First: i.First, Next: i.Next, Rows: i.Rows, Bytes: i.Bytes}, From: i.MinT, To: i.MaxT, file: f}
		if err := s.cfg.Archive(ctx, r); err != nil {
			s.retiring.after = s.cfg.Now().Add(archivePause)
			return fmt.Errorf("archive %s: %w", r.Name, err)
		}
		if s.retiring.kept == nil {
			s.retiring.kept = map[uint64]bool{}
		}
		s.retiring.kept[f.id] = true
	}
	return nil
}

// lookAgainAtUnread reads the segments once more that retention would delete
// without anybody knowing what they hold. One that can be read now has its own
// age, and stays if that is not over.
func (s *Columnar) lookAgainAtUnread() {
	s.manifests.Lock()
	gone := s.expire().gone
	s.manifests.Unlock()
	for _, f := range gone {
		if !f.unknown {
			continue
		}
		if err := s.reopen(f); err != nil {
			s.cfg.Log.Warn("segment still cannot be read", "segment", segmentName(f.id), "err", err)
		}
	}
}

// keepUnread makes the files of segments that cannot be read go to the quarantine
// and notes them, and returns what takes that back: nobody can tell how old their
// events are, nor archive them, so that only people may delete them. The caller
// holds manifests.
func (s *Columnar) keepUnread(gone []*segmentFile) (undo func()) {
	s.mu.Lock()
	before := s.lost
	s.mu.Unlock()
	for _, f := range gone {
		if f.unknown {
			f.kept.Store(true)
			s.lose(lostEntry{ID: f.id, Stream: f.info.Stream, At: s.cfg.Now().UnixNano(), Unread: true})
		}
	}
	return func() {
		for _, f := range gone {
			f.kept.Store(false)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lost = before
	}
}

// keepUnarchived takes the segments back that are to be archived and are not.
func (s *Columnar) keepUnarchived(x *expiry) {
	if s.cfg.Archive == nil {
		return
	}
	gone, why := x.gone, x.why
	x.gone, x.why = nil, nil
	for i, f := range gone {
		if s.retiring.kept[f.id] || f.unknown || isReserved(f.info.Stream) {
			x.gone, x.why = append(x.gone, f), append(x.why, why[i])
		}
	}
}
