package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/config"
	"github.com/gatewatch/gatewatch/services/waf"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration of the node",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.ErrOrStderr(), cmd.UsageString())
			return usageError{fmt.Errorf("%s needs one of its commands", cmd.CommandPath())}
		},
	}
	cmd.AddCommand(newConfigCheck(), newConfigPrint())
	return cmd
}

func newConfigCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [--config F]",
		Short: "Say whether the node would start: reads all files and compiles the rules",
		Example: `  gatewatch-waf config check --config /etc/gatewatch-waf.yaml
  gatewatch-waf config check --upstream http://127.0.0.1:3000 --rules-before exclusions.conf`,
		Args: noArgs,
	}
	s := bindSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load()
		if err == nil {
			err = waf.Check(c)
		}
		var usage usageError
		if errors.As(err, &usage) {
			err = usage.error // it is what was asked for, not a mistake of the call
		}
		if err != nil {
			return fmt.Errorf("check config: %w", err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "ok")
		return nil
	}
	return cmd
}

func newConfigPrint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print [--config F]",
		Short: "Print the configuration in effect, as a file that can be used",
		Long: `Prints all keys with the values that the file, the environment and the flags
give, and the defaults of all others. The token is left out.`,
		Example: "  gatewatch-waf config print --upstream http://127.0.0.1:3000 > gatewatch-waf.yaml",
		Args:    noArgs,
	}
	s := bindSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load()
		if err != nil {
			return err
		}
		c = c.WithDefaults()
		c.Server.Token = ""
		return config.WriteYAML(cmd.OutOrStdout(), &c)
	}
	return cmd
}
