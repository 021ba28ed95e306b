package synthetic

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// Mutators rewrite an SQL injection without changing what it does: the eight
// operators of WAF-A-MoLE (Demetrio et al., SAC 2020).
var Mutators = []func(*rand.Rand, string) string{
	swapCase, swapSpace, addComment, rewriteComment, encodeNumber, swapOperator, addInvariant, shuffleNumber,
}

// Mutate applies one to four mutators in turn.
func Mutate(rng *rand.Rand, s string) string {
	for range 1 + rng.IntN(4) {
		s = Mutators[rng.IntN(len(Mutators))](rng, s)
	}
	return s
}

// swapCase writes keywords in random case.
func swapCase(rng *rand.Rand, s string) string {
	b := []byte(s)
	for i, c := range b {
		if (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') && rng.IntN(2) == 0 {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// swapSpace writes white space in other ways.
func swapSpace(rng *rand.Rand, s string) string {
	spaces := []string{" ", "\t", "\n", "\u00a0", "\v", "\f", "/**/", "  "}
	return replaceEach(s, regexp.MustCompile(`\s|/\*\*/`), 0.7, rng, func(string) string { return spaces[rng.IntN(len(spaces))] })
}

// addComment puts comments where white space stands.
func addComment(rng *rand.Rand, s string) string {
	return replaceEach(s, regexp.MustCompile(` `), 0.5, rng, func(string) string { return "/*" + maker{rng}.letters(rng.IntN(6)) + "*/" })
}

// rewriteComment changes the text of comments.
func rewriteComment(rng *rand.Rand, s string) string {
	s = replaceEach(s, regexp.MustCompile(`/\*[^*]*\*/`), 0.8, rng, func(string) string { return "/*" + maker{rng}.letters(1+rng.IntN(8)) + "*/" })
	if i := strings.LastIndexAny(s, "#-"); i >= 0 && i > len(s)-4 {
		s += maker{rng}.letters(1 + rng.IntN(6))
	}
	return s
}

// encodeNumber writes numbers in hexadecimal.
func encodeNumber(rng *rand.Rand, s string) string {
	return replaceEach(s, regexp.MustCompile(`\b\d{1,6}\b`), 0.6, rng, func(d string) string {
		n, err := strconv.Atoi(d)
		if err != nil {
			return d
		}
		return fmt.Sprintf("0x%x", n)
	})
}

// swapOperator writes operators in other ways.
func swapOperator(rng *rand.Rand, s string) string {
	pairs := [][2]string{{" or ", " || "}, {" OR ", " || "}, {" and ", " && "}, {" AND ", " && "}, {"=", " like "}, {"||", " or "}, {"&&", " and "}, {"!=", "<>"}, {"<>", "!="}}
	p := pairs[rng.IntN(len(pairs))]
	return strings.Replace(s, p[0], p[1], 1+rng.IntN(2))
}

// addInvariant adds a condition that changes nothing, before a comment.
func addInvariant(rng *rand.Rand, s string) string {
	n := rng.IntN(100)
	more := []string{
		fmt.Sprintf(" and %d=%d", n, n), fmt.Sprintf(" or %d=%d", n, n+1), " and true", " or false", fmt.Sprintf(" and '%d'='%d'", n, n), fmt.Sprintf(" and %d<>%d", n, n+2), " and not false",
		fmt.Sprintf(" or %d like %d", n, n+3),
	}[rng.IntN(8)]
	for _, end := range []string{"--", "#", "/*"} {
		if i := strings.LastIndex(s, end); i > 0 {
			return s[:i] + more + s[i:]
		}
	}
	return s + more
}

// shuffleNumber writes a number as a query that gives it.
func shuffleNumber(rng *rand.Rand, s string) string {
	done := false
	return replaceEach(s, regexp.MustCompile(`\b\d{1,6}\b`), 0.5, rng, func(d string) string {
		if done {
			return d
		}
		done = true
		return "(select " + d + ")"
	})
}

// replaceEach replaces a share of the places that match.
func replaceEach(s string, of *regexp.Regexp, share float64, rng *rand.Rand, by func(string) string) string {
	return of.ReplaceAllStringFunc(s, func(found string) string {
		if rng.Float64() > share {
			return found
		}
		return by(found)
	})
}
