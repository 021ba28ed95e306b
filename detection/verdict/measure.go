package verdict

import (
	"math"
	"slices"
)

// Scored is a decision with its label and the probability it was given.
type Scored struct {
	PAttack float64
	Attack  bool
	Block   bool
	Kind    Kind
	Source  string
	Class   string
}

// Ranking says how well scores put the targets first. Equal scores are one
// threshold, so the order of input never matters. Figures are NaN where there
// are no targets or nothing else.
type Ranking struct {
	N           int
	Targets     int
	AUC         float64
	AP          float64 // average precision
	PrecisionAt float64 // best precision at a recall of at least 90 %
	RecallAt1   float64 // recall at a false-positive rate of at most 1 %
	RecallAt01  float64 // at most 0.1 %
}

// Rank measures scores of decisions, of which target tells the sought ones.
func Rank(all []Scored, score func(*Scored) float64, target func(*Scored) bool) Ranking {
	type pair struct {
		x float64
		y bool
	}
	pairs := make([]pair, len(all))
	r := Ranking{N: len(all)}
	for i := range all {
		pairs[i] = pair{score(&all[i]), target(&all[i])}
		if pairs[i].y {
			r.Targets++
		}
	}
	pos, neg := float64(r.Targets), float64(r.N-r.Targets)
	if pos == 0 || neg == 0 {
		r.AUC, r.AP, r.PrecisionAt, r.RecallAt1, r.RecallAt01 = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
		return r
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.x > b.x:
			return -1
		case a.x < b.x:
			return 1
		}
		return 0
	})
	tp, fp := 0.0, 0.0
	for i := 0; i < len(pairs); {
		t, f := 0.0, 0.0
		for x := pairs[i].x; i < len(pairs) && pairs[i].x == x; i++ {
			if pairs[i].y {
				t++
			} else {
				f++
			}
		}
		r.AUC += f * (tp + t/2) / pos / neg
		tp, fp = tp+t, fp+f
		precision, recall := tp/(tp+fp), tp/pos
		r.AP += precision * t / pos
		if recall >= 0.9 {
			r.PrecisionAt = math.Max(r.PrecisionAt, precision)
		}
		if fp <= 0.01*neg {
			r.RecallAt1 = recall
		}
		if fp <= 0.001*neg {
			r.RecallAt01 = recall
		}
	}
	return r
}

// Calibration says how far probabilities are from what happened.
type Calibration struct {
	N     int
	Share float64 // of attacks
	Error float64 // expected calibration error over ten equal bins
	Brier float64
}

// Calibrate measures probabilities.
func Calibrate(all []Scored) Calibration {
	var n, p, y [10]float64
	c := Calibration{N: len(all)}
	for i := range all {
		b := min(9, int(all[i].PAttack*10))
		n[b]++
		p[b] += all[i].PAttack
		t := 0.0
		if all[i].Attack {
			t = 1
			y[b]++
		}
		c.Share += t
		c.Brier += (all[i].PAttack - t) * (all[i].PAttack - t)
	}
	if c.N == 0 {
		return c
	}
	for b := range n {
		c.Error += math.Abs(p[b] - y[b])
	}
	total := float64(c.N)
	c.Share, c.Error, c.Brier = c.Share/total, c.Error/total, c.Brier/total
	return c
}
