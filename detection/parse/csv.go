package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// csvField splits the first field off a record of RFC 4180. more tells whether
// another field follows. A field in quotes is returned without them, its doubled
// quotes made single in memory of the event. Quotes that RFC 4180 does not allow
// lose nothing: within a bare field they stand for themselves; what follows a
// closing quote is appended; one that is never closed ends with the record, and
// ok is false.
func csvField(s string, e *event.Event) (field, rest string, more, ok bool) {
	if s == "" || s[0] != '"' {
		i := strings.IndexByte(s, ',')
		if i < 0 {
			return s, "", false, true
		}
		return s[:i], s[i+1:], true, true
	}
	plain := true // without a quote inside
	i := 1
	for {
		j := strings.IndexByte(s[i:], '"')
		if j < 0 {
			return s[1:], "", false, false
		}
		i += j + 1
		if i == len(s) {
			return csvText(s[1:i-1], plain, e), "", false, true
		}
		switch s[i] {
		case ',':
			return csvText(s[1:i-1], plain, e), s[i+1:], true, true
		case '"':
			i++
			plain = false
		default: // text behind the closing quote
			end := strings.IndexByte(s[i:], ',')
			if end < 0 {
				return s[1:], "", false, true
			}
			return s[1 : i+end], s[i+end+1:], true, true
		}
	}
}

func csvText(s string, plain bool, e *event.Event) string {
	if plain {
		return s
	}
	return e.Build(func(dst []byte) []byte {
		for i := 0; i < len(s); i++ {
			dst = append(dst, s[i])
			if s[i] == '"' && i+1 < len(s) && s[i+1] == '"' {
				i++
			}
		}
		return dst
	})
}
