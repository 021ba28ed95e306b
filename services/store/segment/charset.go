package segment

import (
	"github.com/gatewatch/gatewatch/detection/event"
)

// charset says which bytes occur in texts: a bit for each ASCII character but
// capital letters, which count as small ones, and capital A for all bytes beyond
// ASCII. It rules a column out of a search for text that it cannot hold.
type charset [16]byte

const beyondASCII = 'A'

func (s *charset) set(c byte)      { s[c>>3] |= 1 << (c & 7) }
func (s *charset) has(c byte) bool { return s[c>>3]>>(c&7)&1 == 1 }

// charsetOf returns the characters of a text.
func charsetOf(text []byte) charset {
	var seen [256]bool
	for _, c := range text {
		seen[c] = true
	}
	var s charset
	for c, ok := range seen {
		switch {
		case !ok:
		case c >= 0x80:
			s.set(beyondASCII)
		case 'A' <= c && c <= 'Z':
			s.set(byte(c) | 0x20)
		default:
			s.set(byte(c))
		}
	}
	return s
}

// mayHold tells whether the folded form of a text of these characters may hold a
// folded text.
func (s *charset) mayHold(folded string) bool {
	for i := range len(folded) {
		c := folded[i]
		switch {
		case c >= 0x80:
			c = beyondASCII
		case (c == 'k' || c == 's') && s.has(beyondASCII): // the signs of Kelvin and long s fold to them
			continue
		}
		if !s.has(c) {
			return false
		}
	}
	return true
}

// The characters of values that are written from numbers.
var (
	charsOfNumbers   = charsetOf([]byte("0123456789.-+einfa"))
	charsOfBools     = charsetOf([]byte("truefals"))
	charsOfAddresses = charsetOf([]byte("0123456789abcdef.:"))
	charsOfTimes     = charsetOf([]byte("0123456789-+:/., TZ" + monthNames))
	charsOfHex       = charsetOf([]byte("0123456789abcdef-"))
)

// charsOfKind returns the characters that values of a kind are written with in
// any form, nil for strings.
func charsOfKind(k event.Kind) *charset {
	switch k {
	case event.KindInt, event.KindFloat:
		return &charsOfNumbers
	case event.KindBool:
		return &charsOfBools
	case event.KindIP:
		return &charsOfAddresses
	case event.KindTime:
		return &charsOfTimes
	}
	return nil
}
