package verdict

import (
	"net/netip"

	"github.com/gatewatch/gatewatch/detection/event"
)

var (
	keyWAFSession  = event.Intern("waf.session")
	keyWAFSignedIn = event.Intern("waf.signed_in")
)

// CircumstancesOf reads what an event of a WAF tells of a decision besides the
// request: when it was, whose, and what the application answered.
func CircumstancesOf(e *event.Event) *Circumstances {
	c := &Circumstances{At: e.Time, Client: ClientOf(e), Bytes: -1}
	if c.At == 0 {
		c.At = e.Received
	}
	switch e.Get(keyWAFSession).Text() {
	case "none":
		c.Session = SessionNone
	case "claimed":
		c.Session = SessionClaimed
	case "issued":
		c.Session = SessionIssued
	}
	c.SignedIn = e.Get(keyWAFSignedIn).Bool()
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
