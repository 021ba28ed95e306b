package main

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

type wafScoreFlags struct {
	train     []string
	history   string
	prior     float64
	decisions string
	model     string
	evidence  bool
	output    string
}

func newWAFScore() *cobra.Command {
	var f wafScoreFlags
	cmd := &cobra.Command{
		Use:   "score [FILE]",
		Short: "Judge requests: what the rules decide, and how likely each is an attack",
		Long: `Reads HTTP requests, one JSON object a line ("id", "site", "method", "uri",
"proto", "headers": [[name, value]...], "body", "body_b64"), evaluates Coraza and
the Core Rule Set at paranoia 1 and threshold 5, and prints one line for each, in
order: what block mode would do, the rules that scored, the probability of an
attack and the evidence for it.

Tables and CSV have the strongest evidence alone.

A score depends on its line, the model and --history alone.`,
		Example: `  gatewatch waf score requests.ndjson
  gatewatch waf score --history lastweek.ndjson --prior 0.02 requests.ndjson`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runWAFScore(cmd, f, args) },
	}
	cmd.Flags().StringArrayVar(&f.train, "train", nil, "labelled requests to train a model from, in place of the shipped one; repeatable")
	cmd.Flags().StringVar(&f.model, "model", "", "model file, in place of the shipped one")
	cmd.Flags().StringVar(&f.history, "history", "", "earlier requests of the same sites, without labels")
	cmd.Flags().Float64Var(&f.prior, "prior", 0, "share of attacks to calibrate for (default: that of the training data)")
	cmd.Flags().StringVar(&f.decisions, "decisions", "", "file that keeps decisions of the rules between runs")
	cmd.Flags().BoolVar(&f.evidence, "evidence", true, "print the evidence")
	addOutput(cmd, &f.output)
	return cmd
}

// scoreLine is one line of output.
type scoreLine struct {
	ID       string         `json:"id"`
	Action   string         `json:"action"`
	Score    int            `json:"anomaly_score"`
	Rules    []int          `json:"rules"`
	PAttack  float64        `json:"p_attack"`
	Kind     verdict.Kind   `json:"kind,omitempty"`
	Evidence []evidenceLine `json:"evidence"`
}

type evidenceLine struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
	Detail string  `json:"detail"`
}

func actionOf(block bool) string {
	if block {
		return "block"
	}
	return "allow"
}

// ruleList is never nil, so that it prints as a list.
func ruleList(ids []int) []int {
	if ids == nil {
		return []int{}
	}
	return ids
}

func runWAFScore(cmd *cobra.Command, f wafScoreFlags, args []string) error {
	write, done, err := scoreOutput(cmd, f.output)
	if err != nil {
		return err
	}
	name := "-"
	if len(args) == 1 {
		name = args[0]
	}
	model, err := scoreModel(cmd, f)
	if err != nil {
		return err
	}
	j, err := openJudges(f.decisions)
	if err != nil {
		return err
	}
	history, err := scoreHistory(cmd, f.history, j, model)
	if err != nil {
		return err
	}
	var evidence []verdict.Evidence
	err = eachRequest(cmd, name, func(q *verdict.Request) error {
		in, err := j.judge(cmd.Context(), q)
		if err != nil {
			return err
		}
		in.History = history
		v := model.Score(evidence[:0], in)
		evidence = v.Evidence
		return write(newScoreLine(q.ID, &in, &v, f.evidence))
	})
	return errors.Join(err, done(), j.close()) // what was judged before an error is there
}

// scoreOutput returns what prints a line, and what ends the output.
func scoreOutput(cmd *cobra.Command, flag string) (write func(*scoreLine) error, done func() error, err error) {
	format, err := outputFormat(cmd.OutOrStdout(), flag)
	if err != nil {
		return nil, nil, err
	}
	w := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
	if format == outNDJSON || format == outJSON {
		write, done = jsonLines[scoreLine](w, format)
		return write, done, nil
	}
	t := newTable(w, format, []string{"id", "action", "p_attack", "kind", "anomaly_score", "rules", "evidence"})
	t.width = terminalWidth(cmd.OutOrStdout())
	return func(l *scoreLine) error {
		evidence := ""
		if len(l.Evidence) > 0 {
			evidence = l.Evidence[0].Name + ": " + l.Evidence[0].Detail
		}
		return t.Write([]string{
			l.ID, l.Action, fmt.Sprintf("%.4f", l.PAttack), string(l.Kind), strconv.Itoa(l.Score), strings.Trim(fmt.Sprint(l.Rules), "[]"), evidence,
		})
	}, t.Close, nil
}

func newScoreLine(id string, in *verdict.Input, v *verdict.Verdict, evidence bool) *scoreLine {
	line := &scoreLine{
		ID: id, Action: actionOf(in.Block), Score: in.Score, Rules: ruleList(in.Rules),
		PAttack: v.PAttack, Kind: v.Kind, Evidence: []evidenceLine{},
	}
	if evidence {
		for _, e := range v.Evidence {
			line.Evidence = append(line.Evidence, evidenceLine{e.Name, math.Round(e.Weight*1000) / 1000, e.Detail})
		}
	}
	return line
}

// scoreModel is the model that the flags ask for.
func scoreModel(cmd *cobra.Command, f wafScoreFlags) (*verdict.Model, error) {
	model, err := chosenModel(cmd, f)
	if err != nil || !cmd.Flags().Changed("prior") {
		return model, err
	}
	model, err = model.WithPrior(f.prior)
	if err != nil {
		return nil, usagef("--prior: %w", err)
	}
	return model, nil
}

func chosenModel(cmd *cobra.Command, f wafScoreFlags) (*verdict.Model, error) {
	switch {
	case len(f.train) > 0 && f.model != "":
		return nil, usagef("--train and --model exclude each other")
	case len(f.train) > 0:
		examples, err := trainingExamples(cmd, wafTrainFlags{decisions: f.decisions, selfMade: defaultSelfMade, seed: 1}, f.train)
		if err != nil {
			return nil, err
		}
		trained, err := verdict.Train(examples, verdict.TrainConfig{Seed: 1})
		if err != nil {
			return nil, err
		}
		return trained.Model, nil
	case f.model != "":
		b, err := os.ReadFile(f.model)
		if err != nil {
			return nil, usagef("--model: %w", err)
		}
		return verdict.Decode(b)
	}
	return verdict.Default()
}

// scoreHistory reads earlier traffic, nil if there is none.
func scoreHistory(cmd *cobra.Command, name string, j *judges, model *verdict.Model) (*verdict.Profile, error) {
	if name == "" {
		return nil, nil
	}
	p := verdict.NewProfile(model)
	err := eachRequest(cmd, name, func(q *verdict.Request) error {
		in, err := j.judge(cmd.Context(), q)
		if err != nil {
			return err
		}
		p.Add(&in)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}
