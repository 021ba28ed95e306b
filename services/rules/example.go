package rules

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Trial is what the examples of one rule or correlation came to.
type Trial struct {
	*sigma.Header
	Passed int
	Failed []*sigma.Error // at the example
}

// Examples tries the examples that the documents of a rule set bring with them on
// the whole of it, filters and pipelines included. Only rules for its logsource see
// an event that names its dataset, as one of a parser does; all see the others. It
// is not safe for concurrent use.
type Examples struct {
	rules   *sigma.Ruleset
	list    []*sigma.Rule
	matcher *sigma.Matcher
	matches []sigma.Match
}

// NewExamples prepares a rule set.
func NewExamples(rules *sigma.Ruleset) *Examples {
	return &Examples{rules: rules, list: rules.Engine.Rules(), matcher: rules.Engine.NewMatcher()}
}

// Each tries all documents that have examples, the rules first. It ends where f
// reports false.
func (x *Examples) Each(f func(Trial) bool) {
	tried := func(t Trial) bool { return t.Passed+len(t.Failed) == 0 || f(t) }
	for i := range x.list {
		if !tried(x.Rule(i)) {
			return
		}
	}
	for _, c := range x.rules.Links.Correlations() {
		if !tried(x.Correlation(c)) {
			return
		}
	}
}

// Rule tries the examples of a rule by its index in the engine: it must match all
// events of one, or none.
func (x *Examples) Rule(index int) Trial {
	return try(&x.list[index].Header, func(s sigma.Example) error {
		events, wrong, why := 0, 0, ""
		err := EachEvent(s, func(e *event.Event) {
			matched := slices.ContainsFunc(x.match(e), func(m sigma.Match) bool { return m.Index == index })
			if events++; matched != s.Match {
				if wrong++; wrong == 1 {
					why = x.why(index, e)
				}
			}
		})
		if err == nil && wrong > 0 {
			err = fmt.Errorf("want match %v, but %d of %d events have %v: %s", s.Match, wrong, events, !s.Match, why)
		}
		return err
	})
}

// why says why a rule matches an event or not.
func (x *Examples) why(index int, e *event.Event) string {
	r := x.list[index]
	ref, err := sigma.NewReference(r)
	if err != nil {
		return err.Error()
	}
	ex := ref.Explain(e)
	var parts []string
	for i := range ex.Reasons {
		parts = append(parts, ex.Reasons[i].String())
	}
	if sources := sigma.RouteEvent(nil, e); ex.Matched && e.Dataset != "" && !slices.ContainsFunc(sources, r.Logsource.Accepts) {
		parts = []string{fmt.Sprintf("the rule is not for the logsource of %s events", e.Dataset)}
	}
	return strings.Join(parts, ", ")
}

// Correlation tries the examples of a correlation: it must fire at least once in
// the events of one, or never.
func (x *Examples) Correlation(c *sigma.Correlation) Trial {
	return try(&c.Header, func(s sigma.Example) error {
		fired := false
		correlator := sigma.NewCorrelator(x.rules.Links, sigma.CorrelatorConfig{})
		err := EachEvent(s, func(e *event.Event) {
			correlator.Observe(e, x.match(e), func(f *sigma.Firing) { fired = fired || f.Correlation == c })
		})
		for g := range correlator.Groups(c, 0) { // one that reports nothing of its own holds all the same
			fired = fired || g.Fired != 0
		}
		if err == nil && fired != s.Match {
			err = fmt.Errorf("want firing %v, is %v", s.Match, fired)
		}
		return err
	})
}

// match returns the rules that match an event, valid until the next call.
func (x *Examples) match(e *event.Event) []sigma.Match {
	x.matches = x.matcher.Match(x.matches[:0], e)
	if e.Dataset != "" {
		sources := sigma.RouteEvent(nil, e)
		x.matches = slices.DeleteFunc(x.matches, func(m sigma.Match) bool {
			return !slices.ContainsFunc(sources, m.Rule.Logsource.Accepts)
		})
	}
	return x.matches
}

func try(h *sigma.Header, one func(sigma.Example) error) Trial {
	t := Trial{Header: h}
	list, err := h.Examples()
	var wrong *sigma.Error
	if errors.As(err, &wrong) {
		t.Failed = append(t.Failed, wrong)
	}
	for _, s := range list {
		if err := one(s); err != nil {
			t.Failed = append(t.Failed, &sigma.Error{Path: h.Path, Pos: s.Pos, Rule: h.Key(), Reason: err.Error()})
		} else {
			t.Passed++
		}
	}
	return t
}

// exampleTime is when the records of examples were received.
var exampleTime = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// EachEvent makes the events of an example with the parsers that a server uses,
// and calls f with each. A record that cannot be parsed is an error: it would
// prove nothing.
func EachEvent(x sigma.Example, f func(*event.Event)) error {
	for _, s := range x.Steps {
		for n := range s.Repeat {
			e, err := exampleEvent(s, strconv.Itoa(n+1))
			if err != nil {
				return fmt.Errorf("event at %v: %w", s.Pos, err)
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
