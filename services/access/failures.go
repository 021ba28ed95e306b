package access

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// failureWindow is how long failures of a peer are counted together.
	failureWindow = time.Minute
	// maxFailures of a peer in a window are answered one by one.
	maxFailures = 20
	// maxPeers bounds the memory of the counts; the peers beyond share one.
	maxPeers = 1 << 14
)

// Failures counts failed attempts to sign in by peer. It may be used
// concurrently. It never keeps a valid token out, so nobody can lock out
// another one who comes from the same address.
type Failures struct {
	now func() time.Time

	mu     sync.Mutex
	begun  time.Time
	counts map[netip.Prefix]int
	total  uint64
}

// NewFailures makes the counts; now gives the time that windows are judged by.
func NewFailures(now func() time.Time) *Failures {
	return &Failures{now: now, counts: map[netip.Prefix]int{}}
}

// Total returns the number of failed attempts so far.
func (f *Failures) Total() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// add counts a failure of a peer and returns how many it has in this window and
// whether that is over the limit.
func (f *Failures) add(peer net.Addr) (count int, over bool) {
	p := peerPrefix(peer)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total++
	if now := f.now(); now.Sub(f.begun) >= failureWindow || now.Before(f.begun) {
		f.begun = now
		clear(f.counts)
	}
	if _, known := f.counts[p]; !known && len(f.counts) >= maxPeers {
		p = netip.Prefix{}
	}
	f.counts[p]++
	return f.counts[p], f.counts[p] > maxFailures
}

// peerPrefix returns what counts as one peer: an IPv4 address, or the /64 of an
// IPv6 address.
func peerPrefix(a net.Addr) netip.Prefix {
	ip := PeerAddr(a)
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
