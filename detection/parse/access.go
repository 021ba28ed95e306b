package parse

import (
	"strings"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// access is what an access log says of one request, as text: without escapes,
// "" where the log has nothing.
type access struct {
	time                     int64 // Unix nanoseconds, 0 if unknown
	vhost                    string
	remote, remotePort, user string
	request                  string // the request line, or
	method, target, protocol string // its parts
	scheme                   string
	status, sent, sentBody   string
	length                   string // bytes of the request
	requestID                string
	referrer, agent          string
	forwarded                string // X-Forwarded-For as received
	forwarded7239            string // Forwarded (RFC 7239) as received
	duration                 string // seconds
	upstream                 upstream
	extra                    []string
}

// upstream holds lists as nginx writes them, see [addList].
type upstream struct {
	name, address, status, time, connect, header, length, cache string
}

// addTo adds the event of an access log. source.ip is the peer that the log
// names, client.ip the client behind trusted proxies, see [addClient].
func (a *access) addTo(c *Context, e *event.Event) {
	e.Add(event.EventKind, event.String("event"))
	e.Add(event.EventCategory, event.String("web"))
	e.Add(event.EventType, event.String("access"))
	a.addFields(c, e)
}

// addFields adds what is known of the request and its answer.
func (a *access) addFields(c *Context, e *event.Event) {
	if a.time != 0 {
		e.Time = a.time
	}
	addClient(c, e, a.remote, a.forwarded, a.forwarded7239)
	addNumber(e, event.SourcePort, a.remotePort)
	e.AddText(event.UserName, a.user)
	e.AddText(event.RelatedUser, a.user)
	a.addRequest(e)
	a.addResponse(e)
	e.AddText(event.HTTPRequestReferrer, a.referrer)
	e.AddText(event.UserAgentOriginal, a.agent)
	e.AddText(event.HTTPRequestID, a.requestID)
	e.AddText(event.HTTPForwardedFor, a.forwarded)
	if ns, ok := durationOf(a.duration); ok {
		e.AddInt(event.EventDuration, ns)
	}
	a.upstream.addTo(e)
	for _, s := range a.extra {
		e.Add(event.NginxExtra, event.String(s))
	}
}

func (a *access) addRequest(e *event.Event) {
	if a.target == "" && a.request != "" {
		var ok bool
		if a.method, a.target, a.protocol, ok = splitRequest(a.request); !ok {
			e.Add(event.NginxRequest, event.String(a.request))
			e.Add(event.EventAction, event.String("malformed-request"))
			if strings.HasPrefix(a.request, "\x16\x03") {
				e.Add(event.EventReason, event.String("TLS handshake on a plain port"))
			}
		}
	}
	e.AddText(event.HTTPRequestMethod, a.method)
	e.AddText(event.HTTPVersion, strings.TrimPrefix(a.protocol, "HTTP/"))
	addNumber(e, event.HTTPRequestBytes, a.length)
	AddURL(e, a.method, a.target)
	if a.scheme != "" && !e.Has(event.URLScheme) {
		e.Add(event.URLScheme, event.String(a.scheme))
	}
	if a.vhost != "" && a.vhost != "_" && !e.Has(event.URLDomain) {
		addHost(e, a.vhost)
	}
}

// addHost adds the host that a request is for, as a Host header has it.
func addHost(e *event.Event, s string) {
	host, port := SplitHost(s)
	e.AddText(event.URLDomain, host)
	if port > 0 {
		e.AddInt(event.URLPort, int64(port))
	}
}

// addResponse adds what was answered. http.response.bytes is what the log
// counts; where that is the body alone, http.response.body.bytes says so.
func (a *access) addResponse(e *event.Event) {
	outcome := "unknown"
	if isDigits(a.status, 3) && a.status != "000" {
		addNumber(e, event.HTTPResponseStatusCode, a.status)
		if outcome = "success"; a.status[0] >= '4' {
			outcome = "failure"
		}
	}
	e.Add(event.EventOutcome, event.String(outcome))
	if a.sent == "" {
		a.sent = a.sentBody
	}
	addNumber(e, event.HTTPResponseBytes, a.sent)
	addNumber(e, event.HTTPResponseBodyBytes, a.sentBody)
}

func (u *upstream) addTo(e *event.Event) {
	if *u == (upstream{}) {
		return
	}
	e.AddText(event.NginxUpstreamName, u.name)
	addList(e, event.NginxUpstreamAddress, u.address)
	addList(e, event.NginxUpstreamStatus, u.status)
	addList(e, event.NginxUpstreamTime, u.time)
	addList(e, event.NginxUpstreamConnect, u.connect)
	addList(e, event.NginxUpstreamHeader, u.header)
	addList(e, event.NginxUpstreamLength, u.length)
	e.AddText(event.NginxUpstreamCache, u.cache)
}

// maxUpstreams bounds how many servers of one request are listed.
const maxUpstreams = 64

// addList adds the elements of a list of nginx, which stand between commas
// (servers that were tried) and colons (groups, after a redirect). Element i of
// all lists is about the same server, so that a "-" stays in a list of several.
// What is over the bound goes to nginx.extra.
func addList(e *event.Event, k event.Key, s string) {
	if absent(s) == "" {
		return
	}
	for range maxUpstreams {
		comma, colon := strings.Index(s, ", "), strings.Index(s, " : ")
		switch {
		case comma >= 0 && (colon < 0 || comma < colon):
			e.AddTyped(k, s[:comma])
			s = s[comma+2:]
		case colon >= 0:
			e.AddTyped(k, s[:colon])
			s = s[colon+3:]
		default:
			e.AddTyped(k, s)
			return
		}
	}
	e.Add(event.NginxExtra, event.String(s))
}

// addClient adds source, client and related.ip. source.ip is the peer as the
// log names it: what the WAF or proxy that wrote the log saw on the wire.
// client.ip is the client that the X-Forwarded-For or the Forwarded of that
// request names, as far as proxies of the context's list vouch for it, else the
// peer, see [Trusted.Agreed]. A peer that is no address is source.address.
func addClient(c *Context, e *event.Event, remote, forwardedFor, forwarded string) {
	peer, ok := event.ParseIP(remote)
	if !ok {
		e.AddText(event.SourceAddress, remote)
		return
	}
	e.AddAddr(event.SourceIP, peer)
	v := e.Get(event.SourceIP)
	e.Add(event.RelatedIP, v)
	if client, _ := c.Trusted.Agreed(peer, forwardedFor, forwarded); client != peer {
		e.AddAddr(event.ClientIP, client)
		e.Add(event.RelatedIP, e.Get(event.ClientIP))
		return
	}
	e.Add(event.ClientIP, v)
}

// addNumber adds a decimal number. Other text is left to event.original.
func addNumber(e *event.Event, k event.Key, s string) {
	if !isDigits(s, 0) || len(s) > 18 {
		return
	}
	n := int64(0)
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	e.AddInt(k, n)
}

// splitRequest splits a request line (RFC 9112 section 3), whose target may
// hold spaces, as attackers write them. It reports false if it is none.
func splitRequest(s string) (method, target, protocol string, ok bool) {
	i := strings.IndexByte(s, ' ')
	if i <= 0 || i > 32 || !isToken(s[:i]) {
		return "", "", "", false
	}
	method, target = s[:i], s[i+1:]
	if j := strings.LastIndexByte(target, ' '); j >= 0 && strings.HasPrefix(target[j+1:], "HTTP/") {
		target, protocol = target[:j], target[j+1:]
	}
	return method, target, protocol, target != ""
}

// isToken tells a method: RFC 9110 section 5.6.2, letters and marks only.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c|0x20-'a' > 25 && c-'0' > 9 && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// durationOf reads seconds with up to nine decimals as nanoseconds.
func durationOf(s string) (int64, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if !isDigits(whole, 0) || len(whole) > 9 || frac != "" && !isDigits(frac, 0) {
		return 0, false
	}
	n := int64(0)
	for i := range len(whole) {
		n = n*10 + int64(whole[i]-'0')
	}
	for i := range 9 {
		n *= 10
		if i < len(frac) {
			n += int64(frac[i] - '0')
		}
	}
	return n, true
}

// appendUnicode appends the character of an escape \uHHHH, or of two that form
// a surrogate pair, and returns its length, 0 if s does not begin with one.
func appendUnicode(dst *[]byte, s string) int {
	r, ok := hexRune(s)
	if !ok {
		return 0
	}
	n := 6
	if r >= 0xd800 && r < 0xdc00 {
		if low, ok := hexRune(s[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			r, n = (r-0xd800)<<10|(low-0xdc00)+0x10000, 12
		}
	}
	*dst = utf8.AppendRune(*dst, r)
	return n
}

// hexRune reads \uHHHH at the start of s.
func hexRune(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	hi, ok1 := hexByte(s[2:])
	lo, ok2 := hexByte(s[4:])
	return rune(hi)<<8 | rune(lo), ok1 && ok2
}
