package segment

import "encoding/binary"

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// isToken tells whether a text is sure to be its own token: query.AppendTextToken
// would fold nothing and takes it for no number, address or time. Most text is;
// false says nothing.
func isToken(s []byte) bool {
	if len(s) == 0 {
		return true
	}
	if c := s[0]; nibbles[c] != noNibble || c == '-' || c == ':' || c == '[' || c-'A' <= 5 {
		return isHexToken(s)
	}
	return isFolded(s)
}

// isHexToken tells whether a text has hexadecimal digits only, some of them
// letters: no number, address or time has this form.
func isHexToken(s []byte) bool {
	most := byte(0)
	for _, c := range s {
		most = max(most, nibbles[c])
	}
	return most > 9 && most != noNibble
}

// isFolded tells whether a text is all ASCII without capital letters.
func isFolded(s []byte) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		fromA, beyondZ := w+ones*(0x80-'A'), w+ones*(0x80-'Z'-1)
		if (w|fromA&^beyondZ)&highs != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || c-'A' <= 'Z'-'A' {
			return false
		}
	}
	return true
}
