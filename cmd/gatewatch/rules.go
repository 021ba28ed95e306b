package main

import (
	"github.com/spf13/cobra"
)

func newRules() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check Sigma rules, try them on events, see what they follow",
		Example: `  gatewatch rules check ~/sigma/rules
  gatewatch rules test rules
  gatewatch rules explain --rules rules event.ndjson`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q; see %s --help", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRulesCheck(), newRulesEval(), newRulesTest(), newRulesExplain(), newRulesGroups())
	return cmd
}
