package waf

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// The rates that a candidate is measured by are those of the last tallySpan. One
// client counts no more than perClient times in clientSpan, so that neither an
// attacker nor a scanner among few requests looks like a mistake of the rules.
const (
	tallySpan  = 30 * time.Second
	clientSpan = 5 * time.Second
	perClient  = 20
	maxClients = 8192
)

// tally counts what becomes of requests, apart for those that a candidate judges.
// It may be used by any number of goroutines.
type tally struct {
	mu      sync.Mutex
	slots   [2][tallySpan / time.Second]slot // by arm and second
	total   [2]bundle.Counts                 // since reset
	before  bundle.Counts                    // rates of the stable arm at reset
	clients map[netip.Addr]int
	since   time.Time // of clients
	began   time.Time // at reset
}

// slot is one second.
type slot struct {
	second int64
	counts bundle.Counts
}

func newTally(now time.Time) *tally {
	return &tally{clients: map[netip.Addr]int{}, since: now, began: now}
}

// arms of a tally.
const (
	armStable = iota
	armCandidate
)

// add counts a request.
func (t *tally) add(now time.Time, arm int, client netip.Addr, blocked, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := bundle.Counts{Requests: 1}
	if blocked {
		c.Blocked = 1
	}
	if failed {
		c.Errors = 1
	}
	t.total[arm].Add(c)
	if !t.counts(now, client) {
		return
	}
	second := now.Unix()
	s := &t.slots[arm][second%int64(len(t.slots[arm]))]
	if s.second != second {
		*s = slot{second: second}
	}
	s.counts.Add(c)
}

// counts tells whether a client may weigh in once more.
func (t *tally) counts(now time.Time, client netip.Addr) bool {
	if now.Sub(t.since) >= clientSpan {
		clear(t.clients)
		t.since = now
	}
	key := clientKey(client)
	n, known := t.clients[key]
	if n >= perClient || !known && len(t.clients) >= maxClients {
		return false
	}
	t.clients[key] = n + 1
	return true
}

// recent sums the last seconds of an arm. t.mu is held.
func (t *tally) recent(now time.Time, arm int) (sum bundle.Counts) {
	for _, s := range t.slots[arm] {
		if age := now.Unix() - s.second; age >= 0 && age < int64(tallySpan/time.Second) {
			sum.Add(s.counts)
		}
	}
	return sum
}

// reset begins anew for other bundles. What the stable arm was like until now is
// kept to compare with.
func (t *tally) reset(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = t.recent(now, armStable)
	t.slots, t.total = [2][tallySpan / time.Second]slot{}, [2]bundle.Counts{}
	t.began = now
}

// canary compares the candidate with the stable arm.
func (t *tally) canary(now time.Time) (bundle.Jump, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bundle.Jumped(t.recent(now, armStable), t.recent(now, armCandidate))
}

// changed compares the stable arm with what it was before the reset.
func (t *tally) changed(now time.Time) (bundle.Jump, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bundle.Jumped(t.before, t.recent(now, armStable))
}

// totals returns what there was since the reset.
func (t *tally) totals() (stable, candidate bundle.Counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total[armStable], t.total[armCandidate]
}

// start is when the last reset was.
func (t *tally) start() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.began
}
