package queue_test

import (
	"runtime"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
)

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a pool held goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestTailMemory appends groups of the most unfavourable shapes until the tail
// has turned over: it holds what it may and not a multiple of it.
func TestTailMemory(t *testing.T) {
	const tail = 4 << 20
	f := func(name string, footprint int, group func() []queue.Group) {
		t.Helper()
		before := heap()
		q, err := queue.OpenFaulty(t.TempDir(), queue.Config{TailBytes: tail}, &queue.Faults{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 * tail / footprint {
			if _, err := q.Append(t.Context(), group()); err != nil {
				t.Fatal(err)
			}
		}
		held := heap() - before
		t.Logf("%s: %d KiB held, %d KiB allowed", name, held>>10, tail>>10)
		if held > tail+tail/4 || held < tail/4 {
			t.Errorf("%s: %d bytes are held, want about %d", name, held, tail)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f("single", 256, func() []queue.Group {
		return []queue.Group{{Source: "a", Format: "json", Records: []queue.Record{{Raw: make([]byte, 1)}}}}
	})
	f("empty", 64*1000, func() []queue.Group {
		return []queue.Group{{Source: "a", Format: "json", Records: make([]queue.Record, 1000)}}
	})
	f("spare room", 64*1000, func() []queue.Group {
		return []queue.Group{{Source: "a", Format: "json", Records: make([]queue.Record, 1, 1000)}}
	})
	f("many groups", 200*500, func() []queue.Group {
		groups := make([]queue.Group, 500)
		for i := range groups {
			groups[i] = queue.Group{Source: "a", Format: "json", Records: []queue.Record{{Raw: make([]byte, 9)}}}
		}
		return groups
	})
	f("large", 64<<10, func() []queue.Group {
		return []queue.Group{{Source: "a", Format: "json", Records: []queue.Record{{Raw: make([]byte, 64<<10)}}}}
	})
}
