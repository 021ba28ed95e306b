package parse

import (
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
)

// named takes a value by the name of the nginx variable it is from, or by the
// short name that logs commonly give it. It reports false for other names. The
// value is neither "" nor "-".
func (a *access) named(name, value string) bool {
	if a.namedTime(name, value) || a.namedUpstream(name, value) {
		return true
	}
	switch name {
	case "remote_addr", "realip_remote_addr", "client", "client_ip":
		if a.remote == "" || name == "realip_remote_addr" { // the peer before the realip module
			a.remote = value
		}
	case "remote_port":
		a.remotePort = value
	case "remote_user":
		a.user = value
	case "request":
		a.request = value
	case "request_method", "method":
		a.method = value
	case "request_uri":
		a.target = value
	case "uri", "path": // after rewriting, without the query
		if a.target == "" {
			a.target = value
		}
	case "args", "query_string":
		if a.target != "" && strings.IndexByte(a.target, '?') < 0 {
			a.target += "?" + value
		}
	case "server_protocol", "protocol":
		a.protocol = value
	case "scheme":
		a.scheme = value
	case "http_host", "host", "server_name", "sn", "vhost":
		if a.vhost == "" || name == "http_host" {
			a.vhost = value
		}
	case "status":
		a.status = value
	case "bytes_sent":
		a.sent = value
	case "body_bytes_sent":
		a.sentBody = value
	case "request_length", "rl":
		a.length = value
	case "request_id", "req_id", "http_x_request_id":
		a.requestID = value
	case "http_referer", "http_referrer", "referer", "referrer":
		a.referrer = value
	case "http_user_agent", "user_agent", "agent":
		a.agent = value
	case "http_x_forwarded_for", "x_forwarded_for", "xff", "proxy_add_x_forwarded_for":
		a.forwarded = value
	default:
		return false
	}
	return true
}

// namedTime takes the time of the request; the most exact one wins.
func (a *access) namedTime(name, value string) bool {
	var ns int64
	var ok bool
	switch name {
	case "msec":
		ns, ok = event.ParseEpoch(value)
	case "time_local", "time_iso8601", "time", "timestamp", "@timestamp":
		if a.time != 0 && a.time%1e9 != 0 {
			return true
		}
		ns, ok = anyTime(value, nil)
	}
	if ok {
		a.time = ns
	}
	return ok
}

func (a *access) namedUpstream(name, value string) bool {
	u := &a.upstream
	switch name {
	case "request_time", "rt":
		a.duration = value
	case "upstream_addr", "ua", "uaddr", "upstream":
		u.address = value
	case "upstream_status", "us", "ustatus":
		u.status = value
	case "upstream_response_time", "urt", "ut":
		u.time = value
	case "upstream_connect_time", "uct":
		u.connect = value
	case "upstream_header_time", "uht":
		u.header = value
	case "upstream_response_length", "url", "ul":
		u.length = value
	case "upstream_cache_status", "ucs", "cs", "cache":
		u.cache = value
	case "proxy_upstream_name", "upstream_name":
		u.name = value
	default:
		return false
	}
	return true
}

// parseNginxJSON reads a log_format of JSON (escape=json) whose keys are names
// of nginx variables. Other keys become nginx.KEY; where a key is a field of ECS
// it is that field. A value that is an object or a list is kept as its JSON.
func parseNginxJSON(raw []byte, c *Context, e *event.Event) error {
	var s jsonscan.Scanner
	var a access
	s.Reset(raw)
	err := a.readJSON(&s, raw, e)
	if a.remote == "" && a.request == "" && a.target == "" {
		if err == nil {
			err = &Error{"no match", "no variable of nginx in the object"}
		}
		return err
	}
	a.addTo(c, e)
	return err
}

func (a *access) readJSON(s *jsonscan.Scanner, raw []byte, e *event.Event) error {
	if t, err := s.Next(); err != nil || t.Kind != jsonscan.Object {
		return &Error{"bad json", "no object"}
	}
	over := 0 // fields over the bounds of an event
	for {
		key, err := s.Next()
		if err != nil {
			return &Error{"bad json", err.Error()}
		}
		if key.Kind == jsonscan.ObjectEnd {
			if _, err := s.Next(); err != nil {
				return &Error{"bad json", err.Error()}
			}
			if over > 0 {
				return &Error{"too many fields", strconv.Itoa(over) + " are in event.original alone"}
			}
			return nil
		}
		name := tokenText(key, e)
		value, err := s.Next()
		if err != nil {
			return &Error{"bad json", err.Error()}
		}
		start := s.Pos() - 1
		if err := s.Skip(value); err != nil {
			return &Error{"bad json", err.Error()}
		}
		text := tokenText(value, e)
		if value.Kind == jsonscan.Object || value.Kind == jsonscan.Array {
			text = event.View(raw[start:s.Pos()])
		}
		if value.Kind != jsonscan.Null && absent(text) != "" && !a.named(name, text) && !keepNamed(e, name, value.Kind, text) {
			over++
		}
	}
}

// keepNamed keeps a value whose key is no variable that is understood. It
// reports false if it is over the bounds of an event.
func keepNamed(e *event.Event, name string, kind jsonscan.Kind, text string) bool {
	if len(e.Fields()) >= event.MaxFields || len(name) > event.MaxName-len("nginx.") {
		return false
	}
	k := event.Intern(name)
	if !k.Known() || isReserved(name) {
		k = event.Intern("nginx." + name)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case event.IsMember(k):
	case kind == jsonscan.Number && err == nil:
		e.AddInt(k, n)
	default:
		e.AddTyped(k, text)
	}
	return true
}

// tokenText returns the text of a scalar or key, without escapes.
func tokenText(t jsonscan.Token, e *event.Event) string {
	if t.Escaped {
		return e.Build(func(dst []byte) []byte { return jsonscan.Unquote(dst, t.Text) })
	}
	return event.View(t.Text)
}
