package verdict

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

var (
	keyWAFSession  = event.Intern("waf.session")
	keyWAFSignedIn = event.Intern("waf.signed_in")
	keyWAFProven   = event.Intern("waf.signed_in_proven")
)

// CircumstancesOf reads what an event of a WAF tells of a decision besides the
// request: when it was, whose, and what the application answered.
func CircumstancesOf(e *event.Event) *Circumstances {
	c := &Circumstances{At: e.Time, Client: ClientOf(e), Bytes: -1}
	if e.Get(event.GatewatchWAF).Text() == event.WAFByLog {
		c.Log = e.Source
	}
	if c.At == 0 || e.Received != 0 && c.At > e.Received {
		c.At = e.Received // a clock that is ahead holds up no other
	}
	switch e.Get(keyWAFSession).Text() {
	case "none":
		c.Session = SessionNone
	case "claimed":
		c.Session = SessionClaimed
	case "issued":
		c.Session = SessionIssued
	}
	c.SignedIn, c.Proven = e.Get(keyWAFSignedIn).Bool(), e.Get(keyWAFProven).Bool()
	c.Status = int(e.Get(event.HTTPResponseStatusCode).Int())
	// Where nothing tells what was done, a decision to block was carried out.
	blocked := e.Get(event.WAFDecision).Text() == "block"
	if action := e.Get(event.WAFAction).Text(); action != "" {
		blocked = action == "block"
	}
	c.Answered = c.Status != 0 && !blocked
	if v := e.Get(event.HTTPResponseBodyBytes); v.Kind() == event.KindInt {
		c.Bytes = v.Int()
	}
	return c
}

// ClientOf is the address of the client that an event names, the source where it
// names none; not valid if there is neither.
func ClientOf(e *event.Event) netip.Addr {
	for _, k := range []event.Key{event.ClientIP, event.SourceIP} {
		if v := e.Get(k); v.Kind() == event.KindIP {
			return v.Addr()
		}
	}
	return netip.Addr{}
}

// SuspiciousContent tells whether the verdict in an event takes the request for an
// attack by its content alone: without what its evidence says of the client and of
// other circumstances, which must not feed on itself.
func SuspiciousContent(e *event.Event) bool {
	p := e.Get(event.VerdictPAttack).Float()
	odds := math.Log(p / (1 - p))
	for v := range e.Values(event.VerdictEvidence) {
		name, rest, _ := strings.Cut(v.Text(), "|")
		text, _, _ := strings.Cut(rest, "|")
		if weight, err := strconv.ParseFloat(text, 64); err == nil && isCircumstance(name) {
			odds -= weight
		}
	}
	return odds > 0
}

// isCircumstance tells evidence that is not of the content.
func isCircumstance(name string) bool {
	switch name {
	case "session", "retry", "answer", "parameter here":
		return true
	}
	return strings.HasPrefix(name, "client ") && name != "client data" || strings.HasPrefix(name, "client's ")
}
