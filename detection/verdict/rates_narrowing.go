package verdict

import "math"

// narrowing returns the expected share of the variance of a rate that one more
// label takes away. A label is 0 or 1, so the expectation of the rate given it
// is linear in it, and the variance of that expectation is exactly
// Cov(rate, q)² / (E q (1 − E q)), with q the share of attacks in the band.
func (p *picture) narrowing(rate Rate) func(blocked bool, pAttack float64) float64 {
	p.draw(lookDraws)
	step := len(p.sides[0].total) / lookDraws
	values, share := make([]float64, lookDraws), make([]float64, lookDraws)
	for d := range values {
		values[d] = p.value(rate, d*step)
	}
	variance := covariance(values, values)
	var gain [2][]float64
	for i := range p.sides {
		s := &p.sides[i]
		for k := range s.bands {
			for d := range share {
				share[d] = s.calibration.share(k, &s.coefficients[d*step])
			}
			q := mean(share)
			c := covariance(values, share)
			g := c * c / (q * (1 - q) * variance)
			if math.IsNaN(g) {
				g = 0
			}
			gain[i] = append(gain[i], min(g, 1))
		}
	}
	return func(blocked bool, pAttack float64) float64 {
		i, cell := sideOf(blocked), cellOf(pAttack)
		for k, b := range p.sides[i].bands {
			if cell >= b.first {
				return gain[i][k]
			}
		}
		return 0
	}
}

func mean(v []float64) (s float64) {
	for _, x := range v {
		s += x / float64(len(v))
	}
	return s
}

func covariance(a, b []float64) (s float64) {
	ma, mb := mean(a), mean(b)
	for i := range a {
		s += (a[i] - ma) * (b[i] - mb) / float64(len(a))
	}
	return s
}
