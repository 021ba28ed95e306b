package waf

import "strings"

// markup masks the content and attributes of elements with names of credentials,
// with or without a namespace prefix, and of those that are named by an attribute
// or by the element before them: <param name="pin">, <key>pin</key><string>. What
// is wrong with the text never ends a secret early.
func (c secrets) markup(s string) string {
	if strings.IndexByte(s, '<') < 0 || strings.IndexByte(s, '>') < 0 {
		return s
	}
	m := markupMask{secrets: c, in: s, out: []byte(s), until: -1}
	for m.at < len(s) {
		n := strings.IndexByte(s[m.at:], '<')
		if n < 0 {
			n = len(s) - m.at
		}
		m.content(m.at, m.at+n)
		if m.at += n; m.at < len(s) {
			m.tag()
		}
	}
	return string(m.out)
}

// markupMask walks over a text once.
type markupMask struct {
	secrets
	in    string
	out   []byte
	at    int
	depth int  // open elements
	until int  // depth of the secret element, -1 outside of any
	names bool // the open element holds a name
	next  bool // the next element is secret
}

// content passes text between tags.
func (m *markupMask) content(from, to int) {
	switch text := m.in[from:to]; {
	case m.until >= 0:
		m.blot(from, to)
	case m.names && len(text) <= maxName && m.named(strings.TrimSpace(text)):
		m.next = true
	}
}

// blot masks text in which an entity stays one.
func (m *markupMask) blot(from, to int) {
	b := m.out[from:to]
	copy(b, blot(m.in[from:to]))
	for i := 0; i+2 < len(b); i++ {
		if b[i] != '&' {
			continue
		}
		end := i + 1
		for end < len(b) && end < i+10 && b[end] != ';' && b[end] != '&' {
			end++
		}
		if end == len(b) || b[end] != ';' {
			continue
		}
		switch name := m.in[from+i+1 : from+end]; name {
		case "amp", "lt", "gt", "quot", "apos":
			copy(b[i+1:], name)
		default:
			if b[i+1] != '#' {
				continue
			}
			for j := i + 2; j < end; j++ {
				switch hex := name[1] == 'x'; {
				case hex && j == i+2: // the x itself
				case b[j] == '0' && hex:
					b[j] = '6'
				case b[j] == '0':
					b[j] = '9'
				case b[j] == 'x':
					b[j] = 'a'
				case b[j] == 'X':
					b[j] = 'A'
				}
			}
		}
		i = end
	}
}

// tag passes what a < begins.
func (m *markupMask) tag() {
	const cdata = "<![CDATA["
	rest := m.in[m.at:]
	switch {
	case strings.HasPrefix(rest, cdata):
		from := m.at + len(cdata)
		m.at = from
		if m.until >= 0 {
			end := strings.Index(m.in[from:], "]]>")
			if end < 0 {
				end = len(m.in) - from
			}
			m.blot(from, from+end)
			m.at = from + end
		}
	case strings.HasPrefix(rest, "</"):
		m.names = false
		if m.depth--; m.depth <= m.until {
			m.until = -1
		}
		m.depth = max(m.depth, 0)
		m.at += 2
		for m.at < len(m.in) && (isNameByte(m.in[m.at]) || m.in[m.at] == ':') {
			m.at++
		}
	case len(rest) > 1 && (isNameByte(rest[1]) && !isDigit(rest[1])):
		m.open()
	default:
		if m.at++; m.until >= 0 {
			return
		}
		for m.at < len(m.in) && (m.in[m.at] == '!' || m.in[m.at] == '?') {
			m.at++
		}
	}
}

// attribute is one of a tag: its name and where its value is.
type attribute struct {
	name     string
	from, to int
}

// open passes a start tag.
func (m *markupMask) open() {
	from := m.at + 1
	to := from
	for to < len(m.in) && (isNameByte(m.in[to]) || m.in[to] == ':') {
		to++
	}
	name := m.in[from:to]
	name = name[strings.LastIndexByte(name, ':')+1:]
	attributes, closed := m.attributes(to)
	secret := m.until >= 0 || m.next || m.named(name)
	for _, a := range attributes {
		secret = secret || isNaming(a.name) && m.named(m.in[a.from:a.to])
	}
	if secret {
		for _, a := range attributes {
			if !strings.HasPrefix(a.name, "xmlns") && (!isNaming(a.name) || !m.named(m.in[a.from:a.to])) {
				m.blot(a.from, a.to)
			}
		}
	}
	m.names, m.next = isNaming(name), false
	if closed {
		return
	}
	if secret && m.until < 0 {
		m.until = m.depth
	}
	m.depth++
}

// maxAttributes bounds what is remembered of a tag; the rest is masked as text.
const maxAttributes = 256

// attributes passes the rest of a start tag, and tells whether the element ends
// with it.
func (m *markupMask) attributes(i int) (all []attribute, closed bool) {
	for i < len(m.in) && m.in[i] != '>' && m.in[i] != '<' {
		from := i
		for i < len(m.in) && (isNameByte(m.in[i]) || m.in[i] == ':') {
			i++
		}
		if i == from {
			i++
			continue
		}
		a := attribute{name: m.in[from:i]}
		v := skip(m.in, i, " \t\r\n")
		if v == len(m.in) || m.in[v] != '=' {
			continue
		}
		a.from = skip(m.in, v+1, " \t\r\n")
		if a.from < len(m.in) && (m.in[a.from] == '"' || m.in[a.from] == '\'') {
			quote := m.in[a.from]
			a.from++
			for a.to = a.from; a.to < len(m.in) && m.in[a.to] != quote; a.to++ {
			}
			i = min(a.to+1, len(m.in))
		} else {
			for a.to = a.from; a.to < len(m.in) && strings.IndexByte(" \t\r\n<>", m.in[a.to]) < 0; a.to++ {
			}
			i = a.to
		}
		if len(all) < maxAttributes {
			all = append(all, a)
		}
	}
	if i < len(m.in) && m.in[i] == '>' {
		closed = m.in[i-1] == '/'
		i++
	}
	m.at = i
	return all, closed
}

// isNaming tells whether what stands under a name is itself a name.
func isNaming(name string) bool {
	switch strings.ToLower(name) {
	case "name", "key", "id", "k", "n", "field", "param", "parameter", "property", "label", "attribute", "code", "header", "variable":
		return true
	}
	return false
}
