package waf

import "strings"

// maskText masks what stands behind the names of credentials in text of any
// kind: name=value, "name": "value", <name>value</name>, Name: value.
func maskText(s string) string { return maskNamed(s, isCredential) }

// maskNamed masks what stands behind the names that named holds of.
func maskNamed(s string, named func(string) bool) string {
	if !strings.ContainsAny(s, "=:>") {
		return s
	}
	var b []byte
	for i := 0; i < len(s); {
		if !isNameByte(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && isNameByte(s[i]) {
			i++
		}
		if !named(unescape(s[start:i])) {
			continue
		}
		from, to := valueBehind(s, start, i)
		if from >= to {
			continue
		}
		if b == nil {
			b = []byte(s)
		}
		copy(b[from:to], blot(s[from:to]))
		i = to
	}
	if b == nil {
		return s
	}
	return string(b)
}

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("_-.[]%", c) >= 0
}

// valueBehind finds the value that belongs to the name in s[start:end]. An
// empty range says that there is none.
func valueBehind(s string, start, end int) (from, to int) {
	if end < len(s) && s[end] == '>' && start > 0 && s[start-1] == '<' {
		from = end + 1
		if n := strings.IndexByte(s[from:], '<'); n >= 0 {
			return from, from + n
		}
		return from, len(s)
	}
	i := skip(s, end, "\\\"' \t")
	if i >= len(s) || s[i] != '=' && s[i] != ':' {
		return 0, 0
	}
	i = skip(s, i+1, " \t\\")
	if i >= len(s) {
		return 0, 0
	}
	if q := s[i]; q == '"' || q == '\'' {
		for to = i + 1; to < len(s) && (s[to] != q || s[to-1] == '\\' && s[i-1] != '\\'); to++ {
		}
		return i + 1, to
	}
	n := strings.IndexAny(s[i:], "&;,\r\n}\"<>")
	if n < 0 {
		return i, len(s)
	}
	return i, i + n
}

func skip(s string, i int, set string) int {
	for i < len(s) && strings.IndexByte(set, s[i]) >= 0 {
		i++
	}
	return i
}

// The digits of a payment card number (ISO/IEC 7812).
const (
	minCard = 13
	maxCard = 19
)

// maskCards masks numbers that are long enough for a payment card and have its
// check digit. Single spaces, dashes and plus signs may group the digits.
func maskCards(s string) string {
	var b []byte
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			i++
			continue
		}
		end, ok := cardAt(s, i)
		if ok {
			if b == nil {
				b = []byte(s)
			}
			copy(b[i:end], blot(s[i:end]))
		}
		i = end
	}
	if b == nil {
		return s
	}
	return string(b)
}

// cardAt reads the grouped digits at i and tells whether they are a card number.
func cardAt(s string, i int) (end int, ok bool) {
	var digits [maxCard]byte
	n := 0
	for end = i; end < len(s); end++ {
		c := s[end]
		if c >= '0' && c <= '9' {
			if n < maxCard {
				digits[n] = c - '0'
			}
			n++
			continue
		}
		grouped := (c == ' ' || c == '-' || c == '+') && end+1 < len(s) && s[end+1] >= '0' && s[end+1] <= '9'
		if !grouped {
			break
		}
	}
	return end, n >= minCard && n <= maxCard && luhn(digits[:n])
}

// luhn checks the check digit (ISO/IEC 7812-1, annex B).
func luhn(digits []byte) bool {
	sum, any := 0, false
	for i, d := range digits {
		v := int(d)
		any = any || d != 0
		if (len(digits)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return any && sum%10 == 0
}
