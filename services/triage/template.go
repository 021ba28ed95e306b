package triage

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of templates.
const (
	maxSegments    = 12 // of a path; the rest is one "…"
	maxSegment     = 40 // characters; a longer segment is taken for an id
	maxVariable    = 128
	minHexSegment  = 8
	placeholder    = "{id}"
	rest           = "…"
	unknownUnicode = '\ufffd'
)

// PathTemplate is what the paths of one page have in common: segments that are
// numbers, UUIDs, long hexadecimal numbers or long texts are {id}. Parameters
// behind a semicolon are left out, and what cannot be shown is U+FFFD.
func PathTemplate(path string) string {
	path = strings.TrimPrefix(path[:min(len(path), maxText)], "/")
	var b strings.Builder
	for n := 0; ; n++ {
		segment, tail, more := strings.Cut(path, "/")
		b.WriteByte('/')
		if n == maxSegments {
			b.WriteString(rest)
			return b.String()
		}
		segment, _, _ = strings.Cut(segment, ";")
		if isID(segment) {
			b.WriteString(placeholder)
		} else {
			b.WriteString(shown(segment))
		}
		if !more {
			return b.String()
		}
		path = tail
	}
}

// VariableTemplate is the name of a matched variable with numbers and ids inside
// of it, such as ARGS:items[3].name, made alike.
func VariableTemplate(name string) string {
	name = name[:min(len(name), maxText)]
	var b strings.Builder
	for part := ""; name != ""; {
		i := strings.IndexAny(name, ".[]:/")
		if i < 0 {
			part, name = name, ""
		} else {
			part, name = name[:i], name[i:]
		}
		if isID(part) {
			part = placeholder
		}
		b.WriteString(shown(part))
		if name != "" {
			b.WriteByte(name[0])
			name = name[1:]
		}
	}
	s := b.String()
	for len(s) > maxVariable {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// isID tells whether a text names one thing among many.
func isID(s string) bool {
	if s == "" {
		return false
	}
	digits, hex, others := 0, 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			hex++
		case c != '-':
			others++
		}
	}
	switch {
	case utf8.RuneCountInString(s) > maxSegment:
		return true
	case others > 0:
		return false
	case digits > 0 && hex == 0:
		return true
	}
	return digits > 0 && digits+hex >= minHexSegment
}

// shown is a text without characters that cannot be seen.
func shown(s string) string {
	return strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsGraphic(c) || unicode.IsSpace(c) && c != ' ' {
			return unknownUnicode
		}
		return c
	}, s)
}
