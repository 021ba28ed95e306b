package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/sheet"
)

// keptJSON is a request for replay of the REST API.
type keptJSON struct {
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Node        string          `json:"node"`
	Time        time.Time       `json:"time"`
	Site        string          `json:"site"`
	Decision    string          `json:"decision"`
	Score       int             `json:"anomaly_score"`
	Rules       []string        `json:"rules"`
	PolicyOnly  bool            `json:"policy_only"`
	Ruleset     string          `json:"ruleset"`
	Why         string          `json:"why"`
	Probability float64         `json:"sample_probability"`
	Faithful    bool            `json:"replay_faithful"`
	BodyBytes   int64           `json:"body_bytes"`
	PAttack     *float64        `json:"p_attack"`
	Kind        string          `json:"kind"`
	Model       string          `json:"model"`
	Request     json.RawMessage `json:"request"`
}

// copy returns the request as it was kept.
func (k *keptJSON) copy() (*kept.Copy, error) {
	c := &kept.Copy{
		ID: k.ID, Source: k.Source, Node: k.Node, Time: k.Time, Block: k.Decision == "block", Score: k.Score, PolicyOnly: k.PolicyOnly,
		Ruleset: k.Ruleset, Why: k.Why, Probability: k.Probability, Faithful: k.Faithful, BodyBytes: k.BodyBytes,
		Model: k.Model, Kind: verdict.Kind(k.Kind),
	}
	for _, text := range k.Rules {
		id, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("read rules of request %q: %w", k.ID, err)
		}
		c.Rules = append(c.Rules, id)
	}
	if k.PAttack != nil {
		c.PAttack = *k.PAttack
	}
	if err := verdict.ReadRequest(k.Request, &c.Request); err != nil {
		return nil, fmt.Errorf("read request %q: %w", k.ID, err)
	}
	return c, nil
}

// keptPage is a page of a list of requests.
type keptPage struct {
	Requests   []keptJSON `json:"requests"`
	Next       string     `json:"next_page_token"`
	Unreadable int        `json:"unreadable"`
	Warnings   []string   `json:"warnings"`
}

// eachKeptPage reads a list of requests up to limit, all of it if that is 0.
func eachKeptPage(ctx context.Context, r *remote, v url.Values, limit int, yield func(*keptPage) error) error {
	for n := 0; ; {
		if limit > 0 {
			v.Set("page_size", strconv.Itoa(min(limit-n, 100)))
		}
		var page keptPage
		if err := r.call(ctx, http.MethodGet, "/api/v1/requests?"+v.Encode(), nil, &page); err != nil {
			return err
		}
		if err := yield(&page); err != nil {
			return err
		}
		if n += len(page.Requests); page.Next == "" || limit > 0 && n >= limit {
			return nil
		}
		v.Set("page_token", page.Next)
	}
}

type requestsFlags struct {
	remote
	selectionFlags
	output string
	limit  int
}

// newWAFRequests groups the commands about requests that nodes keep.
func newWAFRequests() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "Look at the requests that WAF nodes keep for replay",
		Long: `Nodes keep what clients sent, with credentials masked, so that it can be judged again
by other rules. To read it needs a token of the role examiner or administrator, and is
written into the audit log.`,
		Example: `  gatewatch waf requests list --from now-1h 'waf.site: shop and waf.kept: blocked'
  gatewatch waf requests show 0f3ab2c81d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWAFRequestsList(), newWAFRequestsShow())
	return cmd
}

func newWAFRequestsList() *cobra.Command {
	var f requestsFlags
	cmd := &cobra.Command{
		Use:   "list [FILTER]",
		Short: "List requests, without what clients sent, the newest first",
		Long: `Lists the requests that WAF nodes keep for replay, without what clients sent. A filter
is one of the query language, over waf.site, waf.node, waf.decision, waf.kept (blocked,
suspect or sample), waf.replay_faithful, rule.id, verdict.p_attack and http.request.id,
which the event of the decision has too.`,
		Example: `  gatewatch waf requests list --from now-1h 'waf.site: shop and waf.kept: blocked'
  gatewatch waf requests list 'waf.kept: suspect' -o csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one filter, in quotes")
			}
			return nil
		},
	}
	addRemote(cmd, &f.remote)
	addOutput(cmd, &f.output)
	f.add(cmd)
	cmd.Flags().IntVar(&f.limit, "limit", 20, "how many; 0 lists all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.filter = strings.Join(args, "")
		return runWAFRequests(cmd, &f)
	}
	return cmd
}

var requestColumns = []string{
	"id", "time", "site", "decision", "p_attack", "anomaly_score", "rules", "kind", "why", "sample_probability", "replay_faithful", "body_bytes", "node",
}

func runWAFRequests(cmd *cobra.Command, f *requestsFlags) error {
	if f.limit < 0 {
		return usagef("--limit must not be negative")
	}
	if err := f.connect(); err != nil {
		return err
	}
	var rows [][]json.RawMessage
	unreadable := 0
	err := eachKeptPage(cmd.Context(), &f.remote, f.values(), f.limit, func(page *keptPage) error {
		unreadable += page.Unreadable
		warn(cmd, page.Warnings)
		for i := range page.Requests {
			k := &page.Requests[i]
			row, err := jsonRow(k.ID, k.Time.UTC().Format(time.RFC3339Nano), k.Site, k.Decision, k.PAttack, k.Score, strings.Join(k.Rules, ","),
				k.Kind, k.Why, k.Probability, k.Faithful, k.BodyBytes, k.Node)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if unreadable > 0 {
		warn(cmd, []string{fmt.Sprintf("%d copies cannot be opened and are left out", unreadable)})
	}
	return writeRows(cmd.OutOrStdout(), f.output, requestColumns, rows)
}

func newWAFRequestsShow() *cobra.Command {
	var r remote
	var node, output string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Print a request that a WAF node keeps for replay",
		Long: `Prints what a client sent, with credentials masked by the node. A terminal gets it as
text in which nothing can steer the terminal; otherwise it is one line of a corpus,
which gatewatch waf replay and score read.`,
		Example: `  gatewatch waf requests show 0f3ab2c81d
  gatewatch waf requests show 0f3ab2c81d -o ndjson | gatewatch waf replay --before exclusions.conf -`,
		Args: oneArg("the id of a request, see gatewatch waf requests list"),
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.Flags().StringVar(&node, "node", "", "node that kept it, where several have the id")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		format, err := outputFormat(cmd.OutOrStdout(), output)
		if err != nil {
			return err
		}
		if format == outCSV {
			return usagef("a request is no table: want -o table for text, ndjson or json")
		}
		if err := r.connect(); err != nil {
			return err
		}
		var answer struct{ Request keptJSON }
		path := "/api/v1/requests/" + url.PathEscape(args[0]) + "?node=" + url.QueryEscape(node)
		if err := r.call(cmd.Context(), http.MethodGet, path, nil, &answer); err != nil {
			return err
		}
		if format != outTable {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), escaped(answer.Request.Request))
			return err
		}
		c, err := answer.Request.copy()
		if err != nil {
			return err
		}
		return writeRequest(bufio.NewWriter(cmd.OutOrStdout()), c)
	}
	return cmd
}

// escaped returns JSON of the same value in which nothing can steer a terminal.
func escaped(text json.RawMessage) string {
	var b strings.Builder
	for _, r := range string(text) {
		if sheet.Visible(r) != r && r < 1<<16 {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// writeRequest prints a request as text that cannot steer a terminal.
func writeRequest(w *bufio.Writer, c *kept.Copy) error {
	q := &c.Request
	fmt.Fprintf(w, "%s %s %s\n", printable(q.Method), printable(q.URI), printable(q.Proto))
	for _, h := range q.Headers {
		fmt.Fprintf(w, "%s: %s\n", printable(h[0]), printable(h[1]))
	}
	fmt.Fprintf(w, "\n%s", strings.Map(sheet.Visible, string(q.Body)))
	if len(q.Body) > 0 {
		fmt.Fprintln(w)
	}
	if cut := c.BodyBytes - int64(len(q.Body)); cut > 0 {
		fmt.Fprintf(w, "(%d more bytes were not kept)\n", cut)
	}
	return w.Flush()
}
