package waf

import (
	"sync"
	"time"
)

// lately remembers values for some time in a fixed number of places. What falls
// into one place pushes out the oldest there and nothing elsewhere. It may be
// used by any number of goroutines.
type lately[V any] struct {
	mu     sync.Mutex
	keep   time.Duration
	places [][latelySize]memo[V]
}

// latelySize is how many values a place holds.
const latelySize = 8

type memo[V any] struct {
	key   uint64
	at    time.Time // zero for none
	value V
}

func newLately[V any](places int, keep time.Duration) *lately[V] {
	return &lately[V]{keep: keep, places: make([][latelySize]memo[V], places)}
}

// with calls f with the value of a key in a place, nil if there is none that is
// young enough, while nobody else can see it. f returns true if what it was
// given, or was given to fill, is to be kept from now on.
func (l *lately[V]) with(place, key uint64, now time.Time, f func(v *V, found bool) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := &l.places[place%uint64(len(l.places))]
	oldest := &all[0]
	for i := range all {
		m := &all[i]
		if m.key == key && !m.at.IsZero() && now.Sub(m.at) <= l.keep {
			if f(&m.value, true) {
				m.at = now
			}
			return
		}
		if m.at.Before(oldest.at) {
			oldest = m
		}
	}
	var v V
	if f(&v, false) {
		*oldest = memo[V]{key, now, v}
	}
}

// any tells whether there is a value in a place that is young enough and that f
// picks.
func (l *lately[V]) any(place uint64, now time.Time, f func(V) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := &l.places[place%uint64(len(l.places))]
	for i := range all {
		if m := &all[i]; !m.at.IsZero() && now.Sub(m.at) <= l.keep && f(m.value) {
			return true
		}
	}
	return false
}
