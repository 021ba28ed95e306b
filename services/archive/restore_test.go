package archive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

func TestRestore(t *testing.T) {
	dir := t.TempDir()
	var events []*event.Event
	r := rand.New(rand.NewPCG(5, 5))
	for n := range 500 {
		events = append(events, randomEvent(r, n))
	}
	m := mustCreate(t, dir, Options{Name: "a"}, events)
	s, err := store.Open(filepath.Join(dir, "store"), store.Config{MinFreeBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Write(t.Context(), store.Batch{Events: []event.Event{*events[7]}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int64{{499, 1}, {0, 500}} { // again: nothing is there twice
		written, present, err := Restore(t.Context(), m, nil, s)
		if err != nil || written != want[0] || present != want[1] {
			t.Errorf("time %d: %d, %d, %v", i, written, present, err)
		}
	}
	q, err := query.Parse("event.id: id-3", noon)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	if _, err := s.Search(t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
		found++
		if got := e.Get(Restored).Text(); got != "a" {
			t.Errorf("restored from %q", got)
		}
		if e.Delete(Restored); text(e) != text(events[3]) {
			t.Errorf("another event:\n%s", cmp.Diff(text(events[3]), text(e)))
		}
		return nil
	}); err != nil || found != 1 {
		t.Errorf("%d found, %v", found, err)
	}
}

// TestRestoreBesideOthers: what the store holds besides is looked at page by page
// and takes no memory; events without an id are never taken for others.
func TestRestoreBesideOthers(t *testing.T) {
	var events []*event.Event
	for n := range 50 {
		events = append(events, &event.Event{ID: fmt.Sprint(n), Source: "s", Time: noon.UnixNano() + int64(n)})
	}
	events = append(events, &event.Event{Source: "s", Time: 7}, &event.Event{Source: "s", Time: 7}, events[0])
	m := mustCreate(t, t.TempDir(), Options{Name: "a"}, events)
	s, err := store.Open(t.TempDir(), store.Config{MinFreeBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var held []event.Event
	for n := range 1000 { // of the same times, and some are the same
		held = append(held, event.Event{ID: fmt.Sprint(n + 40), Source: "s", Time: noon.UnixNano() + int64(n%90)})
	}
	held = append(held, event.Event{Source: "s", Time: 7})
	if err := s.Write(t.Context(), store.Batch{Events: held}); err != nil {
		t.Fatal(err)
	}
	r := &restoration{ctx: t.Context(), store: s, name: m.Name, page: 7}
	if err := r.run(m, nil); err != nil {
		t.Fatal(err)
	}
	if r.written != 42 || r.present != 11 {
		t.Errorf("%d written, %d there", r.written, r.present)
	}
	if len(r.held) > len(events) {
		t.Errorf("%d identities are held for %d events", len(r.held), len(events))
	}
}

func TestSpans(t *testing.T) {
	f := func(times []int64, want ...span) {
		t.Helper()
		if got := spansOf(times); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", times, got, want)
		}
	}
	f(nil)
	f([]int64{5}, span{5, 5})
	f([]int64{5, 5, 5}, span{5, 5})
	f([]int64{7, 5, 6, 1000, 1001, 0}, span{0, 7}, span{1000, 1001})
	f([]int64{math.MinInt64, math.MaxInt64, 0}, span{math.MinInt64, math.MinInt64}, span{0, 0}, span{math.MaxInt64, math.MaxInt64})
	var even []int64
	for n := range int64(1000) {
		even = append(even, n*n*n)
	}
	if got := spansOf(even); len(got) > lookSpans {
		t.Errorf("%d ranges", len(got))
	}
}
