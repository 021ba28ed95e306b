package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPosterior compares draws with the posterior of one band, which can be
// integrated: log odds with a normal prior and a binomial likelihood.
func TestPosterior(t *testing.T) {
	f := func(trials, attacks int) {
		t.Helper()
		b := band{scoreCell: scoreCell{
			n: 1000, attacks: attacks, legit: trials - attacks, drawn: trials,
			w: float64(trials), w2: float64(trials), wAttack: float64(attacks),
		}}
		for side := range priors {
			p := &priors[side]
			c := newCalibration(p, []band{b})
			var got []float64
			c.draw(rand.New(rand.NewPCG(1, 1)), 40_000, func(w *coefficients) { got = append(got, c.x[0].dot(w)) })
			slices.Sort(got)
			mean, precision := p.moments()
			x := p.coordinates(&b)
			center, variance := x.dot(&mean), 0.0
			for i := range x {
				variance += x[i] * x[i] / precision[i]
			}
			for _, share := range []float64{0.025, 0.25, 0.5, 0.75, 0.975} {
				want := quantile(center, variance, float64(trials), float64(attacks), share)
				if at := got[int(share*float64(len(got)))]; math.Abs(logistic(at)-logistic(want)) > 0.01 || math.Abs(at-want) > 0.35 {
					t.Errorf("%d of %d, side %d: quantile %v is %.3f, want %.3f", attacks, trials, side, share, at, want)
				}
			}
		}
	}
	f(0, 0)
	f(20, 0)
	f(20, 20)
	f(20, 7)
	f(300, 2)
}

// quantile integrates the posterior of log odds on a grid.
func quantile(center, variance, trials, attacks, share float64) float64 {
	const step = 0.001
	density := func(x float64) float64 {
		d := x - center
		return math.Exp(-d*d/2/variance + attacks*x - trials*logOnePlusExp(x))
	}
	total := 0.0
	for x := -40.0; x < 40; x += step {
		total += density(x)
	}
	sum := 0.0
	for x := -40.0; x < 40; x += step {
		if sum += density(x); sum >= share*total {
			return x
		}
	}
	return math.Inf(1)
}

func TestBinomial(t *testing.T) {
	f := func(n int, q float64) {
		t.Helper()
		const times = 20_000
		rng := rand.New(rand.NewPCG(5, 6))
		var sum, squares float64
		for range times {
			k := binomial(rng, n, q)
			if k < 0 || k > n {
				t.Fatalf("%d of %d", k, n)
			}
			sum += float64(k)
			squares += float64(k) * float64(k)
		}
		mean, variance := float64(n)*q, float64(n)*q*(1-q)
		gotMean := sum / times
		gotVariance := squares/times - gotMean*gotMean
		if math.Abs(gotMean-mean) > 5*math.Sqrt(variance/times)+1e-9 || math.Abs(gotVariance-variance) > 0.1*variance+1e-9 {
			t.Errorf("%d, %v: mean %v, want %v; variance %v, want %v", n, q, gotMean, mean, gotVariance, variance)
		}
	}
	f(0, 0.5)
	f(7, 0)
	f(7, 1)
	f(1, 0.3)
	f(20, 0.5)
	f(15_000, 0.0001)
	f(15_000, 0.9999)
	f(100, 0.29)
	f(5000, 0.2)
}
