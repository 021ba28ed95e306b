// Command gatewatch is the server and command line of Gatewatch, security
// analytics built around web application firewalls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/config"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes of all commands.
const (
	exitOK       = 0
	exitFindings = 1 // findings or failures, as each command documents
	exitUsage    = 2
)

// errFindings ends a command with exit code 1 after it has said all there is to say.
var errFindings = errors.New("findings")

// usageError is a mistake in how a command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.As(err, &usage):
		printError(stderr, err)
		return exitUsage
	case errors.Is(err, syscall.EPIPE): // the reader of our output has gone
		return exitOK
	}
	printError(stderr, err)
	return exitFindings
}

// printError prints an error, which may quote what an attacker wrote. The lines
// of a query error stay, so that its caret points at the right column.
func printError(w io.Writer, err error) {
	for _, err := range config.Mistakes(err) {
		fmt.Fprintf(w, "gatewatch: %s\n", printable(err.Error()))
		var q *query.Error
		if errors.As(err, &q) {
			fmt.Fprintln(w, q.Caret())
		}
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatewatch",
		Short: "Security analytics around web application firewalls",
		Long: `Gatewatch takes the decisions of WAF nodes and the logs of gateways, mail
servers and applications, keeps them durably and finds them in under a second.

Exit codes: 0 ok, 1 findings or failures, 2 usage.`,
		Example: `  gatewatch serve --data ./gatewatch-data
  gatewatch query 'waf.decision: block and url.path: /login*'
  tail -n 100 access.log | gatewatch parse --format auto`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	for _, c := range []*cobra.Command{
		newServe(), newParse(), newIngest(), newQuery(), newFields(), newTail(), newReplay(), newToken(), newUser(), newAudit(), newAlerts(), newNodes(), newKeys(), newRules(), newWAF(), newReport(), newGeoIP(), newConfig(), newVersion(),
	} {
		root.AddCommand(c)
	}
	root.AddCommand(newStore())
	root.SetVersionTemplate(versionLine() + "\n")
	makeGroups(root)
	return root
}
