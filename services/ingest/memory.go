package ingest

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/gatewatch/gatewatch/services/access"
)

// origin is where records come from, for its share of the memory: the input, and
// the token or certificate of the sender, else its address.
type origin struct{ input, sender string }

// originOf names a sender. All anonymous senders of this machine are one.
func originOf(input string, sender access.Sender, from netip.Addr) origin {
	switch {
	case sender.Name != "":
		return origin{input, "name " + sender.Name}
	case from.IsLoopback():
		return origin{input, "loopback"}
	}
	return origin{input, from.String()}
}

// Shares of the memory. An origin may hold perSender times what would remain
// free, an input perInput times that: whatever some take, there is a part left
// for the next, which shrinks with their number. Alone they reach 3/4 and 6/7.
// The first 1/64 is given to every origin while there is any memory.
const (
	perSender = 3
	perInput  = 6
	firstPart = 64
)

// memory is the bytes that records of all inputs may take on their way to the
// queue. All methods may be called concurrently.
type memory struct {
	total int64

	mu       sync.Mutex
	used     int64
	byInput  map[string]int64
	byOrigin map[origin]int64
	waiting  []*memoryWaiter // the longest first
}

// memoryWaiter waits for n bytes; got is closed when it has them.
type memoryWaiter struct {
	from origin
	n    int64
	got  chan struct{}
}

func newMemory(total int64) *memory {
	return &memory{total: total, byInput: map[string]int64{}, byOrigin: map[origin]int64{}}
}

// size is what is taken for n bytes: not more than one origin can ever have.
func (m *memory) size(n int) int64 {
	return max(min(int64(n), m.total*perSender/(perSender+1)), 0)
}

// take takes bytes if the origin may have them. m.mu is held.
func (m *memory) take(from origin, n int64) bool {
	free := m.total - m.used - n
	own, input := m.byOrigin[from]+n, m.byInput[from.input]+n
	if free < 0 || own > m.total/firstPart && (own > perSender*free || input > perInput*free) {
		return false
	}
	m.used += n
	m.byOrigin[from], m.byInput[from.input] = own, input
	return true
}

// give gives bytes back and hands them to those who wait longest and may have
// them.
func (m *memory) give(from origin, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= n
	if m.byOrigin[from] -= n; m.byOrigin[from] == 0 {
		delete(m.byOrigin, from)
	}
	if m.byInput[from.input] -= n; m.byInput[from.input] == 0 {
		delete(m.byInput, from.input)
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(w *memoryWaiter) bool {
		if !m.take(w.from, w.n) {
			return false
		}
		close(w.got)
		return true
	})
}

func (m *memory) inUse() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// reserve takes n bytes of the memory for records in flight and waits for them
// until ctx ends. The caller releases them, once, when the records are in the
// queue or refused.
func (s *Sink) reserve(ctx context.Context, from origin, n int) (release func(), err error) {
	m := s.memory
	w := &memoryWaiter{from, m.size(n), make(chan struct{})}
	release = func() { m.give(from, w.n) }
	m.mu.Lock()
	if m.take(from, w.n) {
		m.mu.Unlock()
		return release, nil
	}
	m.waiting = append(m.waiting, w)
	m.mu.Unlock()
	select {
	case <-w.got:
		return release, nil
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-w.got:
		return release, nil
	default:
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(other *memoryWaiter) bool { return other == w })
	return nil, ctx.Err()
}

// tryReserve is reserve for those who can't wait; it returns [ErrBusy].
func (s *Sink) tryReserve(from origin, n int) (release func(), err error) {
	m := s.memory
	size := m.size(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.take(from, size) {
		return nil, ErrBusy
	}
	return func() { m.give(from, size) }, nil
}
