package parse

import (
	"strconv"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of the message of a node's event.
const (
	messagePath  = 200 // bytes of the path
	messageRules = 10  // ids
)

// addNodeMessage sums a node's event up in a line for people, unless it has a
// message: "block POST /forum/post score 15 rules 941100,941120". The first word
// is what was done; where the rules judged otherwise, or the node had a reason of
// its own, the line ends with that.
func addNodeMessage(e *event.Event) {
	if e.Has(event.Message) {
		return
	}
	line := e.Build(func(dst []byte) []byte { return appendNodeMessage(dst, e) })
	e.AddText(event.Message, line)
}

func appendNodeMessage(dst []byte, e *event.Event) []byte {
	word := func(prefix, s string) {
		if s == "" {
			return
		}
		if len(dst) > 0 {
			dst = append(dst, ' ')
		}
		dst = append(append(dst, prefix...), s...)
	}
	decision, action := e.Get(event.WAFDecision).Text(), e.Get(event.WAFAction).Text()
	if action == "" {
		action = decision
	}
	word("", action)
	word("", e.Get(event.HTTPRequestMethod).Text())
	word("", clipText(e.Get(event.URLPath).Text(), messagePath))
	if score := e.Get(event.WAFAnomalyScore).Int(); score > 0 {
		word("score ", strconv.FormatInt(score, 10))
	}
	n := 0
	for id := range e.Values(event.RuleID) {
		switch n++; {
		case n == 1:
			word("rules ", id.String())
		case n <= messageRules:
			dst = id.AppendText(append(dst, ','))
		case n == messageRules+1:
			dst = append(dst, ",…"...)
		}
	}
	if decision != action {
		word("decision ", decision)
	}
	word("reason ", e.Get(event.WAFReason).Text())
	return dst
}

// clipText cuts a text at the end of a character and marks that.
func clipText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}
