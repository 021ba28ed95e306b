package store

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestAuditOfChanges: each change of the segments is told before it is made, and
// none is made that cannot be told.
func TestAuditOfChanges(t *testing.T) {
	dir := t.TempDir()
	var refuse error
	var got []Change
	var outcomes []bool
	open := func() *Columnar {
		t.Helper()
		s, err := Open(dir, Config{RetainAge: -1, MinFreeBytes: 1, Audit: func(c Change) (func(bool), error) {
			named, err := SegmentNames(dir)
			if !slices.Equal(named, c.Named) || err != nil {
				t.Errorf("the change was made before it was told: %v, %v, %v", named, c.Named, err)
			}
			got = append(got, c)
			return func(made bool) { outcomes = append(outcomes, made) }, refuse
		}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write := func(s *Columnar, first uint64) {
		t.Helper()
		e := event.Event{ID: "e", Source: "s", Dataset: "d", Time: 1, Received: 1}
		if err := s.Write(t.Context(), Batch{Events: []event.Event{e}, First: first, Next: first + 1}); err != nil {
			t.Fatal(err)
		}
	}
	s := open()
	write(s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	if _, err := s.Rewind(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	refuse = errors.New("audit")
	write(s, 1)
	if err := s.Close(); !errors.Is(err, refuse) {
		t.Errorf("close with a change that cannot be told: %v", err)
	}
	if named, err := SegmentNames(dir); len(named) != 0 || err != nil {
		t.Errorf("the change was made all the same: %v, %v", named, err)
	}
	name := segmentName(1)
	want := []Change{
		{Named: []string{}, Added: []Segment{{Name: name, Stream: DefaultStream, First: 1, Next: 2, Rows: 1}}, Removed: []string{}, Why: "flush"},
		{Named: []string{name}, Removed: []string{name}, Why: "rewind"},
	}
	if len(got) < 3 {
		t.Fatalf("%d changes", len(got))
	}
	got[0].Added[0].Bytes = 0
	if diff := cmp.Diff(want, got[:2]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]bool{true, true}, outcomes); diff != "" {
		t.Error(diff)
	}
}
