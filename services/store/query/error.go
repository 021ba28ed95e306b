package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with a query and where.
type Error struct {
	Column  int    // of the first character that is wrong, 1-based, in characters
	Message string // what is wrong and what to write instead
	Near    string // the text at the column, shortened; empty at the end

	text string
}

// Error returns the message with the column.
func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// caretWindow is how many characters Caret shows before and behind the column.
const caretWindow = 50

// Caret returns two lines for a terminal: the query around the column, and a
// caret under the character. Control characters are shown as spaces.
func (e *Error) Caret() string {
	runes := []rune(e.text)
	at := min(e.Column-1, len(runes))
	from, to := max(0, at-caretWindow), min(len(runes), at+caretWindow)
	var line strings.Builder
	indent := 0
	for i, r := range runes[from:to] {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == utf8.RuneError {
			r = ' '
		}
		line.WriteRune(r)
		if from+i < at {
			indent += cells(r)
		}
	}
	return line.String() + "\n" + strings.Repeat(" ", indent) + "^"
}

// cells tells how wide a terminal shows a character.
func cells(r rune) int {
	switch {
	case 0x1100 <= r && r <= 0x115f, 0x2e80 <= r && r <= 0xa4cf, 0xac00 <= r && r <= 0xd7a3,
		0xf900 <= r && r <= 0xfaff, 0xfe30 <= r && r <= 0xfe6f, 0xff00 <= r && r <= 0xff60,
		0xffe0 <= r && r <= 0xffe6, 0x1f300 <= r && r <= 0x1faff, 0x20000 <= r && r <= 0x3fffd:
		return 2
	}
	return 1
}

// newError makes an error at a byte of the text.
func newError(text string, at int, format string, args ...any) *Error {
	near, _, _ := strings.Cut(text[at:], "\n")
	return &Error{
		Column:  utf8.RuneCountInString(text[:at]) + 1,
		Message: fmt.Sprintf(format, args...),
		Near:    clip(near),
		text:    text,
	}
}

// clip shortens text for a message.
func clip(s string) string {
	const most = 40
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// nearest returns the name that is most like a word, or "" where none is.
func nearest(word string, names []string) string {
	word = strings.ToLower(clip(word))
	best, least := "", 1+len(word)/3
	for _, name := range names {
		if d := distance(word, strings.ToLower(name)); d <= least && (best == "" || d < least) {
			best, least = name, d
		}
	}
	return best
}

// distance counts the single-byte edits, swaps of neighbours included, between
// two short words.
func distance(a, b string) int {
	if len(a) > 256 || len(b) > 256 {
		return 256
	}
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j+1]+1, row[j]+1, prev[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
