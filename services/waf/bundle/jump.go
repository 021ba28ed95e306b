package bundle

import (
	"fmt"
	"math"
)

// Counts is what became of requests.
type Counts struct {
	Requests uint64
	Blocked  uint64 // that the rules decided to block
	Errors   uint64 // that could not be judged, or were answered with a server's error
}

// Add adds others.
func (c *Counts) Add(o Counts) {
	c.Requests += o.Requests
	c.Blocked += o.Blocked
	c.Errors += o.Errors
}

// When a rate counts as having jumped. All must hold, so that neither a handful
// of requests nor a small difference between many takes a bundle back.
const (
	minRequests = 50   // on either side
	minEvents   = 10   // blocked requests, or errors, with the new bundle
	minRise     = 0.02 // of the rate
	minFactor   = 1.5  // of the rate
	minZ        = 4    // of the difference of two proportions, one-sided: 3 in 100,000 by chance
)

// Jump describes a rate that is higher with a new bundle than without it.
type Jump struct {
	Rate        string // block rate or error rate
	Base, Risen float64
	Z           float64
	Requests    uint64 // with the new bundle
}

func (j Jump) String() string {
	return fmt.Sprintf("%s rose from %.1f %% to %.1f %% of %d requests", j.Rate, 100*j.Base, 100*j.Risen, j.Requests)
}

// Jumped tells whether the block rate or the error rate with a new bundle is so
// much higher than without it that it cannot be chance.
func Jumped(base, trial Counts) (Jump, bool) {
	for _, r := range []struct {
		name        string
		base, trial uint64
	}{{"block rate", base.Blocked, trial.Blocked}, {"error rate", base.Errors, trial.Errors}} {
		if j, ok := jumped(r.base, base.Requests, r.trial, trial.Requests); ok {
			j.Rate = r.name
			return j, true
		}
	}
	return Jump{}, false
}

func jumped(k0, n0, k1, n1 uint64) (Jump, bool) {
	if n0 < minRequests || n1 < minRequests || k1 < minEvents {
		return Jump{}, false
	}
	p0, p1 := float64(k0)/float64(n0), float64(k1)/float64(n1)
	pooled := float64(k0+k1) / float64(n0+n1)
	spread := math.Sqrt(pooled * (1 - pooled) * (1/float64(n0) + 1/float64(n1)))
	if p1-p0 < minRise || p1 < minFactor*p0 || spread == 0 {
		return Jump{}, false
	}
	j := Jump{Base: p0, Risen: p1, Z: (p1 - p0) / spread, Requests: n1}
	return j, j.Z >= minZ
}
