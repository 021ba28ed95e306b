package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/parse"
)

func newVersion() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version and the log formats it knows",
		Example: `  gatewatch version
  gatewatch version -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return printVersion(cmd, output) },
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// versionLine names the program and what it was built with.
func versionLine() string {
	return fmt.Sprintf("gatewatch %s %s/%s %s", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func printVersion(cmd *cobra.Command, output string) error {
	out := cmd.OutOrStdout()
	switch output {
	case "text":
		fmt.Fprintln(out, versionLine())
		for _, f := range parse.Formats() {
			fmt.Fprintf(out, "  %-26s %s\n", f.Name, f.Summary)
		}
		return nil
	case outJSON:
		type format struct {
			Name    string `json:"name"`
			Summary string `json:"summary"`
		}
		formats := []format{}
		for _, f := range parse.Formats() {
			formats = append(formats, format{f.Name, f.Summary})
		}
		return json.NewEncoder(out).Encode(struct {
			Version  string   `json:"version"`
			Platform string   `json:"platform"`
			Go       string   `json:"go"`
			Formats  []format `json:"formats"`
		}{version, runtime.GOOS + "/" + runtime.GOARCH, runtime.Version(), formats})
	}
	return usagef("unknown output %q; known are text, json", output)
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, have %q", cmd.CommandPath(), args[0])
	}
	return nil
}
