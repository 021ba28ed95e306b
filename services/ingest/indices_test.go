package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
)

// TestManyIndicesAreOneSource shows that an anonymous sender can't make up any
// number of sources, and that the same id in two indices remains two documents.
func TestManyIndicesAreOneSource(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	var body strings.Builder
	for i := range 2 * maxIndices {
		fmt.Fprintf(&body, `{"create":{"_index":"i%d","_id":"1"}}`+"\n{\"n\":%d}\n", i, i)
	}
	post := func(want int) {
		t.Helper()
		rec := w.do("POST", "/_bulk", body.String(), "Content-Type", ndjson)
		if got := strings.Count(rec.Body.String(), `"status":201`); rec.Code != 200 || got != want {
			t.Errorf("%d, %d created, want %d", rec.Code, got, want)
		}
	}
	post(2 * maxIndices)
	post(0)
	if n := len(w.sink.Sources()); n != maxIndices+1 {
		t.Errorf("%d sources, want %d", n, maxIndices+1)
	}
}

// TestIDsOfOwnersStay shows that senders without a token can't have the ids of
// one with a token forgotten.
func TestIDsOfOwnersStay(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{MaxSources: 10, IDMemoryBytes: 100 * idBytes})
	s.Protect(func(source string) bool { return source == "edge" })
	put := func(source, id string) error {
		errs := s.Put(t.Context(), []queue.Group{{Source: source, Format: "json", Records: []queue.Record{{ID: id, Raw: []byte("x")}}}})
		if errs == nil {
			return nil
		}
		return errs[0]
	}
	const own = 40
	for i := range own {
		if err := put("edge", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		if err := put(fmt.Sprint("flood-", i%100), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range own {
		if err := put("edge", fmt.Sprint(i)); err == nil {
			t.Errorf("id %d is forgotten", i)
		}
	}
	if n := s.ids.size(); n > 100 {
		t.Errorf("%d ids", n)
	}
}

// TestSameIDOfTwoSources shows that sources don't share ids within one call.
func TestSameIDOfTwoSources(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{})
	group := func(source, raw string) queue.Group {
		return queue.Group{Source: source, Format: "json", Records: []queue.Record{{ID: "1", Raw: []byte(raw)}, {ID: "1", Raw: []byte(raw)}}}
	}
	errs := s.Put(t.Context(), []queue.Group{group("a", "x"), group("b", "y"), group("a", "x")})
	want := []error{nil, ErrDuplicate, nil, ErrDuplicate, ErrDuplicate, ErrDuplicate}
	if fmt.Sprint(errs) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", errs, want)
	}
}
