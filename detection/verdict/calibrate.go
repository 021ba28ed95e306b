package verdict

import (
	"math"
	"slices"
)

// curve maps log-odds of the request model to calibrated log-odds at even odds
// of attacks. It rises strictly, so the order of scores stays.
type curve []point

type point struct{ X, Y float64 }

// curves are those of allowed requests, of blocks by protocol policy alone, and
// of blocks by attack rules.
type curves struct {
	Allowed curve `json:"allowed"`
	Policy  curve `json:"policy"`
	Pattern curve `json:"pattern"`
}

func (c *curves) at(x float64, in *Input) float64 {
	switch {
	case !in.Block:
		return c.Allowed.at(x)
	case kindOf(in.Rules) == KindPolicy:
		return c.Policy.at(x)
	}
	return c.Pattern.at(x)
}

// at interpolates, and goes on with a gentle slope beyond the ends.
func (c curve) at(x float64) float64 {
	const slope = 0.2
	if len(c) == 0 {
		return x
	}
	if x <= c[0].X {
		return c[0].Y - slope*(c[0].X-x)
	}
	last := c[len(c)-1]
	if x >= last.X {
		return last.Y + slope*(x-last.X)
	}
	i, _ := slices.BinarySearchFunc(c, x, func(p point, x float64) int {
		if p.X < x {
			return -1
		}
		return 1
	})
	a, b := c[i-1], c[i]
	return a.Y + (b.Y-a.Y)*(x-a.X)/(b.X-a.X)
}

// outcome is a score with what turned out to be true.
type outcome struct {
	x      float64
	attack bool
	input  *Input
	weight float64
}

// fitCurves fits the curves. All attacks together and all legitimate requests
// together get the same weight, so that the decision itself is evidence too.
func fitCurves(outcomes []outcome) curves {
	var attack, legit float64
	for _, o := range outcomes {
		if o.attack {
			attack += o.weight
		} else {
			legit += o.weight
		}
	}
	var allowed, policy, pattern []outcome
	for _, o := range outcomes {
		if o.attack {
			o.weight /= attack
		} else {
			o.weight /= legit
		}
		switch {
		case !o.input.Block:
			allowed = append(allowed, o)
		case kindOf(o.input.Rules) == KindPolicy:
			policy = append(policy, o)
		default:
			pattern = append(pattern, o)
		}
	}
	return curves{Allowed: fitCurve(allowed), Policy: fitCurve(policy), Pattern: fitCurve(pattern)}
}

// fitCurve fits a curve by isotonic regression over groups of neighbouring
// scores.
func fitCurve(outcomes []outcome) curve {
	slices.SortStableFunc(outcomes, func(a, b outcome) int {
		switch {
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return 0
	})
	total := 0.0
	for _, o := range outcomes {
		total += o.weight
	}
	type block struct{ x, y, w, n float64 }
	var blocks []block
	const groups = 40
	share := total / groups
	var b block
	flush := func() {
		if b.n == 0 {
			return
		}
		blocks = append(blocks, b)
		for n := len(blocks); n > 1 && blocks[n-2].y/blocks[n-2].w >= blocks[n-1].y/blocks[n-1].w; n = len(blocks) {
			p, q := blocks[n-2], blocks[n-1]
			blocks = append(blocks[:n-2], block{p.x + q.x, p.y + q.y, p.w + q.w, p.n + q.n})
		}
		b = block{}
	}
	for _, o := range outcomes {
		if o.attack {
			b.y += o.weight
		}
		b.x += o.x * o.weight
		b.w += o.weight
		b.n++
		if b.w >= share {
			flush()
		}
	}
	flush()
	var c curve
	for _, b := range blocks {
		// As if half a request more of either kind had been seen, so that no
		// group is certain.
		y := (b.y/b.w*b.n + 0.5) / (b.n + 1)
		p := point{b.x / b.w, logit(y)}
		if n := len(c); n > 0 {
			if p.X-c[n-1].X < 1e-6 {
				continue
			}
			p.Y = math.Max(p.Y, c[n-1].Y+0.02*(p.X-c[n-1].X))
		}
		c = append(c, p)
	}
	return c
}

// calibrate fits the curves on scores of held-out folds.
func (m *Model) calibrate(examples []*Example, heldOut []float64, weight func(*Example) float32) {
	var outcomes []outcome
	attacks := 0
	for i, e := range examples {
		if e.Fold == FoldNone {
			continue
		}
		outcomes = append(outcomes, outcome{heldOut[i], e.Attack, &e.Input, float64(weight(e))})
		if e.Attack {
			attacks++
		}
	}
	m.curves = fitCurves(outcomes)
	m.trainingPrior = float64(attacks) / float64(len(outcomes))
	m.shift = logit(m.trainingPrior)
}
