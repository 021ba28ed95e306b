package ingest

import (
	"net/netip"
	"sync"
)

// admission bounds how many connections or streams there are, in all and of one
// peer, so that one peer can't take the places of all others.
type admission struct {
	total, perPeer int

	mu    sync.Mutex
	count int
	peers map[netip.Addr]int
}

func newAdmission(total, perPeer int) *admission {
	return &admission{total: total, perPeer: perPeer, peers: map[netip.Addr]int{}}
}

// enter takes a place for a peer and reports whether there was one.
func (a *admission) enter(from netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count >= a.total || a.peers[from] >= a.perPeer {
		return false
	}
	a.count++
	a.peers[from]++
	return true
}

// leave gives a place back.
func (a *admission) leave(from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count--
	if a.peers[from]--; a.peers[from] == 0 {
		delete(a.peers, from)
	}
}
