package parse

import "strings"

// hasName tells whether a JSON object itself has a name, as it stands between quotes
// and with a colon behind it. What is no JSON may have it or not.
func hasName(s, name string) bool {
	quoted := `"` + name + `":`
	last := strings.LastIndex(s, quoted)
	if last < 0 { // nearly always
		return false
	}
	depth := 0
	for i := 0; i <= last; i++ {
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if depth == 1 && strings.HasPrefix(s[i:], quoted) {
				return true
			}
			i = endOfString(s, i)
		}
	}
	return false
}

// endOfString returns where the string ends that begins at a quote, the length of s
// if it does not.
func endOfString(s string, at int) int {
	for at++; at < len(s) && s[at] != '"'; at++ {
		if s[at] == '\\' {
			at++
		}
	}
	return at
}
