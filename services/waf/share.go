package waf

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// clientPart is the part of what all clients share that one of them may hold.
const clientPart = 4

// clientKey is what shares are counted by: an IPv4 address, or the /64 that one
// user of IPv6 has. The zero address is nobody and has no bounds.
func clientKey(a netip.Addr) netip.Addr {
	if !a.Is6() || a.Is4In6() {
		return a.Unmap()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// ledger counts what each client holds. It may be used by any number of
// goroutines.
type ledger struct {
	mu   sync.Mutex
	most int64 // for one client, 0 for no bound
	held map[netip.Addr]int64
}

func newLedger(most int64) *ledger { return &ledger{most: most, held: map[netip.Addr]int64{}} }

// part returns the share of one client in a total, 0 for no bound where the
// total is too small to be divided.
func part(total int64) int64 {
	if total < clientPart {
		return 0
	}
	return total / clientPart
}

// take enters n for a client and reports whether it may have it. Who holds
// nothing may, however much it is.
func (l *ledger) take(client netip.Addr, n int64) bool {
	if l.most == 0 || !client.IsValid() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.held[client]
	if held > 0 && held+n > l.most {
		return false
	}
	l.held[client] = held + n
	return true
}

// give takes back what take entered.
func (l *ledger) give(client netip.Addr, n int64) {
	if l.most == 0 || !client.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[client] -= n; l.held[client] <= 0 {
		delete(l.held, client)
	}
}

// turns are the places in the rules. A client that holds its share waits for
// itself, and takes no place in the queue of the others.
type turns struct {
	places  chan struct{}
	share   int // of one client, 0 for no bound
	mu      sync.Mutex
	clients map[netip.Addr]*queue
}

// queue is the share of one client.
type queue struct {
	places chan struct{}
	users  int // that hold or wait for a place
}

func newTurns(size int) *turns {
	return &turns{places: make(chan struct{}, size), share: int(part(int64(size))), clients: map[netip.Addr]*queue{}}
}

// enter waits for a place. errShare says that the client itself holds all that
// it may, errOverload that others do.
func (t *turns) enter(ctx context.Context, client netip.Addr, wait time.Duration) error {
	late := time.NewTimer(wait)
	defer late.Stop()
	own := t.join(client)
	if own != nil {
		if err := acquire(ctx, own.places, late.C, errShare); err != nil {
			t.part(client, own)
			return err
		}
	}
	err := acquire(ctx, t.places, late.C, errOverload)
	if err != nil && own != nil {
		<-own.places
		t.part(client, own)
	}
	return err
}

// leave gives back the place that enter took.
func (t *turns) leave(client netip.Addr) {
	<-t.places
	if t.share == 0 || !client.IsValid() {
		return
	}
	t.mu.Lock()
	own := t.clients[client]
	t.mu.Unlock()
	<-own.places
	t.part(client, own)
}

func (t *turns) join(client netip.Addr) *queue {
	if t.share == 0 || !client.IsValid() {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.clients[client]
	if q == nil {
		q = &queue{places: make(chan struct{}, t.share)}
		t.clients[client] = q
	}
	q.users++
	return q
}

func (t *turns) part(client netip.Addr, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(t.clients, client)
	}
}

// acquire takes a place, or returns why there is none.
func acquire(ctx context.Context, places chan struct{}, late <-chan time.Time, none error) error {
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	select {
	case places <- struct{}{}:
		return nil
	case <-late:
		return none
	case <-ctx.Done():
		return ctx.Err()
	}
}
