package waf

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Format is the name of the format of the records that a node makes.
const Format = "coraza.waf"

// exchange is one request and what became of it: all that its event says. It
// belongs to the goroutine that serves the request.
type exchange struct {
	site     *site
	id       string // of the request
	started  time.Time
	ended    time.Time
	peer     netip.AddrPort
	hop      netip.Addr     // whose HTTP this is: the peer, or who the PROXY protocol names
	payer    netip.Addr     // whose share of the node it takes, zero for nobody's
	client   netip.AddrPort // port 0 where only a header names the client
	hops     []string       // before hop, as trusted proxies name them
	local    netip.AddrPort
	request  *http.Request // as it came from the client
	uri      string
	judged   bool // there is a decision
	decision Decision
	action   string
	reason   string // why the node acted against or without the rules
	status   int
	received int64 // bytes of the request body
	sent     int64 // bytes of the response body
	work     time.Duration
	upstream time.Duration
	backend  string // address of the upstream, "" if none was asked
	written  bool   // the event has been made
	weighed  bool   // the model was asked
	verdict  verdict.Verdict
	kept     float64 // probability with which a copy of it was kept for replay, 0 if none was
	exchanged

	node       *Node
	trusted    *parse.Trusted
	judge      *judge
	evaluation *evaluation // nil once the rules are done with it
	asked      time.Time   // when an upstream was asked
}

// What was done with a request.
const (
	actionAllow = "allow"
	actionBlock = "block"
)

// Bounds of what an event takes over from a request, in bytes.
const (
	maxURLText    = 16 << 10
	maxHeaderText = 4 << 10
	maxVariable   = 128
)

// identity is what all events of a node have in common.
type identity struct {
	node    string
	version string
}

var events = sync.Pool{New: func() any { return &recordBuffer{event: &event.Event{}} }}

// recordBuffer is the memory that one record is made in.
type recordBuffer struct {
	event *event.Event
	json  []byte
}

// record calls put with the event of an exchange as flat JSON. put must not
// keep the slice.
func (id identity) record(x *exchange, put func([]byte)) {
	b := events.Get().(*recordBuffer)
	defer events.Put(b)
	b.event.Reset()
	id.fill(b.event, x)
	b.json = b.event.AppendJSON(b.json[:0])
	put(b.json)
	if cap(b.json) > 256<<10 {
		b.json = nil
	}
}

// fill writes the fields of an exchange.
func (id identity) fill(e *event.Event, x *exchange) {
	e.Dataset, e.Time = Format, x.started.UnixNano()
	id.describe(e)
	fillOutcome(e, x)
	fillEnds(e, x)
	fillRequest(e, x)
	fillTLS(e, x.request.TLS)
	fillExchanged(e, x)
	fillWAF(e, x)
	fillMatches(e, x)
	if x.verdict.Model != "" {
		x.verdict.AppendTo(e, 0)
	}
}

func (id identity) describe(e *event.Event) {
	e.AddText(event.EventKind, "event")
	e.AddText(event.ObserverType, "waf")
	e.AddText(event.ObserverName, id.node)
	e.AddText(event.ObserverProduct, "Gatewatch")
	e.AddText(event.ObserverVersion, id.version)
	e.AddText(event.WAFNode, id.node)
}

func fillOutcome(e *event.Event, x *exchange) {
	e.AddText(event.EventCategory, "web")
	e.AddText(event.EventType, "access")
	if x.action == actionBlock {
		e.AddText(event.EventType, "denied")
		e.AddText(event.EventAction, "blocked")
	} else {
		e.AddText(event.EventType, "allowed")
		e.AddText(event.EventAction, "allowed")
	}
	if x.decision.Block || x.action == actionBlock {
		e.AddText(event.EventCategory, "intrusion_detection")
	}
	outcome := "success"
	if x.action == actionBlock || x.status >= 400 {
		outcome = "failure"
	}
	e.AddText(event.EventOutcome, outcome)
	e.AddInt(event.EventDuration, x.ended.Sub(x.started).Nanoseconds())
}

func fillEnds(e *event.Event, x *exchange) {
	e.Add(event.SourceIP, event.IP(x.peer.Addr()))
	e.AddInt(event.SourcePort, int64(x.peer.Port()))
	e.Add(event.ClientIP, event.IP(x.client.Addr()))
	if x.client.Port() != 0 {
		e.AddInt(event.ClientPort, int64(x.client.Port()))
	}
	e.Add(event.RelatedIP, event.IP(x.peer.Addr()))
	if x.client.Addr() != x.peer.Addr() {
		e.Add(event.RelatedIP, event.IP(x.client.Addr()))
	}
	if x.local.IsValid() {
		e.Add(event.ServerIP, event.IP(x.local.Addr()))
		e.AddInt(event.ServerPort, int64(x.local.Port()))
	}
	if host, port, err := net.SplitHostPort(x.backend); err == nil {
		e.AddIP(event.DestinationIP, host)
		e.AddTyped(event.DestinationPort, port)
	}
}

func fillRequest(e *event.Event, x *exchange) {
	r, mask := x.request, x.site.mask
	e.AddText(event.HTTPRequestMethod, cut(r.Method, 64))
	e.AddText(event.HTTPRequestID, x.id)
	e.AddText(event.HTTPVersion, httpVersion(r))
	e.AddText(event.HTTPRequestMimeType, cut(mask.mediaType(r.Header.Get("Content-Type")), 256))
	e.AddText(event.HTTPRequestReferrer, cut(mask.target(r.Referer()), maxHeaderText))
	e.AddInt(event.HTTPRequestBodyBytes, x.received)
	if x.status != 0 {
		e.AddInt(event.HTTPResponseStatusCode, int64(x.status))
	}
	e.AddInt(event.HTTPResponseBodyBytes, x.sent)
	e.AddText(event.UserAgentOriginal, cut(mask.field("User-Agent", r.UserAgent()), maxHeaderText))

	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	e.AddText(event.URLScheme, scheme)
	host, port := splitHost(mask.field("Host", r.Host))
	e.AddText(event.URLDomain, cut(host, 256))
	e.AddText(event.RelatedHosts, cut(host, 256))
	e.AddTyped(event.URLPort, port)
	target := mask.target(x.uri)
	e.AddText(event.URLOriginal, cut(target, maxURLText))
	path, query, _ := strings.Cut(target, "?")
	e.AddText(event.URLPath, cut(path, maxURLText))
	if decoded, err := url.PathUnescape(path); err == nil && decoded != path {
		e.AddText(event.URLPathDecoded, cut(decoded, maxURLText))
	}
	e.AddText(event.URLQuery, cut(query, maxURLText))
	if decoded, err := url.QueryUnescape(query); err == nil && decoded != query {
		e.AddText(event.URLQueryDecoded, cut(decoded, maxURLText))
	}
}

func httpVersion(r *http.Request) string {
	if r.ProtoMajor >= 2 {
		return strconv.Itoa(r.ProtoMajor)
	}
	return strconv.Itoa(r.ProtoMajor) + "." + strconv.Itoa(r.ProtoMinor)
}

// splitHost splits a Host header; the port may be missing.
func splitHost(hostport string) (host, port string) {
	if strings.IndexByte(hostport, ':') < 0 {
		return hostport, ""
	}
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		return h, p
	}
	return hostport, ""
}

func fillTLS(e *event.Event, state *tls.ConnectionState) {
	if state == nil {
		return
	}
	e.AddText(event.TLSVersionProtocol, "tls")
	e.AddText(event.TLSVersion, strings.TrimPrefix(tls.VersionName(state.Version), "TLS "))
	e.AddText(event.TLSCipher, tls.CipherSuiteName(state.CipherSuite))
	e.AddText(event.TLSClientServerName, cut(state.ServerName, 256))
}

func fillWAF(e *event.Event, x *exchange) {
	e.AddText(event.WAFSite, x.site.name)
	e.AddText(event.WAFMode, string(x.site.mode))
	e.AddText(event.WAFAction, x.action)
	e.AddText(event.WAFReason, x.reason)
	if engine := x.site.engine; engine != nil {
		e.AddText(event.WAFRuleset, engine.fingerprint)
		e.AddInt(event.WAFParanoiaLevel, int64(engine.settings.Paranoia))
		e.AddInt(event.WAFThreshold, int64(engine.settings.InboundThreshold))
		e.AddInt(event.WAFEvaluation, x.work.Nanoseconds())
	}
	if x.backend != "" {
		e.AddInt(event.WAFUpstream, x.upstream.Nanoseconds())
	}
	if !x.judged {
		return
	}
	decision := actionAllow
	if x.decision.Block {
		decision = actionBlock
	}
	e.AddText(event.WAFDecision, decision)
	e.AddInt(event.WAFAnomalyScore, int64(x.decision.Score))
	if x.site.engine.settings.InspectResponses {
		e.AddInt(event.WAFOutboundScore, int64(x.decision.Outbound))
	}
	e.Add(event.WAFPolicyOnly, event.Bool(x.decision.PolicyOnly))
	if x.kept > 0 {
		e.Add(event.WAFSampleProb, event.Float(x.kept))
	}
	if len(x.decision.Scoring) > 0 {
		e.AddText(event.RuleRuleset, "OWASP_CRS/"+CRSVersion)
	}
	for _, id := range x.decision.Scoring {
		e.AddList(event.RuleID, event.String(strconv.Itoa(id)))
	}
}

var keyMatchOmitted = event.Intern("waf.match.omitted")

// fillMatches writes the parallel lists, one element of each for every match.
func fillMatches(e *event.Event, x *exchange) {
	mask := x.site.mask
	mask.bodyType = x.request.Header.Get("Content-Type")
	for _, m := range x.decision.Matches {
		e.Add(event.WAFMatchRuleID, event.String(strconv.Itoa(m.RuleID)))
		e.Add(event.WAFMatchVariable, event.String(cut(m.Variable, maxVariable)))
		e.Add(event.WAFMatchValue, event.String(mask.shown(m.Variable, m.Value, x.site.valueBytes)))
		e.Add(event.WAFMatchMessage, event.String(cut(m.Message, maxHeaderText)))
		e.Add(event.WAFMatchSeverity, event.String(m.Severity))
	}
	if x.decision.Omitted > 0 {
		e.AddInt(keyMatchOmitted, int64(x.decision.Omitted))
	}
}

// shown masks and shortens a matched value. What is cut off is not searched for
// credentials: a value may be a body of a megabyte.
func (m eventMask) shown(variable, value string, limit int) string {
	const margin = 1 << 10
	rest := 0
	if len(value) > limit+margin {
		rest = len(value) - limit - margin
		value = value[:limit+margin]
	}
	value = m.matched(variable, value)
	if len(value) <= limit {
		return value
	}
	head := strings.ToValidUTF8(value[:limit], "")
	return head + "…(+" + strconv.Itoa(len(value)-limit+rest) + " bytes)"
}

// notice writes an event of the node about itself: what happened and how many
// records or requests it concerns.
func (id identity) notice(at time.Time, action, reason, message string) []byte {
	var e event.Event
	e.Dataset, e.Time = Format, at.UnixNano()
	id.describe(&e)
	e.AddText(event.EventCategory, "host")
	e.AddText(event.EventType, "error")
	e.AddText(event.EventAction, action)
	e.AddText(event.EventOutcome, "failure")
	e.AddText(event.WAFReason, reason)
	e.AddText(event.Message, message)
	return e.AppendJSON(nil)
}
