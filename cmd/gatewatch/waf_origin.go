package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
)

// asksServer tells whether a command asks a server: a flag says so, or the
// environment names one and no file is named. "-" is standard input.
func asksServer(cmd *cobra.Command, files []string) bool {
	if slices.ContainsFunc([]string{"server", "from", "to", "filter", "by"}, cmd.Flags().Changed) {
		return true
	}
	return len(files) == 0 && os.Getenv(envPrefix+"SERVER") != ""
}

// asksKept tells whether a command takes the requests that a server keeps: a flag says
// so, or asksServer where neither a file of traffic nor a data folder is named.
func asksKept(cmd *cobra.Command, traffic, data string) bool {
	return cmd.Flags().Changed("server") || traffic == "" && data == "" && asksServer(cmd, nil)
}

// fileOrServer tells whether a command that reads decisions of a file, of standard
// input or of a server asks the server.
func fileOrServer(cmd *cobra.Command, files []string) (bool, error) {
	live := asksServer(cmd, files)
	switch {
	case live && len(files) > 0:
		return false, usagef("%s: name a file, or a server with --server", cmd.CommandPath())
	case !live && len(files) == 0 && isTerminal(cmd.InOrStdin()):
		return false, usagef("%s: nothing says where the decisions are: give --server URL (or GATEWATCH_SERVER), a file, or - for what you type; see %s --help",
			cmd.CommandPath(), cmd.CommandPath())
	}
	return live, nil
}

// readsTerminal says that a command waits for what somebody types, which nobody
// should have to guess.
func readsTerminal(cmd *cobra.Command) {
	if isTerminal(cmd.InOrStdin()) {
		fmt.Fprintln(cmd.ErrOrStderr(), "reading what you type; Ctrl-D ends it")
	}
}
