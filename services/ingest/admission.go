package ingest

import "sync"

// admission bounds how many connections or streams there are, in all and of one
// peer or sender K, so that one can't take the places of all others.
type admission[K comparable] struct {
	total, each int

	mu    sync.Mutex
	count int
	of    map[K]int
}

func newAdmission[K comparable](total, each int) *admission[K] {
	return &admission[K]{total: total, each: each, of: map[K]int{}}
}

// enter takes a place and reports whether there was one.
func (a *admission[K]) enter(from K) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count >= a.total || a.of[from] >= a.each {
		return false
	}
	a.count++
	a.of[from]++
	return true
}

// leave gives a place back.
func (a *admission[K]) leave(from K) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count--
	if a.of[from]--; a.of[from] == 0 {
		delete(a.of, from)
	}
}
