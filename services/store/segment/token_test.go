package segment

import (
	"testing"

	"github.com/gatewatch/gatewatch/services/store/query"
)

func FuzzIsToken(f *testing.F) {
	for _, s := range []string{
		"", "/a/b?c=d", "GET", "abc", "deadbeefdeadbeef", "0123456789", "12e5", "-", ":", "::1", "[::1]", "203.0.113.9",
		"fe80::1", "2026-11-20t10:00:00z", "plain text of some length", "plain text with a Capital", "@[`{az", "caf\xc3\xa9 caf\xc3\xa9 ",
		"dead.beef", "abcdefgh", "zyxwvutsrqponmlkjihgfedcba", "zyxwvutZ", "zyxwvuA", "\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token := string(query.AppendTextToken(nil, s))
		if isToken([]byte(s)) && token != s {
			t.Errorf("%q is taken for its token, which is %q", s, token)
		}
		folded := true
		for i := range len(s) {
			folded = folded && s[i] < 0x80 && (s[i] < 'A' || s[i] > 'Z')
		}
		if isFolded([]byte(s)) != folded {
			t.Errorf("isFolded(%q) = %v", s, !folded)
		}
	})
}
