package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

type queryFlags struct {
	remote
	data, config, archive, from, to, output string
	explained, followed                     bool
}

// queryHelp is the query language in short, part of the help of query.
//
//go:embed query_help.txt
var queryHelp string

// terminalRows is how many events a terminal gets unless the query has a limit.
const terminalRows = 100

func newQuery() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "query [--server URL | --data DIR] [--from T] [--to T] QUERY",
		Short: "Search the stored events",
		Long: `Prints the events that match, newest first, or the table that the query ends in.
Without --from and --to the whole store is searched. A terminal gets the newest
100 events unless the query has a limit; anything else gets every match. --data
reads a data folder, also beside a running server: events that this one has in
memory are read from its queue, with the configuration that --config names, but
without the findings of the last half minute.

A table shows the usual fields, as far as they tell something and the terminal is
wide enough. CSV has @timestamp, event.dataset, gatewatch.source, client.ip,
source.ip, event.outcome, message, event.id, event.action, http.request.method,
url.original, http.response.status_code, url.path, user.name, waf.site, waf.mode,
waf.decision, waf.action, waf.anomaly_score, waf.reason, rule.id, error.message
and event.original. The stage | keep FIELD, … chooses others for both.

--explain answers the query, drops the answer, and says how it was understood, what
was read of each column, what was skipped and why, and how long it took; of a search
the first 100 events are looked for. --follow shows new events, as gatewatch tail.

Exit codes: 0 the answer is whole, 1 it is not (a limit of time, a damaged block; the
warnings say why) or the server failed, 2 a mistake in the query or the flags.

` + queryHelp,
		Example: `  gatewatch query 'source.ip: 203.0.113.0/24 and url.path: /admin*' --from now-1h
  gatewatch query '"union select"' -o table
  gatewatch query '* | stats n = count() by event.dataset | sort n desc'
  gatewatch query --explain 'url.path: *admin* | stats n = count() by source.ip'
  gatewatch query 'error.message: *' --data ./gatewatch-data -o csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one query; quote it for the shell")
			}
			if len(args) == 0 || strings.TrimSpace(args[0]) == "" {
				return usagef("give a query; '*' finds every event")
			}
			return nil
		},
	}
	addTarget(cmd, &f.remote, &f.data, "data folder to read, instead of --server")
	addConfig(cmd, &f.config)
	cmd.Flags().StringVar(&f.archive, "archive", "", "folder of archives to search, instead of --server; see gatewatch store archive")
	addRange(cmd, &f.from, &f.to)
	cmd.Flags().BoolVar(&f.explained, "explain", false, "say how the query is answered, instead of the answer")
	cmd.Flags().BoolVar(&f.followed, "follow", false, "show new events until Ctrl-C")
	addOutput(cmd, &f.output)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runQuery(cmd, f, args[0])
	}
	return cmd
}

func runQuery(cmd *cobra.Command, f queryFlags, text string) error {
	if _, err := outputFormat(cmd.OutOrStdout(), f.output); err != nil {
		return err
	}
	q, err := query.Parse(text, time.Now())
	if err != nil {
		return usageError{err}
	}
	if err := checkRange(f.from, f.to); err != nil {
		return err
	}
	switch {
	case f.archive != "" && f.server != "":
		return usagef("give --server or --archive, not both")
	case f.explained && f.followed:
		return usagef("give --explain or --follow, not both")
	case f.explained:
		return f.explain(cmd, q, text)
	case f.followed:
		return f.tail(cmd, text)
	}
	if f.data != "" || f.archive != "" {
		return f.local(cmd, q)
	}
	if err := f.connect(); err != nil {
		return err
	}
	if q.IsAggregation() {
		var res struct {
			Columns []string            `json:"columns"`
			Rows    [][]json.RawMessage `json:"rows"`
			Stats   searchStats         `json:"stats"`
		}
		err := f.call(cmd.Context(), http.MethodPost, "/api/v1/aggregate", map[string]any{"query": text, "from": f.from, "to": f.to}, &res)
		if err != nil {
			return err
		}
		res.Stats.warn(cmd)
		sayIfNone(cmd, len(res.Rows))
		if err := writeRows(cmd.OutOrStdout(), f.output, res.Columns, res.Rows); err != nil {
			return err
		}
		return res.Stats.whole()
	}
	return f.search(cmd, q, text)
}

// search pages through the events of a server.
func (f *queryFlags) search(cmd *cobra.Command, q *query.Query, text string) error {
	out, limit, err := f.events(cmd, q)
	if err != nil {
		return err
	}
	n, token := 0, ""
	var stats searchStats // of all pages
	for {
		page, err := f.page(cmd.Context(), text, token, limit-n)
		if err != nil {
			return err
		}
		for _, raw := range page.Events {
			var d event.Decoder
			var e event.Event
			if err := d.Decode(raw, &e); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			if err := out.Write(&e); err != nil {
				return err
			}
			n++
		}
		stats.join(page.Stats)
		if token = page.Next; token == "" || n >= limit {
			stats.warn(cmd)
			if err := f.done(cmd, out, n, limit, token != ""); err != nil {
				return err
			}
			return stats.whole()
		}
	}
}

// events opens the output and says how many events it takes at most.
func (f *queryFlags) events(cmd *cobra.Command, q *query.Query) (eventWriter, int, error) {
	out, err := newEventWriter(cmd.OutOrStdout(), f.output, q.Keep())
	if err != nil {
		return nil, 0, err
	}
	if f.output == outCSV && q.Keep() == nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "the columns are the usual ones; choose others with | keep FIELD, …")
	}
	if isTerminal(cmd.OutOrStdout()) && !hasLimit(q) {
		return out, terminalRows, nil
	}
	return out, 1 << 62, nil
}

func (f *queryFlags) done(cmd *cobra.Command, out eventWriter, n, limit int, more bool) error {
	if err := out.Close(); err != nil {
		return err
	}
	sayIfNone(cmd, n)
	if more && n >= limit {
		fmt.Fprintf(cmd.ErrOrStderr(), "the newest %d events are shown; add | limit N, or pipe the output, for more\n", n)
	}
	return nil
}

func hasLimit(q *query.Query) bool {
	return slices.ContainsFunc(q.Pipes, func(p query.Pipe) bool { _, ok := p.(*query.Limit); return ok })
}

// timeRange is the times of a query; a zero time is no bound.
type timeRange struct{ from, to time.Time }

// addRange adds the flags of a time range.
func addRange(cmd *cobra.Command, from, to *string) {
	cmd.Flags().StringVar(from, "from", "", "start of the time range, inclusive: RFC 3339, a date, or now-1h")
	cmd.Flags().StringVar(to, "to", "", "end of the time range, exclusive")
}

// checkRange refuses a time range that is none.
func checkRange(from, to string) error {
	_, err := readRange(from, to)
	return err
}

func readRange(from, to string) (r timeRange, err error) {
	now := time.Now()
	if r.from, err = boundAt("--from", from, now); err != nil {
		return r, err
	}
	if r.to, err = boundAt("--to", to, now); err != nil {
		return r, err
	}
	if !r.from.IsZero() && !r.to.IsZero() && r.from.After(r.to) {
		return r, usagef("--from: %s is later than --to %s", from, to)
	}
	return r, nil
}

// bound reads one end of the time range; no text is no bound.
func bound(flag, text string) (time.Time, error) { return boundAt(flag, text, time.Now()) }

func boundAt(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	ns, err := query.ParseTime(text, now)
	if err != nil {
		return time.Time{}, usagef("%s: %w", flag, err)
	}
	return time.Unix(0, ns), nil
}

type searchPage struct {
	Events []json.RawMessage `json:"events"`
	Next   string            `json:"next_page_token"`
	Stats  searchStats       `json:"stats"`
}

type searchStats struct {
	Matched  uint64   `json:"rows_matched"`
	Partial  bool     `json:"partial"`
	Warnings []string `json:"warnings"`
}

// join adds what another page says, each warning once.
func (s *searchStats) join(o searchStats) {
	s.Matched += o.Matched
	s.Partial = s.Partial || o.Partial
	for _, w := range o.Warnings {
		if !slices.Contains(s.Warnings, w) {
			s.Warnings = append(s.Warnings, w)
		}
	}
}

// whole ends a command with exit code 1 if the answer lacks something, which warn
// has said.
func (s searchStats) whole() error {
	if s.Partial {
		return errFindings
	}
	return nil
}

func (s searchStats) warn(cmd *cobra.Command) {
	for _, w := range s.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", printable(w))
	}
	if s.Partial {
		fmt.Fprintln(cmd.ErrOrStderr(), "the answer is not whole")
	}
}

func statsOf(s store.Stats) searchStats {
	return searchStats{Partial: len(s.Partial) > 0, Warnings: slices.Concat(s.Partial, s.Notes)}
}

// sayIfNone tells who looks at a terminal that the answer is empty.
func sayIfNone(cmd *cobra.Command, rows int) {
	if rows == 0 && isTerminal(cmd.OutOrStdout()) {
		fmt.Fprintln(cmd.ErrOrStderr(), "no event matches")
	}
}

func (f *queryFlags) page(ctx context.Context, text, token string, most int) (searchPage, error) {
	var page searchPage
	err := f.call(ctx, http.MethodPost, "/api/v1/search", map[string]any{
		"query": text, "from": f.from, "to": f.to, "page_size": min(most, 5000), "page_token": token,
	}, &page)
	return page, err
}
