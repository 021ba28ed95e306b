package waf

import (
	"encoding/json"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// secrets masks what is secret in a copy of a request: the values of cookies,
// of Authorization and of all names that secrets are sent under, and card numbers,
// in the target, the headers and the body. Masked text keeps its length and its
// classes of characters, see [Masking]; equal lengths and classes give equal
// text, whatever the secret was.
type secrets struct{ names map[string]bool }

// newSecrets knows further names.
func newSecrets(names []string) secrets {
	c := secrets{map[string]bool{}}
	for _, name := range names {
		c.names[plainName(name)] = true
	}
	return c
}

// plainName is a name without case and punctuation.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r >= 0x80:
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
}

// named tells whether a value under a name is secret.
func (c secrets) named(name string) bool {
	return isCredential(name) || len(c.names) > 0 && c.names[plainName(name)]
}

// mask masks a request in place.
func (c secrets) mask(q *verdict.Request) {
	q.URI = c.target(q.URI)
	contentType := ""
	for i := range q.Headers {
		h := &q.Headers[i]
		if strings.EqualFold(h[0], "Content-Type") {
			contentType = h[1]
			continue
		}
		h[1] = c.header(h[0], h[1])
	}
	q.Body = []byte(c.body(contentType, string(q.Body)))
}

func (c secrets) header(name, value string) string {
	switch strings.ToLower(name) {
	case "cookie", "cookie2":
		return maskCookies(value)
	case "authorization", "proxy-authorization":
		scheme, rest, found := strings.Cut(value, " ")
		if !found {
			return blot(value)
		}
		return scheme + " " + blot(rest)
	case "referer", "origin", "host":
		return c.target(value)
	}
	if c.named(name) {
		return blot(value)
	}
	return c.text(value)
}

// maskCookies masks all values of cookies: any of them may be a session.
func maskCookies(value string) string {
	parts := strings.Split(value, ";")
	for i, part := range parts {
		name, secret, found := strings.Cut(part, "=")
		if found {
			parts[i] = name + "=" + blot(secret)
		} else {
			parts[i] = blot(part)
		}
	}
	return strings.Join(parts, ";")
}

// target masks a request target or a URL.
func (c secrets) target(raw string) string {
	head, fragment, hasFragment := strings.Cut(raw, "#")
	path, query, hasQuery := strings.Cut(head, "?")
	if scheme := strings.Index(path, "://"); scheme >= 0 {
		rest := path[scheme+3:]
		host, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			path = path[:scheme+3] + blot(rest[:at]) + rest[at:]
		}
	}
	path = maskEncoded(path, c.text)
	if hasQuery {
		path += "?" + c.pairs(query)
	}
	if hasFragment {
		path += "#" + c.pairs(fragment)
	}
	return path
}

// pairs masks a query or a form.
func (c secrets) pairs(raw string) string {
	var b strings.Builder
	for len(raw) > 0 {
		end := strings.IndexAny(raw, "&;")
		if end < 0 {
			end = len(raw)
		}
		pair := raw[:end]
		if name, value, found := strings.Cut(pair, "="); found && c.named(unescape(name)) {
			b.WriteString(name + "=" + blot(value))
		} else {
			b.WriteString(maskEncoded(pair, c.text))
		}
		if end < len(raw) {
			b.WriteByte(raw[end])
			end++
		}
		raw = raw[end:]
	}
	return b.String()
}

// text masks text of any kind.
func (c secrets) text(s string) string { return maskCards(maskNamed(s, c.named)) }

// body masks a body by its content type, and one that is not what that says in
// every way there is.
func (c secrets) body(contentType, body string) string {
	kind := strings.ToLower(contentType)
	switch {
	case body == "":
		return body
	case json.Valid([]byte(body)):
		return c.json(body)
	case strings.Contains(kind, "x-www-form-urlencoded"):
		return c.pairs(body)
	case strings.HasPrefix(kind, "multipart/"):
		if masked, ok := c.multipart(contentType, body); ok {
			return masked
		}
	}
	if strings.IndexByte(body, '{') >= 0 || strings.IndexByte(body, '[') >= 0 {
		body = c.json(body)
	}
	if strings.IndexByte(body, '=') >= 0 && !strings.ContainsAny(body, "<\n") {
		body = c.pairs(body)
	}
	return c.text(body)
}

// maskEncoded masks what a percent-encoded text stands for. mask must keep the
// length.
func maskEncoded(raw string, mask func(string) string) string {
	if !strings.ContainsAny(raw, "%+") {
		return mask(raw)
	}
	plain, at := make([]byte, 0, len(raw)), make([]int, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		at = append(at, i)
		switch {
		case raw[i] == '%' && i+2 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2]):
			plain = append(plain, unhex(raw[i+1])<<4|unhex(raw[i+2]))
			i += 2
		case raw[i] == '+':
			plain = append(plain, ' ')
		default:
			plain = append(plain, raw[i])
		}
	}
	masked := mask(string(plain))
	if masked == string(plain) {
		return raw
	}
	const digits = "0123456789abcdef"
	b := []byte(raw)
	for i, p := range at {
		switch {
		case masked[i] == plain[i]:
		case raw[p] == '%' && (i+1 == len(at) || at[i+1] == p+3):
			b[p+1], b[p+2] = digits[masked[i]>>4], digits[masked[i]&15]
		default:
			b[p] = masked[i]
		}
	}
	return string(b)
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
