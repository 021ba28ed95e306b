package verdict

import (
	"bytes"
	"mime"
	"strings"
)

// dissect takes a request apart. Matches of the rules are leaves of their own
// where the request itself is not known in full.
func (a *anatomy) dissect(in *Input) {
	a.reset()
	if r := in.Request; r != nil {
		a.target(r.URI)
		a.headers(r)
		a.body(r)
	}
	if in.Partial || in.Request == nil {
		for _, m := range in.Matches {
			a.add(inMatch, []byte(m.Variable), []byte(m.Value), 0)
		}
	}
}

// target reads the path and the query. Requests with a whole URL in the request
// line are sent to proxies; only what names the resource counts.
func (a *anatomy) target(uri string) {
	s := []byte(uri)
	if i := bytes.Index(s, []byte("://")); i > 0 && i < 8 && s[0] != '/' {
		if j := bytes.IndexByte(s[i+3:], '/'); j >= 0 {
			s = s[i+3+j:]
		}
	}
	path, query, _ := bytes.Cut(s, []byte("?"))
	if len(path) > 1 {
		a.add(inPath, nil, path, 0)
	}
	a.pairs(query, '&', inQuery)
}

// pairs reads name=value pairs.
func (a *anatomy) pairs(s []byte, separator byte, p place) {
	for len(s) > 0 && !a.full() {
		var pair []byte
		if i := bytes.IndexByte(s, separator); i >= 0 {
			pair, s = s[:i], s[i+1:]
		} else {
			pair, s = s, nil
		}
		name, value, found := bytes.Cut(pair, []byte("="))
		if !found {
			name, value = nil, pair
		}
		form := p != inCookie
		if form {
			a.quoted, _ = appendURL(a.quoted[:0], value, true)
			value = a.quoted
		}
		value = a.arena.keep(trimValue(value))
		if len(name) > 0 {
			a.quoted, _ = appendURL(a.quoted[:0], name, form)
			name = a.arena.keep(bytes.TrimSpace(a.quoted))
			if !plainName(name) {
				a.add(inName, name, name, maxNesting)
			}
		}
		a.add(p, name, value, 0)
	}
	if len(s) > 0 {
		a.cut = true
	}
}

// trimValue cuts white space off a value, but not line breaks at its beginning:
// by these a client begins a line of its own.
func trimValue(s []byte) []byte {
	return bytes.TrimRight(bytes.TrimLeft(s, " \t"), " \t\r\n\v\f")
}

func (a *anatomy) full() bool { return len(a.leaves) >= maxLeaves || a.content >= maxContent }

// plainName tells that a parameter's name is one that programs give.
func plainName(name []byte) bool {
	if len(name) > 64 {
		return false
	}
	for _, c := range name {
		if byteClass[c]&classWord == 0 && c != '-' && c != '.' && c != '[' && c != ']' {
			return false
		}
	}
	return true
}

// dullHeaders are those whose content browsers and proxies write.
var dullHeaders = map[string]bool{
	"host": true, "content-length": true, "content-type": true, "connection": true, "accept": true,
	"accept-encoding": true, "accept-language": true, "accept-charset": true, "cache-control": true, "pragma": true,
	"if-modified-since": true, "if-none-match": true, "date": true, "te": true, "upgrade-insecure-requests": true,
	"dnt": true, "x-requested-with": true, "keep-alive": true, "transfer-encoding": true, "range": true,
	"priority": true, "purpose": true, "save-data": true, "access-control-request-method": true,
	"access-control-request-headers": true, "origin": true, "authorization": true, "upgrade": true, "content-encoding": true,
}

// dull tells whether a header is left out: it is one of the usual ones and
// holds nothing that they never hold.
func dull(name, value string) bool {
	if len(name) > 40 {
		return false
	}
	lower := strings.ToLower(name)
	if !dullHeaders[lower] && !strings.HasPrefix(lower, "sec-") {
		return false
	}
	return !strings.ContainsAny(value, "<>{}$`|\\'\n\x00%") && !strings.Contains(value, "..")
}

func (a *anatomy) headers(r *Request) {
	for _, h := range r.Headers {
		value := []byte(h[1])
		switch {
		case strings.EqualFold(h[0], "Cookie"):
			a.pairs(value, ';', inCookie)
		case strings.EqualFold(h[0], "User-Agent"):
			a.add(inAgent, []byte(h[0]), value, maxNesting)
		case strings.EqualFold(h[0], "Referer"):
			a.add(inReferer, []byte(h[0]), value, maxNesting)
		case !dull(h[0], h[1]):
			a.add(inHeader, []byte(h[0]), value, maxNesting-1)
		}
	}
}

// body reads the body by its declared type, or by what it looks like.
func (a *anatomy) body(r *Request) {
	s := r.Body
	if len(s) > maxBodyHead+maxBodyTail {
		a.cut = true
		s = append(append(make([]byte, 0, maxBodyHead+maxBodyTail), s[:maxBodyHead]...), s[len(s)-maxBodyTail:]...)
	}
	trimmed := bytes.TrimLeft(s, " \t\r\n\xef\xbb\xbf")
	if len(trimmed) == 0 {
		return
	}
	kind, params, _ := mime.ParseMediaType(r.header("Content-Type"))
	switch {
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		a.multipart(s, params["boundary"])
	case trimmed[0] == '{' || trimmed[0] == '[' || strings.Contains(kind, "json"):
		a.json(trimmed, nil, inJSON, 1)
	case trimmed[0] == '<' || strings.Contains(kind, "xml"):
		a.xml(trimmed)
	case kind == "application/x-www-form-urlencoded" || kind == "" && looksLikeForm(trimmed):
		a.pairs(s, '&', inForm)
	case binary(s):
	case looksLikeForm(trimmed):
		a.pairs(s, '&', inForm)
	default:
		a.add(inBody, nil, trimmed, 1)
	}
}

// looksLikeForm tells whether a body begins with name=value.
func looksLikeForm(s []byte) bool {
	i := bytes.IndexByte(s, '=')
	return i > 0 && i <= 64 && plainName(s[:i])
}

// binary tells whether a body is no text. Its first kilobyte decides.
func binary(s []byte) bool {
	s = s[:min(len(s), 1024)]
	odd := 0
	for _, c := range s {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			odd++
		}
	}
	return odd*20 > len(s)
}
