package verdict

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
)

// core is a trained pair of value and request model, before calibration.
type core struct {
	value   *valueModel
	request *linear
}

// FoldNone is the fold of examples that are never held out and calibrate nothing:
// those that were made for training.
const FoldNone = -1

// nobody is held out when a model is trained on all folds.
const nobody = -2

// TrainConfig says how a model is trained. The zero value is the default.
type TrainConfig struct {
	Seed     uint64
	Progress func(step string) // called as steps begin, nil for none
}

// Trained is the outcome of training: the model, and for each example the
// log-odds that a model gave it which had not seen its fold.
type Trained struct {
	Model   *Model
	HeldOut []float64
}

// trainer trains the models of all folds.
type trainer struct {
	examples []*Example
	folds    int
	config   TrainConfig
	corpus   *corpus
	first    map[[2]int]*core // value models without two folds, one twice for without one
	weight   func(*Example) float32
}

// What a source has to say by its number of requests (sourceWeights): less in
// learning, so that no source drowns the others, than in calibration, where
// many requests are many observations.
const (
	learningSay    = 0.5
	calibrationSay = 0.75
)

// Train fits a model. Every fold is held out once to calibrate; there must be at
// least two, each with attacks and legitimate requests outside it.
func Train(examples []*Example, c TrainConfig) (*Trained, error) {
	t := &trainer{examples: examples, config: c, weight: sourceWeights(examples, learningSay)}
	if c.Progress == nil {
		t.config.Progress = func(string) {}
	}
	for _, e := range examples {
		t.folds = max(t.folds, e.Fold+1)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	t.config.Progress("take requests apart")
	t.corpus = newCorpus(examples)
	t.config.Progress("train value models")
	t.values()
	t.config.Progress("train request models")
	out := make([]float64, len(examples))
	t.atOnce(t.folds, func(f int) { t.holdOut(f, out) })
	m := &Model{core: *t.complete(nobody)}
	m.calibrate(examples, out, sourceWeights(examples, calibrationSay))
	if b, err := m.Encode(); err != nil {
		return nil, err
	} else {
		m.name(b)
	}
	for i := range out {
		out[i] = m.curves.at(out[i], &examples[i].Input)
	}
	return &Trained{Model: m, HeldOut: out}, nil
}

func (t *trainer) check() error {
	if t.folds < 2 {
		return fmt.Errorf("train model: %d folds, at least 2 are needed", t.folds)
	}
	for f := range t.folds {
		var attacks, legit int
		for _, e := range t.examples {
			if e.Fold != f && e.Attack {
				attacks++
			} else if e.Fold != f {
				legit++
			}
		}
		if attacks == 0 || legit == 0 {
			return fmt.Errorf("train model: without fold %d there are %d attacks and %d legitimate requests", f, attacks, legit)
		}
	}
	return nil
}

// atOnce calls f with all numbers below n, several at a time.
func (t *trainer) atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// values trains a value model without each pair of folds, without each fold, and
// on all.
func (t *trainer) values() {
	pairs := [][2]int{{nobody, nobody}}
	for a := range t.folds {
		pairs = append(pairs, [2]int{nobody, a})
		for b := range a {
			pairs = append(pairs, [2]int{b, a})
		}
	}
	models := make([]*core, len(pairs))
	t.atOnce(len(pairs), func(i int) {
		out := pairs[i]
		pick := func(e *Example) bool { return e.Fold != out[0] && e.Fold != out[1] }
		models[i] = &core{value: t.corpus.fit(t.examples, pick, t.config.Seed)}
	})
	t.first = map[[2]int]*core{}
	for i, p := range pairs {
		t.first[p] = models[i]
	}
}

// without returns the value model trained without two folds.
func (t *trainer) without(a, b int) *core {
	if a == b {
		a = nobody
	}
	return t.first[[2]int{min(a, b), max(a, b)}]
}

// holdOut scores the examples of a fold by models that have not seen it.
func (t *trainer) holdOut(fold int, out []float64) {
	m := t.complete(fold)
	var r reading
	var moved [terms]float64
	for i, e := range t.examples {
		if e.Fold == fold {
			m.read(&r, &e.Input)
			out[i] = m.request.score(&r.x, r.rules, &moved)
		}
	}
}

// complete trains both models without one fold. The request model learns from
// value models that had not seen the fold of the row either.
func (t *trainer) complete(out int) *core {
	var rows []row
	for g := range t.folds {
		if g == out {
			continue
		}
		m := t.without(out, g)
		rows = append(rows, t.rows(m, g)...)
	}
	all := *t.without(out, out)
	all.request = fitLinear(rows)
	return &all
}

// rows reads the examples of a fold.
func (t *trainer) rows(m *core, fold int) []row {
	var out []row
	var r reading
	for _, e := range t.examples {
		if e.Fold != fold {
			continue
		}
		m.read(&r, &e.Input)
		out = append(out, row{x: r.x, rules: slices.Clone(r.rules), attack: e.Attack, weight: t.weight(e) * float32(len(t.examples)) / 2})
	}
	return out
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
