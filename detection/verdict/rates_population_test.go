package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// bell is one part of a mixture of normal distributions of scores.
type bell struct{ share, mean, sd float64 }

// population says how the decisions of a labelling campaign are made. Zero
// fields are those of the common population: 15,000 decisions, 2 % attacks, 13 %
// false positives, a tenth of the attacks missed, a model that ranks about as
// well as a good one does on sources it has not seen.
type population struct {
	name          string
	size          int
	attacks       float64 // share of attacks; below 0 for none, as the next two
	falsePositive float64
	missed        float64
	// What is written down instead of the logit that the scores below have.
	model func(x float64) float64
	// Scores by kind of decision.
	allowedAttack, blockedAttack, allowedLegit, blockedLegit []bell

	budget  int
	scopes  int
	fleet   bool // drawn by scope, but asked for all of them together
	uniform bool // labels drawn by plain chance, not by Sample
	outside bool // a tenth of the decisions, with more missed attacks, was not drawn from
}

func (p population) filled() population {
	number := func(v *float64, otherwise float64) {
		if *v == 0 {
			*v = otherwise
		}
		*v = max(*v, 0)
	}
	count := func(v *int, otherwise int) {
		if *v == 0 {
			*v = otherwise
		}
	}
	bells := func(v *[]bell, otherwise ...bell) {
		if *v == nil {
			*v = otherwise
		}
	}
	number(&p.attacks, 0.02)
	number(&p.falsePositive, 0.13)
	number(&p.missed, 0.1)
	count(&p.size, 15000)
	count(&p.budget, 300)
	count(&p.scopes, 1)
	// Of the missed attacks 0.6 are in the first per mille, 0.7 in the first per
	// cent of the allowed; AUC 0.95.
	bells(&p.allowedLegit, bell{1, -7, 1.6})
	bells(&p.allowedAttack, bell{0.6, 1, 2}, bell{0.25, -3, 1.5}, bell{0.15, -7, 1.6})
	// AUC 0.99 among the blocked.
	bells(&p.blockedLegit, bell{0.95, -5, 2}, bell{0.05, 0, 2})
	bells(&p.blockedAttack, bell{0.96, 3, 2}, bell{0.04, -3, 2})
	if p.model == nil {
		p.model = func(x float64) float64 { return x }
	}
	return p
}

var flat = []bell{{1, 0, 1.5}}

// useless gives all decisions scores of the same distribution.
func useless(p population) population {
	p.allowedAttack, p.blockedAttack, p.allowedLegit, p.blockedLegit = flat, flat, flat, flat
	return p
}

func times(f float64) func(float64) float64 { return func(x float64) float64 { return f * x } }

func populations() []population {
	steps := func(x float64) float64 { return clampedLogit(math.Round(20*logistic(x)) / 20) }
	return []population{
		{name: "calibrated"},
		{name: "shifted", model: func(x float64) float64 { return x + 3 }},
		{name: "over-confident", model: times(3)},
		{name: "under-confident", model: times(0.3)},
		{name: "bent", model: func(x float64) float64 { return math.Copysign(math.Sqrt(math.Abs(x)), x) }},
		{name: "in steps", model: steps},
		useless(population{name: "useless"}),
		{name: "constant", model: times(0)},
		{name: "inverted", model: times(-1), missed: 0.3},
		{name: "half blind", missed: 0.2, allowedAttack: []bell{{0.5, 1, 2}, {0.5, -7, 1.6}}},
		{name: "blind", missed: 0.2, allowedAttack: []bell{{1, -7, 1.6}}},
		{name: "spread", missed: 0.19, allowedAttack: []bell{{1, -2.2, 1.9}}},
		{name: "rare attacks", attacks: 0.003, falsePositive: 0.05},
		{name: "common attacks", attacks: 0.3},
		{name: "mostly missed", falsePositive: 0.02, missed: 0.8},
		{name: "all missed", attacks: 0.005, missed: 1},
		{name: "none missed", missed: -1},
		{name: "none wrong", falsePositive: -1},
		{name: "few wrong", falsePositive: 0.0005, missed: 0.01},
		{name: "25 labels", budget: 25},
		useless(population{name: "25 labels, useless", budget: 25}),
		{name: "100 labels", budget: 100},
		{name: "small", attacks: 0.1, falsePositive: 0.2, missed: 0.2, size: 200, budget: 25},
		{name: "20 sites", attacks: 0.05, missed: 0.2, size: 8000, scopes: 20},
		{name: "fleet", attacks: 0.05, missed: 0.2, size: 8000, scopes: 20, fleet: true},
		{name: "drawn by chance", uniform: true},
		{name: "outside", attacks: 0.3, outside: true},
	}
}

// sighted is a decision whose truth is known to the test.
type sighted struct {
	scope           string
	blocked, attack bool
	p               float64
	outside         bool
}

func (p *population) decisions(rng *rand.Rand) []sighted {
	all := make([]sighted, p.size)
	for i := range all {
		d := &all[i]
		site := rng.IntN(p.scopes)
		attacks := p.attacks
		if p.fleet { // sites are unlike each other
			site = int(float64(p.scopes) * math.Pow(rng.Float64(), 2))
			attacks *= 2 * float64(site) / float64(p.scopes)
		}
		d.scope = fmt.Sprint("site", site)
		d.attack = rng.Float64() < attacks
		var mix []bell
		switch {
		case d.attack && rng.Float64() < p.missed:
			mix = p.allowedAttack
		case d.attack:
			d.blocked, mix = true, p.blockedAttack
		case rng.Float64() < p.falsePositive:
			d.blocked, mix = true, p.blockedLegit
		default:
			mix = p.allowedLegit
		}
		d.p = logistic(p.model(score(rng, mix)))
		// What nobody drew from is not like the rest: most attacks pass there.
		d.outside = p.outside && rng.Float64() < map[bool]float64{true: 0.3, false: 0.02}[d.attack && !d.blocked]
	}
	return all
}

func score(rng *rand.Rand, mix []bell) float64 {
	u := rng.Float64()
	for _, b := range mix {
		if u < b.share {
			return b.mean + b.sd*rng.NormFloat64()
		}
		u -= b.share
	}
	return mix[0].mean
}
