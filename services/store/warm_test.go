package store_test

import (
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/store"
)

// A few events of each of many blocks take all columns of these blocks. They are
// read once, even where the cache has no room for the columns: it keeps the events.
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
	text := "waf.site: " + traffic.sites[5] + " and http.response.status_code: 403 and rule.id: 942100"
	f := func(t *testing.T, cacheBytes, part int64) {
		t.Helper()
		s := openStore(t, dir, store.Config{CacheBytes: cacheBytes})
		first := explain(t, s, text, time.Time{}, time.Time{})
		if first.Blocks.Matched < 3 {
			t.Fatalf("events match in %d blocks: too few to show anything", first.Blocks.Matched)
		}
		again := explain(t, s, text, time.Time{}, time.Time{})
		if again.Stats.BytesRead*part > first.Stats.BytesRead {
			t.Errorf("%d bytes were read, then %d: %+v", first.Stats.BytesRead, again.Stats.BytesRead, again.Parts)
		}
	}
	t.Run("room", func(t *testing.T) { f(t, 7<<19, 200) })
	t.Run("little room", func(t *testing.T) { f(t, 1<<20, 8) })
}
