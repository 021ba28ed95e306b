package waf

import (
	"strings"
	"unicode/utf8"
)

// maxMaskDepth bounds how many encodings are undone around a secret.
const maxMaskDepth = 4

// encoded is text that stands for other text.
type encoded struct {
	raw   string
	plain []byte
	at    []int32 // where in raw each byte of plain comes from
}

func (e *encoded) add(at int, bytes ...byte) {
	for _, b := range bytes {
		e.plain = append(e.plain, b)
		e.at = append(e.at, int32(at))
	}
}

// masked is raw with what mask does to the text that it stands for. mask must
// keep the length.
func (e *encoded) masked(mask func(string) string) string {
	plain := string(e.plain)
	masked := mask(plain)
	if masked == plain {
		return e.raw
	}
	const digits = "0123456789abcdef"
	b := []byte(e.raw)
	for i, p := range e.at {
		if masked[i] == plain[i] {
			continue
		}
		switch c := e.raw[p]; {
		case c == '%' && plain[i] != '%':
			b[p+1], b[p+2] = digits[masked[i]>>4], digits[masked[i]&15]
		case c == '\\':
			copy(b[p+2:p+6], "0078")
		default:
			b[p] = masked[i]
		}
	}
	return string(b)
}

// maskPercent masks what a percent-encoded text stands for.
func maskPercent(raw string, mask func(string) string) string {
	if !strings.ContainsAny(raw, "%+") {
		return mask(raw)
	}
	e := encoded{raw: raw, plain: make([]byte, 0, len(raw)), at: make([]int32, 0, len(raw))}
	for i := 0; i < len(raw); i++ {
		switch {
		case hasEscape(raw, i):
			e.add(i, unhex(raw[i+1])<<4|unhex(raw[i+2]))
			i += 2
		case raw[i] == '+':
			e.add(i, ' ')
		default:
			e.add(i, raw[i])
		}
	}
	return e.masked(mask)
}

// hasEscape tells whether a percent-encoded byte is at i.
func hasEscape(s string, i int) bool {
	return s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
}

// hasEscapes tells whether there is any percent-encoded byte.
func hasEscapes(s string) bool {
	for from := 0; ; from++ {
		n := strings.IndexByte(s[from:], '%')
		if n < 0 {
			return false
		}
		if from += n; hasEscape(s, from) {
			return true
		}
	}
}

// maskEscaped masks what the inside of a JSON string stands for.
func maskEscaped(raw string, mask func(string) string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return mask(raw)
	}
	e := encoded{raw: raw, plain: make([]byte, 0, len(raw)), at: make([]int32, 0, len(raw))}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			e.add(i, raw[i])
			continue
		}
		at := i
		i++
		switch c := raw[i]; {
		case c == 'u' && i+4 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2]) && isHex(raw[i+3]) && isHex(raw[i+4]):
			r := rune(unhex(raw[i+1]))<<12 | rune(unhex(raw[i+2]))<<8 | rune(unhex(raw[i+3]))<<4 | rune(unhex(raw[i+4]))
			e.add(at, utf8.AppendRune(nil, r)...)
			i += 4
		case strings.IndexByte("nrtfb", c) >= 0:
			e.add(at, ' ')
		case c == '"' || c == '\\' || c == '/':
			e.add(at, c)
		default: // no escape
			e.add(at, '\\')
			e.add(i, c)
		}
	}
	return e.masked(mask)
}

// unescape undoes one percent-encoding, also where some of it is wrong.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case hasEscape(s, i):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		case s[i] == '+':
			b = append(b, ' ')
		default:
			b = append(b, s[i])
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
