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

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/api"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

type fieldsFlags struct {
	queryFlags
	prefix     string
	top, limit int
}

func newFields() *cobra.Command {
	var f fieldsFlags
	cmd := &cobra.Command{
		Use:   "fields [--server URL | --data DIR] [--from T] [--to T] [FILTER]",
		Short: "Show which fields events have, with coverage and top values",
		Long: `Shows the fields of the events that match, those of the most events first: the types
of their values, how many events have the field and which share that is, how many
different values there are, and the most frequent ones.

Of more than about 500,000 events whole blocks are looked at that are spread evenly
over the time range, and that is said. Different values are counted exactly up to
40,000, then within 2 % (shown as ~N). A count of a value that may be too low is
shown as N+.`,
		Example: `  gatewatch fields
  gatewatch fields 'event.dataset: coraza.waf' --from now-1d --prefix waf.
  gatewatch fields --top 20 --prefix url. -o ndjson`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one filter; quote it for the shell")
			}
			return nil
		},
	}
	addTarget(cmd, &f.remote, &f.data, "data folder to read, instead of --server")
	addConfig(cmd, &f.config)
	addRange(cmd, &f.from, &f.to)
	cmd.Flags().StringVar(&f.prefix, "prefix", "", "only fields whose names begin so")
	cmd.Flags().IntVar(&f.top, "top", 5, "how many values to show of each field, 100 at most")
	cmd.Flags().IntVar(&f.limit, "limit", 200, "how many fields to show, 0 for all")
	addOutput(cmd, &f.output)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.run(cmd, strings.Join(args, ""))
	}
	return cmd
}

func (f *fieldsFlags) run(cmd *cobra.Command, text string) error {
	if _, err := outputFormat(cmd.OutOrStdout(), f.output); err != nil {
		return err
	}
	if f.top < 0 || f.top > 100 || f.limit < 0 {
		return usagef("want --top from 0 to 100 and no negative --limit")
	}
	q, err := query.Parse(text, time.Now())
	if err != nil {
		return usageError{err}
	}
	for _, p := range q.Pipes {
		if _, ok := p.(*query.Where); !ok {
			return usagef("fields takes a filter, without | %s", p)
		}
	}
	if err := checkRange(f.from, f.to); err != nil {
		return err
	}
	list, err := f.list(cmd, q, text)
	if err != nil {
		return err
	}
	list.Stats.warn(cmd)
	if list.Sampled {
		fmt.Fprintf(cmd.ErrOrStderr(), "sampled: %d of %d events were looked at\n", list.Events, list.Matched)
	}
	if more := list.Total - len(list.Fields); more > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d more fields are not shown; use --prefix or --limit 0\n", more)
	}
	if err := f.print(cmd, list); err != nil {
		return err
	}
	return list.Stats.whole()
}

// fieldPage is a ListFieldsResponse as REST shows it.
type fieldPage struct {
	Fields  []json.RawMessage `json:"fields"`
	Next    string            `json:"next_page_token"`
	Total   int               `json:"total"`
	Matched uint64            `json:"matched"`
	Events  uint64            `json:"events"`
	Sampled bool              `json:"sampled"`
	Stats   searchStats       `json:"stats"`
}

// list asks a server page by page, or the store of a data folder.
func (f *fieldsFlags) list(cmd *cobra.Command, q *query.Query, text string) (*fieldPage, error) {
	if f.data != "" {
		return f.listLocal(cmd, q)
	}
	if err := f.connect(); err != nil {
		return nil, err
	}
	top := f.top
	if top == 0 {
		top = -1 // none
	}
	var all fieldPage
	for token := ""; ; {
		var page fieldPage
		size := 200
		if f.limit > 0 {
			size = min(size, f.limit-len(all.Fields))
		}
		values := url.Values{
			"query": {text}, "from": {f.from}, "to": {f.to}, "prefix": {f.prefix}, "page_token": {token},
			"top": {strconv.Itoa(top)}, "page_size": {strconv.Itoa(size)},
		}
		if err := f.call(cmd.Context(), http.MethodGet, "/api/v1/fields?"+values.Encode(), nil, &page); err != nil {
			return nil, err
		}
		page.Fields = append(all.Fields, page.Fields...)
		page.Stats.join(all.Stats)
		all = page
		if token = page.Next; token == "" || f.limit > 0 && len(all.Fields) >= f.limit {
			return &all, nil
		}
	}
}

func (f *fieldsFlags) listLocal(cmd *cobra.Command, q *query.Query) (*fieldPage, error) {
	var resp *gatewatchv1.ListFieldsResponse
	err := f.onStore(cmd, func(ctx context.Context, s *store.Columnar, r timeRange) error {
		l, err := s.Fields(ctx, store.FieldsRequest{Query: q, From: r.from, To: r.to, Prefix: f.prefix, Top: f.top, Size: f.limit})
		if err == nil {
			resp = api.NewListFieldsResponse(l)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var page fieldPage
	return &page, json.Unmarshal(api.JSON(resp), &page)
}

// print writes the fields: one object each, or a table.
func (f *fieldsFlags) print(cmd *cobra.Command, list *fieldPage) error {
	out := cmd.OutOrStdout()
	format, err := outputFormat(out, f.output)
	if err != nil {
		return err
	}
	if format == outJSON || format == outNDJSON {
		b := bufio.NewWriter(out)
		if format == outJSON {
			all, err := json.Marshal(list.Fields)
			if err != nil {
				return err
			}
			b.Write(append(all, '\n'))
			return b.Flush()
		}
		for _, raw := range list.Fields {
			b.Write(append(raw, '\n'))
		}
		return b.Flush()
	}
	t := newTable(bufio.NewWriter(out), format, []string{"field", "types", "events", "coverage", "distinct", "top"})
	t.width = terminalWidth(out)
	for _, raw := range list.Fields {
		row, err := fieldRow(raw)
		if err != nil {
			return err
		}
		if err := t.Write(row); err != nil {
			return err
		}
	}
	return t.Close()
}

// fieldRow is a field as a row of a table.
func fieldRow(raw json.RawMessage) ([]string, error) {
	var s struct {
		Name     string   `json:"name"`
		Types    []string `json:"types"`
		Events   uint64   `json:"events"`
		Coverage float64  `json:"coverage"`
		Distinct uint64   `json:"distinct"`
		Exact    bool     `json:"distinct_exact"`
		Short    uint64   `json:"top_short"`
		Top      []struct {
			Value json.RawMessage `json:"value"`
			Count uint64          `json:"count"`
			Cut   bool            `json:"cut"`
		} `json:"top"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	distinct, more := fmt.Sprint(s.Distinct), ""
	if !s.Exact {
		distinct = "~" + distinct
	}
	if s.Short > 0 {
		more = "+"
	}
	top := make([]string, len(s.Top))
	for i, v := range s.Top {
		text := plain(v.Value)
		if v.Cut {
			text += "…"
		}
		top[i] = fmt.Sprintf("%s (%d%s)", text, v.Count, more)
	}
	share := strconv.FormatFloat(100*s.Coverage, 'f', 1, 64) + "%"
	return []string{s.Name, strings.Join(s.Types, ","), fmt.Sprint(s.Events), share, distinct, strings.Join(top, ", ")}, nil
}
