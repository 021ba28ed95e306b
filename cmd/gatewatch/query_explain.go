package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/api"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// explainPage is how many events an explained search looks for unless its query
// has a limit.
const explainPage = 100

// explain prints how a query is answered.
func (f *queryFlags) explain(cmd *cobra.Command, q *query.Query, text string) error {
	format, err := outputFormat(cmd.OutOrStdout(), f.output)
	if err != nil {
		return err
	}
	if format == outCSV {
		return usagef("--explain has no CSV: use -o table or json")
	}
	raw, err := f.explanation(cmd, q, text)
	if err != nil {
		return err
	}
	var x answerExplained
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	x.Stats.warn(cmd)
	out := cmd.OutOrStdout()
	if format != outTable {
		_, err = fmt.Fprintf(out, "%s\n", raw)
	} else {
		err = x.print(out)
	}
	if err != nil {
		return err
	}
	return x.Stats.whole()
}

// explanation returns the explanation as REST shows it.
func (f *queryFlags) explanation(cmd *cobra.Command, q *query.Query, text string) (json.RawMessage, error) {
	if f.archive != "" {
		return nil, usagef("--explain: archives are read whole, give --server or --data")
	}
	if f.data == "" {
		if err := f.connect(); err != nil {
			return nil, err
		}
		var raw json.RawMessage
		err := f.call(cmd.Context(), http.MethodPost, "/api/v1/explain", map[string]any{"query": text, "from": f.from, "to": f.to, "page_size": explainPage}, &raw)
		return raw, err
	}
	var resp *gatewatchv1.ExplainResponse
	err := f.onStore(cmd, func(ctx context.Context, s *store.Columnar, r timeRange) error {
		x, err := s.Explain(ctx, store.ExplainRequest{Query: q, From: r.from, To: r.to, PageSize: explainPage})
		if err == nil {
			resp = api.NewExplainResponse(x)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return api.JSON(resp), nil
}

// answerExplained is an ExplainResponse as REST shows it.
type answerExplained struct {
	Plan struct {
		Filter   string   `json:"filter"`
		Pipes    []string `json:"pipes"`
		From     string   `json:"from_time"`
		To       string   `json:"to_time"`
		Strategy string   `json:"strategy"`
		Fields   []string `json:"fields"`
		Cores    int      `json:"cores"`
	} `json:"plan"`
	Segments readCount `json:"segments"`
	Blocks   readCount `json:"blocks"`
	Skipped  []struct {
		Reason   string `json:"reason"`
		Segments uint64 `json:"segments"`
		Blocks   uint64 `json:"blocks"`
		Rows     uint64 `json:"rows"`
		LookedAt bool   `json:"looked_at"`
	} `json:"skipped"`
	Memory struct {
		Blocks  uint64 `json:"blocks"`
		Rows    uint64 `json:"rows"`
		Looked  uint64 `json:"looked_at"`
		Applied uint64 `json:"applied_offset"`
		Written uint64 `json:"written_offset"`
	} `json:"memory"`
	Columns []struct {
		Name    string `json:"name"`
		Blocks  uint64 `json:"blocks"`
		Hits    uint64 `json:"cache_hits"`
		Misses  uint64 `json:"cache_misses"`
		Read    uint64 `json:"bytes_read"`
		Decoded uint64 `json:"bytes_decoded"`
	} `json:"columns"`
	Stages []struct {
		Stage string `json:"stage"`
		Time  string `json:"time"`
	} `json:"stages"`
	Stats searchStats `json:"stats"`
}

type readCount struct {
	All        uint64 `json:"all"`
	LookedAt   uint64 `json:"looked_at"`
	Matched    uint64 `json:"matched"`
	Rows       uint64 `json:"rows"`
	LookedRows uint64 `json:"looked_rows"`
}

// print writes an explanation for people.
func (x *answerExplained) print(w io.Writer) error {
	b := bufio.NewWriter(w)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(b, "%-10s %s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	line("filter", "%s", x.Plan.Filter)
	for _, p := range x.Plan.Pipes {
		line("pipe", "%s", p)
	}
	from, to := x.Plan.From, x.Plan.To
	if from == "" {
		from = "the oldest event"
	}
	if to == "" {
		to = "the newest"
	}
	line("range", "%s to %s", from, to)
	line("strategy", "%s; %d cores", x.Plan.Strategy, x.Plan.Cores)
	if len(x.Plan.Fields) > 0 {
		line("fields", "%s", strings.Join(x.Plan.Fields, ", "))
	}
	line("segments", "%d, looked at %d, matched in %d", x.Segments.All, x.Segments.LookedAt, x.Segments.Matched)
	line("blocks", "%d, looked at %d, matched in %d", x.Blocks.All, x.Blocks.LookedAt, x.Blocks.Matched)
	for _, s := range x.Skipped {
		what := "skipped"
		if s.LookedAt {
			what = "no match"
		}
		whole := ""
		if s.Segments > 0 {
			whole = fmt.Sprintf(", %d whole segments", s.Segments)
		}
		line(what, "%s: %d blocks, %d rows%s", s.Reason, s.Blocks, s.Rows, whole)
	}
	line("rows", "%d, looked at %d, matched %d", x.Blocks.Rows, x.Blocks.LookedRows, x.Stats.Matched)
	line("memory", "%d blocks, %d rows, looked at %d", x.Memory.Blocks, x.Memory.Rows, x.Memory.Looked)
	if x.Memory.Written > x.Memory.Applied {
		line("queue", "offsets %d to %d are in no segment yet", x.Memory.Applied, x.Memory.Written)
	}
	for _, s := range x.Stages {
		took := s.Time
		if d, err := time.ParseDuration(took); err == nil {
			took = d.String()
		}
		line("time", "%s %s", s.Stage, took)
	}
	fmt.Fprintln(b)
	t := newTable(b, outTable, []string{"column", "blocks", "cache hits", "misses", "bytes read", "decoded"})
	t.width = terminalWidth(w)
	for _, c := range x.Columns {
		row := []string{c.Name}
		for _, n := range []uint64{c.Blocks, c.Hits, c.Misses, c.Read, c.Decoded} {
			row = append(row, fmt.Sprint(n))
		}
		if err := t.Write(row); err != nil {
			return err
		}
	}
	return t.Close()
}
