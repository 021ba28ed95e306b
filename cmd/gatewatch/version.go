package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/parse"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version and the log formats it knows",
		Example: "  gatewatch version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "gatewatch %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
			for _, f := range parse.Formats() {
				fmt.Fprintf(out, "  %-26s %s\n", f.Name, f.Summary)
			}
			return nil
		},
	}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, have %q", cmd.CommandPath(), args[0])
	}
	return nil
}
