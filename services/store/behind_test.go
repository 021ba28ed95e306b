package store

import (
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/store/query"
)

// TestBehind: a store that refuses events says so to who searches it.
func TestBehind(t *testing.T) {
	f := func(free int64, want string) {
		t.Helper()
		s, err := Open(t.TempDir(), Config{MinFreeBytes: 1 << 20, space: func(string) (diskSpace, error) { return diskSpace{free: free, total: 1 << 40}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		q, err := query.Parse("* | stats n = count()", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		_, stats, err := s.Aggregate(t.Context(), AggregateRequest{Query: q})
		if got := strings.Join(stats.Notes, "\n"); err != nil || got != want || len(stats.Partial) > 0 {
			t.Errorf("error %v, partial %q, notes %q, want %q", err, stats.Partial, got, want)
		}
	}
	f(1<<30, "")
	f(1000, "newer events wait in the queue until there is room: 1000 bytes of the disk are free, store.min_free_bytes is 1048576")
}
