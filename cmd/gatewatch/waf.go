package main

import (
	"github.com/spf13/cobra"
)

// newWAF groups the commands about decisions of a WAF.
func newWAF() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "waf",
		Short: "Judge decisions of a WAF: wrong blocks, missed attacks, and how often",
		Long: `Judges decisions of Coraza and the OWASP Core Rule Set: was a block a false
positive, was an allowed request a missed attack?

What a server has stored:
  rates       how often its WAFs are wrong, with 95 % intervals (also of files)
  decisions   decisions, or groups of them that are alike, the likeliest wrong first
  show        one decision: matches, score, verdict with its reasons, what is alike
  label       say what requests were: one, a whole group, a file; or take that back
  sample      draw the decisions whose labels tell rates most (also of files)
  requests    what clients sent, as far as nodes keep it for replay
Change the rules, and see what comes of it:
  tune        propose the narrowest exclusions that mend wrong blocks
  whatif      what other paranoia levels and thresholds would block
  replay      judge kept requests, and files, by other rules
  bundle      roll rules out to nodes, and take them back
The judge itself, on files alone:
  score       judge requests
  eval        measure a judge by labelled requests
  train       make a model from labelled requests`,
		Example: `  gatewatch waf rates --by site,rule --from now-7d -o table     # how often is it wrong?
  gatewatch waf decisions --group --from now-7d                 # where?
  gatewatch waf show ID                                         # why?
  gatewatch waf label ID false_positive --alike --preview       # say so, of all that are alike
  gatewatch waf tune --traffic requests.ndjson --guard attacks.ndjson -o json >proposals.json
  gatewatch waf replay --from now-1d --before exclusions.conf --changed
  gatewatch waf bundle create rules.json                        # for all nodes, then: bundle roll-out`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWAFScore(), newWAFEval(), newWAFRates(), newWAFSample(), newWAFTrain(), newWAFTune(), newWAFDecisions(), newWAFShow(), newWAFLabel(), newWAFReplay(), newWAFWhatIf(), newWAFRequests(), newWAFBundle())
	return cmd
}
