package store

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"time"
)

// mendedEntry says of a segment that it was damaged, and what took its place.
type mendedEntry struct {
	ID     uint64 `json:"id"`
	By     uint64 `json:"by,omitempty"` // 0: nothing
	Stream string `json:"stream"`
	First  uint64 `json:"first"`
	Next   uint64 `json:"next"`
	Made   int64  `json:"made"` // rows that were made again
	Lost   int64  `json:"lost"` // rows that were not
	Found  string `json:"found,omitempty"`
	At     int64  `json:"at"` // Unix nanoseconds
}

// maxMended bounds what a manifest says of segments that were mended. The oldest
// are forgotten; the audit log has them all.
const maxMended = 1024

// Mended is a segment that was found damaged and was replaced. Somebody may have
// changed its file: that it was mended does not tell why it had to be.
type Mended struct {
	File        string    // that was damaged
	By          string    // the file that took its place, "" if there is none
	Stream      string    //
	First, Next uint64    // queue range
	Made, Lost  int64     // events that were made again, and that were not
	Found       string    // SHA-256 of the damaged file in hexadecimal, "" if there was none or it could not be read
	At          time.Time //
}

func (e *mendedEntry) mended() Mended {
	m := Mended{
		File: segmentName(e.ID), Stream: e.Stream, First: e.First, Next: e.Next, Made: e.Made, Lost: e.Lost,
		Found: e.Found, At: time.Unix(0, e.At).UTC(),
	}
	if e.By > 0 {
		m.By = segmentName(e.By)
	}
	return m
}

// noteMended notes that a segment is replaced, and returns what takes the note
// back. The caller holds manifests.
func (s *Columnar) noteMended(e mendedEntry) (undo func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.mended
	all := append(before[:len(before):len(before)], e)
	s.mended = all[max(0, len(all)-maxMended):]
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mended = before
	}
}

// Mended returns the segments that were mended, the oldest first.
func (s *Columnar) Mended() []Mended {
	s.mu.Lock()
	entries := s.mended
	s.mu.Unlock()
	var all []Mended
	for i := range entries {
		all = append(all, entries[i].mended())
	}
	return all
}

// found returns the hash of a damaged file as it is on disk, "" where that
// cannot be read.
func (s *segmentFile) found() string {
	f, err := os.Open(s.path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}
