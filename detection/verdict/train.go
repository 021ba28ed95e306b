package verdict

import (
	"fmt"
	"math"
	"slices"
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
	first    map[[2]int]*core // value models without two folds
	weight   func(*Example) float32
}

// Train fits a model. Every fold is held out once to calibrate; there must be at
// least two, each with attacks and legitimate requests outside it.
func Train(examples []*Example, c TrainConfig) (*Trained, error) {
	t := &trainer{examples: examples, config: c, first: map[[2]int]*core{}, weight: sourceWeights(examples)}
	if c.Progress == nil {
		t.config.Progress = func(string) {}
	}
	for _, e := range examples {
		t.folds = max(t.folds, e.Fold+1)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	out := make([]float64, len(examples))
	for f := range t.folds {
		t.config.Progress(fmt.Sprintf("hold out fold %d of %d", f+1, t.folds))
		m := t.complete(f)
		var r reading
		var moved [terms]float64
		for i, e := range examples {
			if e.Fold == f {
				m.read(&r, &e.Input)
				out[i] = m.request.score(&r.x, r.rules, &moved)
			}
		}
	}
	t.config.Progress("train on all folds")
	m := &Model{core: *t.complete(nobody)}
	m.calibrate(examples, out, t.weight)
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

// without returns the value model trained without two folds.
func (t *trainer) without(a, b int) *core {
	if a == b {
		a = nobody
	}
	k := [2]int{min(a, b), max(a, b)}
	if m, ok := t.first[k]; ok {
		return m
	}
	var some []*Example
	for _, e := range t.examples {
		if e.Fold != a && e.Fold != b {
			some = append(some, e)
		}
	}
	m := &core{value: fitValue(some, t.config.Seed)}
	t.first[k] = m
	return m
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
