package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// selectionFlags say which decisions of a server a command is about.
type selectionFlags struct {
	from, to, filter string
	unlabelled       bool
}

func (f *selectionFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.from, "from", "", "start of the time range: RFC 3339, a date, or now-1h; default: everything stored")
	cmd.Flags().StringVar(&f.to, "to", "", "end of the time range, exclusive")
}

func (f *selectionFlags) values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"from": f.from, "to": f.to, "filter": f.filter} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if f.unlabelled {
		v.Set("unlabelled", "true")
	}
	return v
}

type decisionsFlags struct {
	remote
	selectionFlags
	output string
	order  string
	kind   string
	group  bool
	limit  int
}

func newWAFDecisions() *cobra.Command {
	var f decisionsFlags
	cmd := &cobra.Command{
		Use:   "decisions [FILTER]",
		Short: "List decisions of a server's WAFs, or groups of them, the likeliest to be wrong first",
		Long: `Lists the decisions of WAFs that a server has stored. A filter is one of the query
language, over the fields of events.

--order newest (default), wrong (the likeliest to be wrong), false_positive (blocks),
missed (allowed requests) or uncertain; all but newest go up to 2,000 decisions.

--group lists groups of decisions that are alike: by site, path (numbers and other
ids are {id}), rule and variable. --order is then false_positives (default: the most
false positives, weighted by how many clients they hit), missed or count.
expected_wrong is how many of its decisions are expected to be wrong; --kind pattern, policy or clean tells rules for
attacks from those for protocol and methods.`,
		Example: `  gatewatch waf decisions --group --from now-24h
  gatewatch waf decisions --order false_positive --unlabelled 'waf.site: shop'
  gatewatch waf decisions --group --order missed -o csv`,
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
	cmd.Flags().BoolVar(&f.group, "group", false, "list groups of decisions that are alike")
	cmd.Flags().StringVar(&f.order, "order", "", "what comes first")
	cmd.Flags().StringVar(&f.kind, "kind", "", "with --group: pattern, policy or clean")
	cmd.Flags().BoolVar(&f.unlabelled, "unlabelled", false, "leave out decisions that have a label")
	cmd.Flags().IntVar(&f.limit, "limit", 20, "how many; 0 lists all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.filter = strings.Join(args, "")
		return runWAFDecisions(cmd, &f)
	}
	return cmd
}

func runWAFDecisions(cmd *cobra.Command, f *decisionsFlags) error {
	if f.limit < 0 {
		return usagef("--limit must not be negative")
	}
	if f.kind != "" && !f.group {
		return usagef("--kind is for --group; without it, filter: verdict.kind: %s", f.kind)
	}
	if _, err := outputFormat(cmd.OutOrStdout(), f.output); err != nil {
		return err
	}
	if err := f.connect(); err != nil {
		return err
	}
	v := f.values()
	if f.order != "" {
		v.Set("order_by", f.order)
	}
	if f.kind != "" {
		v.Set("kind", f.kind)
	}
	var rows [][]json.RawMessage
	var err error
	columns := decisionColumns
	if f.group {
		columns = decisionGroupColumns
		rows, err = pagedRows(cmd, &f.remote, "/api/v1/decisions:groups", v, f.limit, decisionGroupRow)
	} else {
		rows, err = pagedRows(cmd, &f.remote, "/api/v1/decisions", v, f.limit, decisionRow)
	}
	if err != nil {
		return err
	}
	return writeRows(cmd.OutOrStdout(), f.output, columns, rows)
}

// listPage is a page of decisions or groups of the REST API.
type listPage[T any] struct {
	Decisions json.RawMessage `json:"decisions"` // a number in a page of groups
	Groups    []T             `json:"groups"`
	Next      string          `json:"next_page_token"`
	Warnings  []string        `json:"warnings"`
}

// pagedRows reads up to limit rows of a list, all if it is 0. Warnings go to
// standard error.
func pagedRows[T any](cmd *cobra.Command, r *remote, path string, v url.Values, limit int, row func(*T) ([]json.RawMessage, error)) ([][]json.RawMessage, error) {
	var rows [][]json.RawMessage
	for {
		size := 1000
		if limit > 0 {
			size = min(size, limit-len(rows))
		}
		v.Set("page_size", strconv.Itoa(size))
		items, page, err := readPage[T](cmd.Context(), r, path+"?"+v.Encode())
		if err != nil {
			return nil, err
		}
		for i := range items {
			cells, err := row(&items[i])
			if err != nil {
				return nil, err
			}
			rows = append(rows, cells)
		}
		warn(cmd, page.Warnings)
		if page.Next == "" || len(rows) == limit {
			return rows, nil
		}
		v.Set("page_token", page.Next)
	}
}

func readPage[T any](ctx context.Context, r *remote, path string) ([]T, *listPage[T], error) {
	page := &listPage[T]{}
	if err := r.call(ctx, http.MethodGet, path, nil, page); err != nil {
		return nil, nil, err
	}
	if page.Groups != nil {
		return page.Groups, page, nil
	}
	var items []T
	if len(page.Decisions) > 0 && page.Decisions[0] == '[' {
		if err := json.Unmarshal(page.Decisions, &items); err != nil {
			return nil, nil, err
		}
	}
	return items, page, nil
}

// decisionJSON is a decision of the REST API.
type decisionJSON struct {
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Time     time.Time `json:"time"`
	Site     string    `json:"site"`
	Client   string    `json:"client"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Decision string    `json:"decision"`
	Rules    []string  `json:"rules"`
	PAttack  *float64  `json:"p_attack"`
	PNow     *float64  `json:"p_attack_now"`
	PWrong   *float64  `json:"p_wrong"`
	Kind     string    `json:"kind"`
	Label    string    `json:"label"`
	Request  string    `json:"request_id"`
	Kept     float64   `json:"kept_probability"`
	Evidence []struct {
		Name   string  `json:"name"`
		Weight float64 `json:"weight"`
		Detail string  `json:"detail"`
	} `json:"evidence"`
}

var decisionColumns = []string{
	"id", "time", "decision", "p_wrong", "p_attack", "site", "method", "path", "rules", "kind", "client", "label", "evidence", "source", "request_id", "kept_probability",
}

func decisionRow(d *decisionJSON) ([]json.RawMessage, error) {
	evidence := ""
	if len(d.Evidence) > 0 {
		evidence = d.Evidence[0].Name + ": " + d.Evidence[0].Detail
	}
	return jsonRow(d.ID, d.Time.UTC().Format(time.RFC3339Nano), d.Decision, d.PWrong, d.PAttack, d.Site, d.Method, d.Path,
		strings.Join(d.Rules, ","), d.Kind, d.Client, d.Label, evidence, d.Source, d.Request, d.Kept)
}

// decisionGroupJSON is a group of decisions of the REST API.
type decisionGroupJSON struct {
	Site     string  `json:"site"`
	Path     string  `json:"path_template"`
	Rule     string  `json:"rule"`
	Variable string  `json:"variable"`
	Kind     string  `json:"kind"`
	Decision string  `json:"decision"`
	N        int64   `json:"n"`
	Clients  int64   `json:"clients"`
	Expected float64 `json:"expected_wrong"`
	Impact   float64 `json:"impact"`
	PAttack  float64 `json:"p_attack"`
	Share    float64 `json:"share_of_blocks"`
	Labels   []struct {
		Label string `json:"label"`
		N     int64  `json:"n"`
	} `json:"labels"`
	Examples []struct {
		ID string `json:"id"`
	} `json:"examples"`
}

var decisionGroupColumns = []string{
	"expected_wrong", "n", "clients", "decision", "kind", "site", "path", "rule", "variable", "p_attack", "share_of_blocks", "labels", "example", "impact",
}

func decisionGroupRow(g *decisionGroupJSON) ([]json.RawMessage, error) {
	var labels []string
	for _, l := range g.Labels {
		labels = append(labels, l.Label+" "+strconv.FormatInt(l.N, 10))
	}
	example := ""
	if len(g.Examples) > 0 {
		example = g.Examples[0].ID
	}
	return jsonRow(rounded(g.Expected), g.N, g.Clients, g.Decision, g.Kind, g.Site, g.Path, g.Rule, g.Variable, rounded(g.PAttack),
		rounded(g.Share), strings.Join(labels, ", "), example, rounded(g.Impact))
}
