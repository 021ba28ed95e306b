package dashboards

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Part is a piece of a text that somebody else wrote.
type Part struct {
	Text    string
	Escaped bool // it stands for characters that do not show, or act
}

// Parts divides a text into what shows as it is and escapes of what does not: control
// characters, those that turn the direction of text, that have no width or no form, all
// spaces but the usual ones, a third mark on a letter, and bytes that are no UTF-8.
func Parts(s string) (parts []Part) {
	var plain, escaped strings.Builder
	flush := func(b *strings.Builder, isEscaped bool) {
		if b.Len() > 0 {
			parts = append(parts, Part{b.String(), isEscaped})
			b.Reset()
		}
	}
	marks := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			flush(&plain, false)
			fmt.Fprintf(&escaped, `\x%02x`, s[0])
		case marks > 2 || Hidden(r):
			flush(&plain, false)
			escaped.WriteString(escape(r))
		default:
			flush(&escaped, true)
			plain.WriteRune(r)
		}
		s = s[size:]
	}
	flush(&plain, false)
	flush(&escaped, true)
	return parts
}

// Visible is a text with escapes in place of what does not show.
func Visible(s string) string {
	var b strings.Builder
	for _, p := range Parts(s) {
		b.WriteString(p.Text)
	}
	return b.String()
}

// blank are letters and symbols without a form.
var blank = map[rune]bool{'\u034f': true, '\u115f': true, '\u1160': true, '\u17b4': true, '\u17b5': true, '\u2800': true, '\u3164': true, '\uffa0': true}

// Hidden tells whether a character does not show as itself, or acts on others.
func Hidden(r rune) bool {
	switch {
	case r == ' ' || r == '\u3000':
		return false
	case blank[r] || unicode.Is(unicode.Variation_Selector, r):
		return true
	}
	return !unicode.IsGraphic(r) || unicode.IsSpace(r) || unicode.Is(unicode.Zs, r)
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// Clip cuts a text to so many characters, the last of which is then an ellipsis.
func Clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n--; n == 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// maxLabel bounds a text of others in a chart, in characters.
const maxLabel = 120

// styled is what ECharts takes for the style of a piece of text, and leaves out.
var styled = regexp.MustCompile(`\{(\w+\|)`)

// label is a text of others as a chart may have it.
func label(s string) string {
	return styled.ReplaceAllString(Visible(Clip(s, maxLabel)), `\x7b$1`)
}
