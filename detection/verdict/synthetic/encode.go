package synthetic

import (
	"encoding/base64"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
)

// encodings are ways to write a text that some applications undo once more than
// a filter does.
var encodings = []Rewriting{
	{"url", func(_ *rand.Rand, s string) string { return escapeAll(s) }},
	{"double url", func(_ *rand.Rand, s string) string { return url.QueryEscape(escapeAll(s)) }},
	{"unicode", func(_ *rand.Rand, s string) string { return eachMark(s, "%%u%04x") }},
	{"entities", entities},
	{"escapes", func(rng *rand.Rand, s string) string {
		return eachMark(s, []string{`\x%02x`, `\u%04x`}[rng.IntN(2)])
	}},
	{"base64", func(_ *rand.Rand, s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"overlong", func(_ *rand.Rand, s string) string { return overlong(s) }},
	{"full width", func(_ *rand.Rand, s string) string { return fullWidth(s) }},
}

// mark tells the bytes that encodings are used for.
func mark(c byte) bool {
	return c > ' ' && c < 0x7f && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}

// eachMark writes punctuation by a format of its number.
func eachMark(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		if mark(s[i]) {
			fmt.Fprintf(&b, format, s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// escapeAll percent-encodes every byte.
func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func entities(rng *rand.Rand, s string) string {
	switch rng.IntN(3) {
	case 0:
		return html.EscapeString(s)
	case 1:
		return eachMark(s, "&#x%x;")
	}
	return eachMark(s, "&#%d;")
}

// overlong writes punctuation in two bytes, which UTF-8 forbids.
func overlong(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if mark(s[i]) {
			b.WriteByte(0xc0 | s[i]>>6)
			b.WriteByte(0x80 | s[i]&0x3f)
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// fullWidth writes punctuation in the forms for East Asian text.
func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x7f && mark(byte(r)) {
			return r - '!' + 0xff01
		}
		return r
	}, s)
}
