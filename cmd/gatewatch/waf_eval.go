package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/detection/verdict/synthetic"
)

type wafEvalFlags struct {
	wafScoreFlags
	output string
	mutate bool
}

func newWAFEval() *cobra.Command {
	var f wafEvalFlags
	cmd := &cobra.Command{
		Use:   "eval FILE...",
		Short: "Measure verdicts on labelled requests",
		Long: `Judges labelled requests ("label": attack or legit) and prints, per scope and
figure, how often the rules were wrong, how well p_attack ranks wrong blocks and
missed attacks, and how far it is from what is true. The figures are worth
something for requests of sources that the model was not trained on.

Scopes: blocked (wrong blocks among those by attack rules), blocked_all (with
those by protocol policy alone), allowed (missed attacks), all, and each source.`,
		Example: `  gatewatch waf eval --prior 0.27 labelled.jsonl.gz`,
		Args:    labelledFiles,
		RunE:    func(cmd *cobra.Command, args []string) error { return runWAFEval(cmd, f, args) },
	}
	cmd.Flags().StringVar(&f.model, "model", "", "model file, in place of the shipped one")
	cmd.Flags().StringVar(&f.history, "history", "", "earlier requests of the same sites, without labels")
	cmd.Flags().Float64Var(&f.prior, "prior", 0, "share of attacks to calibrate for (default: that of the training data)")
	cmd.Flags().StringVar(&f.decisions, "decisions", "", "file that keeps decisions of the rules between runs")
	cmd.Flags().BoolVar(&f.mutate, "mutate", false, "judge attacks again, rewritten: operators of WAF-A-MoLE, case, white space, comments, concatenation, encodings")
	addOutput(cmd, &f.output)
	return cmd
}

// figure is one measured number. Value is null where there is nothing to measure.
type figure struct {
	Scope  string   `json:"scope"`
	Figure string   `json:"figure"`
	Value  *float64 `json:"value"`
	N      int      `json:"n"`
}

func runWAFEval(cmd *cobra.Command, f wafEvalFlags, files []string) error {
	format, err := outputFormat(cmd.OutOrStdout(), f.output)
	if err != nil {
		return err
	}
	e, err := openEval(cmd, f)
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := eachRequest(cmd, name, func(q *verdict.Request) error { return e.judge(cmd.Context(), q) }); err != nil {
			return err
		}
	}
	if err := e.judges.close(); err != nil {
		return err
	}
	all := figures(e.scored)
	if f.mutate {
		all = append(all, e.mutationFigures()...)
	}
	return printFigures(cmd, format, all)
}

// evaluation judges labelled requests.
type evaluation struct {
	model    *verdict.Model
	judges   *judges
	history  *verdict.Profile
	evidence []verdict.Evidence
	mutate   bool
	scored   []verdict.Scored

	// Probabilities of attacks that could be rewritten, by the way it was done.
	before, after map[string][]float64
}

func openEval(cmd *cobra.Command, f wafEvalFlags) (*evaluation, error) {
	e := &evaluation{mutate: f.mutate, before: map[string][]float64{}, after: map[string][]float64{}}
	var err error
	if e.model, err = scoreModel(cmd, f.wafScoreFlags); err != nil {
		return nil, err
	}
	if e.judges, err = openJudges(f.decisions); err != nil {
		return nil, err
	}
	e.history, err = scoreHistory(cmd, f.history, e.judges, e.model)
	return e, err
}

// judge takes in one labelled request.
func (e *evaluation) judge(ctx context.Context, q *verdict.Request) error {
	if !q.Labeled {
		return fmt.Errorf("request %q has no label", q.ID)
	}
	s, err := e.score(ctx, q)
	if err != nil {
		return err
	}
	e.scored = append(e.scored, s)
	if !e.mutate || !q.Attack {
		return nil
	}
	for _, how := range synthetic.Rewritings {
		rewritten, changed := synthetic.RewriteRequest(q, how, uint64(len(e.scored)))
		if !changed {
			continue
		}
		m, err := e.score(ctx, rewritten)
		if err != nil {
			return err
		}
		e.before[how.Name], e.after[how.Name] = append(e.before[how.Name], s.PAttack), append(e.after[how.Name], m.PAttack)
	}
	return nil
}

func (e *evaluation) score(ctx context.Context, q *verdict.Request) (verdict.Scored, error) {
	in, err := e.judges.judge(ctx, q)
	if err != nil {
		return verdict.Scored{}, err
	}
	in.History = e.history
	v := e.model.Score(e.evidence[:0], in)
	e.evidence = v.Evidence
	return verdict.Scored{PAttack: v.PAttack, Attack: q.Attack, Block: in.Block, Kind: v.Kind, Source: q.Source, Class: q.Class}, nil
}

// mutationFigures compares the recall of attacks before and after they were
// rewritten, at the threshold that one in a hundred allowed legitimate requests
// reaches, for each way of rewriting.
func (e *evaluation) mutationFigures() []figure {
	var legit []float64
	for i := range e.scored {
		if s := &e.scored[i]; !s.Attack && !s.Block {
			legit = append(legit, s.PAttack)
		}
	}
	if len(legit) == 0 {
		return nil
	}
	slices.Sort(legit)
	threshold := legit[len(legit)-1-len(legit)/100]
	var out []figure
	for _, how := range synthetic.Rewritings {
		before, after := e.before[how.Name], e.after[how.Name]
		if len(before) == 0 {
			continue
		}
		for i, all := range [][]float64{before, after} {
			n := 0
			for _, p := range all {
				if p > threshold {
					n++
				}
			}
			value := float64(n) / float64(len(all))
			out = append(out, figure{Scope: "rewritten " + how.Name, Figure: []string{"recall_before", "recall_after"}[i], Value: &value, N: len(all)})
		}
	}
	return out
}

// figures measures scored decisions.
func figures(all []verdict.Scored) []figure {
	var out []figure
	add := func(scope, name string, value float64, n int) {
		f := figure{Scope: scope, Figure: name, N: n}
		if !math.IsNaN(value) {
			f.Value = &value
		}
		out = append(out, f)
	}
	rank := func(scope string, r verdict.Ranking) {
		add(scope, "auc", r.AUC, r.N)
		add(scope, "average_precision", r.AP, r.N)
		add(scope, "precision_at_90_recall", r.PrecisionAt, r.N)
		add(scope, "recall_at_1pct", r.RecallAt1, r.N)
		add(scope, "recall_at_0_1pct", r.RecallAt01, r.N)
	}
	part := func(keep func(*verdict.Scored) bool) []verdict.Scored {
		return slices.DeleteFunc(slices.Clone(all), func(s verdict.Scored) bool { return !keep(&s) })
	}
	legit := func(s *verdict.Scored) bool { return !s.Attack }
	attack := func(s *verdict.Scored) bool { return s.Attack }
	falling := func(s *verdict.Scored) float64 { return -s.PAttack }
	rising := func(s *verdict.Scored) float64 { return s.PAttack }
	rank("blocked", verdict.Rank(part(func(s *verdict.Scored) bool { return s.Block && s.Kind != verdict.KindPolicy }), falling, legit))
	rank("blocked_all", verdict.Rank(part(func(s *verdict.Scored) bool { return s.Block }), falling, legit))
	rank("allowed", verdict.Rank(part(func(s *verdict.Scored) bool { return !s.Block }), rising, attack))
	c := verdict.Calibrate(all)
	add("all", "calibration_error", c.Error, c.N)
	add("all", "brier", c.Brier, c.N)
	add("all", "attack_share", c.Share, c.N)
	for _, s := range sourceRates(all) {
		add(s.name, "false_positive_rate", ratioOf(s.wrongBlock, s.legit), s.legit)
		add(s.name, "missed_rate", ratioOf(s.missed, s.attacks), s.attacks)
	}
	return out
}

func ratioOf(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// sourceRate counts the mistakes of the rules on one source.
type sourceRate struct {
	name                               string
	legit, attacks, wrongBlock, missed int
}

// sourceRates counts over all, and for each source in the order of names.
func sourceRates(all []verdict.Scored) []sourceRate {
	by := map[string]*sourceRate{}
	total := sourceRate{name: "all"}
	for i := range all {
		s := by[all[i].Source]
		if s == nil {
			s = &sourceRate{name: "source " + all[i].Source}
			by[all[i].Source] = s
		}
		for _, r := range []*sourceRate{s, &total} {
			switch {
			case all[i].Attack && all[i].Block:
				r.attacks++
			case all[i].Attack:
				r.attacks++
				r.missed++
			case all[i].Block:
				r.legit++
				r.wrongBlock++
			default:
				r.legit++
			}
		}
	}
	out := []sourceRate{total}
	for _, s := range by {
		out = append(out, *s)
	}
	slices.SortFunc(out[1:], func(a, b sourceRate) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return out
}

func printFigures(cmd *cobra.Command, format string, all []figure) error {
	w := cmd.OutOrStdout()
	switch format {
	case outNDJSON:
		e := json.NewEncoder(w)
		for _, f := range all {
			if err := e.Encode(f); err != nil {
				return err
			}
		}
		return nil
	case outJSON:
		return json.NewEncoder(w).Encode(all)
	}
	t := newTable(bufio.NewWriter(w), format, []string{"scope", "figure", "value", "n"})
	for _, f := range all {
		value := "-"
		if f.Value != nil {
			value = fmt.Sprintf("%.4f", *f.Value)
		}
		if err := t.Write([]string{f.Scope, f.Figure, value, fmt.Sprint(f.N)}); err != nil {
			return err
		}
	}
	return t.Close()
}
