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
positive, was an allowed request a missed attack? decisions and label ask a server,
rates and sample a server or a file; the others work on files alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWAFScore(), newWAFEval(), newWAFRates(), newWAFSample(), newWAFTrain(), newWAFTune(), newWAFDecisions(), newWAFLabel(), newWAFReplay(), newWAFRequests(), newWAFBundle())
	return cmd
}
