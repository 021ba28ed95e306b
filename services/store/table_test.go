package store_test

import (
	"fmt"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// A value that no other event has is found by tables of filters: blocks that do not
// have it are neither read nor is what describes them.
func TestValueIsLookedForInTables(t *testing.T) {
	const rows = 64 << 10
	key := event.Intern("trace.id")
	value := func(i int) string { return fmt.Sprintf("%032x", uint64(i+1)*0x9e3779b97f4a7c15) }
	dir := t.TempDir()
	s := openStore(t, dir, store.Config{})
	for at := 0; at < rows; at += 1024 {
		events := make([]event.Event, 1024)
		for i := range events {
			e := &events[i]
			e.Time, e.ID, e.Dataset, e.Source = int64(at+i+1)*1e6, fmt.Sprint("e", at+i), "d", "s"
			e.AddText(key, value(at+i))
		}
		if err := s.Write(t.Context(), store.Batch{Events: events, First: uint64(at), Next: uint64(at + 1024)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, store.Config{})
	ask := func(value string) store.Stats {
		t.Helper()
		q, err := query.Parse("trace.id: "+value, testStart)
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Search(t.Context(), store.SearchRequest{Query: q, PageSize: 10}, func(*event.Event) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return page.Stats
	}
	// One more directory tells that there is such a field.
	none := ask(value(rows))
	if most := int64(64*none.Blocks + 512); none.Blocks < 6 || none.BytesRead == 0 || none.BytesRead > most {
		t.Errorf("%d bytes were read of %d blocks for a value that none has, want %d at most", none.BytesRead, none.Blocks, most)
	}
	for i := 0; i < rows; i += rows / 50 {
		if got := ask(value(i)); got.RowsMatched != 1 || got.BlocksRead > 3 {
			t.Errorf("event %d: %d found in %d blocks", i, got.RowsMatched, got.BlocksRead)
		}
	}
}
