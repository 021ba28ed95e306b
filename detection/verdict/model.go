package verdict

import (
	"fmt"
	"math"
	"sync"
)

// Model judges decisions. It may be used by any number of goroutines.
type Model struct {
	core
	curves        curves
	trainingPrior float64 // share of attacks in the training data
	shift         float64 // log-odds of the share of attacks to calibrate for
	version       string
	readings      *sync.Pool
}

// Version names the model: a number and a hash over its weights.
func (m *Model) Version() string { return m.version }

// Prior is the share of attacks that the model is calibrated for.
func (m *Model) Prior() float64 { return sigmoid(m.shift) }

// WithPrior returns the same model calibrated for another share of attacks,
// which must lie between 0 and 1.
func (m *Model) WithPrior(p float64) (*Model, error) {
	if !(p > 0 && p < 1) {
		return nil, fmt.Errorf("set prior: %v is not between 0 and 1", p)
	}
	c := *m
	c.shift = logit(p)
	return &c, nil
}

// Calibrated returns the model of the program calibrated for a share of attacks;
// for 0, for that of its training data.
func Calibrated(prior float64) (*Model, error) {
	m, err := Default()
	if err != nil || prior == 0 {
		return m, err
	}
	return m.WithPrior(prior)
}

// Kind says what a decision rests on.
type Kind string

// What rules a decision rests on.
const (
	KindClean   Kind = "clean"   // no rule scored
	KindPolicy  Kind = "policy"  // protocol and method rules alone
	KindPattern Kind = "pattern" // at least one rule for attacks
)

// Verdict is the judgement about one decision.
type Verdict struct {
	PAttack        float64 // probability that the request is an attack
	PFalsePositive float64 // of a block: probability that it was wrong, else 0
	PMissed        float64 // of an allowed request: probability of an attack, else 0
	Kind           Kind
	Partial        bool // judged by a log, without the whole request
	Cut            bool // the request held more than was judged
	Model          string

	// Evidence is what moved the probability, strongest first. Its weights and
	// that of the prior add up to the log-odds of PAttack.
	Evidence []Evidence
}

// Evidence is one reason. Its texts hold no values of the request, only names of
// parameters, which the client may have chosen.
type Evidence struct {
	Name   string
	Weight float64 // log-odds; positive speaks for an attack
	Detail string
}

// Score judges one decision. Evidence is appended to dst, which the verdict then
// owns. The result depends on the input and the model alone.
func (m *Model) Score(dst []Evidence, in Input) Verdict {
	r := m.open()
	defer m.readings.Put(r)
	m.read(r, &in)
	var known circumstantial
	if in.Circumstances != nil {
		known.answer(in.Circumstances, nil)
	}
	v, _ := m.sum(r, dst, &in, &known)
	return v
}

// open returns a reading to use and to put back.
func (m *Model) open() *reading {
	r, _ := m.readings.Get().(*reading)
	if r == nil {
		r = &reading{}
	}
	return r
}

// sum weighs what was read of a request and what is known besides. It returns
// the log-odds of the request alone, too.
func (m *Model) sum(r *reading, dst []Evidence, in *Input, known *circumstantial) (v Verdict, content float64) {
	var moved [terms]float64
	raw := m.request.score(&r.x, r.rules, &moved)
	odds := m.curves.at(raw, in)
	v = Verdict{Kind: kindOf(in.Rules), Partial: in.Partial || in.Request == nil, Cut: r.part.cut, Model: m.version}
	a := account{dst: dst, begin: len(dst)}
	m.explain(&a, r, in, &moved)
	if in.History != nil {
		if w, detail := in.History.weigh(r, in, odds); w != 0 {
			odds += w
			a.add("history", w, detail)
		}
	}
	content = odds + m.shift
	if s := in.Circumstances; s != nil {
		known.session(s)
		known.retry(s)
		odds += known.settle(&a, content)
	}
	odds = math.Max(-20, math.Min(20, odds+m.shift))
	v.Evidence = a.close(odds, m.shift)
	v.PAttack = sigmoid(odds)
	if in.Block {
		v.PFalsePositive = 1 - v.PAttack
	} else {
		v.PMissed = v.PAttack
	}
	return v, content
}

func kindOf(rules []int) Kind {
	kind := KindClean
	for _, id := range rules {
		switch {
		case bookkeeping(id):
		case !policyRule(id):
			return KindPattern
		default:
			kind = KindPolicy
		}
	}
	return kind
}
