package sigma

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// textMatcher is a pattern made ready for text: folded text unless it is cased.
type textMatcher struct {
	shape shape
	text  string // of all shapes but shapeAny and shapeGlob
	parts pattern
	cased bool
	raw   bool // ? stands for one byte
}

func newTextMatcher(p pattern, cased, raw bool) *textMatcher {
	if !cased {
		p = p.mapText(foldString)
	}
	m := &textMatcher{parts: p, cased: cased, raw: raw}
	m.shape, m.text = p.shape()
	return m
}

// match tests text, which is folded unless the matcher is cased.
func (m *textMatcher) match(text []byte) bool {
	switch m.shape {
	case shapeExact:
		return string(text) == m.text
	case shapePrefix:
		return len(text) >= len(m.text) && string(text[:len(m.text)]) == m.text
	case shapeSuffix:
		return len(text) >= len(m.text) && string(text[len(text)-len(m.text):]) == m.text
	case shapeContains:
		return bytes.Contains(text, stringBytes(m.text))
	case shapeAny:
		return true
	}
	return globText(text, m.parts, m.raw)
}

// globText matches a pattern: what stands between two stars is put at the first
// place where it fits, which is never worse than a later one.
func globText(text []byte, p pattern, raw bool) bool {
	n, ok := fit(text, p, raw)
	if !ok {
		return false
	}
	text = text[n:]
	p = p[segment(p):]
	if len(p) == 0 {
		return len(text) == 0
	}
	for {
		p = p[1:] // the star
		size := segment(p)
		if size == len(p) {
			return fitEnd(text, p, raw)
		}
		at := 0
		for {
			at = seek(text, at, p)
			if at < 0 {
				return false
			}
			if n, ok := fit(text[at:], p, raw); ok {
				text = text[at+n:]
				break
			}
			at += charSize(text[at:], raw)
		}
		p = p[size:]
	}
}

// segment returns how many parts stand before the next star.
func segment(p pattern) int {
	for i, x := range p {
		if x.kind == partMany {
			return i
		}
	}
	return len(p)
}

// fit matches the parts before the next star at the beginning of text and returns
// how many bytes they take.
func fit(text []byte, p pattern, raw bool) (int, bool) {
	at := 0
	for _, x := range p {
		switch x.kind {
		case partMany:
			return at, true
		case partOne:
			if at == len(text) {
				return 0, false
			}
			at += charSize(text[at:], raw)
		default:
			if !strings.HasPrefix(bytesView(text[at:]), x.text) {
				return 0, false
			}
			at += len(x.text)
		}
	}
	return at, true
}

// fitEnd matches the last parts, behind the last star, at the end of text.
func fitEnd(text []byte, p pattern, raw bool) bool {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].kind == partOne {
			if len(text) == 0 {
				return false
			}
			n := 1
			if !raw {
				_, n = utf8.DecodeLastRune(text)
			}
			text = text[:len(text)-n]
			continue
		}
		if !strings.HasSuffix(bytesView(text), p[i].text) {
			return false
		}
		text = text[:len(text)-len(p[i].text)]
	}
	return true
}

// seek returns the first place from at where the parts could fit, or -1.
func seek(text []byte, at int, p pattern) int {
	if p[0].kind == partOne {
		if at >= len(text) {
			return -1
		}
		return at
	}
	i := bytes.Index(text[at:], stringBytes(p[0].text))
	if i < 0 {
		return -1
	}
	return at + i
}

// charSize returns the bytes of the first character, 1 for a byte that is no UTF-8
// and where bytes are meant.
func charSize(text []byte, raw bool) int {
	if raw {
		return 1
	}
	_, n := utf8.DecodeRune(text)
	return max(n, 1)
}
