package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shelf is a store that has only names and files.
type shelf struct {
	t     *testing.T
	dir   string
	log   *Log
	named []string
	next  int
}

func newShelf(t *testing.T) *shelf {
	data := t.TempDir()
	s := &shelf{t: t, dir: filepath.Join(data, "store"), log: open(t, filepath.Join(data, Dir))}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// make writes n files.
func (s *shelf) make(n int) (all []Segment) {
	s.t.Helper()
	for range n {
		s.next++
		name := fmt.Sprintf("%04d", s.next)
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("segment "+name), 0o600); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, Segment{Name: name, First: 1, Next: 2})
	}
	return all
}

// change tells a change and makes it, unless a crash comes between.
func (s *shelf) change(by *Sealer, added []Segment, removed []string, why string, crash bool) {
	s.t.Helper()
	done, err := by.Change(s.t.Context(), s.named, added, removed, why)
	if err != nil {
		s.t.Fatal(err)
	}
	if crash {
		for _, x := range added { // as the next start does
			s.remove(x.Name)
		}
		return
	}
	s.named = slices.DeleteFunc(slices.Clone(s.named), func(n string) bool { return slices.Contains(removed, n) })
	for _, x := range added {
		s.named = append(s.named, x.Name)
	}
	for _, n := range removed {
		s.remove(n)
	}
	done(true)
}

func (s *shelf) remove(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

// check compares files and leaves.
func (s *shelf) check() (SegmentCounts, []SegmentProblem) {
	s.t.Helper()
	x := s.leaves()
	return s.compare(&x)
}

func (s *shelf) leaves() (x Segments) {
	s.t.Helper()
	if _, err := Verify(s.log.dir, "", nil, func(i int64, l Leaf) error { x.Add(i, l); return nil }); err != nil {
		s.t.Fatal(err)
	}
	return x
}

func (s *shelf) compare(x *Segments) (SegmentCounts, []SegmentProblem) {
	s.t.Helper()
	counts, problems, err := x.Check(s.dir, s.named)
	if err != nil {
		s.t.Fatal(err)
	}
	return counts, problems
}

func TestSealer(t *testing.T) {
	s := newShelf(t)
	for _, x := range s.make(1) {
		s.named = append(s.named, x.Name) // of a version without an audit log
	}
	by := NewSealer(s.log, s.dir)
	f := func(want SegmentCounts) {
		t.Helper()
		counts, problems := s.check()
		if diff := cmp.Diff(want, counts); diff != "" || len(problems) > 0 {
			t.Error(diff, problems)
		}
	}
	if err := by.Settle(t.Context(), s.named); err != nil {
		t.Fatal(err)
	}
	f(SegmentCounts{Sealed: 1, Adopted: 1, Verified: 1})
	s.change(by, s.make(3), nil, "flush", false)
	f(SegmentCounts{Sealed: 4, Adopted: 1, Verified: 4})
	s.change(by, s.make(1), slices.Clone(s.named), "merge", false)
	f(SegmentCounts{Sealed: 5, Adopted: 1, Replaced: 4, Verified: 1})
	s.change(by, s.make(2), nil, "flush", false)

	// A failure: the store goes on, and what comes next says so first.
	s.change(by, s.make(1), slices.Clone(s.named), "merge", true)
	f(SegmentCounts{Sealed: 8, Adopted: 1, Replaced: 7, Verified: 0, Withdrawn: 1})
	s.change(by, nil, s.named[:1], "retention", false)
	f(SegmentCounts{Sealed: 8, Adopted: 1, Replaced: 4, Deleted: 1, Verified: 2, Withdrawn: 1})

	// A crash: the next start says so.
	for _, crash := range []func(){
		func() { s.change(by, s.make(2), nil, "flush", true) },
		func() { s.change(by, nil, slices.Clone(s.named), "retention", true) },
	} {
		crash()
		if _, problems := s.check(); len(problems) > 0 {
			t.Error(problems)
		}
		by = NewSealer(s.log, s.dir)
		for range 2 {
			if err := by.Settle(t.Context(), s.named); err != nil {
				t.Fatal(err)
			}
		}
	}
	f(SegmentCounts{Sealed: 10, Adopted: 1, Replaced: 4, Deleted: 1, Verified: 2, Withdrawn: 3})
	by = NewSealer(s.log, s.dir)
	s.change(by, s.make(1), nil, "flush", false)
	f(SegmentCounts{Sealed: 11, Adopted: 1, Replaced: 4, Deleted: 1, Verified: 3, Withdrawn: 3})
}

// TestRepairs: the replacement of a damaged segment is told apart from a merge, and
// none is told that was not made.
func TestRepairs(t *testing.T) {
	s := newShelf(t)
	by := NewSealer(s.log, s.dir)
	s.change(by, s.make(4), nil, "flush", false)
	s.change(by, s.make(1), slices.Clone(s.named[:1]), "merge", false)
	mend := func(name string, crash bool) {
		t.Helper()
		made := s.make(1)
		made[0].Mended = &Mended{Made: 7, Lost: 2, Found: "ab12"}
		s.change(by, made, []string{name}, "repair", crash)
	}
	mend("0003", true)
	mend("0003", false)
	s.change(by, nil, []string{"0004"}, "repair", false)
	if _, problems := s.check(); len(problems) > 0 {
		t.Error(problems)
	}
	x := s.leaves()
	want := []Repair{
		{Name: "0003", By: "0007", Found: "ab12", Made: "7", Lost: "2"},
		{Name: "0004"},
	}
	if diff := cmp.Diff(want, x.Repairs(), cmp.Comparer(func(a, b Repair) bool {
		sealed := len(a.Sealed)+len(b.Sealed) == 64 && a.Leaf+b.Leaf > 0
		a.Leaf, a.Time, a.Sealed, a.change = b.Leaf, b.Time, b.Sealed, b.change
		return a == b && sealed
	})); diff != "" {
		t.Error(diff)
	}
}

// TestManyNames: more segments than a leaf can name go for one.
func TestManyNames(t *testing.T) {
	s := newShelf(t)
	for _, x := range s.make(2*maxNames + 40) {
		s.named = append(s.named, x.Name)
	}
	by := NewSealer(s.log, s.dir)
	by.settled = true
	s.change(by, s.make(1), slices.Clone(s.named), "rewind", false)
	if _, problems := s.check(); len(problems) > 0 {
		t.Error(problems)
	}
	all := leaves(t, s.log.dir)
	last := strings.Fields(all[len(all)-1].Object)
	if len(all) != 4 || all[0].Act != ActSeal || len(last) != 40 {
		t.Errorf("%d leaves, the last one names %d", len(all), len(last))
	}
}

// TestRefusedChange: a leaf that cannot be written keeps a change from being made.
func TestRefusedChange(t *testing.T) {
	s := newShelf(t)
	by := NewSealer(s.log, s.dir)
	if _, err := by.Change(t.Context(), nil, []Segment{{Name: "gone"}}, nil, "flush"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a segment that is not there: %v", err)
	}
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := by.Change(t.Context(), nil, s.make(1), nil, "flush"); !errors.Is(err, ErrClosed) {
		t.Errorf("a log that is closed: %v", err)
	}
}

// TestChangesOfSegments: an edit, a deletion, a swap, a truncation and an
// insertion are found, and the segment is named.
func TestChangesOfSegments(t *testing.T) {
	rnd := random(t)
	s := newShelf(t)
	by := NewSealer(s.log, s.dir)
	for i := range 30 {
		s.change(by, s.make(1+i%3), nil, "flush", false)
		if i%7 == 6 {
			s.change(by, s.make(1), slices.Clone(s.named[:4]), "merge", false)
		}
	}
	path := func(name string) string { return filepath.Join(s.dir, name) }
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content := func(name string) []byte { return []byte("segment " + name) }
	kinds := map[string]func(name, other string) (broken []string){
		"edit": func(name, _ string) []string {
			b := content(name)
			b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
			put(name, b)
			return []string{name}
		},
		"truncate": func(name, _ string) []string {
			put(name, content(name)[:rnd.IntN(12)])
			return []string{name}
		},
		"delete": func(name, _ string) []string {
			s.remove(name)
			return []string{name}
		},
		"swap": func(name, other string) []string {
			put(name, content(other))
			put(other, content(name))
			return []string{name, other}
		},
		"insert": func(string, string) []string {
			put("forged", []byte("segment"))
			s.named = append(s.named, "forged")
			return []string{"forged"}
		},
	}
	leaves := s.leaves()
	for kind, change := range kinds {
		for range times() {
			i := rnd.IntN(len(s.named))
			j := (i + 1 + rnd.IntN(len(s.named)-1)) % len(s.named)
			was := s.named
			want := change(s.named[i], s.named[j])
			_, problems := s.compare(&leaves)
			var got []string
			for _, p := range problems {
				got = append(got, p.Name)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(kind, diff)
			}
			s.named = was
			put(s.named[i], content(s.named[i]))
			put(s.named[j], content(s.named[j]))
		}
	}
	if _, problems := s.check(); len(problems) > 0 {
		t.Error(problems)
	}
}
