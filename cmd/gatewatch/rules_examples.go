package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

func newRulesTest() *cobra.Command {
	return &cobra.Command{
		Use:   "test DIR...",
		Short: "Run the examples that rules bring with them",
		Long: `Runs the examples in the custom field x-examples of rules and prints one line of
JSON for each rule that has some: how many passed, and those that failed.

  x-examples:
    match:                          # must match
      - event: {cs-uri-query: "id=1%20union%20select%202"}
    no_match:                       # must not
      - format: nginx.access        # a raw record, with the parser that reads it
        raw: '203.0.113.7 - - [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'

Rules are tried alone, whatever their logsource. Exit code 1 if an example fails or
a rule is rejected.`,
		Example: `  gatewatch rules test rules/`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("rules test: name a folder or a file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := loadRules(args)
			if err != nil {
				return err
			}
			return testRules(set, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

type testLine struct {
	Path   string   `json:"path"`
	Rule   string   `json:"rule"`
	Title  string   `json:"title"`
	Passed int      `json:"passed"`
	Failed int      `json:"failed"`
	Errors []string `json:"errors,omitempty"`
}

func testRules(set *sigma.Set, w, stderr io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	bad := len(set.Errors) > 0
	for _, e := range set.Errors {
		fmt.Fprintf(stderr, "rejected: %s\n", printable(e.Error()))
	}
	for _, r := range set.Rules {
		line := testLine{Path: r.Path, Rule: r.Key(), Title: r.Title}
		if err := testRule(r, &line); err != nil {
			line.Errors = append(line.Errors, err.Error())
			line.Failed++
		}
		if line.Passed+line.Failed == 0 {
			continue
		}
		bad = bad || line.Failed > 0
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	if bad {
		return errFindings
	}
	return nil
}

// testRule runs the examples of a rule.
func testRule(r *sigma.Rule, line *testLine) error {
	examples, err := r.Examples()
	if err != nil || len(examples) == 0 {
		return err
	}
	engine, rejected := sigma.Compile([]*sigma.Rule{r}, sigma.Options{})
	if len(rejected) > 0 {
		return rejected[0]
	}
	matcher := engine.NewMatcher()
	for _, x := range examples {
		events, wrong := 0, 0
		err := exampleEvents(x, func(e *event.Event) {
			events++
			if (len(matcher.Match(nil, e)) > 0) != x.Match {
				wrong++
			}
		})
		switch {
		case err != nil:
			line.Failed++
			line.Errors = append(line.Errors, err.Error())
		case wrong > 0:
			line.Failed++
			line.Errors = append(line.Errors, fmt.Sprintf("%v: want match %v, but %d of %d events have %v", x.Pos, x.Match, wrong, events, !x.Match))
		default:
			line.Passed++
		}
	}
	return nil
}

// exampleTime is when the records of examples were received.
var exampleTime = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// exampleEvents calls f with each event of an example, which is valid until f returns.
func exampleEvents(x sigma.Example, f func(*event.Event)) error {
	for _, s := range x.Steps {
		for n := range s.Repeat {
			e, err := exampleEvent(s, strconv.Itoa(n+1))
			if err != nil {
				return fmt.Errorf("%v: %w", s.Pos, err)
			}
			e.Time += int64(n) * int64(s.Every)
			e.Received = e.Time
			f(e)
		}
	}
	return nil
}

// exampleEvent makes one event, with number in place of {n}.
func exampleEvent(s sigma.Step, number string) (*event.Event, error) {
	e := new(event.Event)
	if s.JSON != nil {
		dec := event.Decoder{Nulls: true}
		return e, dec.Decode(bytes.ReplaceAll(s.JSON, []byte("{n}"), []byte(number)), e)
	}
	format, ok := parse.Lookup(s.Format)
	if !ok {
		return nil, fmt.Errorf("unknown format %q", s.Format)
	}
	raw := strings.ReplaceAll(s.Raw, "{n}", number)
	return e, format.Read([]byte(raw), &parse.Context{Header: s.Header, Received: exampleTime.UnixNano()}, e)
}
