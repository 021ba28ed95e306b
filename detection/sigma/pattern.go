package sigma

import "strings"

// pattern is a Sigma string: literal text and wildcards.
type pattern []part

type part struct {
	kind partKind
	text string // of partText, not empty
}

type partKind uint8

const (
	partText partKind = iota
	partMany          // *: any number of characters
	partOne           // ?: one character
)

// parsePattern reads the escapes of a Sigma string: a backslash takes the meaning
// from *, ? and itself, and stands for itself before anything else.
func parsePattern(s string) pattern {
	var p pattern
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			p = append(p, part{partText, text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '?' || s[i+1] == '\\'):
			i++
			text.WriteByte(s[i])
		case c == '*':
			flush()
			p = p.withMany()
		case c == '?':
			flush()
			p = append(p, part{kind: partOne})
		default:
			text.WriteByte(c)
		}
	}
	flush()
	return p
}

// withMany appends a star unless there is one at the end.
func (p pattern) withMany() pattern {
	if n := len(p); n > 0 && p[n-1].kind == partMany {
		return p
	}
	return append(p, part{kind: partMany})
}

// afterMany puts a star in front unless there is one.
func (p pattern) afterMany() pattern {
	if len(p) > 0 && p[0].kind == partMany {
		return p
	}
	return append(pattern{{kind: partMany}}, p...)
}

// plain tells whether the pattern has no wildcards, and its text.
func (p pattern) plain() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].kind == partText:
		return p[0].text, true
	}
	return "", false
}

// mapText returns the pattern with another text in place of each.
func (p pattern) mapText(f func(string) string) pattern {
	out := make(pattern, len(p))
	for i, x := range p {
		if x.kind == partText {
			x.text = f(x.text)
		}
		out[i] = x
	}
	return out
}

// shape is how a pattern with one text can be matched.
type shape uint8

const (
	shapeExact    shape = iota // text
	shapePrefix                // text*
	shapeSuffix                // *text
	shapeContains              // *text*
	shapeAny                   // *
	shapeGlob                  // all else
)

// shape returns the form of the pattern and its text.
func (p pattern) shape() (shape, string) {
	if s, ok := p.plain(); ok {
		return shapeExact, s
	}
	many := func(i int) bool { return p[i].kind == partMany }
	text := func(i int) bool { return p[i].kind == partText }
	switch {
	case len(p) == 1 && many(0):
		return shapeAny, ""
	case len(p) == 2 && text(0) && many(1):
		return shapePrefix, p[0].text
	case len(p) == 2 && many(0) && text(1):
		return shapeSuffix, p[1].text
	case len(p) == 3 && many(0) && text(1) && many(2):
		return shapeContains, p[1].text
	}
	return shapeGlob, ""
}

// String writes the pattern in Sigma's form, escapes where they are needed.
func (p pattern) String() string {
	var b strings.Builder
	for _, x := range p {
		switch x.kind {
		case partMany:
			b.WriteByte('*')
		case partOne:
			b.WriteByte('?')
		default:
			for i := range len(x.text) {
				if strings.IndexByte(`*?\`, x.text[i]) >= 0 {
					b.WriteByte('\\')
				}
				b.WriteByte(x.text[i])
			}
		}
	}
	return b.String()
}
