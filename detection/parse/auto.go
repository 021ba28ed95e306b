package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "auto",
		Summary: "whichever of the other formats a record has, told by how it begins",
		Parse:   parseAuto,
		Header:  isExchangeHeader,
	})
}

// parseAuto decides for each record by its beginning, which the program that
// wrote the log has in hand and not the client it writes about. In this order:
//
//  1. An opening brace: JSON, see [jsonFormat].
//  2. 2006/01/02 15:04:05: nginx.error.
//  3. A time and a comma: the Exchange log that the header line names, else the
//     one that has such columns.
//  4. <PRI>, a time of BSD syslog, or an ISO time and a space: syslog, whose
//     message may be that of a known program.
//  5. "postfix/daemon[pid]: " or "sshd[pid]: " without a header.
//  6. A time of the common log format in brackets: nginx.access.
//
// What has none of these is kept as the message, with an error.
func parseAuto(raw []byte, c *Context, e *event.Event) error {
	s := event.View(raw)
	if name := formatOf(s, c); name != "" {
		return parseAs(name, raw, c, e)
	}
	if env, ok := readEnvelope(s, c); ok || contentOf(env.program, "") != nil {
		return env.into(c, e)
	}
	if isAccessLine(s) {
		return parseAs("nginx.access", raw, c, e)
	}
	e.AddText(event.Message, s)
	return &Error{Reason: "no format matches"}
}

// parseAs reads a record under the name of another format.
func parseAs(name string, raw []byte, c *Context, e *event.Event) error {
	f, ok := Lookup(name)
	if !ok {
		e.AddText(event.Message, event.View(raw))
		return &Error{Reason: "no format matches"}
	}
	e.Dataset = name
	return f.Parse(raw, c, e)
}

// formatOf returns the format of a record that is no syslog, "" if its beginning
// does not tell.
func formatOf(s string, c *Context) string {
	t := strings.TrimLeft(trimBOM(s), " \t")
	if t == "" {
		return ""
	}
	if t[0] == '{' {
		return jsonFormat(t)
	}
	if t[0]-'0' > 9 {
		return ""
	}
	if _, end := nginxErrorTime(t, nil); end > 0 {
		return "nginx.error"
	}
	if _, end := isoTime(t, nil); end > 0 && end < len(t) && t[end] == ',' {
		return exchangeFormat(t[end+1:], c.Header)
	}
	return ""
}

// exchangeFormat names the Exchange log of a record by the header that governs
// it, or without one by the second column: HttpProxy logs have a GUID there.
func exchangeFormat(afterTime, header string) string {
	switch {
	case strings.Contains(header, "RequestId,"):
		return "exchange.httpproxy"
	case strings.Contains(header, "message-id,"):
		return "exchange.messagetracking"
	}
	second, _, _ := strings.Cut(afterTime, ",")
	if len(second) == 36 && second[8] == '-' && second[13] == '-' && second[18] == '-' && second[23] == '-' {
		return "exchange.httpproxy"
	}
	if strings.Count(afterTime, ",") >= strings.Count(trackingColumns, ",")-1 {
		return "exchange.messagetracking"
	}
	return ""
}

// jsonFormat names the format of a JSON object by names that it has, not those of
// objects in it, which may be of whoever the log is about. A name cannot be forged by
// a value, in which quotes are escaped.
//
//  1. "transaction" comes first, or there are the request and the enrichments
//     of OCSF: an audit log, whose parser tells the engine.
//  2. "waf.decision": a node's event.
//  3. "remote_addr" and "request" with a text, "request_uri" or "request_method":
//     nginx with names of variables, whatever it calls the time.
//  4. "@timestamp": ECS.
//  5. Anything else: json.
func jsonFormat(s string) string {
	first := strings.TrimLeft(strings.TrimPrefix(s, "{"), " \t\r\n")
	switch {
	case strings.HasPrefix(first, `"transaction"`),
		hasName(s, "http_request") && hasName(s, "enrichments"):
		return "coraza.audit"
	case hasName(s, "waf.decision"):
		return "coraza.waf"
	case isNginxJSON(s):
		return "nginx.access"
	case strings.Contains(s, `"@timestamp":`):
		return "ecs"
	}
	return "json"
}

// isNginxJSON tells an access log whose names are variables of nginx from ECS,
// where "request" is an object.
func isNginxJSON(s string) bool {
	if !strings.Contains(s, `"remote_addr":`) {
		return false
	}
	if strings.Contains(s, `"request_uri":`) || strings.Contains(s, `"request_method":`) {
		return true
	}
	_, request, ok := strings.Cut(s, `"request":`)
	return ok && strings.HasPrefix(strings.TrimLeft(request, " \t"), `"`)
}

// isAccessLine tells whether there is a time of the common log format in
// brackets, behind what stands before it in access logs.
func isAccessLine(s string) bool {
	at := 0
	for range 8 {
		i := strings.IndexByte(s[at:min(len(s), 1024)], '[')
		if i < 0 {
			return false
		}
		at += i + 1
		if len(s) > at+26 && s[at+26] == ']' {
			if _, ok := nginxTime(s[at : at+26]); ok {
				return true
			}
		}
	}
	return false
}
