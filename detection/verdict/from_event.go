package verdict

import (
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Decisions is a filter in the query language that events pass of which [IsDecision]
// holds. Whatever lists, counts or rates decisions takes these alone.
const Decisions = "gatewatch.waf: (node or log) and waf.decision: (block or allow) and not error.message: *"

// IsDecision tells whether an event is the decision of a WAF. That it says so is not
// enough: any log can state waf.decision. The parsers of WAFs give it gatewatch.waf,
// which no sender has a say in. What could not be read whole would spoil rates.
func IsDecision(e *event.Event) bool {
	if !e.Has(event.GatewatchWAF) || e.Has(event.ErrorMessage) {
		return false
	}
	decision := e.Get(event.WAFDecision).Text()
	return decision == "block" || decision == "allow"
}

// FromEvent reads what an event of a WAF tells about its decision: the request
// line, some headers, and what the rules matched. The body is known only where
// the event holds it, so the input is partial. It shares memory with the event.
// ok is false if the event is no decision of a WAF.
func FromEvent(e *event.Event) (in Input, ok bool) {
	decision := e.Get(event.WAFDecision).Text()
	if decision == "" && !e.Has(event.WAFMatchRuleID) {
		return Input{}, false
	}
	in = Input{Partial: true, Block: decision == "block", Score: int(e.Get(event.WAFAnomalyScore).Int())}
	for v := range e.Values(event.RuleID) {
		if id, err := strconv.Atoi(v.String()); err == nil {
			in.Rules = append(in.Rules, id)
		}
	}
	in.Matches = eventMatches(e)
	in.Request = eventRequest(e)
	return in, true
}

// eventMatches reads the parallel lists of waf.match.
func eventMatches(e *event.Event) []Match {
	var out []Match
	for v := range e.Values(event.WAFMatchRuleID) {
		id, _ := strconv.Atoi(v.String()) // 0 is no rule
		out = append(out, Match{Rule: id})
	}
	fill := func(k event.Key, set func(*Match, string)) {
		i := 0
		for v := range e.Values(k) {
			if i < len(out) {
				set(&out[i], v.String())
			}
			i++
		}
	}
	fill(event.WAFMatchVariable, func(m *Match, s string) { m.Variable = s })
	fill(event.WAFMatchValue, func(m *Match, s string) { m.Value = s })
	return out
}

// eventRequest puts together what an event tells of the request.
func eventRequest(e *event.Event) *Request {
	text := func(keys ...event.Key) string {
		for _, k := range keys {
			if s := e.Get(k).Text(); s != "" {
				return s
			}
		}
		return ""
	}
	r := &Request{
		Site:   text(event.WAFSite, event.URLDomain),
		Method: text(event.HTTPRequestMethod),
		URI:    text(event.URLOriginal, event.URLPath),
		Proto:  "HTTP/1.1",
		Body:   []byte(text(event.HTTPRequestBody)),
	}
	if query := text(event.URLQuery); query != "" && !e.Has(event.URLOriginal) {
		r.URI += "?" + query
	}
	if agent := text(event.UserAgentOriginal); agent != "" {
		r.Headers = append(r.Headers, [2]string{"User-Agent", agent})
	}
	if referer := text(event.HTTPRequestReferrer); referer != "" {
		r.Headers = append(r.Headers, [2]string{"Referer", referer})
	}
	return r
}
