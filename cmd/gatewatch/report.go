package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/report"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

func newReport() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "report",
		Short:   "Make reports to print, and for spreadsheets and programs",
		Example: `  gatewatch report waf --lang zh-CN --out week.html`,
	}
	cmd.AddCommand(newReportWAF())
	return cmd
}

type reportFlags struct {
	remote
	data, config                     string
	from, to, lang, format, fileName string
}

func newReportWAF() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "waf",
		Short: "Report how well the WAFs do, what was tuned, what was attacked, and what to do next",
		Long: `Makes the security report of a time range: block rate, false-positive and
missed-attack rates with 95 % intervals and what they rest on, changes of the rules with
the rates before and after them, top attacks and targets, findings, the state of nodes
and rule sets, and advice on what to change next.

html is one page made for print: no scripts, no requests to anywhere, charts as SVG.
csv has a row a figure and no cell that a spreadsheet takes for a formula. json has the
same names in both languages.

--data reads the data folder of a server, also beside one that runs; whether nodes are
connected is known to a server alone.`,
		Example: `  gatewatch report waf --lang zh-CN --out week.html
  gatewatch report waf --data ./gatewatch-data --from now-30d --out month.csv`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runReportWAF(cmd, &f) },
	}
	addTarget(cmd, &f.remote, &f.data, "data folder to read instead of asking a server")
	addConfig(cmd, &f.config)
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "earliest @timestamp: RFC 3339, a date, or now-7d; default: seven days before --to")
	flags.StringVar(&f.to, "to", "", "end of the range, exclusive; default: now")
	addLang(cmd, &f.lang, "the report")
	flags.StringVar(&f.format, "format", "html", "html, csv or json")
	flags.StringVarP(&f.fileName, "out", "o", "", "file to write; .csv or .json at its end is the format, too; default: standard output")
	return cmd
}

func runReportWAF(cmd *cobra.Command, f *reportFlags) error {
	format, err := f.form(cmd)
	if err != nil {
		return err
	}
	tag, err := languageOf(f.lang)
	if err != nil {
		return err
	}
	language := dashboards.Language(tag)
	span, err := readRange(f.from, f.to)
	if err != nil {
		return err
	}
	var made bytes.Buffer // nothing is written of a report that fails
	if f.data != "" {
		w, err := f.local(cmd, report.Ask{From: span.from, To: span.to, Language: language})
		if err != nil {
			return err
		}
		warn(cmd, w.Partial)
		err = format.Write(&made, w)
		if err != nil {
			return err
		}
	} else if err := f.ask(cmd.Context(), &made, format, language); err != nil {
		return err
	}
	if f.fileName == "" || f.fileName == "-" {
		_, err := made.WriteTo(cmd.OutOrStdout())
		return err
	}
	if err := os.WriteFile(f.fileName, made.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// form is the format that --format names, or the end of the file's name.
func (f *reportFlags) form(cmd *cobra.Command) (report.Format, error) {
	named := cmd.Flags().Changed("format")
	if _, err := report.ParseFormat(f.fileName); err == nil && f.fileName != "" {
		return report.Format{}, usagef("-o names a file here: give --format %s, and a file such as report.%[1]s if you want one", f.fileName)
	}
	if end := strings.TrimPrefix(filepath.Ext(f.fileName), "."); !named && end != "" {
		if format, err := report.ParseFormat(end); err == nil {
			return format, nil
		}
	}
	format, err := report.ParseFormat(f.format)
	if err != nil {
		return format, usagef("--format: %w", err)
	}
	return format, nil
}

// maxReport bounds the file that a server may send.
const maxReport = 64 << 20

// ask takes the report of a server.
func (f *reportFlags) ask(ctx context.Context, out io.Writer, format report.Format, language dashboards.Language) error {
	if err := f.connect(); err != nil {
		return err
	}
	v := url.Values{"format": {format.Name}, "lang": {string(language)}}
	for name, value := range map[string]string{"from": f.from, "to": f.to} {
		if value != "" {
			v.Set(name, value)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server+"/api/v1/reports/waf?"+v.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := f.send(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n, err := io.Copy(out, io.LimitReader(res.Body, maxReport+1))
	if err == nil && n > maxReport {
		err = fmt.Errorf("it is larger than %d bytes", maxReport)
	}
	if err != nil {
		return fmt.Errorf("read report of %s: %w", f.server, err)
	}
	return nil
}

// local makes the report of a data folder.
func (f *reportFlags) local(cmd *cobra.Command, ask report.Ask) (w *report.WAF, err error) {
	q := &queryFlags{data: f.data, config: f.config}
	s, err := q.openLocal(cmd)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // only read
	db, err := state.Open(cmd.Context(), f.data, time.Now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	desk, err := triage.New(triage.Options{Events: s, State: db, Now: time.Now})
	if err != nil {
		return nil, err
	}
	bundles, err := fleet.Open(cmd.Context(), fleet.Options{State: db, Now: time.Now})
	if err != nil {
		return nil, err
	}
	nodes, err := db.Nodes(cmd.Context())
	if err != nil {
		return nil, err
	}
	keeper := proposals.New(proposals.Options{State: db, Fleet: bundles, Now: time.Now, Config: proposals.Config{}.WithDefaults()})
	return report.Make(cmd.Context(), report.Parts{
		Events: s, Desk: desk, State: db, Version: version, Now: time.Now,
		Proposals: func(ctx context.Context, after int64, limit int) ([]*proposals.Proposal, error) {
			return keeper.List(ctx, "", after, limit)
		},
		Rules: func() report.RuleSet { return report.RuleSetOf(bundles.Rollout()) },
		Nodes: func() []report.Node {
			all := make([]report.Node, len(nodes))
			for i, n := range nodes {
				all[i] = report.Node{Name: n.Name, Version: n.Version, RuleSet: n.Ruleset, Sites: n.Sites, Seen: n.Seen}
			}
			return all
		},
	}, ask)
}
