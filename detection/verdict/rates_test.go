package verdict

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// addN adds n equal decisions of the scope "s".
func addN(t *testing.T, r *Rates, n int, d Decided) {
	t.Helper()
	for range n {
		if err := r.Add("s", d); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEstimatesAreExactOnceAllIsLabelled(t *testing.T) {
	var r Rates
	addN(t, &r, 70, Decided{PAttack: 0.1, Truth: Legitimate, Probability: 1})
	addN(t, &r, 5, Decided{PAttack: 0.1, Truth: Attack, Probability: 1})
	addN(t, &r, 10, Decided{Blocked: true, PAttack: 0.9, Truth: Legitimate, Probability: 1})
	addN(t, &r, 15, Decided{Blocked: true, PAttack: 0.9, Truth: Attack, Probability: 1})
	want := []Estimate{
		{"s", FalsePositive, true, 0.125, 0.125, 0.125, 100, 100, 100, 100, ""},
		{"s", Missed, true, 0.25, 0.25, 0.25, 100, 100, 100, 100, ""},
		{"s", FalseBlockShare, true, 0.4, 0.4, 0.4, 25, 25, 25, 25, ""},
	}
	if diff := cmp.Diff(want, r.Estimates("s")); diff != "" {
		t.Error(diff)
	}
}

func TestNothingSeenIsNotNothing(t *testing.T) {
	var r Rates
	addN(t, &r, 900, Decided{PAttack: 0.01})
	addN(t, &r, 40, Decided{PAttack: 0.01, Truth: Legitimate, Probability: 0.05})
	addN(t, &r, 180, Decided{Blocked: true, PAttack: 0.9})
	addN(t, &r, 20, Decided{Blocked: true, PAttack: 0.9, Truth: Attack, Probability: 0.1})
	for _, e := range r.Estimates("s") {
		if !e.Enough || e.Low != 0 || e.High < 0.001 || e.High > 0.3 || e.Value <= 0 {
			t.Errorf("%s: %+v", e.Rate, e)
		}
	}
}

func TestAllSeenIsNotAll(t *testing.T) {
	var r Rates
	addN(t, &r, 900, Decided{PAttack: 0.01})
	addN(t, &r, 100, Decided{PAttack: 0.01, Truth: Legitimate, Probability: 0.1})
	addN(t, &r, 180, Decided{Blocked: true, PAttack: 0.9})
	addN(t, &r, 20, Decided{Blocked: true, PAttack: 0.9, Truth: Legitimate, Probability: 0.1})
	e := r.Estimates("s")[FalseBlockShare]
	if !e.Enough || e.High != 1 || e.Low > 0.97 || e.Low < 0.7 {
		t.Errorf("%+v", e)
	}
	if e := r.Estimates("s")[Missed]; e.Enough {
		t.Errorf("no attack was labelled, yet there is a rate of missed ones: %+v", e)
	}
}

// TestBoundsReachWhatNothingSpeaksAgainst has draws that are too sure of
// themselves.
func TestBoundsReachWhatNothingSpeaksAgainst(t *testing.T) {
	values := make([]float64, draws)
	for i := range values {
		values[i] = 0.4 + 0.2*float64(i)/draws
	}
	f := func(allowed, blocked side, rate Rate, wantLow, wantHigh bool) {
		t.Helper()
		allowed.n, blocked.n = 1000, 100
		p := &picture{sides: [2]side{allowed, blocked}}
		low, high := p.bounds(rate, values)
		if (low == 0) != wantLow || (high == 1) != wantHigh {
			t.Errorf("%s: %v to %v", rate, low, high)
		}
	}
	both := side{attacks: 5, legit: 5}
	f(both, both, Missed, false, false)
	f(both, both, FalsePositive, false, false)
	f(both, both, FalseBlockShare, false, false)
	f(side{legit: 5}, both, Missed, true, false)
	f(both, side{legit: 5}, Missed, false, true)
	f(both, side{attacks: 5}, FalsePositive, true, false)
	f(side{attacks: 5}, side{legit: 5}, FalsePositive, false, true)
	f(both, side{attacks: 5}, FalseBlockShare, true, false)
	f(both, side{legit: 5}, FalseBlockShare, false, true)
}

func TestTooFewLabels(t *testing.T) {
	f := func(r *Rates, want ...Rate) {
		t.Helper()
		var got []Rate
		for _, e := range r.Estimates("s") {
			if e.Enough {
				got = append(got, e.Rate)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	var none Rates
	f(&none)
	addN(t, &none, 100, Decided{PAttack: 0.1})
	addN(t, &none, 100, Decided{Blocked: true, PAttack: 0.9})
	f(&none)
	// Labels that nobody drew say nothing of other decisions.
	addN(t, &none, 30, Decided{Blocked: true, PAttack: 0.9, Truth: Attack})
	f(&none)
	addN(t, &none, 30, Decided{Blocked: true, PAttack: 0.9, Truth: Attack, Probability: 0.2})
	f(&none, FalseBlockShare)
}

// TestLabelsNobodyDrew adds labels of one kind only, as an analyst does who
// looks for them. They must not be taken for a sample, but they are certain.
func TestLabelsNobodyDrew(t *testing.T) {
	var r Rates
	addN(t, &r, 400, Decided{Blocked: true, PAttack: 0.5})
	addN(t, &r, 50, Decided{Blocked: true, PAttack: 0.5, Truth: Attack, Probability: 0.1})
	before := r.Estimates("s")[FalseBlockShare]
	addN(t, &r, 150, Decided{Blocked: true, PAttack: 0.5, Truth: Legitimate})
	after := r.Estimates("s")[FalseBlockShare]
	if least := 150. / 600; after.Low < least || after.High > least+before.High {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// TestWeights draws attacks ten times as often as legitimate requests of the
// same score.
func TestWeights(t *testing.T) {
	var r Rates
	addN(t, &r, 1000, Decided{Blocked: true, PAttack: 0.5})
	addN(t, &r, 50, Decided{Blocked: true, PAttack: 0.5, Truth: Attack, Probability: 0.5})
	addN(t, &r, 50, Decided{Blocked: true, PAttack: 0.5, Truth: Legitimate, Probability: 0.05})
	e := r.Estimates("s")[FalseBlockShare]
	if e.Value < 0.8 || e.Value > 0.92 || e.High-e.Low < 0.08 {
		t.Errorf("%+v, want about 1000/1100", e)
	}
}

func TestEstimatesDependOnNoOrderAndNoCompany(t *testing.T) {
	p := population{size: 3000, budget: 100}.filled()
	rng := rand.New(rand.NewPCG(1, 2))
	all := p.decisions(rng)
	probability := p.label(all, 1, rng)
	read := func(order []int, others int) []Estimate {
		var r Rates
		for _, i := range order {
			d := Decided{Blocked: all[i].blocked, PAttack: all[i].p, Probability: probability[i]}
			if d.Probability > 0 {
				d.Truth = Legitimate
				if all[i].attack {
					d.Truth = Attack
				}
			}
			if err := r.Add("s", d); err != nil {
				t.Fatal(err)
			}
			for k := range others {
				if err := r.Add(fmt.Sprint("other", k), d); err != nil {
					t.Fatal(err)
				}
			}
		}
		return r.Estimates("s")
	}
	order := rng.Perm(len(all))
	want := read(order, 0)
	slices.Sort(order)
	if diff := cmp.Diff(want, read(order, 2)); diff != "" {
		t.Error(diff)
	}
}

func TestAddRefuses(t *testing.T) {
	f := func(d Decided, want string) {
		t.Helper()
		var r Rates
		err := r.Add("s", d)
		if err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", d, err, want)
		}
		if len(r.Scopes()) > 0 {
			t.Errorf("%+v was counted", d)
		}
	}
	f(Decided{PAttack: math.NaN()}, "p_attack is NaN, not in 0 to 1")
	f(Decided{PAttack: -0.1}, "p_attack is -0.1, not in 0 to 1")
	f(Decided{PAttack: math.Inf(1)}, "p_attack is +Inf, not in 0 to 1")
	f(Decided{Truth: 3}, "unknown truth 3")
	f(Decided{Truth: Attack, Probability: 1.5}, "sample_probability is 1.5, not above 0 and at most 1")
	f(Decided{Truth: Attack, Probability: -1}, "sample_probability is -1, not above 0 and at most 1")
	f(Decided{Truth: Attack, Probability: math.NaN()}, "sample_probability is NaN, not above 0 and at most 1")
	f(Decided{Truth: Attack, Probability: 1e-300}, "sample_probability is 1e-300, less than 1e-09")

	var r Rates
	if err := r.Add(strings.Repeat("s", MaxScopeName+1), Decided{}); err == nil {
		t.Error("a scope's name may be of any length")
	}
	for i := range MaxScopes {
		if err := r.Add(fmt.Sprint(i), Decided{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Add("one more", Decided{}); !errors.Is(err, ErrTooManyScopes) {
		t.Errorf("one scope too many: %v", err)
	}
}

// TestStateIsBounded adds scores of all magnitudes: the cells of a scope do not
// become more.
func TestStateIsBounded(t *testing.T) {
	var r Rates
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		addN(t, &r, 1, Decided{PAttack: min(1, math.Exp(-700*rng.Float64()*rng.Float64()))})
	}
	if n := len(r.scopes["s"].sides[0]); n > 2*maxLogit/cellWidth+1 {
		t.Errorf("%d cells", n)
	}
}

func TestReadDecided(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		d, err := ReadDecided([]byte(line))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%s %s %+v", d.ID, d.Scope, d.Decided)
		}
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", line, got, want)
		}
	}
	f(`{"id":"a","scope":"s","decision":"block","p_attack":0.5,"label":null}`, "a s {Blocked:true PAttack:0.5 Truth:0 Probability:0 Outside:false}")
	f(`{"id":"a","decision":"allow","p_attack":1,"label":"attack","sample_probability":0.25}`, "a  {Blocked:false PAttack:1 Truth:2 Probability:0.25 Outside:false}")
	f(`{"decision":"allow","p_attack":0,"label":"legit","sample_probability":null}`, "  {Blocked:false PAttack:0 Truth:1 Probability:0 Outside:false}")
	f(`{"decision":"allow"}`, "p_attack is missing")
	f(`{"decision":"allow","p_attack":2}`, "p_attack is 2, not in 0 to 1")
	f(`{"decision":"drop","p_attack":0.5}`, `decision is "drop", not block or allow`)
	f(`{"decision":"allow","p_attack":0.5,"label":"yes"}`, `label is "yes", not attack, legit, true_positive, false_positive, benign, unsure or null`)
	f(`{"decision":"allow","p_attack":0.5,"sample_probability":0}`, "sample_probability is 0: what cannot be drawn cannot have been")
	f(`{"decision":"allow","p_attack":0.5,"sample_probability":1.01}`, "sample_probability is 1.01, not above 0 and at most 1")
	f(`{"decision":"allow","p_attack":NaN}`, "read decision: invalid character 'N' looking for beginning of value")
	f(`{"decision":"allow","p_attack":"0.5"}`, "read decision: json: cannot unmarshal string into Go struct field .p_attack of type float64")
}

// FuzzRates reads lines of decisions: whatever comes, an estimate lies in its
// interval and that in 0 to 1.
func FuzzRates(f *testing.F) {
	f.Add(`{"decision":"block","p_attack":0.5,"label":"attack","sample_probability":0.1}
{"decision":"block","p_attack":1,"label":"legit","sample_probability":1e-9}
{"decision":"block","p_attack":0,"label":"legit","sample_probability":1}
{"decision":"allow","p_attack":1e-300,"label":"attack","sample_probability":0.5}
{"decision":"allow","p_attack":1e-300,"label":"legit"}`)
	f.Add(`{"scope":"\u0000","decision":"allow","p_attack":5e-324}`)
	f.Fuzz(func(t *testing.T, text string) {
		var r Rates
		for i, line := range strings.Split(text, "\n") {
			d, err := ReadDecided([]byte(line))
			if err != nil {
				continue
			}
			if i > 20 || r.Add(d.Scope, d.Decided) != nil {
				return
			}
		}
		for _, scope := range r.Scopes() {
			for _, e := range r.Estimates(scope) {
				if e.Enough && !(0 <= e.Low && e.Low <= e.Value && e.Value <= e.High && e.High <= 1) {
					t.Errorf("%+v", e)
				}
				if _, err := json.Marshal(e); err != nil {
					t.Error(err)
				}
				gain := r.Scope(scope).Narrowing(e.Rate)
				if g := gain(true, 0.3); !(g >= 0 && g <= 1) {
					t.Errorf("narrowing is %v", g)
				}
			}
		}
	})
}

func TestNarrowing(t *testing.T) {
	var r Rates
	addN(t, &r, 2000, Decided{PAttack: 0.001})
	addN(t, &r, 100, Decided{PAttack: 0.001, Truth: Legitimate, Probability: 0.05})
	addN(t, &r, 50, Decided{Blocked: true, PAttack: 0.999, Truth: Attack, Probability: 0.5})
	addN(t, &r, 50, Decided{Blocked: true, PAttack: 0.999})
	addN(t, &r, 300, Decided{Blocked: true, PAttack: 0.4})
	addN(t, &r, 2, Decided{Blocked: true, PAttack: 0.4, Truth: Legitimate, Probability: 0.01})
	addN(t, &r, 2, Decided{Blocked: true, PAttack: 0.4, Truth: Attack, Probability: 0.01})
	gain := r.Scope("s").Narrowing(FalseBlockShare)
	unsure, sure, allowed := gain(true, 0.4), gain(true, 0.999), gain(false, 0.001)
	if !(unsure > 0.05 && unsure > 5*sure && sure >= 0 && allowed < 0.005) {
		t.Errorf("unsure %v, sure %v, allowed %v", unsure, sure, allowed)
	}
	if got := r.Scope("no such scope").Narrowing(Missed)(true, 0.5); got != 0 {
		t.Errorf("without decisions %v", got)
	}

	// What is foretold is what happens: the variance after another label is lower
	// by that share, on average over what the label may say.
	before := drawnPicture(r.scopes["s"])
	q := before.meanShare(true, 0.4)
	after := 0.0
	for truth, weight := range map[Truth]float64{Attack: q, Legitimate: 1 - q} {
		one := r.clone()
		one.scopes["s"].sides[1].replace(t, Decided{Blocked: true, PAttack: 0.4, Truth: truth, Probability: 0.01})
		after += weight * drawnPicture(one.scopes["s"]).variance(FalseBlockShare)
	}
	if got := 1 - after/before.variance(FalseBlockShare); math.Abs(got-unsure) > 0.06 {
		t.Errorf("variance fell by a share of %.3f, foretold %.3f", got, unsure)
	}
}

func drawnPicture(s *scopeCounts) *picture {
	p := newPicture(s)
	p.draw(draws)
	return p
}

// replace labels one of the unlabelled decisions.
func (s *sideCounts) replace(t *testing.T, d Decided) {
	t.Helper()
	if c := (*s)[cellOf(d.PAttack)]; c == nil || c.unlabelled() == 0 {
		t.Fatal("nothing to label")
	}
	(*s)[cellOf(d.PAttack)].n--
	s.add(d)
}

func (r *Rates) clone() *Rates {
	c := &Rates{scopes: map[string]*scopeCounts{}}
	for name, s := range r.scopes {
		var sides scopeCounts
		for i := range s.sides {
			sides.sides[i] = sideCounts{}
			for k, v := range s.sides[i] {
				cell := *v
				sides.sides[i][k] = &cell
			}
		}
		c.scopes[name] = &sides
	}
	return c
}

func (p *picture) variance(rate Rate) float64 {
	values := make([]float64, draws)
	for i := range values {
		values[i] = p.value(rate, i)
	}
	return covariance(values, values)
}

func (p *picture) meanShare(blocked bool, pAttack float64) float64 {
	s := &p.sides[sideOf(blocked)]
	for k, b := range s.bands {
		if cellOf(pAttack) >= b.first {
			sum := 0.0
			for i := range s.coefficients {
				sum += s.calibration.share(k, &s.coefficients[i]) / draws
			}
			return sum
		}
	}
	return math.NaN()
}

func BenchmarkEstimates(b *testing.B) {
	p := population{}.filled()
	rng := rand.New(rand.NewPCG(1, 2))
	all := p.decisions(rng)
	probability := p.label(all, 1, rng)
	var r Rates
	for i, d := range all {
		truth := Legitimate
		if d.attack {
			truth = Attack
		}
		if probability[i] == 0 {
			truth = Unknown
		}
		if err := r.Add("s", Decided{Blocked: d.blocked, PAttack: d.p, Truth: truth, Probability: probability[i]}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if e := r.Estimates("s"); !e[Missed].Enough {
			b.Fatal("no estimate")
		}
	}
}

// BenchmarkScopeWithoutLabels finds out what to label in a scope that has no
// labels, for each of its rates.
func BenchmarkScopeWithoutLabels(b *testing.B) {
	p := population{}.filled()
	var r Rates
	for _, d := range p.decisions(rand.New(rand.NewPCG(1, 2))) {
		if err := r.Add("s", Decided{Blocked: d.blocked, PAttack: d.p}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s := r.Scope("s")
		for _, e := range s.Estimates() {
			if s.Narrowing(e.Rate)(true, 0.5) < 0 || e.Enough {
				b.Fatal(e)
			}
		}
	}
}
