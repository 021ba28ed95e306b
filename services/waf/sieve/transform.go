package sieve

import (
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// transform does what the transformation of Coraza of the same name does. It
// returns its argument itself where it changes nothing; changed is what Coraza
// says, which rules with multiMatch go by.
type transform func(s string) (out string, changed bool)

var transforms = map[string]transform{
	"base64decode":       base64Decode,
	"cmdline":            cmdLine,
	"compresswhitespace": compressWhitespace,
	"cssdecode":          cssDecode,
	"escapeseqdecode":    escapeSeqDecode,
	"htmlentitydecode":   htmlEntityDecode,
	"jsdecode":           jsDecode,
	"lowercase":          lowercase,
	"normalisepath":      normalizePath,
	"normalisepathwin":   normalizePathWin,
	"normalizepath":      normalizePath,
	"normalizepathwin":   normalizePathWin,
	"removecommentschar": removeCommentsChar,
	"removenulls":        removeNulls,
	"removewhitespace":   removeWhitespace,
	"replacecomments":    replaceComments,
	"urldecodeuni":       urlDecodeUni,
	"utf8tounicode":      utf8ToUnicode,
}

func lowercase(s string) (string, bool) {
	out := strings.ToLower(s)
	return out, out != s
}

func htmlEntityDecode(s string) (string, bool) {
	out := html.UnescapeString(s)
	return out, len(out) != len(s)
}

func removeNulls(s string) (string, bool) {
	out := strings.ReplaceAll(s, "\x00", "")
	return out, len(out) != len(s)
}

func removeWhitespace(s string) (string, bool) {
	changed := false
	out := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			changed = true
			return -1
		}
		return r
	}, s)
	return out, changed
}

func compressWhitespace(s string) (string, bool) {
	if strings.IndexFunc(s, unicode.IsSpace) < 0 && strings.IndexByte(s, 0xa0) < 0 {
		return s, false
	}
	out := make([]byte, 0, len(s))
	changed, inside := false, false
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case s[i] != 0xa0 && !latinSpace(r):
			inside = false
			out = append(out, s[i:i+n]...)
		case inside:
			changed = true
		default:
			inside = true
			changed = changed || r != ' '
			out = append(out, ' ')
		}
		i += n
	}
	return string(out), changed
}

func latinSpace(r rune) bool {
	return r >= '\t' && r <= '\r' || r == ' ' || r == 0x85 || r == 0xa0
}

func utf8ToUnicode(s string) (string, bool) {
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return s, false
	}
	out := make([]byte, 0, 2*len(s))
	for _, r := range s {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
			continue
		}
		out = append(out, "%u"...)
		for least := rune(0x1000); least > r && least > 1; least >>= 4 {
			out = append(out, '0')
		}
		out = strconv.AppendUint(out, uint64(r), 16)
	}
	return string(out), true
}

func replaceComments(s string) (string, bool) {
	if !strings.Contains(s, "/*") {
		return s, false
	}
	var out []byte
	for {
		before, rest, found := strings.Cut(s, "/*")
		out = append(out, before...)
		if !found {
			return string(out), true
		}
		out = append(out, ' ')
		if _, s, found = strings.Cut(rest, "*/"); !found {
			return string(out), true
		}
	}
}

func removeCommentsChar(s string) (string, bool) {
	if !strings.ContainsAny(s, "/*-#<") {
		return s, false
	}
	out := make([]byte, 0, len(s))
next:
	for i := 0; i < len(s); {
		for _, mark := range []string{"/*", "*/", "<!--", "-->", "--", "#"} {
			if strings.HasPrefix(s[i:], mark) {
				i += len(mark)
				continue next
			}
		}
		out = append(out, s[i])
		i++
	}
	return string(out), len(out) != len(s)
}

func cmdLine(s string) (string, bool) {
	if !strings.ContainsAny(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ\"'\\^ ,;\t\r\n/(") {
		return s, false
	}
	out := make([]byte, 0, len(s))
	space := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\'', '\\', '^':
		case ' ', ',', ';', '\t', '\r', '\n':
			if !space {
				out = append(out, ' ')
			}
			space = true
		case '/', '(':
			if space {
				out = out[:len(out)-1]
			}
			out, space = append(out, c), false
		default:
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			out, space = append(out, c), false
		}
	}
	if string(out) == s {
		return s, false
	}
	return string(out), true
}

func normalizePath(s string) (string, bool) {
	if s == "" {
		return s, false
	}
	clean := filepath.Clean(s)
	if clean == "." {
		return "", true
	}
	if s[len(s)-1] == '/' {
		clean += "/"
	}
	return clean, clean != s
}

func normalizePathWin(s string) (string, bool) {
	out, _ := normalizePath(strings.ReplaceAll(s, `\`, "/"))
	out = trimComponents(cutStream(out))
	return out, out != s
}

// cutStream cuts the last component off at its first colon, behind which
// Windows names a stream of the file.
func cutStream(s string) string {
	drive := ""
	if len(s) >= 2 && s[1] == ':' && ('a' <= s[0]|0x20 && s[0]|0x20 <= 'z') {
		drive, s = s[:2], s[2:]
	}
	s, slash := strings.CutSuffix(s, "/")
	last := strings.LastIndexByte(s, '/') + 1
	if colon := strings.IndexByte(s[last:], ':'); colon >= 0 {
		s = s[:last+colon]
	}
	if slash {
		s += "/"
	}
	return drive + s
}

// trimComponents takes dots and spaces off the end of each component but those
// that are dots alone.
func trimComponents(s string) string {
	parts := strings.Split(s, "/")
	trim := false
	for _, part := range parts {
		trim = trim || strings.Trim(part, ".") != "" && strings.TrimRight(part, ". ") != part
	}
	if !trim {
		return s
	}
	kept := parts[:0]
	for _, part := range parts {
		if strings.Trim(part, ".") != "" {
			if part = strings.TrimRight(part, ". "); part == "" {
				continue
			}
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, "/")
}

func base64Decode(s string) (string, bool) {
	out := make([]byte, 0, len(s)*3/4)
	bits, n := uint32(0), 0
decode:
	for i := 0; i < len(s); i++ {
		c := s[i]
		var v byte
		switch {
		case c == '\r' || c == '\n':
			continue
		case 'A' <= c && c <= 'Z':
			v = c - 'A'
		case 'a' <= c && c <= 'z':
			v = c - 'a' + 26
		case '0' <= c && c <= '9':
			v = c - '0' + 52
		case c == '+':
			v = 62
		case c == '/':
			v = 63
		default:
			break decode
		}
		bits = bits<<6 | uint32(v)
		if n++; n == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			bits, n = 0, 0
		}
	}
	switch n {
	case 2:
		out = append(out, byte(bits>>4))
	case 3:
		out = append(out, byte(bits>>10), byte(bits>>2))
	}
	return string(out), true
}
