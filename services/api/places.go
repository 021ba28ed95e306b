package api

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"

	"google.golang.org/grpc/peer"

	"github.com/gatewatch/gatewatch/services/access"
)

// places bounds how many calls do something at once, in all and of one sender,
// so that nobody takes the places of all others. All methods may be called
// concurrently.
type places struct {
	total, each int

	mu       sync.Mutex
	taken    int
	bySender map[string]int
	waiting  []*waiter // the longest first
}

// waiter is a call that waits for a place; got is closed when it has one.
type waiter struct {
	sender string
	got    chan struct{}
}

func newPlaces(total, each int) *places {
	return &places{total: total, each: each, bySender: map[string]int{}}
}

// enter takes a place and waits for it until ctx ends. The caller calls leave
// once.
func (p *places) enter(ctx context.Context, sender string) (leave func(), err error) {
	leave = func() { p.leave(sender) }
	if p.try(sender) {
		return leave, nil
	}
	w := &waiter{sender, make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, w)
	p.next() // one may have become free since
	p.mu.Unlock()
	select {
	case <-w.got:
		return leave, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.got:
		return leave, nil
	default:
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(other *waiter) bool { return other == w })
	return nil, errBusy
}

// try takes a place if there is one.
func (p *places) try(sender string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take(sender)
}

// take is try for those who hold p.mu.
func (p *places) take(sender string) bool {
	if p.taken >= p.total || p.bySender[sender] >= p.each {
		return false
	}
	p.taken++
	p.bySender[sender]++
	return true
}

func (p *places) leave(sender string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.bySender[sender]--; p.bySender[sender] == 0 {
		delete(p.bySender, sender)
	}
	p.next()
}

// next gives free places to those who wait longest and may have one. p.mu is
// held.
func (p *places) next() {
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool {
		if !p.take(w.sender) {
			return false
		}
		close(w.got)
		return true
	})
}

// senderOf names the sender of an admitted call for its share: by the token or
// certificate, else by the address, of which this machine has one only.
func senderOf(ctx context.Context) string {
	if id, ok := access.FromContext(ctx); ok && id.Kind != "" {
		return string(id.Kind) + " " + id.Name
	}
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(p.Addr.String())
	if err != nil {
		return p.Addr.String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return "loopback"
	}
	return host
}
