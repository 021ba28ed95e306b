package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// whatIfCurve is the curve of a site of the REST API.
type whatIfCurve struct {
	Site      string       `json:"site"`
	Paranoia  int          `json:"paranoia"`
	Threshold int          `json:"threshold"`
	N         int          `json:"n"`
	Requests  int          `json:"n_requests"`
	Points    []whatIfLine `json:"points"`
	Why       string       `json:"why"`
}

// printCurves prints the points of curves, and tells people what they rest on.
func printCurves(cmd *cobra.Command, format string, curves []whatIfCurve, leftOut string, warnings []string) error {
	warn(cmd, warnings)
	if leftOut != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "requests left out: %s\n", printable(leftOut))
	}
	var lines []whatIfLine
	for _, c := range curves {
		if c.Why != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "site %s: %s\n", printable(c.Site), printable(c.Why))
			continue
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "site %s: %d requests judged, for %d; in use are paranoia level %d and threshold %d\n", printable(c.Site), c.N, c.Requests, c.Paranoia, c.Threshold)
		for _, p := range c.Points {
			p.Site = c.Site
			lines = append(lines, p)
		}
	}
	if len(curves) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no requests")
		return nil
	}
	return printWhatIf(cmd, format, lines)
}

// runWhatIfFolder judges the requests that a data folder holds, once its audit log
// tells of it.
func runWhatIfFolder(cmd *cobra.Command, f *whatIfFlags, format string) error {
	span, err := readRange(f.from, f.to)
	if err != nil {
		return err
	}
	detail := map[string]string{
		"site": f.site, "from": leafTime(span.from), "to": leafTime(span.to), "thresholds": fmt.Sprint(f.thresholds),
	}
	return withKept(cmd, f.data, f.config, "what-if", detail, func(db *state.DB, live tuning.Live) error {
		levels, err := levelsInUse(cmd.Context(), db)
		if err != nil {
			return err
		}
		live.Levels = levels
		tell, clear := progressOf(cmd)
		found, err := live.WhatIf(cmd.Context(), tuning.WhatIf{Site: f.site, From: span.from, To: span.to, Thresholds: f.thresholds, Limit: f.limit}, tell)
		clear()
		if err != nil {
			return err
		}
		curves := make([]whatIfCurve, len(found.Sites))
		for i := range found.Sites {
			curves[i] = newWhatIfCurve(&found.Sites[i])
		}
		return printCurves(cmd, format, curves, found.LeftOut.String(), found.Partial)
	})
}

func newWhatIfCurve(c *tuning.SiteCurve) whatIfCurve {
	labelled := func(x tuning.LabelledShare) whatIfRate {
		r := newWhatIfRate(x.Estimate)
		r.N, r.Effective = x.N, x.Effective
		return r
	}
	out := whatIfCurve{Site: c.Site, Paranoia: c.Settings.Paranoia, Threshold: c.Settings.InboundThreshold, N: c.N, Requests: c.Requests, Why: c.Why}
	for _, p := range c.Points {
		b := p.Blocked
		out.Points = append(out.Points, whatIfLine{
			Paranoia: p.Paranoia, Threshold: p.Threshold, FalsePositive: labelled(p.FalsePositive), Missed: labelled(p.Missed),
			Blocked: whatIfRate{Estimate: &b.Value, Low: &b.Low, High: &b.High, N: b.N, Effective: b.Effective},
		})
	}
	return out
}

// whatIfJob is a job of the REST API.
type whatIfJob struct {
	Start    string        `json:"start_time"`
	End      string        `json:"end_time"`
	Stage    string        `json:"stage"`
	Done     int           `json:"done"`
	Total    int           `json:"total"`
	Curves   []whatIfCurve `json:"curves"`
	LeftOut  string        `json:"left_out"`
	Warnings []string      `json:"warnings"`
	Error    string        `json:"error"`
}

const whatIfPath = "/api/v1/tuning:whatif"

// runWhatIfServer has a server judge, and stops it when the command ends before.
func runWhatIfServer(cmd *cobra.Command, f *whatIfFlags, format string) error {
	if err := f.connect(); err != nil {
		return err
	}
	body := map[string]any{"site": f.site, "from": f.from, "to": f.to, "thresholds": f.thresholds, "limit": f.limit}
	var begun struct{ Job whatIfJob }
	if err := f.call(cmd.Context(), http.MethodPost, whatIfPath, body, &begun); err != nil {
		return err
	}
	job, err := f.awaitWhatIf(cmd, begun.Job.Start)
	if err != nil {
		if cmd.Context().Err() != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), stopWhatIfTime)
			defer cancel()
			path := whatIfPath + "?" + url.Values{"start_time": {begun.Job.Start}}.Encode() // not that of somebody else
			err = errors.Join(err, f.call(ctx, http.MethodDelete, path, nil, &struct{}{}))
		}
		return err
	}
	return printCurves(cmd, format, job.Curves, job.LeftOut, job.Warnings)
}

// stopWhatIfTime is how long the server has to end a job.
const stopWhatIfTime = 10 * time.Second

// awaitWhatIf waits until the job of a server that began then has ended. A server
// remembers one: that of somebody else may take its place before it is looked at.
func (r *remote) awaitWhatIf(cmd *cobra.Command, began string) (*whatIfJob, error) {
	tell, clear := progressOf(cmd)
	defer clear()
	tick := time.NewTicker(jobEach)
	defer tick.Stop()
	for {
		var answer struct{ Job *whatIfJob }
		if err := r.call(cmd.Context(), http.MethodGet, whatIfPath, nil, &answer); err != nil {
			return nil, err
		}
		switch j := answer.Job; {
		case j == nil:
			return nil, errors.New("the server has forgotten the job: it was started again")
		case j.Start != began:
			return nil, errors.New("somebody has begun another what-if since, and the server has forgotten this one: ask again")
		case j.Error != "":
			return nil, fmt.Errorf("draw curves: %s", printable(j.Error))
		case j.End != "":
			return j, nil
		default:
			tell(tuning.Progress{Stage: j.Stage, Done: j.Done, Total: j.Total})
		}
		select {
		case <-cmd.Context().Done():
			return nil, cmd.Context().Err()
		case <-tick.C:
		}
	}
}
