package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxMatches bounds how many matched rules of one transaction become elements of
// the waf.match lists.
const maxMatches = 150

// ruleMatch is one rule that matched, as text.
type ruleMatch struct {
	id, file, msg, data, severity, version string
	variable, value                        string // "" to take them from data
	parameter                              string // of the operator
	category                               string // the attack-… tag
}

// wafRecord gathers what a WAF did with one transaction. Scores are -1 while
// they are unknown.
type wafRecord struct {
	matches                    int
	score, threshold, outbound int64
	exceeded                   bool   // a rule that compares a score with its threshold matched
	denied                     bool   // the log says so in words
	interrupted, known         bool   // the transaction was ended; known if the log has it
	mode                       string // detect or block, "" if unknown
	ruleset                    string
	message                    string // of the first scoring rule
}

// add adds one match to the lists of the event. rule.id holds the ids that
// scored: not those of CRS that set up (901), compare (949, 959) and report (980).
func (w *wafRecord) add(e *event.Event, m *ruleMatch) {
	w.matches++
	if w.ruleset == "" {
		w.ruleset = m.version
	}
	w.readScores(m)
	if w.matches > maxMatches {
		return
	}
	if m.value == "" {
		if variable, value := matchedData(m.data); variable != "" || m.variable == "" {
			m.variable, m.value = variable, value
		}
	}
	e.Add(event.WAFMatchRuleID, event.String(m.id))
	e.Add(event.WAFMatchVariable, event.String(m.variable))
	e.Add(event.WAFMatchValue, event.String(m.value))
	e.Add(event.WAFMatchMessage, event.String(m.msg))
	e.Add(event.WAFMatchSeverity, event.String(severityName(m.severity)))
	if w.message == "" && !isBookkeeping(m.id) {
		w.message = m.msg
	}
	if isBookkeeping(m.id) || m.id == "" {
		return
	}
	addDistinct(e, event.RuleID, m.id)
	if m.category != "" {
		addDistinct(e, event.RuleCategory, m.category)
	}
}

// isBookkeeping tells rules of CRS that add nothing to a score.
func isBookkeeping(id string) bool {
	if len(id) != 6 {
		return false
	}
	switch id[:3] {
	case "901", "949", "959", "980":
		return true
	}
	return false
}

// addDistinct adds an element to a list that does not have it.
func addDistinct(e *event.Event, k event.Key, s string) {
	for v := range e.Values(k) {
		if v.Text() == s {
			return
		}
	}
	e.AddList(k, event.String(s))
}

// readScores takes scores from the rules that compare and report them:
//
//	949110  Inbound Anomaly Score Exceeded (Total Score: 5)
//	959100  Outbound Anomaly Score Exceeded (Total Score: 4)
//	980130  Inbound Anomaly Score Exceeded (Total Inbound Score: 5 - SQLI=5,…
//	980170  Anomaly Scores: (Inbound Scores: blocking=5, detection=5, …, threshold=5) - (Outbound Scores: …
func (w *wafRecord) readScores(m *ruleMatch) {
	kind := ""
	switch {
	case isBookkeeping(m.id):
		kind = m.id[:3]
	case m.id != "":
	case strings.HasPrefix(m.msg, "Inbound Anomaly Score Exceeded"):
		kind = "949"
	case strings.HasPrefix(m.msg, "Outbound Anomaly Score Exceeded"):
		kind = "959"
	}
	switch kind {
	case "949":
		w.exceeded = true
		w.score = max(w.score, numberAfter(m.msg, "Score: "), numberAfter(m.value, ""))
		w.threshold = max(w.threshold, numberAfter(m.parameter, ""))
	case "959":
		w.exceeded = true
		w.outbound = max(w.outbound, numberAfter(m.msg, "Score: "), numberAfter(m.value, ""))
	case "980":
		inbound, outbound, _ := strings.Cut(m.msg, "Outbound Scores: ")
		w.score = max(w.score, numberAfter(inbound, "Total Inbound Score: "), numberAfter(inbound, "blocking="))
		w.threshold = max(w.threshold, numberAfter(inbound, "threshold="))
		w.outbound = max(w.outbound, numberAfter(outbound, "blocking="))
	}
}

// numberAfter returns the decimal number that follows a word, -1 if none does.
func numberAfter(s, word string) int64 {
	i := strings.Index(s, word)
	if i < 0 {
		return -1
	}
	n, digits := int64(0), 0
	for _, c := range []byte(s[i+len(word):]) {
		if c -= '0'; c > 9 || digits == 9 {
			break
		}
		n = n*10 + int64(c)
		digits++
	}
	if digits == 0 {
		return -1
	}
	return n
}

// matchedData splits the usual text of logdata, "Matched Data: X found within
// VARIABLE: VALUE". Other text is all value.
func matchedData(data string) (variable, value string) {
	const found = " found within "
	i := strings.Index(data, found)
	if i < 0 || !strings.HasPrefix(data, "Matched Data: ") && !strings.HasPrefix(data, "Suspicious ") {
		return "", data
	}
	variable, value, ok := strings.Cut(data[i+len(found):], ": ")
	if !ok || strings.IndexByte(variable, ' ') >= 0 {
		return "", data
	}
	return variable, value
}

// severityName returns the lower-case name of a severity given by name or by its
// number in syslog.
func severityName(s string) string {
	names := [...]string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}
	if len(s) == 1 && s[0] >= '0' && s[0] <= '7' {
		return names[s[0]-'0']
	}
	for _, n := range names {
		if strings.EqualFold(n, s) {
			return n
		}
	}
	if s == "-1" { // a rule of Coraza without one
		return ""
	}
	return s
}

// addScores adds the scores that are known.
func (w *wafRecord) addScores(e *event.Event) {
	add := func(k event.Key, n int64) {
		if n >= 0 {
			e.AddInt(k, n)
		}
	}
	add(event.WAFAnomalyScore, w.score)
	add(event.WAFOutboundScore, w.outbound)
	add(event.WAFThreshold, w.threshold)
	e.AddText(event.WAFRuleset, w.ruleset)
}

// decide returns waf.decision, what the rules judged, and waf.action, what was
// done. status is that of the response, "" if unknown. Where the log does not
// tell whether the transaction was interrupted, mode and status do.
func (w *wafRecord) decide(status string) (decision, action string) {
	decision, action = "allow", "allow"
	over := w.score >= 0 && w.threshold > 0 && w.score >= w.threshold
	if w.exceeded || w.interrupted || w.denied || over {
		decision = "block"
	}
	switch {
	case w.known && w.interrupted, !w.known && w.denied:
		action = "block"
	case w.known || w.mode == "detect" || decision == "allow":
	case w.mode == "block" || status == "403" || status == "406":
		action = "block"
	}
	return decision, action
}
