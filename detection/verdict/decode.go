package verdict

import (
	"bytes"
	"encoding/base64"
	"html"
	"unicode/utf8"
)

// Decodings that an attacker stacks to pass a filter. A leaf remembers which
// ones were undone.
type decoding uint8

const (
	decodedURL decoding = 1 << iota
	decodedTwice
	decodedEntity
	decodedEscape
	decodedBase64
	decodedOverlong
)

// maxDecode bounds the rounds of decoding of one leaf.
const maxDecode = 4

// unhex is the value of a hexadecimal digit, 0xff for any other byte.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// hexByte reads two hexadecimal digits at i.
func hexByte(s []byte, i int) (byte, bool) {
	if i+1 >= len(s) {
		return 0, false
	}
	a, b := unhex(s[i]), unhex(s[i+1])
	return a<<4 | b&15, a != 0xff && b != 0xff
}

// hexRune reads four hexadecimal digits at i.
func hexRune(s []byte, i int) (rune, bool) {
	a, ok := hexByte(s, i)
	b, more := hexByte(s, i+2)
	return rune(a)<<8 | rune(b), ok && more
}

// appendURL undoes percent encoding, with plus as space if form is set. Bad
// escapes stay as they are. It tells whether any escape was undone.
func appendURL(dst, s []byte, form bool) ([]byte, bool) {
	found := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+' && form:
			dst = append(dst, ' ')
		case s[i] == '%' && i+2 < len(s):
			if b, ok := hexByte(s, i+1); ok {
				dst, found = append(dst, b), true
				i += 2
			} else if r, ok := hexRune(s, i+2); ok && s[i+1]|0x20 == 'u' {
				dst, found = utf8.AppendRune(dst, r), true
				i += 5
			} else {
				dst = append(dst, '%')
			}
		default:
			dst = append(dst, s[i])
		}
	}
	return dst, found
}

// appendEscapes undoes backslash escapes of bytes and code points (\x41, \u0041,
// \u{41}) and tells whether there were any. Other backslashes stay.
func appendEscapes(dst, s []byte) ([]byte, bool) {
	found := false
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+3 >= len(s) {
			dst = append(dst, s[i])
			continue
		}
		if b, ok := hexByte(s, i+2); ok && s[i+1] == 'x' {
			dst, found = append(dst, b), true
			i += 3
			continue
		}
		if r, ok := hexRune(s, i+2); ok && s[i+1] == 'u' {
			dst, found = utf8.AppendRune(dst, r), true
			i += 5
			continue
		}
		dst = append(dst, s[i])
	}
	return dst, found
}

// lineBreak are the characters U+560A and U+560D, whose low bytes are a line
// break.
var lineBreak = []byte("\xe5\x98\x8a\xe5\x98\x8d")

// appendOverlong replaces the two-byte forms of ASCII characters that UTF-8
// forbids (C0 AE for a dot) and full-width forms by the character meant.
func appendOverlong(dst, s []byte) ([]byte, bool) {
	found := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i]&0xfe == 0xc0 && i+1 < len(s) && s[i+1]&0xc0 == 0x80:
			dst, found = append(dst, s[i]<<6|s[i+1]&0x3f), true
			i++
		case s[i] == 0xef && i+2 < len(s) && (s[i+1] == 0xbc || s[i+1] == 0xbd):
			r, _ := utf8.DecodeRune(s[i:])
			if r < 0xff01 || r > 0xff5e {
				dst = append(dst, s[i])
				continue
			}
			dst, found = append(dst, byte(r-0xff01+'!')), true
			i += 2
		case s[i] == 0xe5 && bytes.HasPrefix(s[i:], lineBreak): // of which careless software keeps the low bytes
			dst, found = append(dst, '\r', '\n'), true
			i += len(lineBreak) - 1
		default:
			dst = append(dst, s[i])
		}
	}
	return dst, found
}

// undo takes off all layers of encoding but base64. The result may share the
// memory of s or of one of the two buffers, which are returned grown.
func undo(s []byte, buf *[2][]byte) ([]byte, decoding) {
	var done decoding
	which := 0
	step := func(f func(dst, s []byte) ([]byte, bool)) bool {
		out, found := f(buf[which][:0], s)
		buf[which] = out
		if found {
			s = out
			which = 1 - which
		}
		return found
	}
	for range maxDecode {
		again := false
		if bytes.IndexByte(s, '%') >= 0 && step(func(d, s []byte) ([]byte, bool) { return appendURL(d, s, false) }) {
			if done&decodedURL != 0 {
				done |= decodedTwice
			}
			done |= decodedURL
			again = true
		}
		if bytes.IndexByte(s, '&') >= 0 && bytes.IndexByte(s, ';') >= 0 && len(s) <= 1<<16 {
			if out := html.UnescapeString(string(s)); out != string(s) {
				s, again = []byte(out), true
				done |= decodedEntity
			}
		}
		if bytes.IndexByte(s, '\\') >= 0 && step(appendEscapes) {
			done |= decodedEscape
			again = true
		}
		if (bytes.IndexByte(s, 0xc0) >= 0 || bytes.IndexByte(s, 0xc1) >= 0 || bytes.IndexByte(s, 0xef) >= 0 || bytes.Contains(s, lineBreak)) && step(appendOverlong) {
			done |= decodedOverlong
			again = true
		}
		if !again {
			break
		}
	}
	return s, done
}

// minBase64 is the shortest text that is tried as base64: shorter words decode
// to something by chance.
const minBase64 = 16

// unbase64 decodes a value that is base64 as a whole and text underneath.
func unbase64(dst, s []byte) ([]byte, bool) {
	s = bytes.TrimRight(s, "=\r\n ")
	if len(s) < minBase64 || len(s) > 1<<16 || len(s)%4 == 1 {
		return nil, false
	}
	coding := base64.RawStdEncoding
	for _, c := range s {
		switch {
		case c == '-' || c == '_':
			coding = base64.RawURLEncoding
		case c >= 0x80 || byteClass[c]&classWord == 0 && c != '+' && c != '/':
			return nil, false
		}
	}
	n := coding.DecodedLen(len(s))
	if cap(dst) < n {
		dst = make([]byte, n)
	}
	n, err := coding.Decode(dst[:n], s)
	if err != nil {
		return nil, false
	}
	dst = dst[:n]
	printable := 0
	for _, c := range dst {
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' {
			printable++
		}
	}
	return dst, printable*20 >= n*19
}
