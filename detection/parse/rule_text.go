package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// ruleText is the line that ModSecurity (2 and 3) and Coraza write to the error
// log for one matched rule:
//
//	ModSecurity: Access denied with code 403 (phase 2). Matched "Operator `Rx' with parameter `…'
//	against variable `ARGS:id' (Value: `1 or 1=1' ) [file "…"] [line "80"] [id "942100"] [msg "…"] …
//	[client "203.0.113.9"] Coraza: Warning. SQL Injection … [file "…"] … [uri "/"] [unique_id "…"]
type ruleText struct {
	ruleMatch
	denied                           bool
	client, hostname, uri, unique, s string
}

// parseRuleText reads such a line. It reports false if it is none.
func parseRuleText(e *event.Event, s string) (ruleText, bool) {
	t := ruleText{s: s}
	i := strings.Index(s, `[id "`)
	engine := max(strings.Index(s, "ModSecurity: "), strings.Index(s, "Coraza: "))
	if i < 0 || engine > i {
		return t, false
	}
	t.client = t.first(e, s[:i], "client")
	t.denied = strings.HasPrefix(s, "Access denied") || engine >= 0 && strings.Contains(s[engine:i], ": Access denied")
	t.file = t.first(e, s, "file")
	t.id = t.first(e, s, "id")
	rest := s[i:]
	t.msg = t.first(e, rest, "msg")
	t.data = t.first(e, rest, "data")
	t.severity = t.first(e, rest, "severity")
	t.version = t.first(e, rest, "ver")
	t.readMatch(s[:i])
	t.hostname, t.uri, t.unique = t.last(e, "hostname"), t.last(e, "uri"), t.last(e, "unique_id")
	return t, isDigits(t.id, 0) && len(t.id) <= 12
}

// first returns the value of the first [name "value"].
func (t *ruleText) first(e *event.Event, s, name string) string {
	i := strings.Index(s, "["+name+` "`)
	if i < 0 {
		return ""
	}
	return unescape(e, tagValue(s[i+len(name)+3:]))
}

// last returns the value of the last [name "value"]: what a client wrote into
// the data of the rule stands before the tags that follow it.
func (t *ruleText) last(e *event.Event, name string) string {
	i := strings.LastIndex(t.s, "["+name+` "`)
	if i < 0 {
		return ""
	}
	return unescape(e, tagValue(t.s[i+len(name)+3:]))
}

// tagValue returns what stands before the closing quote and bracket.
func tagValue(s string) string {
	for i := 0; ; i++ {
		j := strings.Index(s[i:], `"]`)
		if j < 0 {
			return ""
		}
		if i += j; !oddBackslashes(s[:i]) {
			return s[:i]
		}
	}
}

// readMatch reads what ModSecurity says of a match: operator, variable and value.
func (m *ruleMatch) readMatch(s string) {
	const parameter, against, value = "with parameter `", "against variable `", "' (Value: `"
	if i := strings.LastIndex(s, against); i >= 0 {
		if j := strings.Index(s[:i], parameter); j >= 0 {
			m.parameter = strings.TrimSuffix(s[j+len(parameter):i], "' ")
		}
		s = s[i+len(against):]
		if j := strings.Index(s, value); j >= 0 {
			m.variable, s = s[:j], s[j+len(value):]
			if k := strings.LastIndex(s, "' )"); k >= 0 {
				m.value = s[:k]
			}
		}
		return
	}
	if i := strings.LastIndex(s, " at "); i >= 0 { // ModSecurity 2: … at ARGS:id. [file
		v, _ := word(s[i+4:])
		m.variable = strings.TrimRight(v, ".")
	}
}

// isRuleMessage tells whether an engine wrote a message: its name stands first, or
// behind the client. Further behind it is what a client wrote.
func isRuleMessage(s string) bool {
	if strings.HasPrefix(s, "[client ") {
		_, s, _ = strings.Cut(s, "] ")
	}
	return strings.HasPrefix(s, "ModSecurity: ") || strings.HasPrefix(s, "Coraza: ")
}

// addRuleMessage adds the match that a message of an error log tells of, if it
// does.
func addRuleMessage(e *event.Event, message string) {
	if !isRuleMessage(message) {
		return
	}
	t, ok := parseRuleText(e, message)
	if !ok {
		return
	}
	w := wafRecord{score: -1, threshold: -1, outbound: -1}
	w.add(e, &t.ruleMatch)
	addMissing(e, event.TransactionID, t.unique)
	if t.client != "" && !e.Has(event.SourceIP) {
		e.AddIP(event.SourceIP, t.client)
	}
	if t.uri != "" && !e.Has(event.URLOriginal) && !e.Has(event.URLPath) {
		AddURL(e, "", t.uri)
	}
	if t.hostname != "" && !e.Has(event.URLDomain) {
		e.Add(event.URLDomain, event.String(t.hostname))
	}
	w.addScores(e)
	if t.denied {
		e.Add(event.WAFDecision, event.String("block"))
		e.Add(event.WAFAction, event.String("block"))
	}
}
