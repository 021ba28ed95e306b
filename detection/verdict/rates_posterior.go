package verdict

import (
	"math"
	"math/rand/v2"
)

// prior says what is believed of one side before any label: log odds of an
// attack are linear in rank and score, plus a smooth deviation.
type prior struct {
	level, levelSD float64 // log odds at the median decision
	slope, slopeSD float64 // of rank and of score, each
	bendSD         float64 // weight of each bump of the deviation
	floor          float64 // rank and score below it make no difference
	bumps          [bumpCount]float64
}

// priors are wide: of the allowed and of the blocked side. Both slopes may be
// negative.
var (
	priors = [2]prior{
		{level: -5, levelSD: 3, slope: 0.5, slopeSD: 0.5, bendSD: 0.8, floor: -1, bumps: [...]float64{-1, 0.5, 2, 3.5, 5, 7, 9}},
		{level: 0, levelSD: 3, slope: 1, slopeSD: 0.8, bendSD: 0.8, floor: -8, bumps: [...]float64{-7.5, -5, -2.5, 0, 2.5, 5, 7.5}},
	}
)

const (
	bumpWidth = 2.5
	bumpCount = 7
	dimension = 3 + bumpCount // level, rank, score, bumps
	maxCoord  = 15
)

type coefficients [dimension]float64

func (p *prior) coordinates(b *band) (f coefficients) {
	rank := min(max(b.rank, p.floor), maxCoord)
	score := min(max(b.score, p.floor), maxCoord)
	f[0], f[1], f[2] = 1, rank, score
	for i, at := range p.bumps {
		d := (rank - at) / bumpWidth
		f[3+i] = math.Exp(-d * d / 2)
	}
	return f
}

func (p *prior) moments() (mean, precision coefficients) {
	mean = coefficients{p.level, p.slope, p.slope}
	sd := coefficients{p.levelSD, p.slopeSD, p.slopeSD}
	for i := 3; i < dimension; i++ {
		sd[i] = p.bendSD
	}
	for i := range sd {
		precision[i] = 1 / (sd[i] * sd[i])
	}
	return mean, precision
}

// calibration is the posterior of the share of attacks in each band of a side.
type calibration struct {
	x               []coefficients
	trials, attacks []float64
	mean, precision coefficients // of the prior
	mode            coefficients
	root            [dimension]coefficients // lower Cholesky factor of the precision at the mode
}

func newCalibration(p *prior, bands []band) *calibration {
	c := &calibration{}
	for i := range bands {
		c.x = append(c.x, p.coordinates(&bands[i]))
		t, a := bands[i].evidence()
		c.trials = append(c.trials, t)
		c.attacks = append(c.attacks, a)
	}
	c.mean, c.precision = p.moments()
	c.climb()
	return c
}

// logDensity is the log posterior of the coefficients, up to a constant.
func (c *calibration) logDensity(w *coefficients) float64 {
	sum := 0.0
	for i := range w {
		d := w[i] - c.mean[i]
		sum -= d * d * c.precision[i] / 2
	}
	for i := range c.x {
		if c.trials[i] > 0 {
			eta := c.x[i].dot(w)
			sum += c.attacks[i]*eta - c.trials[i]*logOnePlusExp(eta)
		}
	}
	return sum
}

// climb finds the mode by Newton's method with halved steps. The log density is
// strictly concave, so there is one.
func (c *calibration) climb() {
	w := c.mean
	at := c.logDensity(&w)
	for range 50 {
		grad := c.curvature(&w)
		step := solve(&c.root, &grad)
		size := 1.0
		var next coefficients
		value := math.Inf(-1)
		for range 30 {
			for i := range w {
				next[i] = w[i] + size*step[i]
			}
			if value = c.logDensity(&next); value >= at {
				break
			}
			size /= 2
		}
		if value < at {
			break
		}
		done := value-at < 1e-9
		w, at = next, value
		if done {
			break
		}
	}
	c.curvature(&w)
	c.mode = w
}

// curvature returns the gradient at w and leaves the factor of the negative
// Hessian in c.root.
func (c *calibration) curvature(w *coefficients) (grad coefficients) {
	var h [dimension]coefficients
	for i := range w {
		grad[i] = -(w[i] - c.mean[i]) * c.precision[i]
		h[i][i] = c.precision[i]
	}
	for k := range c.x {
		if c.trials[k] == 0 {
			continue
		}
		x := &c.x[k]
		q := logistic(x.dot(w))
		r, v := c.attacks[k]-c.trials[k]*q, c.trials[k]*q*(1-q)
		for i := range x {
			grad[i] += r * x[i]
			for j := range i + 1 {
				h[i][j] += v * x[i] * x[j]
			}
		}
	}
	for i := range h {
		for j := range i + 1 {
			s := h[i][j]
			for k := range j {
				s -= c.root[i][k] * c.root[j][k]
			}
			if i == j {
				c.root[i][i] = math.Sqrt(s)
			} else {
				c.root[i][j] = s / c.root[j][j]
			}
		}
	}
	return grad
}

// stretch widens the normal approximation at the mode, about which the draws
// move, so that it covers the tails of the posterior.
const stretch = 1.25

// draw calls f with n draws from the posterior, which are of a chain of
// elliptical slice sampling whose ellipses are those of the normal
// approximation at the mode.
func (c *calibration) draw(rng *rand.Rand, n int, f func(*coefficients)) {
	var z, at coefficients
	target := func(z *coefficients) (float64, coefficients) {
		w := backSolve(&c.root, z)
		sq := 0.0
		for i := range w {
			w[i] = c.mode[i] + stretch*w[i]
			sq += z[i] * z[i]
		}
		return c.logDensity(&w) + sq/2, w
	}
	level, at := target(&z)
	const warm = 100
	for i := range warm + n {
		var nu coefficients
		for j := range nu {
			nu[j] = rng.NormFloat64()
		}
		threshold := level - rng.ExpFloat64()
		angle := rng.Float64() * 2 * math.Pi
		lo, hi := angle-2*math.Pi, angle
		for range 100 {
			s, k := math.Sincos(angle)
			var next coefficients
			for j := range next {
				next[j] = z[j]*k + nu[j]*s
			}
			v, w := target(&next)
			if v >= threshold {
				z, at, level = next, w, v
				break
			}
			if angle < 0 {
				lo = angle
			} else {
				hi = angle
			}
			angle = lo + rng.Float64()*(hi-lo)
		}
		if i >= warm {
			f(&at)
		}
	}
}

// share is the share of attacks that coefficients give for band i.
func (c *calibration) share(i int, w *coefficients) float64 { return logistic(c.x[i].dot(w)) }

func (a *coefficients) dot(b *coefficients) (s float64) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// solve returns the solution of (L Lᵀ) x = b.
func solve(l *[dimension]coefficients, b *coefficients) coefficients {
	var y coefficients
	for i := range y {
		s := b[i]
		for k := range i {
			s -= l[i][k] * y[k]
		}
		y[i] = s / l[i][i]
	}
	return backSolve(l, &y)
}

// backSolve returns the solution of Lᵀ x = y.
func backSolve(l *[dimension]coefficients, y *coefficients) (x coefficients) {
	for i := dimension - 1; i >= 0; i-- {
		s := y[i]
		for k := i + 1; k < dimension; k++ {
			s -= l[k][i] * x[k]
		}
		x[i] = s / l[i][i]
	}
	return x
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// logOnePlusExp is log(1 + exp(x)), with an absolute error that no likelihood
// of so few labels feels, at half the cost of an exact one.
func logOnePlusExp(x float64) float64 {
	return max(x, 0) + math.Log(1+math.Exp(-math.Abs(x)))
}
