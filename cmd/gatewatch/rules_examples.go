package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/services/rules"
)

func newRulesTest() *cobra.Command {
	var f rulesFlags
	cmd := &cobra.Command{
		Use:   "test DIR...",
		Short: "Run the examples that rules bring with them",
		Long: `Runs the examples in the custom field x-examples of rules and correlations and
prints one line of JSON for each that has some: how many passed, and those that
failed.

  x-examples:
    match:                          # must match
      - event: {cs-uri-query: "id=1%20union%20select%202"}
    no_match:                       # must not
      - format: nginx.access        # a raw record, with the parser that reads it
        raw: '203.0.113.7 - - [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'

An example of several events has them in a list called events, each with repeat and
every if it comes more than once; a rule must match each of them or none, a
correlation must fire at least once or never.

As in rules eval, filters, --overlay and --pipeline change what rules match. A record,
or an event with event.dataset, is seen by the rules for its logsource alone, all see
the others. Exit code 1 if an example fails or a rule is rejected.`,
		Example: `  gatewatch rules test rules/
  gatewatch rules test --pipeline ecs --overlay overlay.yml sigma/rules`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("rules test: name a folder or a file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			built, err := f.build(cmd, args, sigma.Options{})
			if err != nil {
				return err
			}
			reject(cmd, built.Rejected)
			return testRules(cmd, built, f.packFiles)
		},
	}
	f.add(cmd)
	return cmd
}

type testLine struct {
	Path   string   `json:"path"`
	Rule   string   `json:"rule"`
	Title  string   `json:"title"`
	Passed int      `json:"passed"`
	Failed int      `json:"failed"`
	Errors []string `json:"errors,omitempty"`
}

// testRules runs the examples, but not those of the pack: they are there for what
// refers to them.
func testRules(cmd *cobra.Command, built *rules.Built, pack map[string]bool) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	bad, tried := len(built.Rejected) > 0, 0
	var err error
	rules.NewExamples(built.Ruleset).Each(func(t rules.Trial) bool {
		if pack[t.Path] {
			return true
		}
		line := testLine{Path: t.Path, Rule: t.Key(), Title: t.Title, Passed: t.Passed, Failed: len(t.Failed)}
		for _, e := range t.Failed {
			line.Errors = append(line.Errors, e.Pos.String()+": "+e.Reason)
		}
		bad = bad || line.Failed > 0
		tried++
		err = enc.Encode(line)
		return err == nil
	})
	if tried == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: no rule has examples, which are in its field %s\n", sigma.ExamplesField)
	}
	if err == nil && bad {
		err = errFindings
	}
	return err
}
