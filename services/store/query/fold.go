package query

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// AppendFold appends the folded form of a string: two strings are the same in
// any case if and only if their folded forms are the same bytes. ASCII letters
// become lower case. Bytes that are not UTF-8 stay as they are.
func AppendFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, lower(c))
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, c)
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += n
	}
	return dst
}

// Fold returns what [AppendFold] appends, s itself where that is the same.
func Fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c != lower(c) {
			return string(AppendFold(make([]byte, 0, len(s)), s))
		}
	}
	return s
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// foldRune returns the one rune that stands for all that differ in case only.
func foldRune(r rune) rune {
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	if least < utf8.RuneSelf {
		return rune(lower(byte(least)))
	}
	return least
}

// equalFolded tells whether the folded form of s is folded.
func equalFolded(s, folded string) bool {
	for i := 0; i < len(s) && i < len(folded); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return equalFoldedRunes(s[i:], folded[i:])
		}
		if lower(c) != folded[i] {
			return false
		}
	}
	return len(s) == len(folded)
}

func equalFoldedRunes(s, folded string) bool {
	for len(s) > 0 {
		var buf [utf8.UTFMax]byte
		_, n := utf8.DecodeRuneInString(s)
		f := AppendFold(buf[:0], s[:n])
		if !strings.HasPrefix(folded, event.View(f)) {
			return false
		}
		s, folded = s[n:], folded[len(f):]
	}
	return folded == ""
}

// compareFold compares the folded form of s with folded, byte by byte.
func compareFold(s, folded string) int {
	for i := 0; i < len(s) && i < len(folded); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return strings.Compare(string(AppendFold(nil, s[i:])), folded[i:])
		}
		if c = lower(c); c != folded[i] {
			return int(c) - int(folded[i])
		}
	}
	return len(s) - len(folded)
}

// needle searches for a folded substring.
type needle struct {
	folded string
	rare   int  // index of the byte to look for first
	plain  bool // no rune but ASCII has other cases, so bytes can be compared
	kelvin bool // has a k or an s, which a rune beyond ASCII folds to
}

func newNeedle(text string) needle {
	n := needle{folded: Fold(text), plain: true}
	best := -1
	for i := 0; i < len(n.folded); {
		r, size := utf8.DecodeRuneInString(n.folded[i:])
		switch {
		case r < utf8.RuneSelf:
			n.kelvin = n.kelvin || r == 'k' || r == 's'
		case r == utf8.RuneError && size == 1:
			n.plain = false // a lone byte is compared with folded bytes
		default:
			n.plain = n.plain && unicode.SimpleFold(r) == r
		}
		if rarity := rarityOf(n.folded[i]); rarity > best {
			best, n.rare = rarity, i
		}
		i += size
	}
	return n
}

// rarityOf guesses how rarely a byte of folded text occurs in logs.
func rarityOf(c byte) int {
	switch {
	case c == ' ' || c == '/' || c == '.':
		return 0
	case c >= utf8.RuneSelf, strings.IndexByte("eatonisrl0123", c) >= 0:
		return 1
	case strings.IndexByte("dcumphgb456789-=\":", c) >= 0:
		return 2
	case 'a' <= c && c <= 'z':
		return 3
	}
	return 4
}

// in tells whether the folded form of s holds the needle.
func (n *needle) in(s string) bool { return n.index(s) >= 0 }

// index returns where the needle begins first in s, or in the folded form of s
// where the needle needs that, or -1.
func (n *needle) index(s string) int {
	if n.folded == "" {
		return 0
	}
	if !n.plain || n.kelvin && !isASCII(s) {
		return bytes.Index(AppendFold(make([]byte, 0, len(s)), s), []byte(n.folded))
	}
	if len(s) < len(n.folded) {
		return -1
	}
	c := n.folded[n.rare]
	last := len(s) - len(n.folded) + n.rare
	if c < 'a' || c > 'z' {
		return n.scan(s, last, c)
	}
	return n.scanLetter(s, last, c)
}

func (n *needle) scan(s string, last int, c byte) int {
	for i := n.rare; i <= last; i++ {
		j := strings.IndexByte(s[i:last+1], c)
		if j < 0 {
			return -1
		}
		i += j
		if n.at(s, i-n.rare) {
			return i - n.rare
		}
	}
	return -1
}

// scanLetter looks for a letter in both cases and remembers where the next of
// each is, so that a frequent one does not rescan for a missing one.
func (n *needle) scanLetter(s string, last int, c byte) int {
	next := func(c byte, from int) int {
		if from > last {
			return len(s)
		}
		if j := strings.IndexByte(s[from:last+1], c); j >= 0 {
			return from + j
		}
		return len(s)
	}
	small, large := next(c, n.rare), next(c-0x20, n.rare)
	for {
		i := min(small, large)
		if i > last {
			return -1
		}
		if n.at(s, i-n.rare) {
			return i - n.rare
		}
		if i == small {
			small = next(c, i+1)
		} else {
			large = next(c-0x20, i+1)
		}
	}
}

func (n *needle) at(s string, i int) bool {
	for j := range len(n.folded) {
		if lower(s[i+j]) != n.folded[j] {
			return false
		}
	}
	return true
}

// IsASCII tells whether text has no byte beyond ASCII.
func IsASCII(s string) bool { return isASCII(s) }

func isASCII(s string) bool {
	for ; len(s) >= 8; s = s[8:] { // one comparison for eight bytes
		if s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7] >= utf8.RuneSelf {
			return false
		}
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
