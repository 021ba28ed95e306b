package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexer reads words from a query at a position that its caller moves.
type lexer struct {
	text string
	pos  int // of the next byte
}

// word is text up to the next space or delimiter.
type word struct {
	parts   []string // the literals between unescaped stars; one without a star
	escaped bool     // has a backslash that took a meaning away, or quotes
	start   int
}

func (w *word) text() string { return strings.Join(w.parts, "*") }

// is tells whether the word is the keyword, in any case and without escapes.
func (w *word) is(keyword string) bool {
	return !w.escaped && len(w.parts) == 1 && strings.EqualFold(w.parts[0], keyword)
}

func (w *word) keyword() bool { return w.is("and") || w.is("or") || w.is("not") }

// hasStar tells whether a star stands for any text.
func (w *word) hasStar() bool { return len(w.parts) > 1 }

// onlyStars tells whether the word is * or several of them.
func (w *word) onlyStars() bool { return w.hasStar() && strings.Join(w.parts, "") == "" }

func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\u00a0', '\u3000':
		return true
	}
	return false
}

// space skips white space and tells whether there was any.
func (l *lexer) space() bool {
	start := l.pos
	for l.pos < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.text[l.pos:])
		if !isSpace(r) {
			break
		}
		l.pos += n
	}
	return l.pos > start
}

// peek returns the next byte, 0 at the end.
func (l *lexer) peek() byte {
	if l.pos < len(l.text) {
		return l.text[l.pos]
	}
	return 0
}

func (l *lexer) end() bool { return l.pos >= len(l.text) }

// accept skips a byte if it is next.
func (l *lexer) accept(c byte) bool {
	if l.pos < len(l.text) && l.text[l.pos] == c {
		l.pos++
		return true
	}
	return false
}

const (
	valueStops = `()"|`
	nameStops  = `()"|:<>=,`
)

// word reads a bare word up to white space, the end, or a byte of stops. It is
// empty where one of these is next.
func (l *lexer) word(stops string) (word, error) {
	w := word{start: l.pos}
	var b strings.Builder
	for l.pos < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.text[l.pos:])
		if isSpace(r) || r < utf8.RuneSelf && strings.IndexByte(stops, byte(r)) >= 0 {
			break
		}
		switch r {
		case '*':
			w.parts = append(w.parts, b.String())
			b.Reset()
		case '\\':
			size, err := l.escape(&b, &w)
			if err != nil {
				return w, err
			}
			n = size
		default:
			b.WriteRune(r)
		}
		l.pos += n
	}
	w.parts = append(w.parts, b.String())
	return w, nil
}

// escape reads a backslash and what is behind it, and returns their length.
func (l *lexer) escape(b *strings.Builder, w *word) (int, error) {
	r, n := utf8.DecodeRuneInString(l.text[l.pos+1:])
	switch {
	case n == 0:
		return 0, newError(l.text, l.pos, `a backslash at the end has nothing to escape: write \\ for a backslash`)
	case isSpace(r) || r < utf8.RuneSelf && !isAlnum(r):
		b.WriteRune(r)
		w.escaped = true
		return 1 + n, nil
	}
	b.WriteByte('\\')
	return 1, nil
}

// quoted reads a quoted text whose quote is next.
func (l *lexer) quoted() (word, error) {
	w := word{start: l.pos, escaped: true}
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); {
		switch c := l.text[l.pos]; c {
		case '"':
			l.pos++
			w.parts = []string{b.String()}
			return w, nil
		case '\\':
			n, err := l.escape(&b, &w)
			if err != nil {
				return w, err
			}
			l.pos += n
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	hint := ""
	if strings.HasSuffix(l.text, `\"`) {
		hint = ` (the last one is escaped: write \\ for a backslash)`
	}
	return w, newError(l.text, w.start, "this quote is not closed%s", hint)
}

// regex reads a regular expression between slashes, whose first slash is next,
// and returns what is between them. It reports false, and reads nothing, where
// the text is no regular expression. It looks a bounded way ahead: many slashes
// must not each read the rest of the query.
func (l *lexer) regex() (string, bool) {
	end := min(len(l.text), l.pos+4*maxRegex)
	for i := l.pos + 1; i < end; i++ {
		switch l.text[i] {
		case '\\':
			i++
		case '/':
			r, n := utf8.DecodeRuneInString(l.text[i+1:])
			if n > 0 && !isSpace(r) && r != ')' && r != '|' {
				continue
			}
			pattern := l.text[l.pos+1 : i]
			if !isRegex(pattern) {
				return "", false
			}
			l.pos = i + 1
			return pattern, true
		}
	}
	return "", false
}

// isRegex tells whether the text between two slashes is a regular expression
// rather than part of a path, or of several values. See the package comment.
func isRegex(s string) bool {
	if !strings.ContainsAny(s, `\^$|?+()[]{}`) && !strings.Contains(s, ".*") {
		return false
	}
	if strings.IndexFunc(s, isSpace) < 0 {
		return true
	}
	if len(s) > maxRegex || strings.ContainsAny(s, `:"`) {
		return false
	}
	for _, f := range strings.FieldsFunc(s, isSpace) {
		if w := (&word{parts: []string{f}}); w.keyword() {
			return false
		}
	}
	_, err := parseRegex(s)
	return err == nil
}

func isAlnum(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// isName tells whether text is a field name that needs no quotes.
func isName(s string) bool {
	for i, r := range s {
		if unicode.IsLetter(r) && r < 0xff00 || r == '_' || r == '@' {
			continue
		}
		if i == 0 || !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '.' && r != '-' {
			return false
		}
	}
	return s != ""
}
