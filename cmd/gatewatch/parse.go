package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
)

type parseFlags struct {
	format  string
	zone    string
	trusted []string
	output  string
}

func newParse() *cobra.Command {
	var f parseFlags
	cmd := &cobra.Command{
		Use:   "parse --format NAME [FILE...]",
		Short: "Turn log lines into events, without a server",
		Long: `Reads raw records from files or standard input and prints one event a record,
in order. A record that cannot be parsed still gives an event, with its bytes in
event.original and the reason in error.message; the exit code is then 1.`,
		Example: `  gatewatch parse --format nginx.access access.log
  journalctl -o short-iso | gatewatch parse --format auto -o table
  gatewatch parse --format exchange.messagetracking MSGTRK2026112108-1.LOG`,
		RunE: func(cmd *cobra.Command, args []string) error { return runParse(cmd, f, args) },
	}
	cmd.Flags().StringVar(&f.format, "format", "auto", "format of the records: "+strings.Join(formatNames(), ", "))
	cmd.Flags().StringVar(&f.zone, "zone", "", "time zone of log times that name none, such as Asia/Shanghai (default UTC)")
	cmd.Flags().StringSliceVar(&f.trusted, "trusted-proxies", nil, "proxies whose word about the client's address is taken")
	addOutput(cmd, &f.output)
	return cmd
}

func formatNames() []string {
	var names []string
	for _, f := range parse.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// lookupFormat finds a format or says which ones there are.
func lookupFormat(name string) (*parse.Format, error) {
	f, ok := parse.Lookup(name)
	if !ok {
		return nil, usagef("unknown format %q; known are %s", name, strings.Join(formatNames(), ", "))
	}
	return f, nil
}

func runParse(cmd *cobra.Command, f parseFlags, files []string) error {
	format, err := lookupFormat(f.format)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return usagef("--zone: %w", err)
	}
	trusted, err := parse.NewTrusted(f.trusted)
	if err != nil {
		return usagef("--trusted-proxies: %w", err)
	}
	out, err := newEventWriter(cmd.OutOrStdout(), f.output, nil)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	failed := 0
	for _, name := range files {
		r, err := openInput(cmd, name)
		if err != nil {
			return err
		}
		c := parse.Context{Zone: zone, Trusted: trusted, Received: time.Now().UnixNano()}
		n, err := parseStream(r, format, &c, out)
		r.Close()
		if err != nil {
			return fmt.Errorf("parse %s: %w", name, err)
		}
		failed += n
	}
	if err := out.Close(); err != nil {
		return err
	}
	if failed > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d records could not be parsed\n", failed)
		return errFindings
	}
	return nil
}

// parseStream writes an event for each record of r and returns how many could
// not be parsed.
func parseStream(r io.Reader, format *parse.Format, c *parse.Context, out eventWriter) (failed int, err error) {
	lines := parse.Lines(r, format, 0)
	var e event.Event
	for {
		rec, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return failed, nil
		}
		if err != nil {
			return failed, err
		}
		c.Header = rec.Header
		perr := format.Read(rec.Line, c, &e)
		if rec.Dropped > 0 {
			perr = fmt.Errorf("record is longer than %d bytes: %d bytes were cut off", parse.MaxRecord, rec.Dropped)
			e.Set(event.ErrorMessage, event.String(perr.Error()))
			parse.MarkCut(&e)
		}
		if perr != nil {
			failed++
		}
		e.Received = 0 // nothing was received: the output depends on the input alone
		if err := out.Write(&e); err != nil {
			return failed, err
		}
	}
}
