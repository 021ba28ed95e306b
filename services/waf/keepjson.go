package waf

import (
	"encoding/json"
	"strings"
)

// json masks a JSON text, or what looks like a part of one: all strings and
// numbers under names of credentials, and in other strings what
// [secrets.text] masks. Valid JSON stays valid.
func (c secrets) json(s string) string {
	m := jsonMask{secrets: c, in: s, out: []byte(s)}
	for m.at < len(s) {
		switch b := s[m.at]; {
		case b == '"':
			m.str(false)
		case isDigit(b):
			m.number(false)
		default:
			m.at++
		}
	}
	return string(m.out)
}

// jsonMask walks over a text once.
type jsonMask struct {
	secrets
	in  string
	out []byte
	at  int
}

// str passes a string: a name, behind which there may be a secret, or a value,
// which may be secret as a whole.
func (m *jsonMask) str(secret bool) {
	from := m.at + 1
	to := from
	for to < len(m.in) && m.in[to] != '"' {
		if m.in[to] == '\\' {
			to++
		}
		to++
	}
	to = min(to, len(m.in))
	m.at = min(to+1, len(m.in))
	text := m.in[from:to]
	if next := skip(m.in, m.at, " \t\r\n"); next < len(m.in) && m.in[next] == ':' {
		m.at = next + 1
		if !secret && m.named(unquote(text)) {
			m.secret()
		}
		return
	}
	masked := ""
	if secret {
		masked = blot(text)
	} else {
		masked = m.text(text)
	}
	if masked != text {
		m.put(from, text, masked)
	}
}

// put writes masked text in the place of a string and mends its escapes.
func (m *jsonMask) put(from int, text, masked string) {
	b := m.out[from : from+len(text)]
	copy(b, masked)
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		b[i], b[i+1] = '\\', text[i+1]
		if text[i+1] == 'u' && i+5 < len(text) {
			if masked[i+2:i+6] != text[i+2:i+6] || masked[i+1] != 'u' {
				copy(b[i+2:], "0078")
			}
			i += 4
		}
		i++
	}
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
		case depth == 0 && (b == ',' || b == '\n'):
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
