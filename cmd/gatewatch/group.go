package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// doesItself is the annotation of a command that does something and holds others, too.
const doesItself = "does itself"

// makeGroups lets commands that only hold others say so: without one of these
// they print their usage, an unknown one suggests what may be meant. Both are
// mistakes of the call.
func makeGroups(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	for _, sub := range cmd.Commands() {
		if !sub.HasSubCommands() {
			continue
		}
		sub.Args = knownCommand
		if sub.Annotations[doesItself] != "" {
			makeGroups(sub)
			continue
		}
		sub.RunE = func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.ErrOrStderr(), cmd.UsageString())
			return usagef("%s needs one of its commands", cmd.CommandPath())
		}
		makeGroups(sub)
	}
}

// knownCommand is what a command with subcommands makes of other words.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return usagef("unknown command %q%s; see %s --help", args[0], hint, cmd.CommandPath())
}
