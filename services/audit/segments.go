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
	"time"
)

// Segments follows which files of the store the leaves of a log say there are.
// The zero value has seen no leaf.
type Segments struct {
	sealed  map[string]seal
	counts  SegmentCounts
	repairs []Repair
	last    *change // of the last leaves about segments, if these are seals
}

// seal is what a leaf says of a segment that is part of the store.
type seal struct {
	index int64
	hash  string
}

// change is what the last leaves say of one change of the store, which a crash
// may have kept from being made.
type change struct {
	id       string          // DetailChange of its leaves
	sealed   []string        // segments that come
	replaced map[string]seal // that go for them
	deleted  map[string]seal // that go
}

// SegmentCounts sums up what a log says of segments.
type SegmentCounts struct {
	Sealed    int `json:"sealed"`
	Replaced  int `json:"replaced"`
	Deleted   int `json:"deleted"`
	Adopted   int `json:"adopted"`   // of those sealed: were there when the log began, nobody says since when and by whom
	Withdrawn int `json:"withdrawn"` // sealed, but a crash came before they were part of the store
	Verified  int `json:"verified"`  // files that are there and what was sealed
}

// Repair is the replacement of a damaged segment by what could be read of it and
// what was made again from the queue. The log cannot tell why it was damaged: a
// disk may have done it, or somebody who changed the file.
type Repair struct {
	Leaf   int64     `json:"leaf"`
	Time   time.Time `json:"time"`
	Name   string    `json:"name"`             // of the damaged segment
	By     string    `json:"by,omitempty"`     // the segment that took its place, if any
	Sealed string    `json:"sealed,omitempty"` // hash that the damaged file was sealed with
	Found  string    `json:"found,omitempty"`  // hash of the damaged file as it was found
	Made   string    `json:"made,omitempty"`   // events that were made again
	Lost   string    `json:"lost,omitempty"`   // events that were not

	change string
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
	DetailReplaces = "replaces" // segments that go for the sealed one
	DetailWhy      = "why"

	// of the seal of a segment that takes the place of a damaged one:
	DetailMade  = "made"  // events that were made again
	DetailLost  = "lost"  // events that were not
	DetailFound = "found" // SHA-256 of the damaged file

	whyAdopted = "adopted" // by a new log
	whyRepair  = "repair"  // of damage
)

// Add follows a leaf. Leaves come in order.
func (s *Segments) Add(index int64, l Leaf) {
	if s.sealed == nil {
		s.sealed = map[string]seal{}
	}
	switch l.Act {
	case ActSeal, ActDelete:
		if id := l.Detail[DetailChange]; s.last == nil || s.last.id != id {
			s.last = &change{id: id, replaced: map[string]seal{}, deleted: map[string]seal{}}
		}
	case ActWithdraw:
		s.withdraw(l.Object)
		return
	}
	if l.Detail[DetailWhy] == whyRepair {
		s.repair(index, l)
	}
	switch l.Act {
	case ActSeal:
		s.counts.Replaced += s.remove(l.Detail[DetailReplaces], s.last.replaced)
		s.last.sealed = append(s.last.sealed, l.Object)
		s.sealed[l.Object] = seal{index, l.Hash}
		s.counts.Sealed++
		if l.Detail[DetailWhy] == whyAdopted {
			s.counts.Adopted++
		}
	case ActDelete:
		s.counts.Deleted += s.remove(l.Object, s.last.deleted)
	}
}

// repair notes the segments that a leaf replaces because they were damaged.
func (s *Segments) repair(index int64, l Leaf) {
	gone, by := l.Detail[DetailReplaces], l.Object
	if l.Act == ActDelete {
		gone, by = l.Object, ""
	}
	for name := range strings.FieldsSeq(gone) {
		s.repairs = append(s.repairs, Repair{
			Leaf: index, Time: l.Time, Name: name, By: by, Sealed: s.sealed[name].hash,
			Found: l.Detail[DetailFound], Made: l.Detail[DetailMade], Lost: l.Detail[DetailLost], change: l.Detail[DetailChange],
		})
	}
}

// Repairs returns the segments that were replaced because they were damaged, in
// order.
func (s *Segments) Repairs() []Repair { return s.repairs }

// remove moves segments to those that are gone and returns how many.
func (s *Segments) remove(names string, gone map[string]seal) (n int) {
	for name := range strings.FieldsSeq(names) {
		if x, ok := s.sealed[name]; ok {
			gone[name] = x
			delete(s.sealed, name)
			n++
		}
	}
	return n
}

// withdraw undoes the last change. Of any other one it does nothing, so that no
// later leaf can explain away a file that was part of the store.
func (s *Segments) withdraw(id string) {
	c := s.last
	if c == nil || c.id != id {
		return
	}
	for _, name := range c.sealed {
		delete(s.sealed, name)
	}
	maps.Copy(s.sealed, c.replaced)
	maps.Copy(s.sealed, c.deleted)
	s.counts.Replaced -= len(c.replaced)
	s.counts.Deleted -= len(c.deleted)
	s.counts.Withdrawn += len(c.sealed)
	s.repairs = slices.DeleteFunc(s.repairs, func(r Repair) bool { return r.change == id })
	s.last = nil
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
		case errors.Is(err, os.ErrNotExist) && s.pending(name) && !isNamed[name]:
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
		if _, ok := s.sealed[name]; !ok && !s.leaving(name) {
			problems = append(problems, SegmentProblem{-1, name, "segment is part of the store, and no leaf says that it was sealed"})
		}
	}
	return counts, problems, nil
}

// pending tells whether a segment comes with the last change, which a crash may
// have kept from being made.
func (s *Segments) pending(name string) bool {
	return s.last != nil && slices.Contains(s.last.sealed, name)
}

// leaving tells whether a segment goes with the last change.
func (s *Segments) leaving(name string) bool {
	if s.last == nil {
		return false
	}
	_, replaced := s.last.replaced[name]
	_, deleted := s.last.deleted[name]
	return replaced || deleted
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
