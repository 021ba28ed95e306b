package ingest

import (
	"sync"

	"github.com/gatewatch/gatewatch/services/queue"
)

// flights knows which appends are under way whose outcome is not yet written
// into what the Sink remembers. It answers up to which offset the memory is
// complete. The zero value is ready.
type flights struct {
	mu     sync.Mutex
	serial uint64
	starts map[uint64]queue.Offset
	low    queue.Offset // all records before it are remembered
}

// begin says that an append may follow; done ends it. What is appended between
// the two gets an offset of at least low.
func (f *flights) begin() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.starts == nil {
		f.starts = map[uint64]queue.Offset{}
	}
	f.serial++
	f.starts[f.serial] = f.low
	return f.serial
}

func (f *flights) done(flight uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.starts, flight)
}

// complete returns the offset before which everything is remembered. next is an
// end of the log that was read before the call.
func (f *flights) complete(next queue.Offset) queue.Offset {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.starts) == 0 {
		f.low = max(f.low, next)
		return f.low
	}
	first := next
	for _, at := range f.starts {
		first = min(first, at)
	}
	return max(first, 1)
}
