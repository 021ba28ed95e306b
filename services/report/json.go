package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

func init() {
	register(Format{Name: "json", Type: "application/json", write: writeJSON})
}

// writeJSON writes the report for programs: names are the same in all languages, shares
// are between 0 and 1, text is exact. What would hide is written as \u….
func writeJSON(out io.Writer, w *WAF) error {
	b, err := json.MarshalIndent(newDocument(w), "", " ")
	if err != nil {
		return err
	}
	_, err = out.Write(append(plain(b), '\n'))
	return err
}

// plain writes characters that do not show as escapes of JSON, which may stand
// wherever they can.
func plain(text []byte) []byte {
	if !bytes.ContainsFunc(text, hidden) {
		return text
	}
	var b []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case !hidden(r):
			b = append(b, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return b
}

func hidden(r rune) bool { return r >= utf8.RuneSelf && dashboards.Hidden(r) }

type (
	document struct {
		Language   dashboards.Language `json:"language"`
		Title      string              `json:"title"`
		Made       time.Time           `json:"made"`
		From       time.Time           `json:"from"`
		To         time.Time           `json:"to"`
		Version    string              `json:"version"`
		Partial    []string            `json:"partial"`
		Advice     []jsonAdvice        `json:"advice"`
		Requests   int64               `json:"requests"`
		Blocked    int64               `json:"blocked"`
		BlockRate  *jsonShare          `json:"block_rate"`
		Rates      []jsonRate          `json:"rates"`
		RuleShares []jsonRate          `json:"rules_often_wrong"`
		Labels     map[string]int      `json:"labels"`
		Traffic    []jsonPoint         `json:"traffic"`
		WhatIf     []jsonCurve         `json:"what_if"`
		Threshold  int                 `json:"threshold,omitempty"`
		Tuning     jsonTuning          `json:"tuning"`
		Rules      []jsonCount         `json:"top_rules"`
		Attackers  []jsonCount         `json:"top_clients"`
		Targets    []jsonCount         `json:"top_paths"`
		Suspects   []jsonSuspect       `json:"likely_false_positives"`
		Missed     []jsonSuspect       `json:"likely_missed"`
		Open       []jsonOpen          `json:"proposals"`
		Findings   []jsonFinding       `json:"findings"`
		Nodes      []jsonNode          `json:"nodes"`
		RuleSet    jsonRuleSet         `json:"rule_set"`
	}
	jsonAdvice struct {
		Kind  string `json:"kind"`
		About string `json:"about"`
		Text  string `json:"text"`
	}
	jsonShare struct {
		Value float64 `json:"value"`
		Low   float64 `json:"lo"`
		High  float64 `json:"hi"`
		N     int     `json:"n"`
	}
	jsonRate struct {
		Rate     string   `json:"rate"`
		Scope    string   `json:"scope"`
		Estimate *float64 `json:"estimate"`
		Low      *float64 `json:"lo"`
		High     *float64 `json:"hi"`
		Labels   int      `json:"n_labels"`
		N        int      `json:"n"`
		Why      string   `json:"why,omitempty"`
	}
	jsonPoint struct {
		Time    time.Time `json:"time"`
		Blocked int64     `json:"blocked"`
		Allowed int64     `json:"allowed"`
	}
	jsonCurve struct {
		Paranoia  int     `json:"paranoia"`
		Threshold int     `json:"threshold"`
		Blocked   float64 `json:"blocked"`
	}
	jsonTuning struct {
		Before  *jsonStretch `json:"before"`
		After   *jsonStretch `json:"after"`
		Changes []jsonChange `json:"changes"`
	}
	jsonStretch struct {
		From  time.Time  `json:"from"`
		To    time.Time  `json:"to"`
		Rates []jsonRate `json:"rates"`
	}
	jsonPlace struct {
		ID    int64  `json:"id"`
		Kind  string `json:"kind"`
		Site  string `json:"site"`
		Path  string `json:"path"`
		Rules []int  `json:"rules"`
	}
	jsonChange struct {
		jsonPlace
		Status  string     `json:"status"`
		Stage   string     `json:"stage"`
		Owner   string     `json:"owner"`
		Reason  string     `json:"reason"`
		Since   time.Time  `json:"since"`
		Expires *time.Time `json:"expires"`
		Hits    int64      `json:"hits"`
		Before  *jsonShare `json:"blocked_before"`
		After   *jsonShare `json:"blocked_after"`
	}
	jsonOpen struct {
		jsonPlace
		Unblocks int `json:"unblocks"`
		Guard    int `json:"guard_lost"`
	}
	jsonCount struct {
		Name   string `json:"name"`
		Detail string `json:"detail"`
		N      int64  `json:"n"`
	}
	jsonSuspect struct {
		Rule     string  `json:"rule"`
		Site     string  `json:"site"`
		Path     string  `json:"path"`
		Variable string  `json:"variable"`
		N        int     `json:"n"`
		Clients  int     `json:"clients"`
		Open     int     `json:"open"`
		Expected float64 `json:"expected_wrong"`
	}
	jsonFinding struct {
		RuleID   string    `json:"rule_id"`
		Rule     string    `json:"rule"`
		Severity int64     `json:"severity"`
		N        int       `json:"n"`
		Unclosed int       `json:"unclosed"`
		Last     time.Time `json:"last"`
	}
	jsonNode struct {
		Name      string    `json:"name"`
		Version   string    `json:"version"`
		RuleSet   string    `json:"rule_set"`
		Sites     []string  `json:"sites"`
		Connected *bool     `json:"connected"`
		Seen      time.Time `json:"last_seen"`
		Spooled   uint64    `json:"spool_records"`
		Overflow  uint64    `json:"spool_overflow"`
	}
	jsonRuleSet struct {
		Stable    string     `json:"stable"`
		Candidate string     `json:"candidate"`
		Stage     string     `json:"stage"`
		Since     *time.Time `json:"since"`
	}
)

func newDocument(w *WAF) *document {
	d := &document{
		Language: w.Language, Title: w.speaker().must("title"), Made: w.Made, From: w.From, To: w.To, Version: w.Version,
		Partial: append([]string{}, w.Partial...), Advice: each(w.Advice, func(a Advice) jsonAdvice { return jsonAdvice(a) }),
		Requests: w.Requests, Blocked: w.Blocked, Rates: each(w.Rates, newJSONRate), RuleShares: each(w.RuleShares, newJSONRate),
		Labels: map[string]int{}, Threshold: w.WhatIf.Threshold,
		Traffic:   each(w.Traffic.Points, func(p dashboards.TrafficPoint) jsonPoint { return jsonPoint(p) }),
		WhatIf:    []jsonCurve{},
		Tuning:    jsonTuning{Before: newJSONStretch(w.Before), After: newJSONStretch(w.After), Changes: each(w.Changes, newJSONChange)},
		Rules:     each(w.Rules, newJSONCount),
		Attackers: each(w.Attackers, newJSONCount), Targets: each(w.Targets, newJSONCount),
		Suspects: each(w.Suspects, newJSONSuspect), Missed: each(w.Missed, newJSONSuspect),
		Open:     each(w.Open, func(o Open) jsonOpen { return jsonOpen{newJSONPlace(o.Place), o.Unblocks, o.Guard} }),
		Findings: each(w.Findings, func(f Finding) jsonFinding { return jsonFinding(f) }),
		Nodes:    each(w.Nodes, func(n Node) jsonNode { return jsonNode(n) }),
		RuleSet:  jsonRuleSet{w.RuleSet.Stable, w.RuleSet.Candidate, w.RuleSet.Stage, known(w.RuleSet.Since)},
	}
	if w.Requests > 0 {
		d.BlockRate = newJSONShare(&w.BlockRate)
	}
	for _, l := range w.Labels {
		d.Labels[l.Label] = l.N
	}
	for _, c := range w.WhatIf.Curves {
		for _, p := range c.Points {
			d.WhatIf = append(d.WhatIf, jsonCurve{c.Paranoia, p.Threshold, p.Blocked})
		}
	}
	return d
}

// each turns the elements of a list into others; there is always a list.
func each[A, B any](all []A, f func(A) B) []B {
	out := make([]B, len(all))
	for i, x := range all {
		out[i] = f(x)
	}
	return out
}

// known is a time, nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func newJSONShare(s *tuning.Share) *jsonShare {
	if s == nil {
		return nil
	}
	return &jsonShare{s.Value, s.Low, s.High, s.N}
}

func newJSONRate(r dashboards.Rate) jsonRate {
	j := jsonRate{Rate: r.Kind, Scope: r.Scope, Labels: r.Labels, N: r.N, Why: r.Why}
	if r.Enough {
		j.Estimate, j.Low, j.High = &r.Value, &r.Low, &r.High
	}
	return j
}

func newJSONStretch(s *Stretch) *jsonStretch {
	if s == nil {
		return nil
	}
	return &jsonStretch{s.From, s.To, each(s.Rates, newJSONRate)}
}

func newJSONPlace(p Place) jsonPlace {
	return jsonPlace{p.ID, p.Kind, p.Site, p.Path, append([]int{}, p.Rules...)}
}

func newJSONChange(c Change) jsonChange {
	return jsonChange{
		jsonPlace: newJSONPlace(c.Place), Status: c.Status, Stage: c.Stage, Owner: c.Owner, Reason: c.Reason,
		Since: c.Time, Expires: known(c.Expires), Hits: c.Hits, Before: newJSONShare(c.Before), After: newJSONShare(c.After),
	}
}

func newJSONCount(c dashboards.Count) jsonCount { return jsonCount(c) }

func newJSONSuspect(g Suspect) jsonSuspect { return jsonSuspect(g) }
