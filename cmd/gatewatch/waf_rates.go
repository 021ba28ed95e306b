package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

func newWAFRates() *cobra.Command {
	var output string
	var live liveRatesFlags
	cmd := &cobra.Command{
		Use:   "rates [FILE]",
		Short: "Estimate how often a WAF is wrong, with 95 % intervals",
		Long: `Reads decisions as NDJSON from a file, or standard input (-), few of which need a label:
id, scope, decision (block or allow), p_attack, and of those that were drawn by
gatewatch waf sample and looked at by a person label (attack or legit) and the
sample_probability that was printed for them. A label without sample_probability
counts for itself and says nothing of other decisions.

Prints three rates of each scope: false_positive (blocked legitimate of all
legitimate), missed (allowed attacks of all attacks) and false_block_share (blocked
legitimate of all blocked), each with its estimate, the bounds lo and hi, the number
of labels and that of decisions it rests on. Where the labels do not suffice, the
estimate and its bounds are null.

With --server, GATEWATCH_SERVER, --from, --to, --filter or --by they are those of the decisions and
labels of a server: of all, and by node, site, rule and path. Where the labels do not
suffice, label_next names decisions that were drawn and have no label yet, those whose
labels would tell most first, or says why there is no estimate. n_drawn counts the
labels that were drawn, n_covered the decisions that a draw was from or that have a
label. Of the others, such as those that came in after the last draw, the interval
takes the worst case: --to leaves them out. n_partial counts the decisions that were
judged by a log alone, without the whole request: intervals are wider by that, and of
a log without the requests that no rule matched only false_block_share holds for the
site. Of a rule there is false_block_share alone.`,
		Example: `  gatewatch waf rates decisions.ndjson
  gatewatch waf rates -o table < decisions.ndjson
  gatewatch waf rates --by site,rule --from now-30d --server http://127.0.0.1:8080`,
		Args: oneFile("waf rates"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch asks, err := fileOrServer(cmd, args); {
			case err != nil:
				return err
			case asks:
				return runLiveRates(cmd, &live, output)
			}
			return runWAFRates(cmd, output, args)
		},
	}
	addOutput(cmd, &output)
	live.add(cmd)
	return cmd
}

// oneFile accepts at most one argument.
func oneFile(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("%s: name one file of decisions", command)
		}
		return nil
	}
}

func runWAFRates(cmd *cobra.Command, output string, args []string) error {
	if _, err := outputFormat(cmd.OutOrStdout(), output); err != nil {
		return err
	}
	var rates verdict.Rates
	err := readDecisions(cmd, args, func(d verdict.DecidedLine) error {
		return rates.Add(d.Scope, d.Decided)
	})
	if err != nil {
		return err
	}
	var rows [][]json.RawMessage
	for _, scope := range rates.Scopes() {
		for _, e := range rates.Estimates(scope) {
			row, err := rateRow(e)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	}
	return writeRows(cmd.OutOrStdout(), output, rateColumns, rows)
}

var rateColumns = []string{"scope", "rate", "estimate", "lo", "hi", "n_labels", "n"}

func rateRow(e verdict.Estimate) ([]json.RawMessage, error) {
	var value, low, high any
	if e.Enough {
		value, low, high = e.Value, e.Low, e.High
	}
	return jsonRow(e.Scope, e.Rate.String(), value, low, high, e.Labels, e.Decisions)
}

func jsonRow(values ...any) ([]json.RawMessage, error) {
	row := make([]json.RawMessage, len(values))
	for i, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode row: %w", err)
		}
		row[i] = b
	}
	return row, nil
}

// maxDecisionLine bounds a line of decisions, in bytes.
const maxDecisionLine = 1 << 20

// readDecisions calls f with each decision of the file that args name, else of
// standard input. Its errors name the line.
func readDecisions(cmd *cobra.Command, args []string, f func(verdict.DecidedLine) error) error {
	name := "-"
	if len(args) > 0 {
		name = args[0]
	}
	in, err := openInput(cmd, name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := eachDecision(in, f); err != nil {
		if name == "-" {
			name = "standard input"
		}
		return fmt.Errorf("%s, %w", name, err)
	}
	return nil
}

func eachDecision(in io.Reader, f func(verdict.DecidedLine) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1<<16), maxDecisionLine)
	n := 0
	for lines.Scan() {
		n++
		if len(lines.Bytes()) == 0 {
			continue
		}
		d, err := verdict.ReadDecided(lines.Bytes())
		if err == nil {
			err = f(d)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d: longer than %s bytes", n+1, strconv.Itoa(maxDecisionLine))
	} else if err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}
