package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
)

type whatIfFlags struct {
	remote
	selectionFlags
	traffic, labels, data, config string
	site, output                  string
	thresholds                    []int
	limit                         int
}

func newWAFWhatIf() *cobra.Command {
	var f whatIfFlags
	cmd := &cobra.Command{
		Use:   "whatif --server URL | --data DIR | --traffic FILE",
		Short: "Tell what other paranoia levels and thresholds would block of a site's traffic, and how often wrongly",
		Long: `Judges requests by Coraza and the Core Rule Set at the paranoia levels 1 to 4, at each
once for all thresholds, and prints for each site, level and threshold which share
would be blocked, and the rates false_positive (blocked legitimate of all legitimate)
and missed (allowed attacks of all attacks), each with its 95 % interval and the number
of requests and labels it rests on. The requests should be all of a site's traffic or a
random sample of it; the intervals are those of the traffic. Where the labels do not
suffice, a rate is null and "why" says so.

With --server or --data the requests are those that nodes have kept, judged under the
exclusions in use: all that were blocked, and of the others some, each of which counts
for as many as it stands for. "n_effective" is how many requests would tell as much if
all were drawn alike; labels are those given to decisions. A server judges by itself,
and stops when this command does.

--labels has what people say of requests: id, label (attack or legit) and, of those
that gatewatch waf sample drew, the sample_probability that was printed for them. A
label without it counts for itself and says nothing of other requests.`,
		Example: `  gatewatch waf whatif --server http://127.0.0.1:8080 --from now-7d --site shop -o table
  gatewatch waf whatif --traffic yesterday.ndjson.gz --labels reviewed.ndjson -o table
  gatewatch waf whatif --traffic yesterday.ndjson.gz --site shop --thresholds 5,10,25`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWAFWhatIf(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.traffic, "traffic", "", "requests of the sites, one JSON object a line")
	flags.StringVar(&f.data, "data", "", "data folder whose kept requests are taken")
	flags.StringVar(&f.config, "config", "", "with --data: configuration file of the server, for its master key")
	flags.IntVar(&f.limit, "limit", 0, "with --server and --data: requests of a site that are judged at most; of more, a random part; default 6000")
	flags.StringVar(&f.labels, "labels", "", `what people say of some of them: {"id","label","sample_probability"}`)
	flags.StringVar(&f.site, "site", "", "only the requests of this site")
	flags.IntSliceVar(&f.thresholds, "thresholds", []int{5, 7, 10, 15, 20}, "inbound anomaly scores from which on a request is blocked")
	addRemote(cmd, &f.remote)
	f.add(cmd)
	addOutput(cmd, &f.output)
	return cmd
}

// validate checks the flags.
func (f *whatIfFlags) validate(cmd *cobra.Command) error {
	given := 0
	for _, is := range []bool{f.traffic != "", f.data != "", asksKept(cmd, f.traffic, f.data)} {
		if is {
			given++
		}
	}
	kept := tuning.WhatIf{Thresholds: f.thresholds, Limit: f.limit}
	switch {
	case given != 1:
		return usagef("give one of --traffic, --server (or GATEWATCH_SERVER) and --data")
	case len(f.thresholds) == 0 || len(f.thresholds) > 100 || slices.Min(f.thresholds) < 1:
		return usagef("--thresholds: want 1 to 100 numbers, each at least 1")
	case f.traffic == "" && f.labels != "":
		return usagef("--labels is for --traffic: elsewhere labels are those given to decisions")
	case f.traffic != "" && (f.from != "" || f.to != "" || f.limit != 0):
		return usagef("--from, --to and --limit are for --server and --data")
	case f.traffic == "" && kept.Check() != nil:
		return usagef("--%w", kept.Check())
	}
	return nil
}

func runWAFWhatIf(cmd *cobra.Command, f *whatIfFlags) error {
	format, err := outputFormat(cmd.OutOrStdout(), f.output)
	if err != nil {
		return err
	}
	if err := f.validate(cmd); err != nil {
		return err
	}
	switch {
	case f.data != "":
		return runWhatIfFolder(cmd, f, format)
	case f.traffic == "":
		return runWhatIfServer(cmd, f, format)
	}
	labels := map[string]labelled{}
	if f.labels != "" {
		err := eachLabel(cmd, f.labels, func(l *labelLine, truth verdict.Truth) {
			for _, id := range []string{l.ID, l.EventID, l.Request} {
				if id != "" {
					labels[id] = labelled{truth, l.Probability}
				}
			}
		})
		if err != nil {
			return err
		}
	}
	levels, err := waf.CompileLevels(waf.CorpusSettings())
	if err != nil {
		return err
	}
	defer func() { _ = levels.Close() }() // the program ends
	model, err := verdict.Default()
	if err != nil {
		return err
	}
	r := &whatIfReader{flags: f, levels: levels, model: model, labels: labels, sites: map[string][]tuning.Observed{}}
	if err := r.read(cmd); err != nil {
		return err
	}
	if len(r.sites) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no requests")
		return nil
	}
	return r.print(cmd, format)
}

// labelled is what a person says of a request, and how it was drawn.
type labelled struct {
	truth       verdict.Truth
	probability float64
}

// whatIfReader judges requests; what it keeps of them is no more than numbers.
type whatIfReader struct {
	flags  *whatIfFlags
	levels *waf.Levels
	model  *verdict.Model
	labels map[string]labelled

	mu    sync.Mutex
	sites map[string][]tuning.Observed
}

// read judges the requests of the file on all processors.
func (r *whatIfReader) read(cmd *cobra.Command) error {
	group, ctx := errgroup.WithContext(cmd.Context())
	group.SetLimit(runtime.GOMAXPROCS(0))
	n, clear := 0, func() {}
	err := eachRequest(cmd, r.flags.traffic, func(q *verdict.Request) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.flags.site != "" && q.Site != r.flags.site {
			return nil
		}
		if n++; n%200 == 0 {
			clear = progressBar(cmd, fmt.Sprintf("%d requests judged at %d levels", n, waf.MaxParanoia))
		}
		one := *q
		r.mu.Lock()
		place := len(r.sites[q.Site]) // in the order of the file, so that sums are the same each time
		r.sites[q.Site] = append(r.sites[q.Site], tuning.Observed{})
		r.mu.Unlock()
		group.Go(func() error { return r.judge(ctx, &one, place) })
		return nil
	})
	if e := group.Wait(); e != nil {
		err = e
	}
	clear()
	return err
}

func (r *whatIfReader) judge(ctx context.Context, q *verdict.Request, place int) error {
	g, err := r.levels.Judge(ctx, q)
	if err != nil {
		return fmt.Errorf("judge request %q: %w", q.ID, err)
	}
	in := verdict.Input{Request: q, Block: g.Own.Block, Score: g.Own.Score, Rules: g.Own.Scoring, Matches: verdictMatches(g.Own.Matches)}
	l := r.labels[q.ID]
	o := tuning.Observed{Grades: g.Grades, Decided: verdict.Decided{PAttack: r.model.Score(nil, in).PAttack, Truth: l.truth, Probability: l.probability}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sites[q.Site][place] = o
	return nil
}

// whatIfLine is one line of output: a point of the curve of a site.
type whatIfLine struct {
	Site          string     `json:"site"`
	Paranoia      int        `json:"paranoia"`
	Threshold     int        `json:"threshold"`
	Blocked       whatIfRate `json:"blocked"`
	FalsePositive whatIfRate `json:"false_positive"`
	Missed        whatIfRate `json:"missed"`
}

// whatIfRate is a rate with its 95 % interval; all three are null where why says so.
type whatIfRate struct {
	Estimate *float64 `json:"estimate"`
	Low      *float64 `json:"lo"`
	High     *float64 `json:"hi"`
	Labels   *int     `json:"n_labels,omitempty"`
	N        int      `json:"n"`
	// Effective is of kept requests alone.
	Effective float64 `json:"n_effective,omitempty"`
	Why       string  `json:"why,omitempty"`
}

func newWhatIfRate(e verdict.Estimate) whatIfRate {
	r := whatIfRate{Labels: &e.Labels, N: e.Decisions, Why: e.Why}
	if e.Enough {
		r.Estimate, r.Low, r.High = &e.Value, &e.Low, &e.High
	}
	return r
}

// cell is the rate for people, with what it rests on.
func (r *whatIfRate) cell() string {
	if r.Estimate == nil {
		return r.Why
	}
	text := fmt.Sprintf("%.2f %% (%.2f to %.2f %%, n %d", 100**r.Estimate, 100**r.Low, 100**r.High, r.N)
	if r.Labels != nil {
		text += fmt.Sprintf(", %d labels", *r.Labels)
	}
	return text + ")"
}

func (r *whatIfReader) print(cmd *cobra.Command, format string) error {
	var lines []whatIfLine
	for _, site := range slices.Sorted(maps.Keys(r.sites)) {
		points, err := tuning.Curve(cmd.Context(), slices.Compact(slices.Sorted(slices.Values(r.flags.thresholds))), r.sites[site])
		if err != nil {
			return fmt.Errorf("site %q: %w", site, err)
		}
		for _, p := range points {
			b := p.Blocked
			lines = append(lines, whatIfLine{
				Site: site, Paranoia: p.Paranoia, Threshold: p.Threshold, FalsePositive: newWhatIfRate(p.FalsePositive.Estimate), Missed: newWhatIfRate(p.Missed.Estimate),
				Blocked: whatIfRate{Estimate: &b.Value, Low: &b.Low, High: &b.High, N: b.N},
			})
		}
	}
	return printWhatIf(cmd, format, lines)
}

func printWhatIf(cmd *cobra.Command, format string, lines []whatIfLine) error {
	w := bufio.NewWriter(cmd.OutOrStdout())
	write, done := jsonLines[whatIfLine](w, format)
	if format == outTable || format == outCSV {
		t := newTable(w, format, []string{"site", "paranoia", "threshold", "blocked", "false_positive", "missed"})
		t.width = terminalWidth(cmd.OutOrStdout())
		write = func(l *whatIfLine) error {
			return t.Write([]string{l.Site, strconv.Itoa(l.Paranoia), strconv.Itoa(l.Threshold), l.Blocked.cell(), l.FalsePositive.cell(), l.Missed.cell()})
		}
		done = t.Close
	}
	for i := range lines {
		if err := write(&lines[i]); err != nil {
			return err
		}
	}
	return done()
}
