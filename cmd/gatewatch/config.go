package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/enrich"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration of the server",
	}
	cmd.AddCommand(newConfigCheck(), newConfigPrint())
	return cmd
}

func newConfigCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check [--config FILE]",
		Short:   "Say whether the server would start with this configuration, and list all mistakes",
		Example: "  gatewatch config check --config /etc/gatewatch.yaml",
		Args:    noArgs,
	}
	f := bindSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		warnEnv(cmd.ErrOrStderr())
		s, err := f.load()
		if err == nil {
			err = enrich.Check(s.Enrich, filepath.Join(s.Data, geoFolder))
		}
		if err != nil {
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
