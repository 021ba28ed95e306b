package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name: "nginx.access",
		Summary: "nginx and OpenResty access log: combined and what is usually put before and behind it, " +
			"ingress-nginx, JSON with the names of nginx variables",
		Parse: parseNginxAccess,
	})
}

// parseNginxAccess reads a line of ngx_http_log_module in one pass:
//
//	[vhost[:port] ]addr - user [time_local] [host ]"request" status bytes ["referer" "user agent"] …
//
// What follows is read by [accessLine.tail]. A line that begins with a brace is
// JSON with the names of variables. The escapes of the log (escape=default and
// escape=json) are resolved, "-" and "" are absent. A line that ends within a
// field behind the status has the tag "truncated".
func parseNginxAccess(raw []byte, c *Context, e *event.Event) error {
	line := strings.TrimRight(event.View(raw), "\r\n ")
	if strings.HasPrefix(line, "{") {
		return parseNginxJSON(raw, c, e)
	}
	l := accessLine{e: e}
	if err := l.read(line); err != nil {
		return err
	}
	l.addTo(c, e)
	switch {
	case l.cut && l.status == "":
		return &Error{"cut off", "the request has no end"}
	case l.cut: // all but the end of the last field is there
		e.Add(event.Tags, event.String("truncated"))
	}
	return nil
}

// accessLine reads one line.
type accessLine struct {
	access
	e    *event.Event // owns unescaped text
	cut  bool         // a quoted field has no end
	seen struct {     // what the tail held
		quoted, bracket, slot int
	}
}

func (l *accessLine) read(line string) error {
	open, end := findTime(line)
	if end == 0 {
		return &Error{"no match", "no [time] before a quoted request"}
	}
	ns, ok := nginxTime(line[open+1 : end-1])
	if !ok {
		return &Error{"bad time", line[open:end]}
	}
	l.time = ns
	if !l.head(strings.TrimRight(line[:open], " ")) {
		return &Error{"no match", "no address before the time"}
	}
	rest := line[end+1:]
	if rest[0] != '"' { // a host stands before the request
		i := strings.IndexByte(rest, ' ')
		l.vhost, rest = rest[:i], rest[i+1:]
	}
	l.request, rest = l.quoted(rest)
	l.status, rest = word(rest)
	if !isDigits(l.status, 3) && l.status != "-" && !l.cut {
		return &Error{"no match", "no status behind the request"}
	}
	l.sentBody, rest = word(rest)
	l.tail(rest)
	return nil
}

const timeLen = len("[02/Jan/2006:15:04:05 -0700]")

// findTime returns where the time is. Names of users, which may hold anything
// but a quote, stand before it, so it must be followed by the request or by one
// word and the request.
func findTime(line string) (open, end int) {
	for from := 0; ; {
		i := strings.IndexByte(line[from:], '[')
		if i < 0 {
			return 0, 0
		}
		open = from + i
		from = open + 1
		end = open + timeLen
		if len(line) < end+2 {
			return 0, 0
		}
		if line[end-1] != ']' || line[end] != ' ' || line[open+3] != '/' || line[open+12] != ':' {
			continue
		}
		if line[end+1] == '"' {
			return open, end
		}
		if host, rest := word(line[end+1:]); host != "" && host[0] != '[' && strings.HasPrefix(rest, `"`) {
			return open, end
		}
	}
}

// head reads what stands before the time: address and user, and what may stand
// before the address.
func (l *accessLine) head(s string) bool {
	if s == "" {
		return false
	}
	i := strings.Index(s, " - ")
	if i < 0 {
		s = strings.TrimSuffix(s, " -")
		l.remote, s = word(s)
		if strings.IndexByte(s, ' ') >= 0 { // vhost address user, or address ident user
			if _, ok := event.ParseIP(l.remote); !ok {
				l.vhost = l.remote
				l.remote, s = word(s)
			} else {
				_, s = word(s)
			}
		}
		l.user = absent(s)
		return l.remote != ""
	}
	l.remote, l.user = s[:i], s[i+3:]
	if strings.HasPrefix(l.user, "[") { // ingress-nginx before 0.22: addr - [addr] - user
		if j := strings.Index(l.user, "] - "); j > 0 {
			l.user = l.user[j+4:]
		}
	}
	l.user = l.text(absent(l.user))
	if j := strings.LastIndexByte(l.remote, ' '); j >= 0 {
		before := strings.TrimRight(l.remote[:j], " ")
		l.remote = l.remote[j+1:]
		if strings.HasSuffix(before, ",") { // a list of addresses: the last is the nearest
			l.forwarded = before[:len(before)-1]
		} else {
			l.vhost = absent(before)
		}
	}
	return l.remote != ""
}

// quoted reads a quoted field and the space behind it. The quote that ends the
// field is followed by a space or nothing; a field without end is taken whole.
func (l *accessLine) quoted(s string) (field, rest string) {
	s = s[1:]
	escaped := false
	for i := 0; ; i++ {
		j := strings.IndexByte(s[i:], '"')
		if j < 0 {
			l.cut = true
			return l.text(absent(s)), ""
		}
		if !escaped {
			escaped = strings.IndexByte(s[i:i+j], '\\') >= 0
		}
		i += j
		if escaped && oddBackslashes(s[:i]) || i+1 < len(s) && s[i+1] != ' ' {
			continue
		}
		field, rest = absent(s[:i]), strings.TrimPrefix(s[i+1:], " ")
		if escaped {
			field = l.text(field)
		}
		return field, rest
	}
}

// oddBackslashes tells whether s ends with an odd number of backslashes.
func oddBackslashes(s string) bool {
	n := len(s)
	for n > 0 && s[n-1] == '\\' {
		n--
	}
	return (len(s)-n)%2 == 1
}

// text resolves the escapes of a field.
func (l *accessLine) text(s string) string { return unescape(l.e, s) }

// word returns what stands before the first space, and what behind it.
func word(s string) (first, rest string) {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// absent makes "-" the empty string.
func absent(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// isDigits tells whether s is exactly n decimal digits, or any number of them
// if n is 0.
func isDigits(s string, n int) bool {
	if s == "" || n > 0 && len(s) != n {
		return false
	}
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// unescape resolves what nginx (escape=default and json) and Apache write for
// bytes that would break a line: \xHH, \uHHHH, \" \\ \/ \b \f \n \r \t \v.
// Other backslashes stay. The text is that of s or lies in the event.
func unescape(e *event.Event, s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return e.Build(func(dst []byte) []byte { return appendUnescaped(dst, s) })
}

func appendUnescaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			dst = append(dst, c)
			continue
		}
		i++
		switch c = s[i]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b', 'f', 'n', 'r', 't', 'v':
			dst = append(dst, "\b\f\n\r\t\v"[strings.IndexByte("bfnrtv", c)])
		case 'x':
			if b, ok := hexByte(s[i+1:]); ok {
				dst = append(dst, b)
				i += 2
				continue
			}
			dst = append(dst, '\\', 'x')
		case 'u':
			if n := appendUnicode(&dst, s[i-1:]); n > 0 {
				i += n - 2
				continue
			}
			dst = append(dst, '\\', 'u')
		default:
			dst = append(dst, '\\', c)
		}
	}
	return dst
}
