package store_test

import (
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/store"
)

// A few events of each of many blocks take all columns of these blocks. They are
// read once as long as they fit into the cache as they are, though not with the
// lists of all their numbers, which nobody asked for.
func TestEventsOfManyBlocksAreReadOnce(t *testing.T) {
	const rows = 32 << 10
	dir := t.TempDir()
	s := openStore(t, dir, store.Config{})
	traffic := newTraffic(3)
	for at := uint64(0); at < rows; at += 1024 {
		if err := s.Write(t.Context(), store.Batch{Events: traffic.events(1024), First: at, Next: at + 1024}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, store.Config{CacheBytes: 3 << 20})
	text := "waf.site: " + traffic.sites[5] + " and http.response.status_code: 403 and rule.id: 942100"
	first := explain(t, s, text, time.Time{}, time.Time{})
	if first.Blocks.Matched < 3 {
		t.Fatalf("events match in %d blocks: too few to show anything", first.Blocks.Matched)
	}
	var decoded int64
	for _, p := range first.Parts {
		decoded += p.Decoded
	}
	t.Logf("%d bytes decoded of %d blocks", decoded, first.Blocks.Looked)
	again := explain(t, s, text, time.Time{}, time.Time{})
	for _, p := range again.Parts {
		if p.Misses > 0 {
			t.Errorf("read again: %+v", p)
		}
	}
	if again.Stats.BytesRead > 8<<10 {
		t.Errorf("%d bytes were read again", again.Stats.BytesRead)
	}
}
