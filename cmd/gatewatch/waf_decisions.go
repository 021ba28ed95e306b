package main

import (
	"cmp"
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
	return v
}

type decisionsFlags struct {
	remote
	selectionFlags
	output string
	lang   string
	order  string
	kind   string
	group  bool
	limit  int

	unlabelled, labelled, mixed, drawn bool
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
What has a label comes behind the rest (--mixed: where it would come without one);
--unlabelled leaves it out, --labelled lists it alone.

--drawn lists what gatewatch waf sample has drawn and nobody has labelled yet. As
NDJSON with its labels filled in it is what gatewatch waf label --file reads; what
--labelled lists gatewatch waf tune --labels reads.

--group lists groups of decisions that are alike: by site, path (numbers and other
ids are {id}), rule and variable. --order is then false_positives (default: the most
false positives, weighted by how many clients they hit, which is impact), missed or
count. expected_wrong is how many of its decisions are expected to be wrong, p_attack
the mean of the verdicts, p_attack_now that by all that is known now, labels too.
--kind pattern, policy or clean tells rules for attacks from those for protocol and
methods. A terminal that is too narrow gets the first columns; -o csv has them all.`,
		Example: `  gatewatch waf decisions --group --from now-24h
  gatewatch waf decisions --order false_positive --unlabelled 'waf.site: shop'
  gatewatch waf decisions --group --order missed -o csv
  gatewatch waf decisions --drawn --limit 0 -o ndjson >to-label.ndjson
  gatewatch waf decisions --labelled --limit 0 -o ndjson >labels.ndjson`,
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
	cmd.Flags().BoolVar(&f.labelled, "labelled", false, "only decisions that have a label")
	cmd.Flags().BoolVar(&f.mixed, "mixed", false, "do not put decisions that have a label behind the others")
	cmd.Flags().BoolVar(&f.drawn, "drawn", false, "only decisions that waf sample has drawn and that have no label; with --labelled or --mixed others too")
	cmd.MarkFlagsMutuallyExclusive("unlabelled", "labelled", "mixed")
	cmd.MarkFlagsMutuallyExclusive("group", "drawn")
	addLang(cmd, &f.lang, "the evidence")
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
	lang, err := languageOf(f.lang)
	if err != nil {
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
	if l := f.where(); l != "" {
		v.Set("labelled", l)
	}
	if f.drawn {
		v.Set("drawn", "true")
	}
	var rows [][]json.RawMessage
	columns, need := decisionColumns, decisionNeed
	if f.group {
		columns, need = decisionGroupColumns, groupNeed
		rows, err = pagedRows(cmd, &f.remote, "/api/v1/decisions:groups", v, f.limit, decisionGroupRow)
	} else {
		rows, err = pagedRows(cmd, &f.remote, "/api/v1/decisions", v, f.limit, func(d *decisionJSON) ([]json.RawMessage, error) { return decisionRow(d, lang) })
	}
	if err != nil {
		return err
	}
	return writeLeading(cmd.OutOrStdout(), f.output, columns, need, rows)
}

// where is what becomes of labelled decisions, "" for the default.
func (f *decisionsFlags) where() string {
	switch {
	case f.labelled:
		return "only"
	case f.mixed:
		return "mixed"
	case f.unlabelled, f.drawn:
		return "left_out"
	}
	return ""
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
	Drawn    float64   `json:"sample_probability"`

	Score    int64          `json:"anomaly_score"`
	Node     string         `json:"node"`
	Action   string         `json:"action"`
	Model    string         `json:"model"`
	Dataset  string         `json:"dataset"`
	Evidence []evidenceJSON `json:"evidence"`
	Later    []evidenceJSON `json:"later_evidence"`
}

// evidenceJSON is evidence of the REST API.
type evidenceJSON struct {
	Name     string  `json:"name"`
	Weight   float64 `json:"weight"`
	Detail   string  `json:"detail"`
	NameZh   string  `json:"name_zh"`
	DetailZh string  `json:"detail_zh"`
}

// in is the evidence in a language: its name and what it says.
func (e *evidenceJSON) in(lang string) (name, detail string) {
	if lang == langZh && e.NameZh != "" {
		return e.NameZh, cmp.Or(e.DetailZh, e.Detail)
	}
	return e.Name, e.Detail
}

// What is needed to tell decisions apart, and to name one, comes first.
var decisionColumns = []string{
	"id", "decision", "p_wrong", "p_attack", "p_attack_now", "site", "method", "path", "rules", "label", "evidence", "client", "time", "kind", "source", "request_id",
	"kept_probability", "sample_probability",
}

// decisionNeed and groupNeed are how wide columns of a table want to be at least.
var (
	decisionNeed = []int{20, 8, 7, 8, 12, 8, 6, 12, 8, 8, 24, 12, 20, 7, 10, 20, 16, 18}
	groupNeed    = []int{8, 14, 6, 10, 8, 12, 8, 8, 12, 10, 20, 7, 8, 7, 15, 12}
)

func decisionRow(d *decisionJSON, lang string) ([]json.RawMessage, error) {
	evidence := ""
	if len(d.Evidence) > 0 {
		name, detail := d.Evidence[0].in(lang)
		evidence = name + ": " + detail
	}
	return jsonRow(d.ID, d.Decision, d.PWrong, d.PAttack, cmp.Or(d.PNow, d.PAttack), d.Site, d.Method, d.Path, strings.Join(d.Rules, ","), d.Label,
		evidence, d.Client, d.Time.UTC().Format(time.RFC3339Nano), d.Kind, d.Source, d.Request, d.Kept, orNull(d.Drawn))
}

// orNull is a probability, null for 0: what was not drawn has none.
func orNull(p float64) *float64 {
	if p == 0 {
		return nil
	}
	return &p
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
	PNow     float64 `json:"p_attack_now"`
	Open     int64   `json:"unlabelled"`
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
	"impact", "expected_wrong", "n", "unlabelled", "p_attack", "p_attack_now", "rule", "site", "path", "variable", "example", "clients", "decision", "kind",
	"share_of_blocks", "labels",
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
	return jsonRow(rounded(g.Impact), rounded(g.Expected), g.N, g.Open, rounded(g.PAttack), rounded(g.PNow), g.Rule, g.Site, g.Path, g.Variable, example,
		g.Clients, g.Decision, g.Kind, rounded(g.Share), strings.Join(labels, ", "))
}
