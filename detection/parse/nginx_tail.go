package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxTail bounds how many fields behind the size of the response are read.
const maxTail = 64

// tail reads what stands behind the size of the response: the referrer and the
// user agent, and then what sites add. There is no header that tells the order,
// so a field is known by its form:
//
//	"10.0.0.1, …"     X-Forwarded-For, where it is the first behind the agent
//	rt=1.2 urt="0.1"  the usual short names, see named
//	1.204             $request_time, the next such list $upstream_response_time
//	10.0.0.1:80, …    $upstream_addr; also unix:/path
//	502, 200          $upstream_status
//	[name] []         ingress-nginx: request_length and request_time stand before,
//	                  addr, length, time, status and req_id of the upstream behind
//
// What is of no known form is kept in nginx.extra.
func (l *accessLine) tail(s string) {
	for range maxTail {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return
		}
		var field string
		switch s[0] {
		case '"':
			field, s = l.quoted(s)
			l.quotedField(field)
		default:
			if i := bracketLen(s); i > 0 {
				l.bracketField(s[1 : i-1])
				s = s[i:]
				continue
			}
			if name, value, rest, ok := l.pair(s); ok {
				if s = rest; absent(value) != "" && !l.named(name, value) {
					l.keep(name + "=" + value)
				}
				continue
			}
			field, s = bareList(s)
			l.bareField(field)
		}
	}
	l.keep(s)
}

// keep keeps a field that is not understood.
func (l *accessLine) keep(s string) {
	if absent(s) != "" {
		l.extra = append(l.extra, s)
	}
}

// bracketLen returns the length of [text] at the start of s, 0 if there is none:
// an IPv6 address is followed by its port.
func bracketLen(s string) int {
	if s[0] != '[' {
		return 0
	}
	i := strings.IndexByte(s, ']')
	if i < 0 || i+1 < len(s) && s[i+1] != ' ' {
		return 0
	}
	return i + 1
}

// bareList reads a field without quotes: a word, or a list of them that goes on
// behind a comma or around a colon.
func bareList(s string) (field, rest string) {
	i := 0
	for {
		j := strings.IndexByte(s[i:], ' ')
		if j < 0 {
			return s, ""
		}
		i += j
		switch {
		case i > 0 && s[i-1] == ',':
			i++
		case strings.HasPrefix(s[i:], " : "):
			i += 3
		default:
			return s[:i], s[i+1:]
		}
		if i >= len(s) || s[i] == ' ' {
			return s[:i], s[i:]
		}
	}
}

// pair reads name=value, the value bare or quoted.
func (l *accessLine) pair(s string) (name, value, rest string, ok bool) {
	i := strings.IndexByte(s, '=')
	if i <= 0 || i > 40 {
		return "", "", "", false
	}
	name = s[:i]
	for j := range len(name) {
		if c := name[j]; c|0x20-'a' > 25 && c-'0' > 9 && c != '_' && c != '-' {
			return "", "", "", false
		}
	}
	if s = s[i+1:]; strings.HasPrefix(s, `"`) {
		value, rest = l.quoted(s)
	} else {
		value, rest = bareList(s)
	}
	return name, value, rest, true
}

// quotedField takes a quoted field: referrer and user agent first.
func (l *accessLine) quotedField(s string) {
	n := l.seen.quoted
	l.seen.quoted++
	switch {
	case n == 0:
		l.referrer = s
	case n == 1:
		l.agent = s
	case s == "":
	case n == 2 && isForwarded(s):
		l.forwarded = s
	case n > 2 && l.vhost == "" && isHostName(s):
		l.vhost = s
	default:
		l.bareField(s)
	}
}

// bracketField takes the names that ingress-nginx puts in brackets.
func (l *accessLine) bracketField(s string) {
	if l.seen.bracket == 0 {
		l.upstream.name = absent(s)
	} else {
		l.keep(s) // the alternative upstream, which most requests don't have
	}
	l.seen.bracket++
	l.seen.slot = 0
}

// bareField takes a field by its form or, behind brackets, by its place.
func (l *accessLine) bareField(s string) {
	u := &l.upstream
	slots := []*string{&u.address, &u.length, &u.time, &u.status, &l.requestID}
	if l.seen.bracket > 0 && l.seen.slot < len(slots) {
		*slots[l.seen.slot] = absent(s)
		l.seen.slot++
		return
	}
	switch s = absent(s); {
	case s == "":
	case isList(s, isSeconds):
		l.timeField(s)
	case l.length == "" && l.duration == "" && u.address == "" && isDigits(s, 0):
		l.length = s
	case u.status == "" && isList(s, isStatus):
		u.status = s
	case u.address == "" && isList(s, isServer):
		u.address = s
	case l.requestID == "" && isRequestID(s):
		l.requestID = s
	case u.cache == "" && isCacheStatus(s):
		u.cache = s
	default:
		l.keep(s)
	}
}

// timeField takes a time in seconds, or a list of them.
func (l *accessLine) timeField(s string) {
	switch {
	case l.duration == "" && isSeconds(s):
		l.duration = s
	case l.upstream.time == "":
		l.upstream.time = s
	default:
		l.keep(s)
	}
}

// isList tells whether the elements of a list of nginx, besides "-", are all of
// a form, and at least one is.
func isList(s string, is func(string) bool) bool {
	found := false
	for range maxUpstreams {
		first, rest := bareElement(s)
		if first != "-" {
			if !is(first) {
				return false
			}
			found = true
		}
		if s = rest; s == "" {
			break
		}
	}
	return found
}

// bareElement splits off the first element of a list.
func bareElement(s string) (first, rest string) {
	first, rest = word(s)
	return strings.TrimSuffix(first, ","), strings.TrimPrefix(rest, ": ")
}

func isSeconds(s string) bool {
	i := strings.IndexByte(s, '.')
	return i > 0 && isDigits(s[:i], 0) && isDigits(s[i+1:], 0)
}

func isStatus(s string) bool { return isDigits(s, 3) && s[0] >= '1' && s[0] <= '5' }

func isServer(s string) bool {
	if strings.HasPrefix(s, "unix:") {
		return true
	}
	host, port := SplitHost(s)
	_, ok := event.ParseIP(host)
	return ok && (port > 0 || host == s)
}

// isForwarded tells an X-Forwarded-For by its last element: what stands before
// is what the client wrote. With a port it is taken for the address of a server.
func isForwarded(s string) bool {
	last := strings.TrimSpace(s[strings.LastIndexByte(s, ',')+1:])
	_, ok := event.ParseIP(last)
	return ok || strings.EqualFold(last, "unknown")
}

func isHostName(s string) bool {
	letter := false
	host, _ := SplitHost(s)
	for i := range len(host) {
		c := host[i]
		if letter = letter || c|0x20-'a' <= 25; c|0x20-'a' > 25 && c-'0' > 9 && c != '.' && c != '-' {
			return false
		}
	}
	return letter && len(host) <= 253 && strings.IndexByte(host, '.') > 0
}

// isRequestID tells the $request_id of nginx.
func isRequestID(s string) bool {
	for i := range len(s) {
		if hexDigit(s[i]) == 0xff {
			return false
		}
	}
	return len(s) == 32
}

func isCacheStatus(s string) bool {
	switch s {
	case "MISS", "HIT", "BYPASS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED":
		return true
	}
	return false
}
