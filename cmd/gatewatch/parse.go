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
	"github.com/gatewatch/gatewatch/services/enrich"
)

type parseFlags struct {
	format  string
	zone    string
	trusted []string
	geoip   []string
	assets  []string
	agents  bool
	output  string
}

func newParse() *cobra.Command {
	var f parseFlags
	cmd := &cobra.Command{
		Use:   "parse --format NAME [FILE...]",
		Short: "Turn log lines into events, without a server",
		Long: `Reads raw records, plain or gzip, from files or standard input and prints one
event a record, in order. A record that cannot be parsed still gives an event, with its bytes in
event.original and the reason in error.message; the exit code is then 1. What a
server adds from other data is added with --geoip, --assets and --user-agent.`,
		Example: `  gatewatch parse --format nginx.access access.log
  journalctl -o short-iso | gatewatch parse --format auto -o table
  gatewatch parse --format exchange.messagetracking MSGTRK2026112108-1.LOG`,
		RunE: func(cmd *cobra.Command, args []string) error { return runParse(cmd, f, args) },
	}
	cmd.Flags().StringVar(&f.format, "format", "auto", "format of the records: "+strings.Join(formatNames(), ", "))
	cmd.Flags().StringVar(&f.zone, "zone", "", "time zone of log times that name none, such as Asia/Shanghai (default UTC)")
	cmd.Flags().StringSliceVar(&f.trusted, "trusted-proxies", nil, "proxies whose word about the client's address is taken")
	cmd.Flags().StringSliceVar(&f.geoip, "geoip", nil, "mmdb files to look addresses up in")
	cmd.Flags().StringSliceVar(&f.assets, "assets", nil, "tables of assets (.csv, .ndjson)")
	cmd.Flags().BoolVar(&f.agents, "user-agent", false, "tell browser and system from user_agent.original")
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
	enricher, err := enrich.OpenFiles(enrich.Config{GeoIP: f.geoip, Assets: f.assets, UserAgent: f.agents})
	if err != nil {
		return usageError{err}
	}
	out, err := newEventWriter(cmd.OutOrStdout(), f.output, nil)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	read, failed := uint64(0), uint64(0)
	for _, name := range files {
		c := parse.Context{Zone: zone, Trusted: trusted, Received: time.Now().UnixNano()}
		n, bad, err := parseInput(cmd, name, format, &c, enriching{out, enricher})
		read += n
		failed += bad
		if err != nil {
			return errors.Join(out.Close(), err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if failed > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d of %s could not be parsed\n", failed, count(read, "record"))
		return errFindings
	}
	return nil
}

// enriching enriches events before they are written.
type enriching struct {
	eventWriter
	enricher *enrich.Enricher
}

func (w enriching) Write(e *event.Event) error {
	w.enricher.Enrich(e)
	return w.eventWriter.Write(e)
}

// parseInput writes an event for each record of an input. It returns how many
// there were, and how many of them could not be parsed.
func parseInput(cmd *cobra.Command, name string, format *parse.Format, c *parse.Context, out eventWriter) (read, failed uint64, err error) {
	r, err := openInput(cmd, name)
	if err == nil {
		defer r.Close()
		read, failed, err = parseStream(r, format, c, out)
	}
	var usage usageError
	if err != nil && !errors.As(err, &usage) {
		err = fmt.Errorf("parse %s: %w", name, cutShort(err, count(read, "record")+" read"))
	}
	return read, failed, err
}

// parseStream is parseInput of an open input.
func parseStream(r io.Reader, format *parse.Format, c *parse.Context, out eventWriter) (read, failed uint64, err error) {
	lines := parse.Lines(r, format, 0)
	var e event.Event
	for {
		rec, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return read, failed, nil
		}
		if err != nil {
			return read, failed, err
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
		read++
		e.Received = 0 // nothing was received: the output depends on the input alone
		if err := out.Write(&e); err != nil {
			return read, failed, err
		}
	}
}
