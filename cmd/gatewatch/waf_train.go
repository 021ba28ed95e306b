package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/detection/verdict/synthetic"
)

type wafTrainFlags struct {
	out       string
	decisions string
	heldOut   string
	folds     []string
	selfMade  int
	seed      uint64
}

func newWAFTrain() *cobra.Command {
	var f wafTrainFlags
	cmd := &cobra.Command{
		Use:   "train FILE...",
		Short: "Train the model of verdicts from labelled requests",
		Long: `Trains the model that gatewatch waf score uses, from labelled requests and
from requests that it makes itself. The same input and seed give the same bytes.

Sources are held out in folds to calibrate the model; --fold names sources that
belong together, such as those with the same attacks. Sources that no --fold
names are divided by site; a site lies in one fold with all its requests.`,
		Example: `  gatewatch waf train --out model.bin traffic.jsonl.gz attacks.jsonl.gz`,
		Args:    labelledFiles,
		RunE:    func(cmd *cobra.Command, args []string) error { return runWAFTrain(cmd, f, args) },
	}
	cmd.Flags().StringVar(&f.out, "out", "", "file for the model")
	cmd.Flags().StringVar(&f.decisions, "decisions", "", "file that keeps decisions of the rules between runs")
	cmd.Flags().StringVar(&f.heldOut, "held-out", "", "file for the scores that models gave which had not seen the source")
	cmd.Flags().StringArrayVar(&f.folds, "fold", nil, "sources that are held out together, comma separated; repeatable")
	cmd.Flags().IntVar(&f.selfMade, "self-made", defaultSelfMade, "how many requests to make")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "seed of all that is random")
	return cmd
}

// labelledFiles wants at least one argument.
func labelledFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("name files of labelled requests")
	}
	return nil
}

func runWAFTrain(cmd *cobra.Command, f wafTrainFlags, files []string) error {
	if f.out == "" && f.heldOut == "" {
		return usagef("name a file for the model with --out, or one for scores with --held-out")
	}
	examples, err := trainingExamples(cmd, f, files)
	if err != nil {
		return err
	}
	trained, err := verdict.Train(examples, verdict.TrainConfig{
		Seed:     f.seed,
		Progress: func(step string) { fmt.Fprintln(cmd.ErrOrStderr(), step) },
	})
	if err != nil {
		return err
	}
	if f.heldOut != "" {
		if err := writeHeldOut(f.heldOut, examples, trained); err != nil {
			return err
		}
	}
	b, err := trained.Model.Encode()
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := os.WriteFile(f.out, b, 0o644); err != nil {
			return fmt.Errorf("write model: %w", err)
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d examples, model %s, %d bytes\n", len(examples), trained.Model.Version(), len(b))
	return nil
}

// trainingExamples reads and judges all requests, and those made here.
func trainingExamples(cmd *cobra.Command, f wafTrainFlags, files []string) ([]*verdict.Example, error) {
	j, err := openJudges(f.decisions)
	if err != nil {
		return nil, err
	}
	var examples []*verdict.Example
	add := func(q *verdict.Request) error {
		if !q.Labeled {
			return fmt.Errorf("request %q has no label", q.ID)
		}
		in, err := j.judge(cmd.Context(), q)
		if err != nil {
			return err
		}
		examples = append(examples, &verdict.Example{Input: in, Attack: q.Attack, Source: q.Source, Class: q.Class})
		return nil
	}
	for _, name := range files {
		if err := eachRequest(cmd, name, add); err != nil {
			return nil, err
		}
	}
	for _, q := range synthetic.Requests(f.selfMade, f.seed) {
		if err := add(q); err != nil {
			return nil, fmt.Errorf("judge own request: %w", err)
		}
	}
	assignFolds(examples, f.folds)
	return examples, j.close()
}

// defaultSelfMade is how many requests are made for training.
const defaultSelfMade = 6000

// ownFold marks examples that are in training always, and never held out.
const ownFold = verdict.FoldNone

// assignFolds puts sources into folds: those named as named, all others by site.
func assignFolds(examples []*verdict.Example, named []string) {
	fold := map[string]int{}
	for i, list := range named {
		for source := range strings.SplitSeq(list, ",") {
			fold[strings.TrimSpace(source)] = i
		}
	}
	sites := map[string]int{}
	for _, e := range examples {
		if i, ok := fold[e.Source]; ok {
			e.Fold = i
			sites[e.Request.Site] = i
		}
	}
	n := max(len(named), 4)
	for _, e := range examples {
		if _, ok := fold[e.Source]; ok {
			continue
		}
		if e.Source == synthetic.Source {
			e.Fold = ownFold
			continue
		}
		i, ok := sites[e.Request.Site]
		if !ok {
			h := fnv.New32a()
			h.Write([]byte(e.Request.Site))
			i = int(h.Sum32()>>8) % n
		}
		e.Fold = i
	}
}

// writeHeldOut writes the scores of held-out folds as waf score would.
func writeHeldOut(name string, examples []*verdict.Example, t *verdict.Trained) error {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write held-out scores: %w", err)
	}
	w := bufio.NewWriter(file)
	prior := t.Model.Prior()
	shift := math.Log(prior / (1 - prior))
	for i, e := range examples {
		if e.Fold == ownFold {
			continue
		}
		line, err := json.Marshal(scoreLine{
			ID: e.Request.ID, Action: actionOf(e.Block), Score: e.Score, Rules: ruleList(e.Rules),
			PAttack: 1 / (1 + math.Exp(-t.HeldOut[i]-shift)),
		})
		if err != nil {
			return fmt.Errorf("write held-out scores: %w", err)
		}
		w.Write(line)
		w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write held-out scores: %w", err)
	}
	return file.Close()
}
