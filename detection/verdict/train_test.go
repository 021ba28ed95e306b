package verdict_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/detection/verdict/synthetic"
)

func examples(n int, seed uint64) []*verdict.Example {
	var out []*verdict.Example
	for i, r := range synthetic.Requests(n, seed) {
		out = append(out, &verdict.Example{Input: verdict.Input{Request: r}, Attack: r.Attack, Source: r.Source + r.Class, Class: r.Class, Fold: i / 3 % 2})
	}
	return out
}

func TestTrainingIsReproducible(t *testing.T) {
	train := func() []byte {
		trained, err := verdict.Train(examples(240, 1), verdict.TrainConfig{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		b, err := trained.Model.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(train(), train()) {
		t.Error("the same examples and seed give another model")
	}
}

func TestTrainingLearns(t *testing.T) {
	trained, err := verdict.Train(examples(600, 1), verdict.TrainConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var scored []verdict.Scored
	for _, e := range examples(600, 2) {
		v := trained.Model.Score(nil, e.Input)
		scored = append(scored, verdict.Scored{PAttack: v.PAttack, Attack: e.Attack})
	}
	r := verdict.Rank(scored, func(s *verdict.Scored) float64 { return s.PAttack }, func(s *verdict.Scored) bool { return s.Attack })
	if r.AUC < 0.9 {
		t.Errorf("AUC on other requests is %.3f", r.AUC)
	}
}

func TestTrainingNeedsFoldsOfBothKinds(t *testing.T) {
	one := examples(60, 1)
	for _, e := range one {
		e.Fold = 0
	}
	if _, err := verdict.Train(one, verdict.TrainConfig{}); err == nil {
		t.Error("one fold is taken")
	}
	for _, e := range one {
		e.Fold = 0
		if e.Attack {
			e.Fold = 1
		}
	}
	if _, err := verdict.Train(one, verdict.TrainConfig{}); err == nil {
		t.Error("folds of one kind each are taken")
	}
}

func TestRankTreatsTiesAsOneThreshold(t *testing.T) {
	f := func(want float64, scores ...float64) {
		t.Helper()
		var all []verdict.Scored
		for i, p := range scores {
			all = append(all, verdict.Scored{PAttack: p, Attack: i%2 == 0})
		}
		r := verdict.Rank(all, func(s *verdict.Scored) float64 { return s.PAttack }, func(s *verdict.Scored) bool { return s.Attack })
		if math.Abs(r.AUC-want) > 1e-9 {
			t.Errorf("AUC of %v is %v, want %v", scores, r.AUC, want)
		}
	}
	f(1, 0.9, 0.1, 0.8, 0.2)
	f(0.5, 0.5, 0.5, 0.5, 0.5)
	f(0, 0.1, 0.9)
	f(7.0/9, 0.9, 0.5, 0.5, 0.1, 0.5, 0.5)
}

func TestCalibrationError(t *testing.T) {
	c := verdict.Calibrate([]verdict.Scored{{PAttack: 0.9, Attack: true}, {PAttack: 0.9}, {PAttack: 0.1}, {PAttack: 0.1}})
	if math.Abs(c.Error-0.25) > 1e-9 || math.Abs(c.Brier-(0.01+0.81+0.01+0.01)/4) > 1e-9 || c.Share != 0.25 {
		t.Errorf("got %+v", c)
	}
}
