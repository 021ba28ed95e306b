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

// named tells whether a value under a name is secret, also where the name is
// percent-encoded.
func (c secrets) named(name string) bool {
	for range maxMaskDepth {
		if isCredential(name) || len(c.names) > 0 && c.names[plainName(name)] {
			return true
		}
		plain := unescape(name)
		if plain == name {
			break
		}
		name = plain
	}
	return false
}

// mask masks a request in place. It takes a body out that cannot be read, and
// reports whether it did not.
func (c secrets) mask(q *verdict.Request) (whole bool) {
	q.URI = c.target(q.URI)
	contentType, readable := "", true
	for i := range q.Headers {
		h := &q.Headers[i]
		switch strings.ToLower(h[0]) {
		case "content-type":
			contentType = h[1]
			readable = readable && isReadableType(h[1])
		case "content-encoding":
			coding := strings.ToLower(strings.TrimSpace(h[1]))
			readable = readable && (coding == "" || coding == "identity")
		}
		h[1] = c.header(h[0], h[1])
	}
	if len(q.Body) == 0 {
		return true
	}
	body := string(q.Body)
	if !readable || !isMultipart(contentType, body) && !isReadable(body) {
		q.Body = nil
		return false
	}
	q.Body = []byte(c.body(contentType, body))
	return true
}

func (c secrets) header(name, value string) string {
	switch lower := strings.ToLower(name); lower {
	case "cookie", "cookie2":
		return maskCookies(value)
	case "authorization", "proxy-authorization":
		return maskAuthorization(value)
	case "content-type", "content-disposition":
		return c.parameters(value)
	case "host":
		if at := strings.LastIndexByte(value, '@'); at >= 0 {
			return blot(value[:at]) + value[at:]
		}
		return c.value(value)
	case "referer", "origin":
		return c.value(c.target(value))
	}
	if c.named(name) {
		return blot(value)
	}
	if strings.HasPrefix(value, "/") || strings.Contains(value, "://") {
		value = c.target(value)
	}
	return c.value(value)
}

// maskAuthorization masks all but the name of a scheme that is known.
func maskAuthorization(value string) string {
	scheme, rest, found := strings.Cut(value, " ")
	if found {
		switch strings.ToLower(scheme) {
		case "basic", "bearer", "digest", "negotiate", "ntlm", "hawk", "dpop", "oauth", "token", "apikey", "hmac", "aws4-hmac-sha256", "signature", "jwt", "vapid":
			return scheme + " " + blot(rest)
		}
	}
	return blot(value)
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

// parameters masks a value such as a Content-Type. What tells how a body is
// divided and written stays.
func (c secrets) parameters(value string) string {
	parts := strings.Split(value, ";")
	for i, part := range parts {
		name, secret, found := strings.Cut(part, "=")
		switch plain := strings.ToLower(strings.TrimSpace(name)); {
		case found && (plain == "boundary" || plain == "charset" || strings.HasPrefix(plain, "name")):
		case found && c.named(name):
			parts[i] = name + "=" + blot(secret)
			for j := i + 1; strings.HasPrefix(strings.TrimSpace(secret), "\"") && strings.Count(secret, "\"")%2 == 1 && j < len(parts); j++ {
				parts[j] = blot(parts[j])
			}
		default:
			parts[i] = c.value(part)
		}
	}
	return strings.Join(parts, ";")
}

// target masks a request target or a URL.
func (c secrets) target(raw string) string {
	if raw == "" {
		return raw
	}
	head, fragment, hasFragment := strings.Cut(maskUserInfo(raw), "#")
	path, query, hasQuery := strings.Cut(head, "?")
	path = c.path(path)
	if hasQuery {
		path += "?" + c.pairs(query)
	}
	if hasFragment {
		path += "#" + c.pairs(fragment)
	}
	return path
}

// path masks the parts of a path, and what follows a part such as reset-password.
func (c secrets) path(raw string) string {
	parts := strings.Split(maskCards(raw), "/")
	secret := false
	for i, part := range parts {
		plain := part
		for range maxMaskDepth {
			plain = unescape(plain)
		}
		switch {
		case secret && isPathToken(plain):
			parts[i] = blot(part)
		default:
			parts[i] = c.value(part)
		}
		secret = plain != ".." && (secret || i > 0 && leadsToToken(plain))
	}
	return strings.Join(parts, "/")
}

// leadsToToken tells whether what follows a part of a path may be a secret.
func leadsToToken(part string) bool {
	part = plainName(part)
	for _, word := range []string{"password", "passwort", "token", "secret", "reset", "verif", "activat", "invit", "magiclink", "confirm", "onetime", "otp", "sessionid", "apikey"} {
		if strings.Contains(part, word) {
			return !strings.Contains(part, "preset")
		}
	}
	return false
}

// isPathToken tells whether a part of a path may be a secret: it is neither a
// usual word nor anything that no secret looks like.
func isPathToken(part string) bool {
	switch strings.ToLower(part) {
	case "", ".", "..", "reset", "forgot", "forgotten", "change", "new", "edit", "confirm", "verify", "request", "done", "complete", "sent", "login",
		"create", "update", "refresh", "revoke", "introspect", "check", "validate", "success", "email", "user", "users", "password", "account", "token", "tokens", "index.html", "index.php":
		return false
	}
	for i := range len(part) {
		if c := part[i]; !isNameLetter(c) && c < 0x80 && strings.IndexByte("_~.=+:;@!$,-", c) < 0 {
			return false
		}
	}
	return !strings.Contains(part, "..")
}

// pairs masks a query or a form. A ; may part pairs or belong to a value, so that
// behind a secret is masked up to the next &.
func (c secrets) pairs(raw string) string {
	var b strings.Builder
	b.Grow(len(raw))
	for len(raw) > 0 {
		end := until(raw, 0, "&")
		c.pair(&b, raw[:end])
		if end < len(raw) {
			b.WriteByte('&')
			end++
		}
		raw = raw[end:]
	}
	return b.String()
}

func (c secrets) pair(b *strings.Builder, pair string) {
	for from := 0; from < len(pair); {
		end := until(pair, from, ";")
		if name, _, found := strings.Cut(pair[from:end], "="); found && len(name) <= maxName && c.named(name) {
			from += len(name) + 1
			b.WriteString(c.value(pair[:from]))
			b.WriteString(blot(pair[from:]))
			return
		}
		from = end + 1
	}
	if name, value, found := strings.Cut(pair, "="); found {
		b.WriteString(c.value(name) + "=" + c.value(value))
		return
	}
	b.WriteString(c.value(pair))
}

// value masks text of any kind, also what it stands for.
func (c secrets) value(s string) string { return c.deep(s, maxMaskDepth) }

// deep masks text of any kind, and what is encoded in it up to a depth.
func (c secrets) deep(s string, depth int) string {
	if s == "" {
		return s
	}
	if depth > 0 && looksLikeJSON(s) {
		if json.Valid([]byte(s)) {
			return c.json(s, depth-1)
		}
		s = c.json(s, depth-1)
	}
	s = c.text(s)
	if depth > 0 && hasEscapes(s) {
		s = maskPercent(s, func(plain string) string { return c.deep(plain, depth-1) })
	}
	return s
}

// text masks text of any kind.
func (c secrets) text(s string) string {
	return maskCards(maskNamed(maskUserInfo(c.markup(s)), c.named))
}
