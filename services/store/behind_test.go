package store

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// TestBehind: a store that refuses events says so to who searches it, until it
// takes them.
func TestBehind(t *testing.T) {
	var free atomic.Int64
	s, err := Open(t.TempDir(), Config{MinFreeBytes: 1 << 20, space: func(string) (diskSpace, error) { return diskSpace{free: free.Load(), total: 1 << 40}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q, err := query.Parse("* | stats n = count()", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f := func(has int64, refused error, want string) {
		t.Helper()
		free.Store(has)
		s.writing.Lock()
		s.space = diskSpace{} // as if looked at long ago
		s.writing.Unlock()
		if err := s.Write(t.Context(), Batch{Events: []event.Event{{ID: "a", Time: 1}}}); !errors.Is(err, refused) {
			t.Errorf("write: %v, want %v", err, refused)
		}
		_, stats, err := s.Aggregate(t.Context(), AggregateRequest{Query: q})
		if got := strings.Join(stats.Notes, "\n"); err != nil || got != want || len(stats.Partial) > 0 {
			t.Errorf("error %v, partial %q, notes %q, want %q", err, stats.Partial, got, want)
		}
	}
	f(1<<30, nil, "")
	f(1000, ErrFull, "newer events wait in the queue until there is room: 1000 bytes of the disk are free, store.min_free_bytes is 1048576")
	f(1<<30, nil, "")
}
