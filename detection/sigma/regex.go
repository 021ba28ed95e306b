package sigma

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

const maxRegex = 1 << 14 // bytes of a regular expression

// regex compiles a regular expression. The specification asks for PCRE; RE2, which
// runs in linear time, has all of it but look-around, back-references and the like,
// and with those a rule is rejected. Classes are ASCII's, as PCRE's are by default.
func (it *Item) regex(text string, spend *budget) (*regexp.Regexp, error) {
	if len(text) > maxRegex {
		return nil, fmt.Errorf("regular expression is longer than %d bytes", maxRegex)
	}
	text = spaceClasses(text)
	start, end := it.Has(ModStartsWith), it.Has(ModEndsWith)
	if start || end {
		text = "(?:" + text + ")"
	}
	if start && !it.Has(ModContains) {
		text = `\A` + text
	}
	if end && !it.Has(ModContains) {
		text += `\z`
	}
	flags := ""
	for _, f := range []struct {
		m    Modifier
		flag string
	}{{ModReI, "i"}, {ModReM, "m"}, {ModReS, "s"}} {
		if it.Has(f.m) {
			flags += f.flag
		}
	}
	if flags != "" {
		text = "(?" + flags + ")" + text
	}
	err := spend.checkProgram(text)
	if e := new(syntax.Error); errors.As(err, &e) {
		return nil, fmt.Errorf("regular expression: %s: `%s`", e.Code, e.Expr)
	}
	if err != nil {
		return nil, err
	}
	return regexp.Compile(text)
}

const (
	spaces    = `\x09-\x0d `
	notSpaces = `\x00-\x08\x0e-\x1f!-\x{10ffff}`
)

// spaceClasses writes out \s and \S, which in RE2 leave out the vertical tab.
func spaceClasses(text string) string {
	if !strings.Contains(text, `\s`) && !strings.Contains(text, `\S`) {
		return text
	}
	var b strings.Builder
	class := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			i++
			switch {
			case text[i] == 's' && class:
				b.WriteString(spaces)
			case text[i] == 'S' && class:
				b.WriteString(notSpaces)
			case text[i] == 's':
				b.WriteString("[" + spaces + "]")
			case text[i] == 'S':
				b.WriteString("[^" + spaces + "]")
			case text[i] == 'Q': // literal up to \E
				end := strings.Index(text[i:], `\E`)
				if end < 0 {
					end = len(text) - i
				}
				b.WriteString(text[i-1 : i+end])
				i += end - 1
			default:
				b.WriteString(text[i-1 : i+1])
			}
			continue
		}
		switch {
		case c == '[' && !class:
			class = true
			b.WriteByte(c)
			if strings.HasPrefix(text[i+1:], "^") {
				i++
				b.WriteByte('^')
			}
			if strings.HasPrefix(text[i+1:], "]") { // first in a class it is a member
				i++
				b.WriteByte(']')
			}
			continue
		case c == '[' && strings.HasPrefix(text[i:], "[:"): // [:alpha:]
			if end := strings.Index(text[i:], ":]"); end > 0 {
				b.WriteString(text[i : i+end+2])
				i += end + 1
				continue
			}
		case c == ']':
			class = false
		}
		b.WriteByte(c)
	}
	return b.String()
}
