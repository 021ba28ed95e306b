package ingest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
)

// memoryLog is a Log in memory whose appends can be held up or refused.
type memoryLog struct {
	mu        sync.Mutex
	cond      *sync.Cond
	groups    []queue.Group
	next      queue.Offset
	committed map[string]queue.Offset
	appends   int
	fail      error
	once      bool          // fail ends with the next append
	gate      chan struct{} // appends wait for it to be closed, if it is not nil
	entered   chan struct{} // gets a token for each append that began, if it is not nil
}

func newMemoryLog() *memoryLog {
	m := &memoryLog{next: 1, committed: map[string]queue.Offset{}}
	m.cond = sync.NewCond(&m.mu)
	return m
}

func (m *memoryLog) Append(ctx context.Context, groups []queue.Group) (queue.Offset, error) {
	m.mu.Lock()
	gate, entered := m.gate, m.entered
	m.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.appends++
	if err := m.fail; err != nil {
		if m.once {
			m.fail, m.once = nil, false
		}
		return 0, err
	}
	first := m.next
	for _, g := range groups {
		for i := range g.Records {
			g.Records[i].Raw = slices.Clone(g.Records[i].Raw)
		}
		g.Records = slices.Clone(g.Records)
		m.groups = append(m.groups, g)
		m.next += queue.Offset(len(g.Records))
	}
	m.cond.Broadcast()
	return first, nil
}

func (m *memoryLog) Batches(ctx context.Context, from queue.Offset) iter.Seq2[queue.Batch, error] {
	return func(yield func(queue.Batch, error) bool) {
		stop := context.AfterFunc(ctx, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.cond.Broadcast()
		})
		defer stop()
		at := queue.Offset(1)
		for i := 0; ; i++ {
			m.mu.Lock()
			for i >= len(m.groups) && ctx.Err() == nil {
				m.cond.Wait()
			}
			if ctx.Err() != nil {
				m.mu.Unlock()
				return
			}
			g := m.groups[i]
			m.mu.Unlock()
			b := queue.Batch{First: at, Next: at + queue.Offset(len(g.Records)), Groups: []queue.Group{g}}
			at = b.Next
			if b.Next > from && !yield(b, nil) {
				return
			}
		}
	}
}

func (m *memoryLog) Commit(_ context.Context, consumer string, next queue.Offset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if next > m.next {
		return errors.New("commit after the end")
	}
	m.committed[consumer] = next
	return nil
}

func (m *memoryLog) Committed(consumer string) queue.Offset {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.committed[consumer]
}

func (m *memoryLog) Bounds() (oldest, next queue.Offset) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return 1, m.next
}

// setFail makes appends fail, or no more with nil.
func (m *memoryLog) setFail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// failOnce makes the next append that ends fail.
func (m *memoryLog) failOnce(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail, m.once = err, true
}

// hold makes appends wait until the returned function is called. entered gets a
// token for each append that waits.
func (m *memoryLog) hold() (entered <-chan struct{}, open func()) {
	gate, in := make(chan struct{}), make(chan struct{}, 1000)
	m.mu.Lock()
	m.gate, m.entered = gate, in
	m.mu.Unlock()
	return in, func() {
		m.mu.Lock()
		m.gate, m.entered = nil, nil
		m.mu.Unlock()
		close(gate)
	}
}

// wait waits until the log holds n records and returns all of it.
func (m *memoryLog) wait(t *testing.T, n int) []queue.Group {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var groups []queue.Group
	if n > 0 {
		for b, err := range m.Batches(ctx, 1) {
			if err != nil {
				t.Fatal(err)
			}
			groups = append(groups, b.Groups...)
			if int(b.Next)-1 >= n {
				break
			}
		}
	}
	if _, next := m.Bounds(); int(next)-1 < n {
		t.Fatalf("log holds %d records after waiting, want %d", next-1, n)
	}
	return groups
}

// all returns what the log holds now.
func (m *memoryLog) all() []queue.Group {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.groups)
}

// lines returns the records of groups as text.
func lines(groups []queue.Group) []string {
	var all []string
	for _, g := range groups {
		for _, r := range g.Records {
			all = append(all, string(r.Raw))
		}
	}
	return all
}

// openSink opens a Sink that the test closes at its end.
func openSink(t testing.TB, log Log, cfg Config) *Sink {
	t.Helper()
	s, err := Open(t.Context(), t.TempDir(), log, cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// counts returns the counters of a source.
func counts(t testing.TB, s *Sink, source string) SourceCount {
	t.Helper()
	for _, c := range s.Sources() {
		if c.Name == source {
			return c
		}
	}
	t.Fatalf("source %q is not counted; sources: %+v", source, s.Sources())
	return SourceCount{}
}
