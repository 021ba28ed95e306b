package verdict

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

var (
	campaigns      = flag.Int("campaigns", 4, "labelling campaigns per population")
	populationName = flag.String("population", "", "run only the populations whose name holds this")
)

// TestCampaigns simulates labelling campaigns: decisions whose truth is known
// are made, some are drawn and labelled, and the intervals are compared with the
// true rates. BENCHMARKS.md has the figures of 5,000 campaigns per population.
func TestCampaigns(t *testing.T) {
	var all tally
	ran := 0
	for _, p := range populations() {
		if *populationName != "" && p.name != *populationName {
			continue
		}
		ran++
		result := p.filled().run(*campaigns)
		for rate := range rateCount {
			s := &result[rate]
			t.Logf("%-18s %-17s %s", p.name, rate, s)
			all.add(s)
			if s.given > 1000 && s.coverage() < 0.94 {
				t.Errorf("%s, %s: coverage %.4f", p.name, rate, s.coverage())
			}
		}
		if p.name == "calibrated" {
			if r := result[FalsePositive].labels / float64(result[FalsePositive].given); r > 0.2 {
				t.Errorf("false positives take %.2f of the labels of a random sample", r)
			}
			if r := result[Missed].labels / float64(result[Missed].given); r > 1./3 {
				t.Errorf("missed attacks take %.2f of the labels of a random sample", r)
			}
		}
	}
	if ran == 0 || all.given == 0 {
		t.Fatal("no campaign ran")
	}
	if all.coverage() < 0.94 {
		t.Errorf("coverage over all campaigns is %.4f", all.coverage())
	}
}

// tally counts how the intervals of a rate did.
type tally struct {
	given, refused int
	below, above   int     // true rate below or above the interval
	labels         float64 // sum of squared ratios of the width to that of as many labels drawn by chance
	width, bias    float64 // sums
}

func (t *tally) coverage() float64 { return 1 - float64(t.below+t.above)/float64(t.given) }

func (t *tally) add(o *tally) {
	t.given += o.given
	t.refused += o.refused
	t.below += o.below
	t.above += o.above
	t.labels += o.labels
	t.width += o.width
	t.bias += o.bias
}

func (t *tally) String() string {
	n := float64(t.given)
	return fmt.Sprintf("coverage %.4f (%.3f below, %.3f above) refused %.3f labels %.3f width %.4f bias %+.4f",
		t.coverage(), float64(t.below)/n, float64(t.above)/n, float64(t.refused)/(n+float64(t.refused)), t.labels/n, t.width/n, t.bias/n)
}

// run simulates campaigns on all cores; the result depends on their number alone.
func (p population) run(campaigns int) (sum [rateCount]tally) {
	parts := make([][rateCount]tally, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() {
			for c := i; c < campaigns; c += len(parts) {
				p.campaign(uint64(c), &parts[i])
			}
		})
	}
	wg.Wait()
	for i := range parts {
		for rate := range sum {
			sum[rate].add(&parts[i][rate])
		}
	}
	return sum
}

// truths holds the true numbers of a scope.
type truths struct{ allowed, blocked, allowedAttacks, blockedAttacks float64 }

func (c *truths) count(d sighted) {
	attack := 0.0
	if d.attack {
		attack = 1
	}
	if d.blocked {
		c.blocked++
		c.blockedAttacks += attack
	} else {
		c.allowed++
		c.allowedAttacks += attack
	}
}

func (c *truths) rate(r Rate) (value, denominator float64) {
	value = rateOf(r, c.allowedAttacks, c.blockedAttacks, c.allowed, c.blocked)
	switch r {
	case FalsePositive:
		denominator = c.allowed + c.blocked - c.allowedAttacks - c.blockedAttacks
	case Missed:
		denominator = c.allowedAttacks + c.blockedAttacks
	default:
		denominator = c.blocked
	}
	return value, denominator
}

func (p *population) campaign(seed uint64, out *[rateCount]tally) {
	rng := rand.New(rand.NewPCG(seed, 1))
	all := p.decisions(rng)
	probability := p.label(all, seed, rng)
	var rates Rates
	truth := map[string]*truths{}
	labels := 0
	for i, d := range all {
		if p.fleet {
			d.scope = "fleet"
		}
		seen := Decided{Blocked: d.blocked, PAttack: d.p, Probability: probability[i], Outside: d.outside}
		if probability[i] > 0 {
			labels++
			seen.Truth = Legitimate
			if d.attack {
				seen.Truth = Attack
			}
		}
		if err := rates.Add(d.scope, seen); err != nil {
			panic(err)
		}
		if truth[d.scope] == nil {
			truth[d.scope] = &truths{}
		}
		truth[d.scope].count(d)
	}
	for _, scope := range rates.Scopes() {
		for _, e := range rates.Estimates(scope) {
			value, n := truth[scope].rate(e.Rate)
			out[e.Rate].compare(e, value, n*float64(labels)/float64(len(all)))
		}
	}
}

// label draws labels and returns their probabilities, 0 for decisions that were
// not drawn.
func (p *population) label(all []sighted, seed uint64, rng *rand.Rand) []float64 {
	probability := make([]float64, len(all))
	if p.uniform {
		for _, i := range rng.Perm(len(all))[:p.budget] {
			probability[i] = float64(p.budget) / float64(len(all))
		}
		return probability
	}
	var candidates []Candidate
	var index []int
	numbers := map[string]uint32{}
	for i, d := range all {
		if _, ok := numbers[d.scope]; !ok {
			numbers[d.scope] = uint32(len(numbers))
		}
		if !d.outside {
			candidates = append(candidates, Candidate{Scope: numbers[d.scope], Blocked: d.blocked, PAttack: d.p})
			index = append(index, i)
		}
	}
	drawn, err := Sample(candidates, p.budget, seed)
	if err != nil {
		panic(err)
	}
	for _, d := range drawn {
		probability[index[d.Index]] = d.Probability
	}
	return probability
}

// compare takes note of an estimate. random is the number of labels in the
// denominator of the rate that as many labels drawn by chance would have.
func (t *tally) compare(e Estimate, value, random float64) {
	if !e.Enough || math.IsNaN(value) {
		t.refused++
		return
	}
	const rounding = 1e-12
	t.given++
	if value < e.Low-rounding {
		t.below++
	}
	if value > e.High+rounding {
		t.above++
	}
	t.labels += math.Pow((e.High-e.Low)/wilsonWidth(value, max(1, math.Round(random))), 2)
	t.width += e.High - e.Low
	t.bias += e.Value - value
}

// wilsonWidth is the width of the interval of Wilson for a share of n labels.
func wilsonWidth(share, n float64) float64 {
	const z = 1.96
	return 2 * z / (1 + z*z/n) * math.Sqrt(share*(1-share)/n+z*z/4/n/n)
}
