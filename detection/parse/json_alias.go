package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// alias is a field of ECS that JSON logs give other names to.
type alias uint8

const (
	aliasNone alias = iota
	aliasLevel
	aliasMessage
	aliasSource
	aliasSourcePort
	aliasDestination
	aliasDestinationPort
	aliasForwarded
	aliasStatus
	aliasMethod
	aliasURL
	aliasHost
	aliasHostName
	aliasUser
	aliasAgent
	aliasReferrer
	aliasService
	aliasPID
	aliasRequestID
	aliasTraceID
	aliasSpanID
	aliasSessionID
	aliasCount
)

// aliasOf returns what a name stands for. Case, "_" and "-" do not count, nor
// does request., req., response. or res. before the name:
//
//	log.level                    level, log_level, lvl, severity
//	message                      msg, short_message
//	source.ip, source.port       remote_addr, remote_ip, client_ip, client_addr, src_ip, source_ip, source_ip_address; …_port
//	destination.ip, .port        dst_ip, dest_ip, destination_ip; …_port
//	client.ip                    x_forwarded_for, headers.x_forwarded_for, where source.ip is a trusted proxy
//	http.response.status_code    status, status_code, http_status (100 to 599)
//	http.request.method          method, request_method, http_method, verb (capital letters)
//	url.*                        uri, request_uri, url, path (with a leading slash or scheme)
//	url.domain                   host, http_host, vhost where there is a method or URL; else host.name
//	host.name                    hostname, host_name
//	user.name                    user, username, user_name, remote_user
//	user_agent.original          user_agent, http_user_agent, headers.user_agent
//	http.request.referrer        referer, referrer, http_referer, headers.referer
//	service.name, process.pid    service, service_name; pid
//	http.request.id              request_id, req_id
//	trace.id, span.id            trace_id; span_id
//	session.id                   session_id
func aliasOf(name string) alias {
	var buf [32]byte
	n := 0
	for _, prefix := range [...]string{"request.", "req.", "response.", "res."} {
		name = strings.TrimPrefix(name, prefix)
	}
	for i := range len(name) {
		c := name[i]
		if c == '_' || c == '-' {
			continue
		}
		if n == len(buf) {
			return aliasNone
		}
		if c-'A' <= 25 {
			c |= 0x20
		}
		buf[n] = c
		n++
	}
	switch string(buf[:n]) {
	case "level", "loglevel", "lvl", "severity":
		return aliasLevel
	case "msg", "shortmessage":
		return aliasMessage
	case "remoteaddr", "remoteip", "clientip", "clientaddr", "srcip", "sourceip", "sourceipaddress":
		return aliasSource
	case "remoteport", "clientport", "srcport", "sourceport":
		return aliasSourcePort
	case "dstip", "destip", "destinationip":
		return aliasDestination
	case "dstport", "destport", "destinationport":
		return aliasDestinationPort
	case "xforwardedfor", "headers.xforwardedfor", "httpxforwardedfor":
		return aliasForwarded
	case "status", "statuscode", "httpstatus":
		return aliasStatus
	case "method", "requestmethod", "httpmethod", "verb":
		return aliasMethod
	case "uri", "requesturi", "url", "path":
		return aliasURL
	case "host", "httphost", "vhost":
		return aliasHost
	case "hostname":
		return aliasHostName
	}
	return aliasOfEntity(string(buf[:n]))
}

func aliasOfEntity(name string) alias {
	switch name {
	case "user", "username", "remoteuser":
		return aliasUser
	case "useragent", "httpuseragent", "headers.useragent":
		return aliasAgent
	case "referer", "referrer", "httpreferer", "headers.referer":
		return aliasReferrer
	case "service", "servicename":
		return aliasService
	case "pid":
		return aliasPID
	case "requestid", "reqid":
		return aliasRequestID
	case "traceid":
		return aliasTraceID
	case "spanid":
		return aliasSpanID
	case "sessionid":
		return aliasSessionID
	}
	return aliasNone
}

// addAliases adds the ECS fields for which exactly one value was found.
func addAliases(c *Context, e *event.Event, found *[aliasCount]candidate) {
	text := func(a alias, k event.Key) {
		if s := found[a].get().Text(); absent(s) != "" && !e.Has(k) {
			e.Add(k, event.String(s))
		}
	}
	number := func(a alias, k event.Key, min, max int64) {
		if v := found[a].get(); v.Kind() == event.KindInt && v.Int() >= min && v.Int() <= max && !e.Has(k) {
			e.Add(k, v)
		}
	}
	if s := found[aliasLevel].get().Text(); s != "" && len(s) <= 16 && !e.Has(event.LogLevel) {
		e.Add(event.LogLevel, event.String(strings.ToLower(s)))
	}
	text(aliasMessage, event.Message)
	number(aliasStatus, event.HTTPResponseStatusCode, 100, 599)
	number(aliasSourcePort, event.SourcePort, 0, 65535)
	number(aliasDestinationPort, event.DestinationPort, 0, 65535)
	number(aliasPID, event.ProcessPID, 0, 1<<31)
	text(aliasUser, event.UserName)
	text(aliasAgent, event.UserAgentOriginal)
	text(aliasReferrer, event.HTTPRequestReferrer)
	text(aliasService, event.ServiceName)
	text(aliasRequestID, event.HTTPRequestID)
	text(aliasTraceID, event.TraceID)
	text(aliasSpanID, event.SpanID)
	text(aliasSessionID, event.SessionID)
	text(aliasHostName, event.HostName)
	addAddressAliases(c, e, found)
	addRequestAliases(e, found)
	addRelated(e)
}

func addAddressAliases(c *Context, e *event.Event, found *[aliasCount]candidate) {
	if a, ok := hopAddr(found[aliasDestination].get().Text()); ok && !e.Has(event.DestinationIP) {
		e.AddAddr(event.DestinationIP, a)
	}
	if a, ok := hopAddr(found[aliasSource].get().Text()); ok && !e.Has(event.SourceIP) {
		e.AddAddr(event.SourceIP, a)
	}
	source := e.Get(event.SourceIP)
	if source.Kind() == event.KindIP && !e.Has(event.ClientIP) {
		e.AddAddr(event.ClientIP, c.Trusted.Client(source.Addr(), found[aliasForwarded].get().Text()))
	}
}

func addRequestAliases(e *event.Event, found *[aliasCount]candidate) {
	method, target := found[aliasMethod].get().Text(), found[aliasURL].get().Text()
	if !isMethod(method) {
		method = ""
	}
	web := method != ""
	if method != "" && !e.Has(event.HTTPRequestMethod) {
		e.Add(event.HTTPRequestMethod, event.String(method))
	}
	if (strings.HasPrefix(target, "/") || schemeLen(target) > 0) && !e.Has(event.URLOriginal) && !e.Has(event.URLPath) {
		AddURL(e, method, target)
		web = true
	}
	host := found[aliasHost].get().Text()
	switch {
	case absent(host) == "":
	case web && !e.Has(event.URLDomain):
		addHost(e, host)
	case !web && !e.Has(event.HostName):
		e.Add(event.HostName, event.String(host))
	}
}

// isMethod tells a word of capital letters, as the methods of HTTP are.
func isMethod(s string) bool {
	for i := range len(s) {
		if s[i]-'A' > 25 && s[i] != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
