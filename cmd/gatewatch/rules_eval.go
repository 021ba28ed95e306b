package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

type evalFlags struct {
	rulesFlags
	rules     []string
	logsource string
}

func newRulesEval() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval --rules DIR [FILE]",
		Short: "Evaluate rules on events",
		Long: `Reads events as NDJSON from a file or standard input and prints one line of JSON for
each match, in the order of the events: event (the 0-based line), rule (its id, else
its name, else its title) and title; for a correlation group too, at the event that
completes it. A rule that a correlation refers to is printed only with generate: true.
Filters are applied, and an --overlay; --pack adds the rules that come with
Gatewatch. Events are used as they are; field names of rules change only with
--pipeline, and not in rules of taxonomy ecs. Rejected rules go to standard error and
make the exit code 1; the others are evaluated.

By default all rules are evaluated on all events. With --logsource only those are
whose logsource accepts one of the event: the one given, such as
category=webserver,product=nginx, or with --logsource alone those that the event's
product, category and service or its event.dataset name.`,
		Example: `  gatewatch rules eval --rules rules/ events.ndjson
  gatewatch parse --format nginx.access access.log | gatewatch rules eval --rules rules/ --logsource`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1 && f.logsource == "event":
				return usagef("rules eval: name one file of events; a logsource follows an equals sign, as in --logsource=category=webserver")
			case len(args) > 1:
				return usagef("rules eval: name one file of events")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runRulesEval(cmd, f, args) },
	}
	cmd.Flags().StringArrayVar(&f.rules, "rules", nil, "folder of rules, or one file; may be given several times")
	f.add(cmd)
	cmd.Flags().StringVar(&f.logsource, "logsource", "", "evaluate only rules for the events' logsource, or for this one")
	cmd.Flags().Lookup("logsource").NoOptDefVal = "event"
	return cmd
}

func runRulesEval(cmd *cobra.Command, f evalFlags, args []string) error {
	if len(f.rules) == 0 && !f.pack {
		return usagef("rules eval: --rules or --pack is needed")
	}
	options := sigma.Options{}
	var err error
	if options.Route, err = routeFlag(f.logsource); err != nil {
		return err
	}
	built, err := f.build(cmd, f.rules, options)
	if err != nil {
		return err
	}
	warnOfRoute(cmd, f.logsource, built.Engine.Rules(), options)
	reject(cmd, built.Rejected)
	name := "-"
	if len(args) > 0 {
		name = args[0]
	}
	in, err := openInput(cmd, name)
	if err != nil {
		return err
	}
	defer in.Close()
	out := bufio.NewWriter(cmd.OutOrStdout())
	if err := evalEvents(in, built.Ruleset, out); err != nil {
		return errors.Join(err, out.Flush())
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if len(built.Rejected) > 0 {
		return errFindings
	}
	return nil
}

// routeFlag reads --logsource.
func routeFlag(s string) (func([]sigma.Logsource, *event.Event) []sigma.Logsource, error) {
	switch s {
	case "":
		return nil, nil
	case "event":
		return sigma.RouteEvent, nil
	}
	var l sigma.Logsource
	for _, part := range strings.Split(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "category":
			l.Category = value
		case "product":
			l.Product = value
		case "service":
			l.Service = value
		default:
			return nil, usagef("--logsource: unknown member %q; known are category, product and service", name)
		}
	}
	return func(dst []sigma.Logsource, _ *event.Event) []sigma.Logsource { return append(dst, l) }, nil
}

// warnOfRoute says on standard error that no rule is for the one logsource given.
func warnOfRoute(cmd *cobra.Command, given string, list []*sigma.Rule, options sigma.Options) {
	if options.Route == nil || given == "event" {
		return
	}
	l := options.Route(nil, nil)[0]
	if !slices.ContainsFunc(list, func(r *sigma.Rule) bool { return r.Logsource.Accepts(l) }) {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: no rule is for the logsource %s\n", printable(given))
	}
}

// maxEventLine bounds one line of events.
const maxEventLine = 16 << 20

// evalEvents prints the matches of the events of r and the correlations that they
// complete.
func evalEvents(r io.Reader, rules *sigma.Ruleset, out *bufio.Writer) error {
	matcher := rules.Engine.NewMatcher()
	correlator := sigma.NewCorrelator(rules.Links, sigma.CorrelatorConfig{})
	var matches []sigma.Match
	var line []byte
	return eachEvent(r, func(n int, e *event.Event) error {
		line = line[:0]
		matches = matcher.Match(matches[:0], e)
		for _, m := range matches {
			if !rules.Links.Silent(m.Index) {
				line = append(appendMatch(line, n, m.Rule.Key(), m.Rule.Title), "}\n"...)
			}
		}
		correlator.Observe(e, matches, func(f *sigma.Firing) { line = appendFiring(line, n, f) })
		_, err := out.Write(line)
		return err
	})
}

// eachEvent calls f with each event of NDJSON, which is valid until f returns, and its
// 0-based line.
func eachEvent(r io.Reader, f func(n int, e *event.Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), maxEventLine)
	dec := event.Decoder{Nulls: true}
	var e event.Event
	for n := 0; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		e.Reset()
		if err := dec.Decode(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("read event %d: %w", n, err)
		}
		if err := f(n, &e); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// appendMatch appends a line without its end.
func appendMatch(dst []byte, n int, key, title string) []byte {
	dst = append(dst, `{"event":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, `,"rule":`...)
	dst = event.AppendQuoted(dst, key)
	dst = append(dst, `,"title":`...)
	return event.AppendQuoted(dst, title)
}

// appendFiring appends the line of a correlation.
func appendFiring(dst []byte, n int, f *sigma.Firing) []byte {
	dst = appendMatch(dst, n, f.Correlation.Key(), f.Correlation.Title)
	dst = append(dst, `,"group":{`...)
	for i, name := range f.Correlation.GroupBy {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendQuoted(dst, name)
		dst = append(dst, ':')
		dst = event.AppendQuoted(dst, f.Values[i])
	}
	return append(dst, "}}\n"...)
}
