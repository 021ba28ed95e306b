package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

type sampleFlags struct {
	remote
	selectionFlags
	budget int
	seed   uint64
	output string
}

func newWAFSample() *cobra.Command {
	var f sampleFlags
	cmd := &cobra.Command{
		Use:   "sample --budget N [FILE]",
		Short: "Draw the decisions to label next",
		Long: `Reads decisions as NDJSON from a file, or standard input if it is - (id, scope, decision and
p_attack; those with a label are left out) and prints N of them to label next, each
with the probability with which it was drawn. Decisions whose label would tell most
are likelier: the more suspicious of the allowed ones, and of the blocked ones those
of which the model is unsure. A part of the budget is drawn from all alike, so that
gatewatch waf rates is right about models that are wrong.

With --server or GATEWATCH_SERVER they are drawn from the decisions that a server has stored, which
remembers the probabilities, and what it drew from: the labels say nothing of decisions
outside of --filter, --from and --to, or that come in later. Those that have a label or
were drawn before are left out.

The order is random: whoever labels only the first of them has a proper sample too.
The same input with the same seed gives the same draw.`,
		Example: `  gatewatch waf sample --budget 300 decisions.ndjson
  gatewatch waf sample --budget 50 --seed 7 -o csv < decisions.ndjson
  gatewatch waf sample --budget 300 --from now-7d --server http://127.0.0.1:8080`,
		Args: oneFile("waf sample"),
		RunE: func(cmd *cobra.Command, args []string) error { return runWAFSample(cmd, f, args) },
	}
	cmd.Flags().IntVar(&f.budget, "budget", 0, "how many decisions to draw")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "seed of the draw")
	addOutput(cmd, &f.output)
	addLive(cmd, &f.remote, &f.selectionFlags)
	return cmd
}

func runWAFSample(cmd *cobra.Command, f sampleFlags, args []string) error {
	if f.budget < 1 {
		return usagef("waf sample: --budget is needed, at least 1")
	}
	if _, err := outputFormat(cmd.OutOrStdout(), f.output); err != nil {
		return err
	}
	switch asks, err := fileOrServer(cmd, args); {
	case err != nil:
		return err
	case asks:
		return runLiveSample(cmd, &f)
	}
	p := pool{scopes: map[string]uint32{}, seen: map[string]bool{}}
	if err := readDecisions(cmd, args, p.add); err != nil {
		return err
	}
	drawn, err := verdict.Sample(p.candidates, f.budget, f.seed)
	if err != nil {
		return err
	}
	rows := make([][]json.RawMessage, len(drawn))
	for i, d := range drawn {
		if rows[i], err = jsonRow(p.ids[d.Index], d.Probability); err != nil {
			return err
		}
	}
	return writeRows(cmd.OutOrStdout(), f.output, sampleColumns, rows)
}

var sampleColumns = []string{"id", "sample_probability"}

// Limits of what is held in memory to draw from.
const (
	maxPool       = 1 << 24
	maxDecisionID = 1 << 10 // bytes
)

// pool is what the draw is from.
type pool struct {
	candidates []verdict.Candidate
	ids        []string
	seen       map[string]bool
	scopes     map[string]uint32
}

func (p *pool) add(d verdict.DecidedLine) error {
	switch {
	case d.Truth != verdict.Unknown:
		return nil
	case d.ID == "":
		return errors.New("id is missing")
	case len(d.ID) > maxDecisionID:
		return fmt.Errorf("id is longer than %d bytes", maxDecisionID)
	case p.seen[d.ID]:
		return fmt.Errorf("id %q is that of an earlier line", d.ID)
	case len(p.ids) >= maxPool:
		return fmt.Errorf("more than %d decisions; draw from a part of them", maxPool)
	}
	scope, ok := p.scopes[d.Scope]
	if !ok {
		if len(d.Scope) > verdict.MaxScopeName {
			return fmt.Errorf("scope is longer than %d bytes", verdict.MaxScopeName)
		}
		if len(p.scopes) >= verdict.MaxScopes {
			return fmt.Errorf("%w: at most %d", verdict.ErrTooManyScopes, verdict.MaxScopes)
		}
		scope = uint32(len(p.scopes))
		p.scopes[d.Scope] = scope
	}
	p.seen[d.ID] = true
	p.ids = append(p.ids, d.ID)
	p.candidates = append(p.candidates, verdict.Candidate{Scope: scope, Blocked: d.Blocked, PAttack: d.PAttack})
	return nil
}
