package waf

import "strings"

// maskNamed masks what stands behind the names that named holds of.
func maskNamed(s string, named func(string) bool) string {
	if !strings.ContainsAny(s, "=:&") {
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
		from, to := valueBehind(s, i)
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
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c >= 0x80 || strings.IndexByte("_-.[]%", c) >= 0
}

// valueBehind finds the value that belongs to the name that ends at end. An
// empty range says that there is none. What could be a part of the value is one.
func valueBehind(s string, end int) (from, to int) {
	if strings.HasPrefix(s[end:], "&gt;") {
		from = end + len("&gt;")
		return from, until(s, from, "&<")
	}
	i := skip(s, end, "\\\"' \t\r\n")
	if i >= len(s) || s[i] != '=' && s[i] != ':' {
		return 0, 0
	}
	quoted := i > end && strings.IndexByte(s[end:i], '"') >= 0
	i = skip(s, i+1, "=>")
	from = skip(s, i, " \t\\")
	if open := skip(s, i, " \t\r\n\\"); open < len(s) && (quoted || s[open] == '"' || s[open] == '\'') {
		from = open
	}
	if from >= len(s) {
		return 0, 0
	}
	if s[from] == '"' || s[from] == '\'' {
		return from + 1, closingQuote(s, from)
	}
	if quoted {
		return from, until(s, from, ",}]\r\n")
	}
	return from, until(s, from, "&\r\n\"<>")
}

// closingQuote finds the quote that ends what the one at open begins: one behind
// no more backslashes, or behind pairs of them.
func closingQuote(s string, open int) int {
	level := 0
	for open-level > 0 && s[open-level-1] == '\\' {
		level++
	}
	run := 0
	for i := open + 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			run++
			continue
		case s[i] == s[open] && (level > 0 && run <= level || level == 0 && run%2 == 0):
			return i
		}
		run = 0
	}
	return len(s)
}

// until is where the first of some bytes is, or the end.
func until(s string, from int, set string) int {
	if n := strings.IndexAny(s[from:], set); n >= 0 {
		return from + n
	}
	return len(s)
}

// maskUserInfo masks the user and the password of all URLs in a text.
func maskUserInfo(s string) string {
	if strings.IndexByte(s, '@') < 0 {
		return s
	}
	var b []byte
	for i := 0; i < len(s); {
		n := strings.Index(s[i:], "//")
		if n < 0 {
			break
		}
		from := i + n + 2
		end := until(s, from, "/?# \t\r\n\"'<>")
		if at := strings.LastIndexByte(s[from:end], '@'); at > 0 && (from == 2 || s[from-3] == ':') {
			if b == nil {
				b = []byte(s)
			}
			copy(b[from:], blot(s[from:from+at]))
		}
		i = end
	}
	if b == nil {
		return s
	}
	return string(b)
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
