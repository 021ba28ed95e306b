package waf

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// clientPart is the part of what all clients share that one of them may hold.
const clientPart = 4

// part returns the share of one client in a total, 0 for no bound where the
// total is too small to be divided.
func part(total int64) int64 {
	if total < clientPart {
		return 0
	}
	return total / clientPart
}

// clientKey is what shares are counted by: an IPv4 address, or the /64 that one
// user of IPv6 has.
func clientKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}

// quota bounds what each client holds of something. The zero address is nobody
// and has no bound. It may be used by any number of goroutines.
type quota struct {
	most    int64 // for one client, 0 for no bound
	mu      sync.Mutex
	clients map[netip.Addr]*account
}

type account struct {
	held  *semaphore.Weighted
	users int // that hold something or wait for it
}

func newQuota(most int64) *quota { return &quota{most: most, clients: map[netip.Addr]*account{}} }

// try takes n for a client if it may have that at once.
func (q *quota) try(client netip.Addr, n int64) bool {
	a := q.open(client)
	if a == nil {
		return true
	}
	if a.held.TryAcquire(min(n, q.most)) {
		return true
	}
	q.close(client, a)
	return false
}

// take waits until a client may have n. One that holds nothing may have more
// than its share. errShare says that it holds too much for all that time.
func (q *quota) take(ctx context.Context, client netip.Addr, n int64, wait time.Duration) error {
	a := q.open(client)
	if a == nil {
		return nil
	}
	err := acquire(ctx, a.held, min(n, q.most), wait, errShare)
	if err != nil {
		q.close(client, a)
	}
	return err
}

// give takes back what one call of take or try gave.
func (q *quota) give(client netip.Addr, n int64) {
	if q.most == 0 || !client.IsValid() {
		return
	}
	q.mu.Lock()
	a := q.clients[client]
	q.mu.Unlock()
	a.held.Release(min(n, q.most))
	q.close(client, a)
}

// open returns the account of a client, nil if it has no bound.
func (q *quota) open(client netip.Addr) *account {
	if q.most == 0 || !client.IsValid() {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.clients[client]
	if a == nil {
		a = &account{held: semaphore.NewWeighted(q.most)}
		q.clients[client] = a
	}
	a.users++
	return a
}

func (q *quota) close(client netip.Addr, a *account) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.users--; a.users == 0 {
		delete(q.clients, client)
	}
}

// turns are the places in the rules. A client that holds its share waits for
// itself, and takes no place in the queue of the others.
type turns struct {
	places  *semaphore.Weighted
	clients *quota
}

func newTurns(size int) *turns {
	return &turns{places: semaphore.NewWeighted(int64(size)), clients: newQuota(part(int64(size)))}
}

// enter waits for a place. errShare says that the client itself holds all that
// it may, errOverload that others do.
func (t *turns) enter(ctx context.Context, client netip.Addr, wait time.Duration) error {
	if err := t.clients.take(ctx, client, 1, wait); err != nil {
		return err
	}
	err := acquire(ctx, t.places, 1, wait, errOverload)
	if err != nil {
		t.clients.give(client, 1)
	}
	return err
}

// leave gives back the place that enter took.
func (t *turns) leave(client netip.Addr) {
	t.places.Release(1)
	t.clients.give(client, 1)
}

// acquire waits for n of a semaphore and returns late if there is none in time.
func acquire(ctx context.Context, s *semaphore.Weighted, n int64, wait time.Duration, late error) error {
	if s.TryAcquire(n) {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if s.Acquire(waiting, n) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return late
}
