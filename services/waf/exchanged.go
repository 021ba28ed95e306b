package waf

import (
	"math/rand/v2"
	"net/http"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// exchanged is what is known of an exchange besides the request and what the
// rules made of it.
type exchanged struct {
	session        session
	retry          retry
	upstreamStatus int // that the application answered, 0 if it did not
	answerMIME     string
	answerHead     int64 // bytes of the response's head, 0 if it is not known yet
	answerWhole    bool  // sent is all of it
}

// remembered is what a node remembers of requests. It is lost when the node
// stops, and says nothing until there is enough of it again.
type remembered struct {
	memory     *verdict.Memory
	retries    *retries
	issued     *lately[issued]
	sessionKey []byte
}

func newRemembered() remembered {
	return remembered{
		memory: verdict.NewMemory(rand.Uint64()), retries: newRetries(), issued: newIssued(), sessionKey: newSessionKey(),
	}
}

// note takes over what went back to the client.
func (x *exchange) note(a *answer) {
	if a.status != 0 {
		x.status = a.status
		x.answerMIME = a.Header().Get("Content-Type")
		x.answerHead = headBytes(len("HTTP/1.1 200 "+http.StatusText(a.status)), "", a.Header())
	}
	x.sent, x.answerWhole = a.sent, true
}

// headBytes is the size of a head as HTTP/1.1 would write it, of which the first
// line without its end has a length.
func headBytes(first int, host string, h http.Header) int64 {
	const ends = len(": \r\n")
	n := int64(first + len("\r\n\r\n"))
	if host != "" {
		n += int64(len("Host") + len(host) + ends)
	}
	for name, values := range h {
		for _, v := range values {
			n += int64(len(name) + len(v) + ends)
		}
	}
	return n
}

// circumstances is what the model is told besides the request.
func (x *exchange) circumstances() *verdict.Circumstances {
	c := &verdict.Circumstances{
		At: x.started.UnixNano(), Session: x.session.state, SignedIn: x.session.signedIn, Proven: x.session.proven,
		Retry: x.retry.kind, Retries: x.retry.times, Status: x.upstreamStatus, Bytes: -1,
	}
	if x.payer.IsValid() {
		c.Client = x.client.Addr()
	}
	// What the rules made of an answer is not the application's.
	c.Answered = x.upstreamStatus != 0 && x.action != actionBlock
	if x.answerWhole {
		c.Bytes = x.sent
	}
	return c
}

// Fields of a node's event that ECS has no name for, besides those that package
// event knows.
var (
	keySession        = event.Intern("waf.session")          // none, claimed by the client, or issued by the application
	keySignedIn       = event.Intern("waf.signed_in")        // as the site's configuration tells
	keySignedInProven = event.Intern("waf.signed_in_proven") // true where the application has said so
	keyRetry          = event.Intern("waf.retry")            // same or changed: the like was blocked shortly before
	keyRetryCount     = event.Intern("waf.retry_count")
	keyRetryOf        = event.Intern("waf.retry_of")        // http.request.id of what was blocked
	keyUpstreamStatus = event.Intern("waf.upstream_status") // where the client got another one
)

func fillExchanged(e *event.Event, x *exchange) {
	r := x.request
	head := headBytes(len(r.Method)+len(x.uri)+len(r.Proto)+len("  "), r.Host, r.Header)
	e.AddInt(event.HTTPRequestBytes, head+x.received)
	e.AddText(event.HTTPResponseMimeType, cut(x.answerMIME, 256))
	if x.answerHead > 0 {
		e.AddInt(event.HTTPResponseBytes, x.answerHead+x.sent)
	}
	if x.upstreamStatus != 0 && x.upstreamStatus != x.status {
		e.AddInt(keyUpstreamStatus, int64(x.upstreamStatus))
	}
	if s := &x.session; s.state != verdict.SessionUnknown {
		e.AddText(keySession, sessionNames[s.state])
		e.AddText(event.SessionID, s.id)
	}
	if x.site.sessions != nil {
		e.Add(keySignedIn, event.Bool(x.session.signedIn))
		if x.session.proven {
			e.Add(keySignedInProven, event.Bool(true))
		}
	}
	if x.retry.kind != verdict.NoRetry {
		e.AddText(keyRetry, retryNames[x.retry.kind])
		e.AddInt(keyRetryCount, int64(x.retry.times))
		e.AddText(keyRetryOf, x.retry.of)
	}
}
