package access

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits of failed attempts to sign in with a password.
const (
	// attemptWindow is how long failures are counted together.
	attemptWindow = 10 * time.Minute
	// maxPerPair of one account from one address.
	maxPerPair = 5
	// maxPerPeer from one address, whatever the account.
	maxPerPeer = 30
	// maxPerAccount from all addresses that have not signed in to the account.
	maxPerAccount = 100
	// maxAttempts bounds the memory of each of the counts; what comes beyond
	// shares one count.
	maxAttempts = 1 << 14
)

// attempts counts failed attempts by account and address, of accounts that do not
// exist as well. It may be used concurrently.
type attempts struct {
	now func() time.Time

	mu    sync.Mutex
	begun time.Time
	pairs map[pair]int
	peers map[netip.Prefix]int
	names map[string]int
	known map[pair]bool // has signed in since the start of the process
}

type pair struct {
	name string
	peer netip.Prefix
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{
		now: now, pairs: map[pair]int{}, peers: map[netip.Prefix]int{}, names: map[string]int{}, known: map[pair]bool{},
	}
}

// begin takes a place for an attempt before the password is looked at, so that
// attempts at once count as well. It returns how long to wait if there is none.
func (a *attempts) begin(name string, peer net.Addr) (wait time.Duration) {
	p := pair{name, peerPrefix(peer)}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if now.Sub(a.begun) >= attemptWindow || now.Before(a.begun) {
		a.begun = now
		clear(a.pairs)
		clear(a.peers)
		clear(a.names)
	}
	if !a.known[p] && bump(a.names, p.name, 0) >= maxPerAccount ||
		bump(a.peers, p.peer, 0) >= maxPerPeer || bump(a.pairs, p, 0) >= maxPerPair {
		return a.begun.Add(attemptWindow).Sub(now)
	}
	bump(a.names, p.name, 1)
	bump(a.peers, p.peer, 1)
	bump(a.pairs, p, 1)
	return 0
}

// done gives back the place of an attempt that was right, or that was not judged.
func (a *attempts) done(name string, peer net.Addr, signedIn bool) {
	p := pair{name, peerPrefix(peer)}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.peers[p.peer] > 0 {
		bump(a.peers, p.peer, -1)
	}
	if a.names[p.name] > 0 {
		bump(a.names, p.name, -1)
	}
	if !signedIn {
		if a.pairs[p] > 0 {
			bump(a.pairs, p, -1)
		}
		return
	}
	delete(a.pairs, p)
	if len(a.known) >= maxAttempts {
		clear(a.known)
	}
	a.known[p] = true
}

// bump adds to a count and returns it. A map that is full has one count for all
// that it does not have.
func bump[K comparable](m map[K]int, k K, by int) int {
	if _, ok := m[k]; !ok && len(m) >= maxAttempts {
		var rest K
		k = rest
	}
	if by != 0 {
		m[k] += by
	}
	return m[k]
}
