package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/services/rules"
)

type explainFlags struct {
	rulesFlags
	rules []string
	rule  []string
}

func newRulesExplain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain --rules DIR [--rule ID]... [FILE]",
		Short: "Say why rules match events, or what is missing",
		Long: `Reads events as NDJSON from a file or standard input and prints one line of JSON for
each rule and event: whether the rule matches, by which condition, and the reasons:
of a match the items that make the condition hold, else the fewest items that would
have to turn out otherwise, with the line of the rule and what the event has there.

Filters, --overlay and --pipeline change the rules as they do for rules eval. With
--rule (an id, a name or a title) it explains those rules on every event, without it the rules
that match.`,
		Example: `  gatewatch rules explain --rules rules/ --rule "SQL injection strings" event.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("rules explain: name one file of events")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runRulesExplain(cmd, f, args) },
	}
	cmd.Flags().StringArrayVar(&f.rules, "rules", nil, "folder of rules, or one file; may be given several times")
	f.add(cmd)
	cmd.Flags().StringArrayVar(&f.rule, "rule", nil, "id, name or title of a rule; may be given several times")
	return cmd
}

type explainLine struct {
	Event     int             `json:"event"`
	Rule      string          `json:"rule"`
	Title     string          `json:"title"`
	Level     string          `json:"level,omitempty"`
	Author    string          `json:"author,omitempty"`
	License   string          `json:"license,omitempty"`
	Path      string          `json:"path"`
	Line      int             `json:"line"`
	Matched   bool            `json:"matched"`
	Condition string          `json:"condition"`
	Reasons   []explainReason `json:"reasons"`
}

type explainReason struct {
	Detection string   `json:"detection"`
	Line      int      `json:"line"`
	Field     string   `json:"field,omitempty"`
	Modifiers []string `json:"modifiers,omitempty"`
	Values    []string `json:"values"`
	Wanted    bool     `json:"wanted"`
	Holds     bool     `json:"holds"`
	Pattern   string   `json:"pattern,omitempty"` // which of the values did it
	PatternAt int      `json:"pattern_line,omitempty"`
	At        string   `json:"at,omitempty"`      // the event's field
	Value     string   `json:"value,omitempty"`   // and its value
	Present   []string `json:"present,omitempty"` // what else the event has there
}

func runRulesExplain(cmd *cobra.Command, f explainFlags, args []string) error {
	if len(f.rules) == 0 && !f.pack {
		return usagef("rules explain: --rules or --pack is needed")
	}
	built, err := f.build(cmd, f.rules, sigma.Options{})
	if err != nil {
		return err
	}
	refs, err := references(built, f.rule)
	if err != nil {
		return err
	}
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
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err = eachEvent(in, func(n int, e *event.Event) error {
		for _, ref := range refs {
			if len(f.rule) == 0 && !ref.Matches(e) {
				continue
			}
			if err := enc.Encode(explanation(n, ref, e)); err != nil {
				return err
			}
		}
		return nil
	})
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	return err
}

// references prepares the rules with these names, or all that load.
func references(built *rules.Built, names []string) ([]*sigma.Reference, error) {
	found := map[string]bool{}
	var refs []*sigma.Reference
	for _, r := range built.Engine.Rules() {
		wanted := len(names) == 0
		for _, n := range names {
			if n == r.ID || n == r.Name || n == r.Title {
				found[n], wanted = true, true
			}
		}
		if !wanted {
			continue
		}
		ref, err := sigma.NewReference(r)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	for _, n := range names {
		if found[n] {
			continue
		}
		for _, e := range built.Rejected {
			if e.Rule == n {
				return nil, e
			}
		}
		for _, c := range built.Links.Correlations() {
			if n == c.ID || n == c.Name || n == c.Title {
				return nil, usagef("%q is a correlation: explain the rules that it refers to: %s", n, referred(c))
			}
		}
		return nil, usagef("no rule %q is among those that load", n)
	}
	return refs, nil
}

// referred lists the rules that a correlation refers to.
func referred(c *sigma.Correlation) string {
	var list []string
	for _, r := range c.Rules {
		list = append(list, r.Name)
	}
	return strings.Join(list, ", ")
}

func explanation(n int, ref *sigma.Reference, e *event.Event) explainLine {
	r, ex := ref.Rule, ref.Explain(e)
	line := explainLine{
		Event: n, Rule: r.Key(), Title: r.Title, Level: cmp.Or(r.Level, sigma.LevelMedium).String(), Author: r.Author, License: r.License,
		Path: r.Path, Line: r.Pos.Line, Matched: ex.Matched, Condition: ex.Condition.Text,
		Reasons: []explainReason{},
	}
	for _, x := range ex.Reasons {
		reason := explainReason{
			Detection: x.Detection.Name, Line: x.Item.Pos.Line, Field: x.Item.Field, Wanted: x.Wanted, Holds: x.Holds,
		}
		for _, m := range x.Item.Modifiers {
			reason.Modifiers = append(reason.Modifiers, m.String())
		}
		for _, v := range x.Item.Values {
			reason.Values = append(reason.Values, v.Text)
		}
		if x.Pattern >= 0 {
			pattern := x.Item.Values[x.Pattern]
			reason.Pattern, reason.PatternAt, reason.At, reason.Value = pattern.Text, pattern.Pos.Line, x.Field, x.Value.String()
		}
		for _, v := range x.Present {
			reason.Present = append(reason.Present, v.String())
		}
		line.Reasons = append(line.Reasons, reason)
	}
	return line
}
