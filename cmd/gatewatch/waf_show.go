package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// detailJSON is a decision of the REST API with all that is known of it.
type detailJSON struct {
	Decision decisionJSON `json:"decision"`
	Matches  []struct {
		Rule     string `json:"rule"`
		Variable string `json:"variable"`
		Value    string `json:"value"`
		Message  string `json:"message"`
		Severity string `json:"severity"`
		Points   int    `json:"points"`
		Score    int    `json:"score"`
	} `json:"matches"`
	Labels []struct {
		ID     int64     `json:"id"`
		Label  string    `json:"label"`
		Reason string    `json:"reason"`
		Actor  string    `json:"actor"`
		Time   time.Time `json:"time"`
		Undoes int64     `json:"undoes"`
		Act    int64     `json:"act"`
	} `json:"labels"`
	Request struct {
		URL      string `json:"url"`
		Host     string `json:"host"`
		Version  string `json:"version"`
		Agent    string `json:"user_agent"`
		Referrer string `json:"referrer"`
		Status   int    `json:"status"`
		Bytes    int64  `json:"response_bytes"`
	} `json:"request"`
	Rules struct {
		Mode      string `json:"mode"`
		Paranoia  int    `json:"paranoia"`
		Threshold int    `json:"threshold"`
		Reason    string `json:"reason"`
	} `json:"rules"`
	Alike struct {
		Path     string         `json:"path_template"`
		Rule     string         `json:"rule"`
		Variable string         `json:"variable"`
		N        int64          `json:"n"`
		Open     int64          `json:"unlabelled"`
		Examples []decisionJSON `json:"examples"`
		More     bool           `json:"more"`
		Labels   []struct {
			Label string `json:"label"`
			N     int64  `json:"n"`
		} `json:"labels"`
	} `json:"alike"`
	Revisions []struct {
		Revision uint64         `json:"revision"`
		PAttack  float64        `json:"p_attack"`
		Time     time.Time      `json:"time"`
		Message  string         `json:"message"`
		Evidence []evidenceJSON `json:"evidence"`
	} `json:"revisions"`
	Warnings []string `json:"warnings"`
}

func newWAFShow() *cobra.Command {
	var r remote
	var source, output, lang string
	cmd := &cobra.Command{
		Use:   "show EVENT_ID",
		Short: "Show all that is known of one decision, and what can be done about it",
		Long: `Shows a decision of a server: the request, what the rules matched and how that came
to the score, the verdict with what speaks for an attack and what against it, what
became known since, labels, and decisions that are alike. Values are masked by the
policy of the node, and nothing in them can steer a terminal.

Unless -o table is given it is text on a terminal, and one JSON object otherwise.`,
		Example: `  gatewatch waf show 0f3ab2-17
  gatewatch waf show 0f3ab2-17 -o table --lang zh-CN`,
		Args: oneArg("the id of a decision, see gatewatch waf decisions"),
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	addLang(cmd, &lang, "the evidence")
	cmd.Flags().StringVar(&source, "source", "", "source of the event, where several have the id")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		format, err := outputFormat(cmd.OutOrStdout(), output)
		if err != nil {
			return err
		}
		if format == outCSV {
			return usagef("a decision is no table: want -o table for text, ndjson or json")
		}
		if lang, err = languageOf(lang); err != nil {
			return err
		}
		if err := r.connect(); err != nil {
			return err
		}
		var answer struct {
			Decision json.RawMessage `json:"decision"`
		}
		path := "/api/v1/decisions/" + url.PathEscape(args[0]) + "?source=" + url.QueryEscape(source)
		if err := r.call(cmd.Context(), http.MethodGet, path, nil, &answer); err != nil {
			return err
		}
		if format != outTable {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), escaped(answer.Decision))
			return err
		}
		var d detailJSON
		if err := json.Unmarshal(answer.Decision, &d); err != nil {
			return fmt.Errorf("read answer of %s: %w", r.server, err)
		}
		s := &shown{w: bufio.NewWriter(cmd.OutOrStdout()), d: &d, lang: lang}
		return s.write()
	}
	return cmd
}

// shown prints a decision as text that cannot steer a terminal.
type shown struct {
	w    *bufio.Writer
	d    *detailJSON
	lang string
}

func (s *shown) write() error {
	s.request()
	s.matches()
	s.verdict()
	s.since()
	s.alike()
	s.next()
	for _, why := range s.d.Warnings {
		s.line("not all of it was read: %s", why)
	}
	return s.w.Flush()
}

// line prints a line; arguments that are texts are made printable. Errors stay in
// the writer until it is flushed.
func (s *shown) line(format string, args ...any) {
	for i, a := range args {
		if text, ok := a.(string); ok {
			args[i] = printable(text)
		}
	}
	fmt.Fprintf(s.w, format+"\n", args...)
}

func (s *shown) request() {
	d, q := &s.d.Decision, &s.d.Request
	target := q.URL
	if target == "" {
		target = d.Path
	}
	s.line("%s %s", d.Method, target)
	s.line("  site %s, host %s, client %s, node %s, %s", dash(d.Site), dash(q.Host), dash(d.Client), dash(d.Node), d.Time.UTC().Format(time.RFC3339Nano))
	if q.Agent != "" {
		s.line("  user agent %s", q.Agent)
	}
	if q.Referrer != "" {
		s.line("  referrer %s", q.Referrer)
	}
	if q.Status != 0 {
		s.line("  answered with %d, %d bytes", q.Status, q.Bytes)
	}
	done := ""
	if d.Action != "" && d.Action != d.Decision {
		done = "; done: " + d.Action
	}
	if s.d.Rules.Mode != "" {
		done += "; mode " + s.d.Rules.Mode
	}
	if s.d.Rules.Reason != "" {
		done += "; " + s.d.Rules.Reason
	}
	s.line("\nDecision: %s%s", d.Decision, done)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// matches prints how the score came about.
func (s *shown) matches() {
	score := fmt.Sprintf("score %d", s.d.Decision.Score)
	if t := s.d.Rules.Threshold; t > 0 {
		score += fmt.Sprintf(", blocked from %d", t)
	}
	if p := s.d.Rules.Paranoia; p > 0 {
		score += fmt.Sprintf(", paranoia level %d", p)
	}
	s.line("  %s", score)
	for _, m := range s.d.Matches {
		points := ""
		if m.Points > 0 {
			points = fmt.Sprintf("+%d = %d", m.Points, m.Score)
			if t := s.d.Rules.Threshold; t > 0 && m.Score >= t && m.Score-m.Points < t {
				points += " (threshold)"
			}
		}
		s.line("  rule %s %s %s", m.Rule, dash(m.Severity), points)
		if m.Message != "" {
			s.line("    %s", m.Message)
		}
		s.line("    %s: %s", m.Variable, m.Value)
	}
}

// verdict prints the probability and what speaks for and against an attack.
func (s *shown) verdict() {
	d := &s.d.Decision
	if d.PAttack == nil {
		s.line("\nVerdict: none")
		return
	}
	s.line("\nVerdict: an attack with %s, kind %s, model %s", percent(*d.PAttack), dash(d.Kind), dash(d.Model))
	if d.PNow != nil {
		s.line("  by what is known now: %s", percent(*d.PNow))
	}
	s.evidence("for an attack", d.Evidence, func(w float64) bool { return w > 0 })
	s.evidence("against it", d.Evidence, func(w float64) bool { return w < 0 })
	s.evidence("also", d.Evidence, func(w float64) bool { return w == 0 })
	if len(d.Later) > 0 {
		s.evidence("since then", d.Later, func(float64) bool { return true })
	}
}

// percent is a probability as people read it.
func percent(p float64) string {
	digits := 1
	if p < 0.01 || p > 0.99 {
		digits = 3
	}
	return fmt.Sprintf("%.*f %%", digits, 100*p)
}

func (s *shown) evidence(title string, all []evidenceJSON, take func(float64) bool) {
	told := false
	for i := range all {
		if !take(all[i].Weight) {
			continue
		}
		if !told {
			s.line("  %s:", title)
			told = true
		}
		name, detail := all[i].in(s.lang)
		s.line("    %+.2f %s: %s", math.Round(all[i].Weight*100)/100, name, detail)
	}
}

// since prints revisions and labels.
func (s *shown) since() {
	if len(s.d.Revisions) > 0 {
		s.line("\nRevisions:")
	}
	for _, r := range s.d.Revisions {
		s.line("  %d %s %s", r.Revision, r.Time.UTC().Format(time.RFC3339), r.Message)
	}
	s.line("\nLabel: %s", dash(s.d.Decision.Label))
	for _, l := range s.d.Labels {
		what := l.Label
		if l.Undoes != 0 {
			what = fmt.Sprintf("undoes %d", l.Undoes)
		}
		why := ""
		if l.Reason != "" {
			why = ": " + l.Reason
		}
		s.line("  %d %s by %s %s%s", l.ID, what, l.Actor, l.Time.UTC().Format(time.RFC3339), why)
	}
}

func (s *shown) alike() {
	a := &s.d.Alike
	more := ""
	if a.More {
		more = " and more"
	}
	where := a.Path
	if a.Rule != "" {
		where += ", rule " + a.Rule + " in " + dash(a.Variable)
	}
	var labels []string
	for _, l := range a.Labels {
		labels = append(labels, fmt.Sprintf("%d %s", l.N, l.Label))
	}
	s.line("\nAlike, within seven days: %d%s on %s; %d without a label %s", a.N, more, where, a.Open, strings.Join(labels, ", "))
	for i := range a.Examples {
		x := &a.Examples[i]
		p := "-"
		if x.PAttack != nil {
			p = percent(*x.PAttack)
		}
		s.line("  %s %s %s %s %s", x.ID, p, dash(x.Client), x.Path, x.Label)
	}
}

// next prints what can be done about it.
func (s *shown) next() {
	d := &s.d.Decision
	s.line("\nNext:")
	id := shellWord(d.ID)
	if d.Label == "" {
		s.line("  gatewatch waf label %s false_positive|true_positive|benign|unsure --reason '…'", id)
		if s.d.Alike.Open > 1 {
			s.line("  gatewatch waf label %s false_positive --alike --preview", id)
		}
	} else {
		s.line("  gatewatch waf label %s --undo --reason '…'", id)
	}
	if d.Kept > 0 && d.Request != "" {
		request := shellWord(d.Request)
		s.line("  gatewatch waf requests show %s   # the node kept a copy", request)
		s.line("  gatewatch waf replay --filter %s --before exclusions.conf", shellWord("http.request.id: \""+d.Request+"\""))
	} else {
		s.line("  no copy of the request is kept: it cannot be replayed")
	}
}

// shellWord is a text as one word of a shell.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@", r)
	}
	if text != "" && strings.TrimFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
