package pipeline

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
)

// attribute settles whose word an event of a WAF is: what it says of its own origin
// counts for nothing. A node is known by its stream. A log is that of its source,
// whatever it calls itself, and the server judges what it tells: it states neither
// verdicts, nor that the application has said who is signed in.
//
// What no parser of a WAF has read is left as it was sent, and is no decision.
func (c *source) attribute(e *event.Event) {
	if !e.Has(event.GatewatchWAF) {
		return
	}
	switch {
	case e.Source == detection.Source: // the server, about one of its nodes
		return
	case c.node:
		e.Set(event.GatewatchWAF, event.String(event.WAFByNode))
		e.Set(event.ObserverName, event.String(e.Source))
	default:
		dropClaims(e)
		if name := e.Get(event.WAFNode); !e.Has(event.ObserverName) && name.Kind() != event.KindNone {
			e.Set(event.ObserverName, name)
		}
	}
	e.Set(event.WAFNode, event.String(e.Source))
}

var keySignedInProven = event.Intern("waf.signed_in_proven")

// dropClaims removes what a log has no say in. It stays in event.original.
func dropClaims(e *event.Event) {
	e.Delete(keySignedInProven)
	for i := 0; i < len(e.Fields()); {
		if k := e.Fields()[i].Key; strings.HasPrefix(k.String(), "verdict.") {
			e.Delete(k)
			continue
		}
		i++
	}
}
