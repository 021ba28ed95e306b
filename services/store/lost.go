package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lostEntry says of a segment that was mended what could not be made again.
type lostEntry struct {
	ID     uint64 `json:"id"`
	Stream string `json:"stream"`
	First  uint64 `json:"first"`
	Next   uint64 `json:"next"`
	Rows   int64  `json:"rows"` // 0: its file was not there, and may come back
	At     int64  `json:"at"`   // when that was found, Unix nanoseconds
	// Unread is of a segment of which nothing could be read when its time was
	// over: how many events it has is not known.
	Unread bool `json:"unread,omitempty"`
}

// maxLost bounds what a manifest says of segments that are no more. The oldest
// are forgotten; their files stay.
const maxLost = 1024

// Lost is a segment of which not all events could be kept or made again.
type Lost struct {
	File        string // in the quarantine of the store, if Kept
	Stream      string
	First, Next uint64 // queue range
	Rows        int64  // events that are not in the store any more
	At          time.Time
	Kept        bool // the file is in the quarantine
	Unread      bool // retention put it there because it could not be read; Rows and range are not known
}

// err says it as the fault of a file.
func (l *Lost) err() error {
	if l.Unread {
		return errors.New("it could not be read when its time in the store was over; its events are not archived")
	}
	return fmt.Errorf("%d events of the queue offsets %d to %d could not be made again when it was mended", l.Rows, l.First, l.Next-1)
}

// lose notes what is lost with a segment, and returns what takes the note back.
// The caller holds manifests.
func (s *Columnar) lose(l lostEntry) (undo func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.lost
	all := append(before[:len(before):len(before)], l)
	s.lost = all[max(0, len(all)-maxLost):]
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lost = before
	}
}

// Lost returns the segments of which events were lost when they were mended, and
// those that retention could not read, the oldest first.
func (s *Columnar) Lost() []Lost {
	s.mu.Lock()
	entries := s.lost
	s.mu.Unlock()
	var all []Lost
	for _, l := range entries {
		if l.Rows == 0 && !l.Unread {
			continue
		}
		x := Lost{File: filepath.Join(QuarantineName, segmentName(l.ID)), Stream: l.Stream, First: l.First, Next: l.Next, Rows: l.Rows, At: time.Unix(0, l.At).UTC(), Unread: l.Unread}
		_, err := os.Stat(filepath.Join(s.dir, x.File))
		x.Kept = err == nil
		all = append(all, x)
	}
	return all
}

// gone returns the segments whose files are not to be removed, whoever finds
// them unnamed.
func (s *Columnar) gone() map[uint64]bool {
	ids := map[uint64]bool{}
	for _, l := range s.lost {
		ids[l.ID] = true
	}
	return ids
}
