// Command gatewatch-waf is the WAF node of Gatewatch: a reverse proxy that
// judges requests by the OWASP Core Rule Set and sends what it decided to the
// server.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/waf"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// usageError is a mistake in how the command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "gatewatch-waf: %s\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "gatewatch-waf: %s\n", err)
	return exitFailure
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatewatch-waf --upstream URL [--listen A] [--server ADDR] [--site NAME] | --config F",
		Short: "WAF node: a reverse proxy with Coraza and the OWASP Core Rule Set",
		Long: `A reverse proxy that has every request judged by Coraza with the OWASP Core Rule
Set, blocks or reports as told, and sends an event of each decision to the
Gatewatch server. While the server is away it serves on and keeps the events in
a spool on disk.

One site is described by flags, several by a file; config print shows all keys of
a file. Each key is also a variable: GATEWATCH_WAF_ and the key in capitals, dots
as underscores; GATEWATCH_WAF_SITE_ and the key for the one site. Flags win over
variables, variables over the file. SIGHUP or a change of the file or of a rule
file reloads sites and rules without dropping a request.

Exit codes: 0 ok, 1 failure, 2 usage.`,
		Example: `  gatewatch-waf --upstream http://127.0.0.1:3000
  gatewatch-waf --listen 127.0.0.1:8000 --upstream http://127.0.0.1:3000 --server 127.0.0.1:9090 --site shop
  gatewatch-waf --upstream http://127.0.0.1:3000 --mode detect --paranoia 2
  gatewatch-waf --config /etc/gatewatch-waf.yaml
  gatewatch-waf config check --config /etc/gatewatch-waf.yaml`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		Version:       version,
	}
	root.SetVersionTemplate(versionLine() + "\n")
	s := bindSettings(root.Flags())
	root.RunE = func(cmd *cobra.Command, _ []string) error { return serve(cmd, s) }
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newConfig(), newVersion())
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of the node and of the rules in it",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), versionLine())
			return nil
		},
	}
}

// versionLine names the program, what it was built with and its rules.
func versionLine() string {
	return fmt.Sprintf("gatewatch-waf %s %s/%s %s, OWASP CRS %s",
		version, runtime.GOOS, runtime.GOARCH, runtime.Version(), waf.CRSVersion)
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown argument %q; see %s --help", args[0], cmd.CommandPath())}
	}
	return nil
}

// serve runs the node until it is told to stop.
func serve(cmd *cobra.Command, s *settings) error {
	ctx := cmd.Context()
	c, err := s.load()
	if err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return usageError{fmt.Errorf("check config: %w", err)}
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	node, err := waf.NewNode(c, waf.Options{Version: version, Log: log})
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		node.Watch(watching, s.path(), hangup, s.load)
	}()
	fmt.Fprintf(cmd.OutOrStdout(), "listening on %s\n", node.Address())
	if a := node.MetricsAddress(); a != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "metrics on %s\n", a)
	}
	err = node.Run(ctx)
	stop()
	<-watched
	return err
}
