package verdict

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Candidate is a decision that may be drawn for labelling.
type Candidate struct {
	Scope   uint32 // number of its scope
	Blocked bool
	PAttack float64 // 0 to 1
}

// Drawn is a decision to label next.
type Drawn struct {
	Index       int     // of the candidate
	Probability float64 // with which it was drawn, above 0 and at most 1
}

var errBudget = errors.New("budget is negative")

// Sample draws min(budget, len(candidates)) decisions to label, each with a
// probability that is known and above 0 (RATES.md, "Drawing"). Those are likelier
// whose label would tell more: on the allowed side the more suspicious ones, on the
// blocked side those of which the model is unsure; a part of the budget goes to
// all alike. The draw depends on the seed and on the order of the candidates,
// and comes in random order: each beginning of it is a sample of its own, whose
// probabilities are the printed ones times one factor.
func Sample(candidates []Candidate, budget int, seed uint64) ([]Drawn, error) {
	if budget < 0 {
		return nil, errBudget
	}
	for i := range candidates {
		if p := candidates[i].PAttack; !(p >= 0 && p <= 1) {
			return nil, fmt.Errorf("candidate %d: p_attack is %v, not in 0 to 1", i, p)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0x6761746577617463))
	order := ranked(candidates, rng)
	probability := inclusion(candidates, order, budget)
	drawn := systematic(order, probability, min(budget, len(candidates)), rng)
	rng.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	return drawn, nil
}

// ranked returns the indices of the candidates by scope, side and falling
// score; equal ones in random order.
func ranked(candidates []Candidate, rng *rand.Rand) []int {
	order := rng.Perm(len(candidates))
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &candidates[i], &candidates[j]
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), sideOf(a.Blocked)-sideOf(b.Blocked), cmp.Compare(b.PAttack, a.PAttack))
	})
	return order
}

// Shares of the budget.
const (
	toAllowed  = 0.65                       // of a scope, the rest to its blocked decisions
	evenShare  = 0.3                        // of a side, to all its decisions alike
	scoreShare = 0.2                        // of a side, by the model's own doubt
	rankShare  = 1 - evenShare - scoreShare // of a side, by rank
)

// inclusion returns the probability of each decision in order. They sum to
// budget, or to the number of candidates.
func inclusion(candidates []Candidate, order []int, budget int) []float64 {
	size := make([]float64, len(order))
	runs(candidates, order, func(from, to int) {
		sizes(candidates, order[from:to], size[from:to])
	})
	scale(candidates, order, size)
	return cap1(size, float64(min(budget, len(order))))
}

// runs calls f with each run of one scope and side.
func runs(candidates []Candidate, order []int, f func(from, to int)) {
	for from := 0; from < len(order); {
		first := candidates[order[from]]
		to := from + 1
		for to < len(order) && candidates[order[to]].Scope == first.Scope && candidates[order[to]].Blocked == first.Blocked {
			to++
		}
		f(from, to)
		from = to
	}
}

// sizes fills in how wanted each decision of a side is; they sum to 1. They
// follow from the scores alone, so equal scores are wanted alike.
func sizes(candidates []Candidate, side []int, size []float64) {
	n := float64(len(side))
	blocked := candidates[side[0]].Blocked
	doubt := make([]float64, len(side))
	var ranks, doubts float64
	for i, k := range side {
		r := float64(i) + 0.5
		if blocked {
			size[i] = math.Sqrt(r / n * (1 - r/n))
		} else {
			size[i] = 1 / (r + rankOffset)
		}
		p := candidates[k].PAttack
		doubt[i] = math.Sqrt(p * (1 - p))
		ranks += size[i]
		doubts += doubt[i]
	}
	even, byDoubt := evenShare/n, 0.0
	if doubts > 0 {
		byDoubt = scoreShare / doubts
	} else {
		even += scoreShare / n
	}
	for i := range side {
		size[i] = even + rankShare*size[i]/ranks + byDoubt*doubt[i]
	}
	for from := 0; from < len(side); {
		to, sum := from, 0.0
		for to < len(side) && candidates[side[to]].PAttack == candidates[side[from]].PAttack {
			sum += size[to]
			to++
		}
		for i := from; i < to; i++ {
			size[i] = sum / float64(to-from)
		}
		from = to
	}
}

// rankOffset is about how many of the most suspicious allowed decisions are
// wanted alike.
const rankOffset = 20

// scale shares the budget between scopes by the square root of their decisions,
// and inside a scope between its sides.
func scale(candidates []Candidate, order []int, size []float64) {
	perScope := map[uint32]int{}
	for _, k := range order {
		perScope[candidates[k].Scope]++
	}
	runs(candidates, order, func(from, to int) {
		c := candidates[order[from]]
		share := 1 - toAllowed
		if !c.Blocked {
			share = toAllowed
		}
		share *= math.Sqrt(float64(perScope[c.Scope]))
		for i := from; i < to; i++ {
			size[i] *= share
		}
	})
}

// cap1 turns sizes into probabilities that sum to budget, in proportion to the
// sizes where that gives no more than 1. It overwrites size.
func cap1(size []float64, budget float64) []float64 {
	if budget >= float64(len(size)) {
		for i := range size {
			size[i] = 1
		}
		return size
	}
	sorted := slices.Clone(size)
	slices.Sort(sorted)
	sum := 0.0
	for _, s := range sorted {
		sum += s
	}
	factor := budget / sum
	left := budget
	for i := len(sorted) - 1; i >= 0; i-- {
		factor = left / sum
		if factor*sorted[i] <= 1 {
			break
		}
		left--
		sum -= sorted[i]
	}
	for i := range size {
		size[i] = min(1, factor*size[i])
	}
	return size
}

// systematic draws count of order: one random start, then even steps along the
// sums of the probabilities, so that the draw is spread over scopes, sides and
// scores as evenly as can be.
func systematic(order []int, probability []float64, count int, rng *rand.Rand) []Drawn {
	drawn := make([]Drawn, 0, count)
	start, sum := rng.Float64()*(1-1e-9), 0.0
	for i, k := range order {
		sum += probability[i]
		if len(drawn) < count && sum > start+float64(len(drawn)) {
			drawn = append(drawn, Drawn{Index: k, Probability: probability[i]})
		}
	}
	return drawn
}
