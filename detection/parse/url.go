package parse

import (
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Target is a request target (RFC 9112 section 3.2) in its parts, as written:
// nothing is decoded, and the parts are views of the target. A part that is
// absent is "".
type Target struct {
	Scheme string // absolute form only
	User   string // absolute form only, up to the first colon
	Host   string // absolute and authority form; an IPv6 address has no brackets
	Port   int    // 0 if none was written or it is no port
	Path   string // "*" in asterisk form
	Query  string // after the first "?"
}

// SplitTarget splits the target of a request with this method, which decides
// whether it is in authority form. It accepts anything: what is neither absolute
// nor authority form is path and query.
func SplitTarget(method, target string) Target {
	var t Target
	if method == "CONNECT" && !strings.HasPrefix(target, "/") {
		t.Host, t.Port = SplitHost(target)
		return t
	}
	if n := schemeLen(target); n > 0 {
		t.Scheme = target[:n]
		target = target[n+len("://"):]
		end := strings.IndexAny(target, "/?#")
		if end < 0 {
			end = len(target)
		}
		authority := target[:end]
		target = target[end:]
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			t.User, _, _ = strings.Cut(authority[:at], ":")
			authority = authority[at+1:]
		}
		t.Host, t.Port = SplitHost(authority)
	}
	if i := strings.IndexByte(target, '?'); i >= 0 {
		t.Path, t.Query = target[:i], target[i+1:]
	} else {
		t.Path = target
	}
	return t
}

// schemeLen returns the length of the scheme of an absolute form, 0 if the
// target is in another form.
func schemeLen(s string) int {
	if s == "" || s[0] == '/' {
		return 0
	}
	for i := range min(len(s), 32) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && strings.HasPrefix(s[i:], "://"):
			return i
		default:
			return 0
		}
	}
	return 0
}

// SplitHost splits host and port as a Host header has them. An IPv6 address
// loses its brackets; a port that is none stays in the host.
func SplitHost(s string) (host string, port int) {
	host = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && (strings.IndexByte(s, ':') == i || i > 0 && s[i-1] == ']') {
		if n, err := strconv.ParseUint(s[i+1:], 10, 16); err == nil {
			host, port = s[:i], int(n)
		} else if i == len(s)-1 {
			host = s[:i]
		}
	}
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return host, port
}

// Decodes tells whether percent-decoding changes s: it holds a valid escape, or
// a plus sign where plus stands for a space.
func Decodes(s string, plus bool) bool {
	if plus && strings.IndexByte(s, '+') >= 0 {
		return true
	}
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return false
		}
		if _, ok := hexByte(s[i+1:]); ok {
			return true
		}
		s = s[i+1:]
	}
}

// AppendDecoded appends s percent-decoded once. Escapes that are not valid stay
// as they are; plus becomes a space if plus is set, as in a query.
func AppendDecoded(dst []byte, s string, plus bool) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if b, ok := hexByte(s[i+1:]); ok {
				dst = append(dst, b)
				i += 2
				continue
			}
			dst = append(dst, c)
		case c == '+' && plus:
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// hexByte reads the two hexadecimal digits at the start of s.
func hexByte(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	hi, lo := hexDigit(s[0]), hexDigit(s[1])
	return hi<<4 | lo, hi|lo <= 15
}

// hexDigit returns the value of a hexadecimal digit, 0xff if it is none.
func hexDigit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20-'a' <= 5:
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// AddURL adds a request target to an event: url.original, path and query as
// written, path_decoded and query_decoded where decoding changes them, and
// scheme, username, domain and port where the target names them. The strings are
// views of target.
func AddURL(e *event.Event, method, target string) {
	if target == "" {
		return
	}
	t := SplitTarget(method, target)
	e.Add(event.URLOriginal, event.String(target))
	e.AddText(event.URLScheme, t.Scheme)
	e.AddText(event.URLUsername, t.User)
	e.AddText(event.URLDomain, t.Host)
	if t.Port > 0 {
		e.AddInt(event.URLPort, int64(t.Port))
	}
	e.AddText(event.URLPath, t.Path)
	addDecoded(e, event.URLPathDecoded, t.Path, false)
	e.AddText(event.URLQuery, t.Query)
	addDecoded(e, event.URLQueryDecoded, t.Query, true)
}

func addDecoded(e *event.Event, k event.Key, s string, plus bool) {
	if Decodes(s, plus) {
		e.Add(k, event.String(e.Build(func(dst []byte) []byte { return AppendDecoded(dst, s, plus) })))
	}
}
