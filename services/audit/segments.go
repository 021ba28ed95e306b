package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Segments follows which files of the store the leaves of a log say there are.
// The zero value has seen no leaf.
type Segments struct {
	sealed map[string]seal
	counts SegmentCounts
	last   *change // of the last leaves about segments, if these are seals
}

// seal is what a leaf says of a segment that is part of the store.
type seal struct {
	index int64
	hash  string
}

// change is what the last leaves say of one change of the store, which a crash
// may have kept from taking effect.
type change struct {
	name     string          // DetailChange of its leaves
	sealed   []string        // segments that came
	replaced map[string]seal // segments that went for them
}

// SegmentCounts sums up what a log says of segments.
type SegmentCounts struct {
	Sealed    int `json:"sealed"`
	Replaced  int `json:"replaced"`
	Deleted   int `json:"deleted"`
	Withdrawn int `json:"withdrawn"` // sealed, but a crash came before they were part of the store
	Verified  int `json:"verified"`  // files that are there and what was sealed
}

// SegmentProblem is a segment that is not what the log says.
type SegmentProblem struct {
	Leaf   int64  `json:"leaf"` // that sealed it, -1 if none did
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Keys of the detail of leaves about segments. Names are separated by spaces.
const (
	DetailChange   = "change"   // the same in all leaves of one change of the store, and in those of no other one
	DetailReplaces = "replaces" // segments that the change takes out, in the first of its leaves
	DetailWhy      = "why"
)

// Add follows a leaf. Leaves come in order.
func (s *Segments) Add(index int64, l Leaf) {
	if s.sealed == nil {
		s.sealed = map[string]seal{}
	}
	switch l.Act {
	case ActSeal:
		if id := l.Detail[DetailChange]; s.last == nil || s.last.name != id {
			s.last = &change{name: id, replaced: map[string]seal{}}
		}
		gone := s.remove(l.Detail[DetailReplaces])
		maps.Copy(s.last.replaced, gone)
		s.counts.Replaced += len(gone)
		s.last.sealed = append(s.last.sealed, l.Object)
		s.sealed[l.Object] = seal{index, l.Hash}
		s.counts.Sealed++
	case ActDelete:
		s.counts.Deleted += len(s.remove(l.Object))
		s.last = nil
	case ActWithdraw:
		s.withdraw(l.Object)
	}
}

func (s *Segments) remove(names string) map[string]seal {
	gone := map[string]seal{}
	for _, name := range strings.Fields(names) {
		if x, ok := s.sealed[name]; ok {
			gone[name] = x
			delete(s.sealed, name)
		}
	}
	return gone
}

// withdraw undoes the last change. Of any other one it does nothing, so that no
// later leaf can explain away a file that was part of the store.
func (s *Segments) withdraw(names string) {
	if s.last == nil || strings.Join(s.last.sealed, " ") != names {
		return
	}
	for _, name := range s.last.sealed {
		delete(s.sealed, name)
	}
	maps.Copy(s.sealed, s.last.replaced)
	s.counts.Replaced -= len(s.last.replaced)
	s.counts.Withdrawn += len(s.last.sealed)
	s.last = nil
}

// Pending returns the segments of the last leaves about segments if these are
// seals: those that a crash may have kept from becoming part of the store.
func (s *Segments) Pending() []string {
	if s.last == nil {
		return nil
	}
	return s.last.sealed
}

// Check compares the files of a store with the leaves: named are the segments
// that the store says it is made of. A segment that is not there is a problem
// unless it was deleted, replaced or withdrawn by a leaf.
func (s *Segments) Check(store string, named []string) (SegmentCounts, []SegmentProblem, error) {
	counts := s.counts
	var problems []SegmentProblem
	isNamed := map[string]bool{}
	for _, name := range named {
		isNamed[name] = true
	}
	for _, name := range sorted(s.sealed) {
		x := s.sealed[name]
		sum, err := hashFile(filepath.Join(store, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, os.ErrNotExist) && slices.Contains(s.Pending(), name) && !isNamed[name]:
			counts.Withdrawn++ // a crash; the next start says so in a leaf
		case errors.Is(err, os.ErrNotExist):
			problems = append(problems, SegmentProblem{x.index, name, "segment is missing, and no leaf says that it was deleted"})
		case err != nil:
			return counts, problems, fmt.Errorf("check segment: %w", err)
		case sum != x.hash:
			problems = append(problems, SegmentProblem{x.index, name, "segment was changed after it was sealed"})
		default:
			counts.Verified++
		}
	}
	for _, name := range named {
		if _, ok := s.sealed[name]; !ok && !s.replacedLast(name) {
			problems = append(problems, SegmentProblem{-1, name, "segment is part of the store, and no leaf says that it was sealed"})
		}
	}
	return counts, problems, nil
}

// replacedLast tells whether a segment went for the last one that was sealed: if
// a crash came before that was so, it is still part of the store.
func (s *Segments) replacedLast(name string) bool {
	if s.last == nil {
		return false
	}
	_, ok := s.last.replaced[name]
	return ok
}

// hashFile returns the SHA-256 of a file in hexadecimal.
func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func sorted(m map[string]seal) []string { return slices.Sorted(maps.Keys(m)) }
