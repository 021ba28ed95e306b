package verdict

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// candidates makes decisions of three scopes, the last one tiny.
func candidates(n int) []Candidate {
	rng := rand.New(rand.NewPCG(7, 8))
	all := make([]Candidate, n)
	for i := range all {
		all[i] = Candidate{Scope: uint32(rng.IntN(2)), Blocked: rng.IntN(5) == 0, PAttack: math.Pow(rng.Float64(), 3)}
		if i%4 == 0 {
			all[i].PAttack = 0.25 // many alike
		}
		if i < 3 {
			all[i].Scope = 2
		}
	}
	return all
}

// TestSampleKeepsItsPromise draws often and compares how often each decision
// came with the probability that was printed.
func TestSampleKeepsItsPromise(t *testing.T) {
	all := candidates(200)
	const budget, times = 40, 20_000
	came := make([]float64, len(all))
	said := make([]float64, len(all))
	for seed := range times {
		drawn, err := Sample(all, budget, uint64(seed))
		if err != nil {
			t.Fatal(err)
		}
		if len(drawn) != budget {
			t.Fatalf("%d drawn", len(drawn))
		}
		for _, d := range drawn {
			if said[d.Index] != 0 && math.Abs(said[d.Index]-d.Probability) > 1e-12 {
				t.Fatalf("probability of %d depends on the seed", d.Index)
			}
			said[d.Index] = d.Probability
			came[d.Index]++
		}
	}
	sum := 0.0
	for i := range all {
		sum += said[i]
		p := said[i]
		if !(p > 0 && p <= 1) || math.Abs(came[i]/times-p) > 5*math.Sqrt(p*(1-p)/times)+1e-9 {
			t.Errorf("%d came with %v, said %v", i, came[i]/times, p)
		}
	}
	if math.Abs(sum-budget) > 1e-6 {
		t.Errorf("probabilities sum to %v", sum)
	}
}

func TestSampleIsSpread(t *testing.T) {
	all := candidates(2000)
	drawn, err := Sample(all, 200, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	equal := map[[2]any]float64{}
	var blocked, suspicious, meek int
	for _, d := range drawn {
		c := all[d.Index]
		if seen[d.Index] {
			t.Errorf("%d was drawn twice", d.Index)
		}
		seen[d.Index] = true
		if c.PAttack == 0.25 {
			key := [2]any{c.Scope, c.Blocked}
			if p, ok := equal[key]; ok && math.Abs(p-d.Probability) > 1e-12 {
				t.Errorf("equal decisions have the probabilities %v and %v", p, d.Probability)
			}
			equal[key] = d.Probability
		}
		switch {
		case c.Blocked:
			blocked++
		case c.PAttack > 0.8:
			suspicious++
		case c.PAttack < 0.1:
			meek++
		}
	}
	// By plain chance about 40 would be blocked, 9 suspicious and 55 meek.
	if blocked < 50 || suspicious < 18 || meek < 15 {
		t.Errorf("%d blocked, %d suspicious, %d meek", blocked, suspicious, meek)
	}
}

func TestSampleEdges(t *testing.T) {
	f := func(all []Candidate, budget, want int) {
		t.Helper()
		drawn, err := Sample(all, budget, 9)
		if err != nil || len(drawn) != want {
			t.Errorf("%d of %d: %d, %v; want %d", budget, len(all), len(drawn), err, want)
		}
		for _, d := range drawn {
			if budget >= len(all) && d.Probability != 1 {
				t.Errorf("all were drawn, one with %v", d.Probability)
			}
		}
	}
	f(nil, 5, 0)
	f(candidates(10), 0, 0)
	f(candidates(10), 10, 10)
	f(candidates(10), 1000, 10)
	f(candidates(10), 1, 1)
	f(make([]Candidate, 50), 7, 7)                                  // p_attack 0
	f([]Candidate{{PAttack: 1}, {PAttack: 1, Blocked: true}}, 1, 1) // p_attack 1

	again := func() []Drawn {
		drawn, _ := Sample(candidates(100), 10, 42)
		return drawn
	}
	if diff := cmp.Diff(again(), again()); diff != "" {
		t.Errorf("the same seed gives another draw: %s", diff)
	}
	for _, p := range []float64{math.NaN(), -1, 1.5, math.Inf(1)} {
		if _, err := Sample([]Candidate{{PAttack: p}}, 1, 1); err == nil {
			t.Errorf("p_attack %v is taken", p)
		}
	}
	if _, err := Sample(nil, -1, 1); err == nil {
		t.Error("a negative budget is taken")
	}
}

func FuzzSample(f *testing.F) {
	f.Add([]byte{0, 1, 2, 250, 251, 7, 7, 7}, uint16(3), uint64(1))
	f.Fuzz(func(t *testing.T, scores []byte, budget uint16, seed uint64) {
		all := make([]Candidate, len(scores))
		for i, b := range scores {
			all[i] = Candidate{Scope: uint32(b % 3), Blocked: b%2 == 0, PAttack: math.Pow(float64(b)/255, 40)}
		}
		drawn, err := Sample(all, int(budget), seed)
		if err != nil || len(drawn) != min(int(budget), len(all)) {
			t.Fatalf("%d drawn, %v", len(drawn), err)
		}
		seen := map[int]bool{}
		for _, d := range drawn {
			if seen[d.Index] || !(d.Probability > 0 && d.Probability <= 1) {
				t.Errorf("%+v", d)
			}
			seen[d.Index] = true
		}
	})
}
