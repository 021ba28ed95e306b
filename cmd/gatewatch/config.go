package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration of the server",
		Example: `  gatewatch config check --config /etc/gatewatch.yaml
  gatewatch config print > gatewatch.yaml`,
	}
	cmd.AddCommand(newConfigCheck(), newConfigPrint())
	return cmd
}

func newConfigCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [--config FILE]",
		Short: "Say whether the server would start with this configuration, and list all mistakes",
		Long: `Reads the configuration as serve does, and looks at the files and folders that it
names: keys, certificates, rules, enrichment data, the data folder and archive.dir.
Nothing is changed or made. Whether addresses are free, and whether another server
runs on the data folder, shows only the start.`,
		Example: "  gatewatch config check --config /etc/gatewatch.yaml",
		Args:    noArgs,
	}
	f := bindSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		warnEnv(cmd.ErrOrStderr())
		s, err := f.load()
		if err = errors.Join(err, s.preflight()); err != nil {
			printError(cmd.ErrOrStderr(), err)
			return errFindings
		}
		fmt.Fprintln(cmd.OutOrStdout(), "ok")
		return nil
	}
	return cmd
}

func newConfigPrint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print [--config FILE]",
		Short: "Print the configuration in effect, as a file that can be used",
		Long: `Prints all keys with the values that the file, the environment (GATEWATCH_ and
the key in capitals, dots as underscores) and the flags give, in that order, and
with the defaults of all others.`,
		Example: "  gatewatch config print --listen.http 127.0.0.1:9000 > gatewatch.yaml",
		Args:    noArgs,
	}
	f := bindSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		warnEnv(cmd.ErrOrStderr())
		s, err := f.load()
		if err != nil {
			return err
		}
		return s.print(cmd.OutOrStdout())
	}
	return cmd
}
