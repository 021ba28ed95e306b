package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// rateJSON is a rate of the REST API.
type rateJSON struct {
	Scope    string   `json:"scope"`
	Rate     string   `json:"rate"`
	Estimate *float64 `json:"estimate"`
	Low      *float64 `json:"lo"`
	High     *float64 `json:"hi"`
	Labels   int      `json:"n_labels"`
	N        int      `json:"n"`
	Drawn    int      `json:"n_drawn"`
	Covered  int      `json:"n_covered"`
	Partial  int      `json:"n_partial"`
	Why      string   `json:"why"`
	Next     []struct {
		ID string `json:"id"`
	} `json:"label_next"`
}

// next says what to label: decisions that were drawn, or why there is no estimate
// and what to do about it.
func (r *rateJSON) next() string {
	ids := make([]string, len(r.Next))
	for i, x := range r.Next {
		ids[i] = x.ID
	}
	next := strings.Join(ids, ",")
	if r.Why == "" || next != "" {
		return next
	}
	if !strings.HasPrefix(r.Why, "not enough labels") && !strings.HasSuffix(r.Why, "of all draws") {
		return r.Why
	}
	return r.Why + "; run gatewatch waf sample --budget 300"
}

// round leaves what people read of figures.
func (r *rateJSON) round() {
	for _, v := range []*float64{r.Estimate, r.Low, r.High} {
		if v != nil {
			*v = rounded(*v)
		}
	}
}

type liveRatesFlags struct {
	remote
	selectionFlags
	by    []string
	limit int
}

// addLive adds the flags of a command that reads a file, or asks a server.
func addLive(cmd *cobra.Command, r *remote, s *selectionFlags) {
	addRemote(cmd, r)
	s.add(cmd)
	cmd.Flags().StringVar(&s.filter, "filter", "", "with --server: a filter of the query language")
}

func (f *liveRatesFlags) add(cmd *cobra.Command) {
	addLive(cmd, &f.remote, &f.selectionFlags)
	cmd.Flags().StringSliceVar(&f.by, "by", nil, "with --server: kinds of scopes, of all, node, site, rule, path; default: all of them")
	cmd.Flags().IntVar(&f.limit, "limit", 10, "with --server: scopes of each kind")
}

func runLiveRates(cmd *cobra.Command, f *liveRatesFlags, output string) error {
	if err := f.connect(); err != nil {
		return err
	}
	format, err := outputFormat(cmd.OutOrStdout(), output)
	if err != nil {
		return err
	}
	v := f.values()
	v["by"] = f.by
	v.Set("limit", fmt.Sprint(f.limit))
	var answer struct {
		Rates    []rateJSON `json:"rates"`
		Unjudged int        `json:"unjudged"`
		LeftOut  int        `json:"scopes_left_out"`
		Warnings []string   `json:"warnings"`
	}
	if err := f.call(cmd.Context(), http.MethodGet, "/api/v1/decisions:rates?"+v.Encode(), nil, &answer); err != nil {
		return err
	}
	rows := make([][]json.RawMessage, len(answer.Rates))
	for i, r := range answer.Rates {
		if format == outTable {
			r.round()
		}
		var err error
		if rows[i], err = jsonRow(r.Scope, r.Rate, r.Estimate, r.Low, r.High, r.Labels, r.N, r.Drawn, r.Covered, r.Partial, r.next()); err != nil {
			return err
		}
	}
	if answer.Unjudged > 0 {
		answer.Warnings = append(answer.Warnings, fmt.Sprintf("%d decisions have no verdict and are left out", answer.Unjudged))
	}
	if answer.LeftOut > 0 {
		answer.Warnings = append(answer.Warnings, fmt.Sprintf("%d scopes are not shown; --limit shows more", answer.LeftOut))
	}
	warn(cmd, answer.Warnings)
	return writeRows(cmd.OutOrStdout(), output, append(rateColumns[:len(rateColumns):len(rateColumns)], "n_drawn", "n_covered", "n_partial", "label_next"), rows)
}

// runLiveSample draws from the decisions of a server, which remembers the draw.
func runLiveSample(cmd *cobra.Command, f *sampleFlags) error {
	if err := f.connect(); err != nil {
		return err
	}
	var answer struct {
		Drawn []struct {
			ID          string  `json:"id"`
			Probability float64 `json:"sample_probability"`
		} `json:"drawn"`
		Candidates int `json:"candidates"`
	}
	body := map[string]any{"budget": f.budget, "seed": f.seed, "filter": f.filter, "from": f.from, "to": f.to}
	if err := f.call(cmd.Context(), http.MethodPost, "/api/v1/decisions:sample", body, &answer); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d decisions drawn; label them with gatewatch waf label\n", len(answer.Drawn), answer.Candidates)
	rows := make([][]json.RawMessage, len(answer.Drawn))
	for i, d := range answer.Drawn {
		var err error
		if rows[i], err = jsonRow(d.ID, d.Probability); err != nil {
			return err
		}
	}
	return writeRows(cmd.OutOrStdout(), f.output, sampleColumns, rows)
}

// warn says on standard error why an answer is not whole.
func warn(cmd *cobra.Command, warnings []string) {
	for _, text := range warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", printable(text))
	}
}

// rounded is a number as people want to read it: to four digits behind the point.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }
