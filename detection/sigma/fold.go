package sigma

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// foldRune returns the one rune that stands for all that equal c without case by
// Unicode simple folding: the lower-case letter where there is an ASCII one, else
// the smallest.
func foldRune(c rune) rune {
	if c < utf8.RuneSelf {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	if c >= 0x2e80 && c < 0xa640 || c >= 0xac00 && c < 0xe000 { // Han, kana, Hangul and the like have no case
		return c
	}
	least := c
	for o := unicode.SimpleFold(c); o != c; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// appendFold appends s with every rune folded. Bytes that are no UTF-8 stay.
func appendFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, lowerTable[c])
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

func foldString(s string) string { return string(appendFold(nil, s)) }

// lowerTable folds ASCII.
var lowerTable = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

const highBits = 0x8080808080808080

// foldText folds s into buf, which grows as needed, with padding zero bytes behind.
// It returns the buffer; the folded text is its first n bytes.
func foldText(buf []byte, s string) (out []byte, n int) {
	if need := len(s) + 2*padding; cap(buf) < need {
		buf = make([]byte, need+need/2)
	}
	buf = buf[:cap(buf)]
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := load64(s[i : i+8])
		if x&highBits != 0 {
			return foldSlow(buf, s)
		}
		// Bytes from A to Z get their high bit in mask: adding carries into it.
		mask := (x + (0x80-'A')*0x0101010101010101) &^ (x + (0x80-'Z'-1)*0x0101010101010101) & highBits
		binary.LittleEndian.PutUint64(buf[i:], x|mask>>2)
	}
	for ; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return foldSlow(buf, s)
		}
		buf[i] = lowerTable[s[i]]
	}
	clear(buf[len(s) : len(s)+padding])
	return buf, len(s)
}

func load64(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// foldSlow folds text that is not all ASCII.
func foldSlow(buf []byte, s string) ([]byte, int) {
	buf = appendFold(buf[:0], s)
	n := len(buf)
	buf = append(buf, make([]byte, padding)...)
	return buf[:cap(buf)], n
}
