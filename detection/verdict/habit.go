package verdict

import (
	"math"
	"net/netip"
)

// habit is how suspicious the values of one parameter have been, by the networks
// that they came from: of each network the most suspicious value alone counts,
// so nobody teaches anything by sending much. As usual counts only what signed-in
// people send: in a world where a fifth of all networks attack, what all networks
// send excuses attacks. The networks kept are those with the lowest hashes, which
// nobody can pick who does not know the seed.
type habit struct {
	N        int32 // values
	Networks []sighting
}

// sighting is the most suspicious value that a network has sent.
type sighting struct {
	Network uint64 // hash
	Margin  float32
	Known   float32 // the same of signed-in people, missing if there are none
}

const (
	maxNetworks = 32
	minNetworks = 8 // below which nothing is said
	maxUsual    = 0.75
	maxUnusual  = 0.5
)

// network is what is taken for one party: a /24, or a /48 of IPv6.
func network(a netip.Addr) netip.Addr {
	bits := 24
	if a = a.Unmap().WithZone(""); a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}

// add takes in a value from a network.
func (h *habit) add(from uint64, margin float32, signedIn bool) {
	known := float32(missing)
	if signedIn {
		known = margin
	}
	h.N = min(h.N+1, math.MaxInt32-1)
	highest := 0
	for i := range h.Networks {
		s := &h.Networks[i]
		if s.Network == from {
			s.Margin, s.Known = max(s.Margin, margin), max(s.Known, known)
			return
		}
		if s.Network > h.Networks[highest].Network {
			highest = i
		}
	}
	switch {
	case len(h.Networks) < maxNetworks:
		h.Networks = append(h.Networks, sighting{from, margin, known})
	case from < h.Networks[highest].Network:
		h.Networks[highest] = sighting{from, margin, known}
	}
}

// weigh says by how much a value of a margin is less or more suspicious for what
// other networks have sent.
func (h *habit) weigh(from uint64, margin float32, p place) (float64, string) {
	others, alike, near := 0, 0, 0
	for _, s := range h.Networks {
		if s.Network == from {
			continue
		}
		others++
		if s.Known >= margin-0.7 {
			alike++
		}
		if s.Margin >= margin-2 {
			near++
		}
	}
	if others < minNetworks || int(h.N) < minHistory {
		return 0, ""
	}
	share, gate := float64(alike)/float64(others), float64(others)/float64(others+8)
	switch {
	case alike >= 3 && share >= 0.1:
		return -gate * math.Min(maxUsual, math.Log(share/0.05)),
			phraseUsualHere.say(placeNames[p], alike, others)
	case near == 0 && margin > somethingThat:
		return gate * maxUnusual, phraseUnusualHere.say(placeNames[p], others)
	}
	return 0, ""
}

// answers are the usual answers of one page.
type answers struct {
	N      float32 // at most maxAnswers, so that it follows changes
	Failed float32 // share of N answered with 5xx
	Sizes  float32 // of N, those below 300 whose size is known; counted and bounded by itself
	Mean   float64 // of the logarithm of their size to base 2
	Square float64 // mean of its squared deviation
}

const (
	minAnswers = 30
	maxAnswers = 500
)

// add takes in an answer.
func (a *answers) add(s *Circumstances) {
	a.N = min(a.N+1, maxAnswers)
	failed := float32(0)
	if s.Status >= 500 {
		failed = 1
	}
	a.Failed += (failed - a.Failed) / a.N
	if s.Status >= 300 || s.Bytes < 0 {
		return
	}
	a.Sizes = min(a.Sizes+1, maxAnswers)
	share := 1 / float64(a.Sizes)
	d := math.Log2(float64(s.Bytes+1)) - a.Mean
	a.Mean += d * share
	a.Square += (d*d*(1-share) - a.Square) * share
}

// unusual tells whether an answer is at least twice as large as it ever is, or
// half as small, by the spread of the others.
func (a *answers) unusual(size int64) bool {
	if a.Sizes < minAnswers || size < 0 {
		return false
	}
	d := math.Abs(math.Log2(float64(size+1)) - a.Mean)
	return d > 1 && d > 4*math.Sqrt(a.Square)
}
