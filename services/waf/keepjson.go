package waf

import (
	"encoding/json"
	"strings"
)

// json masks a JSON text, or what looks like a part of one: all strings and
// numbers under names of credentials and beside such a name, as in
// {"name": "pin", "value": 1}, and in other strings what [secrets.deep] masks.
// Valid JSON stays valid.
func (c secrets) json(s string, depth int) string {
	m := jsonMask{secrets: c, in: s, out: []byte(s), inner: depth, whole: namedObjects(c, s)}
	for m.at < len(s) {
		switch b := s[m.at]; {
		case b == '"':
			m.str(m.isWhole())
		case isDigit(b):
			m.number(m.isWhole())
		default:
			m.at++
		}
	}
	return string(m.out)
}

// isWhole tells whether the object at hand is secret as a whole.
func (m *jsonMask) isWhole() bool {
	for len(m.whole) > 0 && m.at >= m.whole[0][1] {
		m.whole = m.whole[1:]
	}
	return len(m.whole) > 0 && m.at >= m.whole[0][0]
}

// namedObjects finds the objects with a member such as "name" that is the name of
// a credential, those inside of others left out.
func namedObjects(c secrets, s string) (spans [][2]int) {
	type object struct {
		from  int
		named bool
	}
	var open []object
	end := func(to int) {
		o := open[len(open)-1]
		open = open[:len(open)-1]
		if !o.named {
			return
		}
		for len(spans) > 0 && spans[len(spans)-1][0] >= o.from {
			spans = spans[:len(spans)-1]
		}
		spans = append(spans, [2]int{o.from, to})
	}
	naming := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			open = append(open, object{from: i})
		case '}':
			if len(open) > 0 {
				end(i + 1)
			}
		case '"':
			from, to := i+1, stringEnd(s, i)
			i = to
			if next := skip(s, to+1, " \t\r\n"); next < len(s) && s[next] == ':' {
				naming = to-from <= maxName && isNaming(unquote(s[from:to]))
				i = next
				continue
			}
			if naming && len(open) > 0 && to-from <= maxName && c.named(unquote(s[from:to])) {
				open[len(open)-1].named = true
			}
		case ' ', '\t', '\r', '\n':
			continue
		}
		naming = false
	}
	for len(open) > 0 {
		end(len(s))
	}
	return spans
}

// stringEnd is where the string that begins at a quote ends.
func stringEnd(s string, quote int) int {
	to := quote + 1
	for to < len(s) && s[to] != '"' {
		if s[to] == '\\' {
			to++
		}
		to++
	}
	return min(to, len(s))
}

// jsonMask walks over a text once.
type jsonMask struct {
	secrets
	in    string
	out   []byte
	at    int
	inner int      // how deep strings are looked into
	whole [][2]int // objects that are secret, in order
	name  bool     // the value at hand is a name
}

// str passes a string: a name, behind which there may be a secret, or a value,
// which may be secret as a whole.
func (m *jsonMask) str(secret bool) {
	from := m.at + 1
	to := stringEnd(m.in, m.at)
	m.at = min(to+1, len(m.in))
	text := m.in[from:to]
	if next := skip(m.in, m.at, " \t\r\n"); next < len(m.in) && m.in[next] == ':' {
		m.at = next + 1
		name := unquote(text)
		m.name = secret && isNaming(name)
		if !secret && m.named(name) {
			m.secret()
		}
		return
	}
	name := m.name
	m.name = false
	var masked string
	switch {
	case secret && name && m.named(unquote(text)):
		return
	case secret:
		masked = maskEscaped(text, blotPlain)
	default:
		masked = maskEscaped(text, func(plain string) string { return m.deep(plain, m.inner) })
	}
	copy(m.out[from:], masked)
}

// blotPlain replaces text in which nothing is percent-encoded.
func blotPlain(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = blotByte(c)
	}
	return string(b)
}

// secret masks the value at hand: a string, a number, or all that are in an
// object or array.
func (m *jsonMask) secret() {
	depth := 0
	for m.at = skip(m.in, m.at, " \t\r\n"); m.at < len(m.in); {
		switch b := m.in[m.at]; {
		case b == '"':
			m.str(true)
		case isDigit(b):
			m.number(true)
		case b == '{' || b == '[':
			depth++
			m.at++
			continue
		case b == '}' || b == ']':
			if depth == 0 {
				return
			}
			depth--
			m.at++
		case depth == 0 && b == ',':
			return
		case depth == 0 && b|0x20 >= 'a' && b|0x20 <= 'z': // true, false, null
			for m.at < len(m.in) && m.in[m.at]|0x20 >= 'a' && m.in[m.at]|0x20 <= 'z' {
				m.at++
			}
		default:
			m.at++
			continue
		}
		if depth == 0 {
			return
		}
	}
}

// number passes a number. One that is secret or a card number becomes ones, for
// none may begin with a zero.
func (m *jsonMask) number(secret bool) {
	from := m.at
	for m.at < len(m.in) && (isDigit(m.in[m.at]) || strings.IndexByte("+-.eE", m.in[m.at]) >= 0) {
		m.at++
	}
	if text := m.in[from:m.at]; !secret && maskCards(text) == text {
		return
	}
	for i := from; i < m.at; i++ {
		if isDigit(m.in[i]) {
			m.out[i] = '1'
		}
	}
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// unquote resolves the escapes of a name.
func unquote(text string) string {
	var name string
	if strings.IndexByte(text, '\\') < 0 || json.Unmarshal([]byte(`"`+text+`"`), &name) != nil {
		return text
	}
	return name
}
