// Package sheet writes cells of spreadsheets whose text an attacker may have
// written.
package sheet

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cell returns a text as a cell of CSV: no spreadsheet reads it as a formula, and
// nothing in it is invisible or turns the direction of text.
func Cell(s string) string { return Guard(strings.Map(Visible, s)) }

// Guard keeps a spreadsheet from reading a cell as a formula.
func Guard(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Visible replaces control characters but line breaks and tabs, characters that
// turn the direction of text, and what is not UTF-8.
func Visible(r rune) rune {
	switch {
	case r == utf8.RuneError:
		return '\ufffd'
	case r == '\n' || r == '\t':
		return r
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
		return '·'
	}
	return r
}
