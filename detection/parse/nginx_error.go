package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "nginx.error",
		Summary: "nginx and OpenResty error log, with request limits, TLS failures and ModSecurity-nginx messages",
		Parse:   parseNginxError,
	})
}

// parseNginxError reads a line of the error log:
//
//	2026/11/21 09:30:00 [error] 31#31: *46 open() "/x" failed (2: No such file or directory),
//	client: 203.0.113.9, server: shop.example, request: "GET /x HTTP/1.1", host: "shop.example"
//
// nginx escapes nothing in it. What a client writes into a path could pass for
// the part that names the client: where a line can be read in two ways it is
// kept with an error and without a client.
func parseNginxError(raw []byte, c *Context, e *event.Event) error {
	line := strings.TrimRight(event.View(raw), "\r\n ")
	ns, end := nginxErrorTime(line, c.Zone)
	if end == 0 || !strings.HasPrefix(line[end:], " [") {
		return &Error{"no match", "no time and [level] at the start"}
	}
	level, rest, ok := strings.Cut(line[end+2:], "] ")
	if !ok || !isErrorLevel(level) {
		return &Error{"no match", "no level of nginx behind the time"}
	}
	e.Time = ns
	e.Add(event.EventKind, event.String("event"))
	e.Add(event.EventCategory, event.String("web"))
	e.Add(event.EventType, event.String("error"))
	e.Add(event.LogLevel, event.String(level))
	rest = addProcess(e, rest)
	message, tail, ambiguous := splitErrorTail(rest)
	e.AddText(event.Message, message)
	t := readErrorTail(tail)
	t.addTo(c, e)
	addErrorMeaning(e, message)
	if t.client != "" && level != "debug" && level != "info" && level != "notice" && level != "warn" {
		addMissing(e, event.EventOutcome, "failure")
	}
	if ambiguous {
		return &Error{"ambiguous", "the message can be read as naming more than one client"}
	}
	return nil
}

func isErrorLevel(s string) bool {
	switch s {
	case "debug", "info", "notice", "warn", "error", "crit", "alert", "emerg":
		return true
	}
	return false
}

// addProcess adds pid, thread and connection from "31#31: *46 " and returns
// what follows.
func addProcess(e *event.Event, s string) string {
	pid, after, ok := strings.Cut(s, "#")
	tid, message, ok2 := strings.Cut(after, ": ")
	if !ok || !ok2 || !isDigits(pid, 0) || !isDigits(tid, 0) {
		return s
	}
	addNumber(e, event.ProcessPID, pid)
	addNumber(e, event.ProcessThreadID, tid)
	if strings.HasPrefix(message, "*") {
		if n, rest := word(message[1:]); isDigits(n, 0) {
			addNumber(e, event.NginxConnection, n)
			return rest
		}
	}
	return message
}

// maxClients bounds how many places of a line are looked at for the client.
const maxClients = 16

// splitErrorTail splits the message from ", client: ADDR, server: …". If several
// places of the line fit and name different clients, nobody can tell which one
// nginx wrote: the message is whole then.
func splitErrorTail(s string) (message, tail string, ambiguous bool) {
	const mark = ", client: "
	at, client := -1, ""
	from := 0
	for range maxClients {
		i := strings.Index(s[from:], mark)
		if i < 0 {
			break
		}
		i += from
		from = i + len(mark)
		addr, ok := errorClient(s[from:])
		switch {
		case !ok:
		case at < 0:
			at, client = i, addr
		case addr != client:
			return s, "", true
		}
	}
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at:], false
}

// errorClient returns the address at the start of s if what follows it is what
// nginx writes behind the client.
func errorClient(s string) (string, bool) {
	addr, rest, _ := strings.Cut(s, ",")
	if _, ok := event.ParseIP(addr); !ok && addr != "unix:" {
		return "", false
	}
	if rest == "" {
		return addr, true
	}
	const server = " server: "
	if !strings.HasPrefix(rest, server) {
		return "", false
	}
	name, rest, _ := strings.Cut(rest[len(server):], ",")
	return addr, !strings.ContainsAny(name, " \"") &&
		(rest == "" || hasErrorKey(rest))
}

// errorKeys are what nginx names behind the message, each after a comma.
var errorKeys = [...]string{"client", "server", "request", "subrequest", "upstream", "host", "referrer", "login"}

// hasErrorKey tells whether s begins with " key: ".
func hasErrorKey(s string) bool {
	for _, k := range errorKeys {
		if len(s) > len(k)+2 && s[0] == ' ' && strings.HasPrefix(s[1:], k) && s[1+len(k)] == ':' {
			return true
		}
	}
	return false
}

// errorTail is what nginx says of connection and request.
type errorTail struct {
	client, server, request, upstream, host, referrer, login string
}

func readErrorTail(s string) errorTail {
	var t errorTail
	for strings.HasPrefix(s, ",") && hasErrorKey(s[1:]) {
		key, rest, _ := strings.Cut(s[2:], ":")
		var value string
		value, s = errorValue(strings.TrimPrefix(rest, " "))
		t.take(key, value)
	}
	return t
}

func (t *errorTail) take(key, value string) {
	var to *string
	switch key {
	case "client":
		to = &t.client
	case "server":
		to = &t.server
	case "request":
		to = &t.request
	case "upstream":
		to = &t.upstream
	case "host":
		to = &t.host
	case "referrer":
		to = &t.referrer
	case "login":
		to = &t.login
	}
	if to != nil && *to == "" { // of two the first is what nginx wrote
		*to = value
	}
}

// errorValue reads a value, quoted or bare, up to the next key.
func errorValue(s string) (value, rest string) {
	quoted := strings.HasPrefix(s, `"`)
	for i := 0; ; i++ {
		j := strings.IndexByte(s[i:], ',')
		if j < 0 {
			return strings.Trim(s, `"`), ""
		}
		i += j
		if hasErrorKey(s[i+1:]) && (!quoted || i > 1 && s[i-1] == '"') {
			return strings.Trim(s[:i], `"`), s[i:]
		}
	}
}

func (t *errorTail) addTo(c *Context, e *event.Event) {
	if t.client != "" {
		addClient(c, e, t.client, "", "")
	}
	a := access{request: t.request, vhost: t.host}
	a.addRequest(e)
	e.AddText(event.UserName, t.login)
	e.AddText(event.RelatedUser, t.login)
	e.AddText(event.HTTPRequestReferrer, t.referrer)
	e.AddText(event.NginxUpstreamAddress, upstreamHost(t.upstream))
	host, port := SplitHost(t.server)
	if a, ok := event.ParseIP(host); ok {
		e.AddAddr(event.ServerIP, a)
		e.AddInt(event.ServerPort, int64(port))
	} else if t.server != "_" {
		e.AddText(event.ServerDomain, t.server)
	}
}

// upstreamHost returns address and port, or the socket, from the URL of an
// upstream such as http://10.0.0.1:8080/x or fastcgi://unix:/run/php.sock:.
func upstreamHost(s string) string {
	s = s[schemeLen(s):]
	s = strings.TrimPrefix(s, "://")
	const unix = "unix:"
	if strings.HasPrefix(s, unix) {
		path, _, _ := strings.Cut(s[len(unix):], ":")
		return s[:len(unix)+len(path)]
	}
	s, _, _ = strings.Cut(s, "/")
	return s
}
