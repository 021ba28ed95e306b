package verdict

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var (
	campaigns = flag.Int("campaigns", 20, "labelling campaigns per population")
	only      = flag.String("population", "", "run only the populations whose name holds this")
)

// bell is a normal distribution of scores.
type bell struct{ share, mean, sd float64 }

// population says how decisions and scores are made. Each of the four kinds of
// decision has scores from a mixture of bells.
type population struct {
	name                                                          string
	size                                                          int
	attacks                                                       float64 // share
	blockedLegit                                                  float64 // true false-positive rate
	missed                                                        float64 // true missed rate
	model                                                         func(x float64) float64
	budget                                                        int
	scopes                                                        int
	allowedAttack, blockedAttack, allowedLegit, blockedLegitScore []bell
}

func (p population) fill() population {
	def := func(v *[]bell, b ...bell) {
		if *v == nil {
			*v = b
		}
	}
	// Allowed: about 0.6 of the attacks in the first per mille, 0.7 in the first per cent, AUC 0.95.
	def(&p.allowedLegit, bell{1, -7, 1.6})
	def(&p.allowedAttack, bell{0.6, 1, 2}, bell{0.25, -3, 1.5}, bell{0.15, -7, 1.6})
	// Blocked: AUC 0.993.
	def(&p.blockedLegitScore, bell{0.95, -5, 2}, bell{0.05, 0, 2})
	def(&p.blockedAttack, bell{0.96, 3, 2}, bell{0.04, -3, 2})
	if p.size == 0 {
		p.size = 15000
	}
	if p.budget == 0 {
		p.budget = 300
	}
	if p.scopes == 0 {
		p.scopes = 1
	}
	if p.model == nil {
		p.model = func(x float64) float64 { return x }
	}
	return p
}

func pick(rng *rand.Rand, mix []bell) float64 {
	u := rng.Float64()
	for _, b := range mix {
		if u < b.share {
			return b.mean + b.sd*rng.NormFloat64()
		}
		u -= b.share
	}
	return mix[0].mean
}

type labelled struct {
	scope   string
	blocked bool
	attack  bool
	p       float64
}

func (p population) make(rng *rand.Rand) []labelled {
	all := make([]labelled, p.size)
	for i := range all {
		d := &all[i]
		d.scope = fmt.Sprint("site", rng.IntN(p.scopes))
		d.attack = rng.Float64() < p.attacks
		var mix []bell
		switch {
		case d.attack && rng.Float64() < p.missed:
			mix = p.allowedAttack
		case d.attack:
			d.blocked, mix = true, p.blockedAttack
		case rng.Float64() < p.blockedLegit:
			d.blocked, mix = true, p.blockedLegitScore
		default:
			mix = p.allowedLegit
		}
		d.p = logistic(p.model(pick(rng, mix)))
	}
	return all
}

type tally struct {
	given, covered, refused int
	low, high               int // true rate below, above
	ratio, width, bias      float64
	smallRatio              float64
}

func wilson(p float64, m float64) (lo, hi float64) {
	const z = 1.96
	mid, half := (p+z*z/2/m)/(1+z*z/m), z/(1+z*z/m)*math.Sqrt(p*(1-p)/m+z*z/4/m/m)
	return mid - half, mid + half
}

func (p population) campaign(seed uint64, out *[rateCount]tally) {
	rng := rand.New(rand.NewPCG(seed, 1))
	all := p.make(rng)
	var rates Rates
	candidates := make([]Candidate, len(all))
	numbers := map[string]uint32{}
	for i, d := range all {
		if _, ok := numbers[d.scope]; !ok {
			numbers[d.scope] = uint32(len(numbers))
		}
		candidates[i] = Candidate{Scope: numbers[d.scope], Blocked: d.blocked, PAttack: d.p}
	}
	drawn, err := Sample(candidates, p.budget, seed)
	if err != nil {
		panic(err)
	}
	probability := make([]float64, len(all))
	for _, d := range drawn {
		probability[d.Index] = d.Probability
	}
	type count struct{ aa, ab, na, nb float64 }
	truth := map[string]*count{}
	for i, d := range all {
		t := Unknown
		if probability[i] > 0 {
			t = Legitimate
			if d.attack {
				t = Attack
			}
		}
		if err := rates.Add(d.scope, Decided{Blocked: d.blocked, PAttack: d.p, Truth: t, Probability: probability[i]}); err != nil {
			panic(err)
		}
		c := truth[d.scope]
		if c == nil {
			c = &count{}
			truth[d.scope] = c
		}
		y := 0.0
		if d.attack {
			y = 1
		}
		if d.blocked {
			c.nb++
			c.ab += y
		} else {
			c.na++
			c.aa += y
		}
	}
	for _, scope := range rates.Scopes() {
		c := truth[scope]
		for _, e := range rates.Estimates(scope) {
			v := rateOf(e.Rate, c.aa, c.ab, c.na, c.nb)
			t := &out[e.Rate]
			if !e.Enough {
				t.refused++
				continue
			}
			if math.IsNaN(v) {
				v = 0
			}
			t.given++
			switch {
			case v < e.Low-1e-12:
				t.low++
			case v > e.High+1e-12:
				t.high++
			default:
				t.covered++
			}
			den := map[Rate]float64{FalsePositive: c.na + c.nb - c.aa - c.ab, Missed: c.aa + c.ab, FalseBlockShare: c.nb}[e.Rate]
			share := float64(len(drawn)) / float64(len(all))
			lo, hi := wilson(v, max(1, math.Round(share*den)))
			t.ratio += math.Pow((e.High-e.Low)/(hi-lo), 2)
			t.width += e.High - e.Low
			t.bias += e.Value - v
		}
	}
}

func scaled(f float64) func(float64) float64  { return func(x float64) float64 { return f * x } }
func shifted(d float64) func(float64) float64 { return func(x float64) float64 { return x + d } }

func populations() []population {
	flat := []bell{{1, 0, 1.5}}
	return []population{
		{name: "calibrated", attacks: 0.02, blockedLegit: 0.13, missed: 0.1},
		{name: "shifted", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, model: shifted(3)},
		{name: "over-confident", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, model: scaled(3)},
		{name: "under-confident", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, model: scaled(0.3)},
		{name: "steps", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, model: func(x float64) float64 { return clampedLogit(math.Round(logistic(x)*20) / 20) }},
		{name: "bent", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, model: func(x float64) float64 { return math.Copysign(math.Sqrt(math.Abs(x)), x) }},
		{name: "useless", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, allowedAttack: flat, allowedLegit: flat, blockedAttack: flat, blockedLegitScore: flat},
		{name: "inverted", attacks: 0.02, blockedLegit: 0.13, missed: 0.3, model: scaled(-1)},
		{name: "constant", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, model: func(float64) float64 { return 0 }},
		{name: "half blind", attacks: 0.02, blockedLegit: 0.13, missed: 0.2, allowedAttack: []bell{{0.5, 1, 2}, {0.5, -7, 1.6}}},
		{name: "all hidden", attacks: 0.02, blockedLegit: 0.13, missed: 0.2, allowedAttack: []bell{{1, -7, 1.6}}},
		{name: "rare", attacks: 0.003, blockedLegit: 0.05, missed: 0.1},
		{name: "common", attacks: 0.3, blockedLegit: 0.13, missed: 0.1},
		{name: "mostly missed", attacks: 0.02, blockedLegit: 0.02, missed: 0.8},
		{name: "none missed", attacks: 0.02, blockedLegit: 0.13},
		{name: "none wrong", attacks: 0.02},
		{name: "few wrong", attacks: 0.02, blockedLegit: 0.0005, missed: 0.01},
		{name: "all blocked wrong", attacks: 0.005, blockedLegit: 0.1, missed: 1},
		{name: "25 labels", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, budget: 25},
		{name: "25 useless", attacks: 0.02, blockedLegit: 0.13, missed: 0.1, budget: 25, allowedAttack: flat, allowedLegit: flat, blockedAttack: flat, blockedLegitScore: flat},
		{name: "many sites", attacks: 0.05, blockedLegit: 0.13, missed: 0.2, size: 8000, scopes: 20},
		{name: "small", attacks: 0.1, blockedLegit: 0.2, missed: 0.2, size: 200, budget: 25},
	}
}

func TestCampaigns(t *testing.T) {
	ran := 0
	for _, p := range populations() {
		if !strings.Contains(p.name, *only) {
			continue
		}
		ran++
		p = p.fill()
		workers := runtime.GOMAXPROCS(0)
		parts := make([][rateCount]tally, workers)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for c := w; c < *campaigns; c += workers {
					p.campaign(uint64(c), &parts[w])
				}
			})
		}
		wg.Wait()
		for rate := range rateCount {
			var s tally
			for w := range parts {
				o := parts[w][rate]
				s.given += o.given
				s.covered += o.covered
				s.refused += o.refused
				s.low += o.low
				s.high += o.high
				s.ratio += o.ratio
				s.width += o.width
				s.bias += o.bias
			}
			g := float64(max(s.given, 1))
			t.Logf("%-18s %-18s coverage %.4f (below %.3f above %.3f) refused %.3f labels %.3f width %.4f bias %+.4f", p.name, rate,
				float64(s.covered)/g, float64(s.low)/g, float64(s.high)/g, float64(s.refused)/float64(s.given+s.refused), s.ratio/g, s.width/g, s.bias/g)
		}
	}
	if ran == 0 {
		t.Fatal("no population ran")
	}
}
