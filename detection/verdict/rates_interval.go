package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// draws is the number of draws from the posterior that an interval rests on.
// What to label next is a ranking, for which lookDraws do.
const (
	draws     = 2000
	lookDraws = 250
)

// credible is the share of the draws that an interval holds. It is above 95 %
// to make up for what the prior gets wrong.
const credible = 0.97

// picture is what is known of a scope: its sides, and draws of how many attacks
// each holds.
type picture struct {
	sides [2]side
}

// side is the picture of the allowed or of the blocked decisions.
type side struct {
	bands             []band
	n, attacks, legit int // decisions; labelled ones
	outside           int // decisions besides n that nothing is known of
	drawn             int
	calibration       *calibration
	coefficients      []coefficients // by draw
	total             []float64      // attacks in the side, by draw
}

// newPicture counts the sides of a scope. It has no draws yet.
func newPicture(s *scopeCounts) *picture {
	p := &picture{}
	for i := range p.sides {
		p.sides[i].count(s.sides[i])
		p.sides[i].outside = s.outside[i]
	}
	return p
}

// draw makes n draws unless there are as many.
func (p *picture) draw(n int) {
	if len(p.sides[0].total) >= n {
		return
	}
	for i := range p.sides {
		p.sides[i].draw(&priors[i], n, rand.New(rand.NewPCG(uint64(i), 20)))
	}
}

func (s *side) count(counts sideCounts) {
	s.bands = counts.bands()
	for i := range s.bands {
		b := &s.bands[i]
		s.n += b.n
		s.attacks += b.attacks
		s.legit += b.legit
		s.drawn += b.drawn
	}
}

func (s *side) draw(p *prior, n int, rng *rand.Rand) {
	s.coefficients, s.total = make([]coefficients, 0, n), make([]float64, 0, n)
	s.calibration = newCalibration(p, s.bands)
	s.calibration.draw(rng, n, func(w *coefficients) {
		total := s.attacks
		for i := range s.bands {
			if rest := s.bands[i].unlabelled(); rest > 0 {
				total += binomial(rng, rest, s.calibration.share(i, w))
			}
		}
		s.coefficients = append(s.coefficients, *w)
		s.total = append(s.total, float64(total))
	})
}

// binomial draws the number of successes of n trials.
func binomial(rng *rand.Rand, n int, q float64) int {
	if q > 0.5 {
		return n - binomial(rng, n, 1-q)
	}
	mean := float64(n) * q
	if mean > 30 {
		k := math.Round(mean + rng.NormFloat64()*math.Sqrt(mean*(1-q)))
		return int(min(max(k, 0), float64(n)))
	}
	u := rng.Float64()
	if u >= mean { // 1 - (1-q)^n is at most the mean: spares two logarithms
		return 0
	}
	// From the other end, so that the test above holds: u = 0 is the most.
	u = 1 - u
	mass, odds, k := math.Exp(float64(n)*math.Log1p(-q)), q/(1-q), 0
	for u > mass && k < n {
		u -= mass
		mass *= odds * float64(n-k) / float64(k+1)
		k++
	}
	return k
}

func (s *side) unlabelled() int { return s.n - s.attacks - s.legit }

// labelled reports whether anything can be said of the side.
func (s *side) labelled() bool {
	return s.drawn >= minDrawn || s.unlabelled()+s.outside == 0
}

const (
	minDrawn = 3
	maxWidth = 0.95
)

func (p *picture) value(rate Rate, draw int) float64 {
	allowed, blocked := &p.sides[0], &p.sides[1]
	a, b := allowed.total[draw], blocked.total[draw]
	return rateOf(rate, a, b, float64(allowed.n), float64(blocked.n))
}

// worst is the value of a draw if what is outside of all draws is such that the
// rate is as low as can be, or as high.
func (p *picture) worst(rate Rate, draw int, low bool) float64 {
	allowed, blocked := &p.sides[0], &p.sides[1]
	a, b := allowed.total[draw], blocked.total[draw]
	if low { // few allowed and many blocked attacks lower every rate
		b += float64(blocked.outside)
	} else {
		a += float64(allowed.outside)
	}
	return rateOf(rate, a, b, float64(allowed.n+allowed.outside), float64(blocked.n+blocked.outside))
}

// rateOf is a rate if so many of the allowed and of the blocked are attacks. It
// is NaN if nothing is in the denominator.
func rateOf(rate Rate, allowedAttacks, blockedAttacks, allowed, blocked float64) float64 {
	switch rate {
	case FalsePositive:
		return (blocked - blockedAttacks) / (allowed - allowedAttacks + blocked - blockedAttacks)
	case Missed:
		return allowedAttacks / (allowedAttacks + blockedAttacks)
	default:
		return (blocked - blockedAttacks) / blocked
	}
}

func (p *picture) estimate(rate Rate) Estimate {
	e := p.counted(rate)
	if e.Why = p.lacks(rate, e.Drawn); e.Why != "" {
		return e
	}
	p.draw(draws)
	values := p.values(func(i int) float64 { return p.value(rate, i) })
	e.Low, e.High = p.bounds(rate, values)
	e.Value = min(max(values[len(values)/2], e.Low), e.High)
	if e.Covered < e.Decisions {
		lowest := p.values(func(i int) float64 { return p.worst(rate, i, true) })
		highest := p.values(func(i int) float64 { return p.worst(rate, i, false) })
		low, _ := p.bounds(rate, lowest)
		_, high := p.bounds(rate, highest)
		e.Low, e.High = min(e.Low, low), max(e.High, high)
	}
	e.Enough = e.High-e.Low <= maxWidth
	switch {
	case e.Enough:
	case e.Covered < e.Decisions:
		e.Why = fmt.Sprintf("%d of %d decisions are outside of all draws", e.Decisions-e.Covered, e.Decisions)
	default:
		e.Why = fmt.Sprintf("not enough labels: %d drawn, and the interval is wider than %v", e.Drawn, maxWidth)
	}
	return e
}

// counted is an estimate with what the rate rests on, and no value yet.
func (p *picture) counted(rate Rate) Estimate {
	e := Estimate{Rate: rate}
	for i := range p.sides {
		s := &p.sides[i]
		if rate == FalseBlockShare && i == sideOf(false) {
			continue
		}
		e.Labels += s.attacks + s.legit
		e.Drawn += s.drawn
		e.Covered += s.n
		e.Decisions += s.n + s.outside
	}
	return e
}

// lacks says what labels there are too few of for an estimate, "" if of none.
func (p *picture) lacks(rate Rate, drawn int) string {
	allowed, blocked := &p.sides[0], &p.sides[1]
	switch {
	case rate == FalseBlockShare && blocked.n+blocked.outside == 0:
		return "nothing was blocked"
	case !blocked.labelled() || rate != FalseBlockShare && !allowed.labelled():
		of := "allowed and of blocked requests"
		if rate == FalseBlockShare {
			of = "blocked requests"
		}
		return fmt.Sprintf("not enough labels: %d drawn, and at least %d of %s are needed", drawn, minDrawn, of)
	case rate == FalsePositive && allowed.legit+blocked.legit == 0:
		return fmt.Sprintf("not enough labels: %d drawn, none of a legitimate request", drawn)
	case rate == Missed && allowed.attacks+blocked.attacks == 0:
		return fmt.Sprintf("not enough labels: %d drawn, none of an attack", drawn)
	}
	return ""
}

// values are those of all draws, sorted.
func (p *picture) values(of func(draw int) float64) []float64 {
	all := make([]float64, draws)
	for i := range all {
		all[i] = of(i)
	}
	slices.Sort(all)
	return all
}

// bounds returns the shortest interval that holds the wanted share of the
// sorted values. It reaches the end of what the labels leave possible where
// none of them speaks against that end.
func (p *picture) bounds(rate Rate, values []float64) (lo, hi float64) {
	allowed, blocked := &p.sides[0], &p.sides[1]
	least, most := 0, 0 // labels against 0, labels against 1
	switch rate {
	case Missed:
		least, most = allowed.attacks, blocked.attacks
	case FalsePositive:
		least, most = blocked.legit, allowed.legit
	default:
		least, most = blocked.legit, blocked.attacks
	}
	k := int(math.Ceil(credible * float64(len(values))))
	at := 0
	for i := 0; i+k <= len(values); i++ {
		if values[i+k-1]-values[i] < values[at+k-1]-values[at] {
			at = i
		}
	}
	lo, hi = values[at], values[at+k-1]
	if least == 0 {
		lo = min(lo, p.extreme(rate, true))
	}
	if most == 0 {
		hi = max(hi, p.extreme(rate, false))
	}
	return lo, hi
}

// extreme is the lowest or highest value of a rate that the labels leave
// possible.
func (p *picture) extreme(rate Rate, low bool) float64 {
	a, b := &p.sides[0], &p.sides[1]
	nA, nB := float64(a.n+a.outside), float64(b.n+b.outside)
	if low {
		return rateOf(rate, float64(a.attacks), nB-float64(b.legit), nA, nB)
	}
	return rateOf(rate, nA-float64(a.legit), float64(b.attacks), nA, nB)
}
