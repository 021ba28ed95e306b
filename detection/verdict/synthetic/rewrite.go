package synthetic

import (
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Rewriting is a way to write the text of an attack differently.
type Rewriting struct {
	Name    string
	Rewrite func(*rand.Rand, string) string
}

// Rewritings are all ways: those that keep what an injection does (the operators
// of WAF-A-MoLE for SQL, case, white space, comments, concatenation), and
// encodings.
var Rewritings = append([]Rewriting{
	{"wafamole", onSQL(Mutate)},
	{"case", swapCase},
	{"space", swapBlank},
	{"comments", onSQL(addComment)},
	{"concatenation", concatenate},
}, encodings...)

// onSQL applies a rewriting to what looks like SQL alone.
func onSQL(f func(*rand.Rand, string) string) func(*rand.Rand, string) string {
	return func(rng *rand.Rand, s string) string {
		if !likeSQL(s) {
			return s
		}
		return f(rng, s)
	}
}

// swapBlank writes blanks as other white space.
func swapBlank(rng *rand.Rand, s string) string {
	return replaceEach(s, regexp.MustCompile(` `), 0.8, rng, func(string) string { return []string{"\t", "\n", "  ", "\f", "\v", "\r\n"}[rng.IntN(6)] })
}

var (
	quotedWord  = regexp.MustCompile(`(['"])([A-Za-z]{2,})(['"])`)
	commandWord = regexp.MustCompile("([;|&`(]\\s*)([a-z]{2,})\\b")
)

// concatenate splits words of strings and of commands into parts that the
// interpreter joins again.
func concatenate(rng *rand.Rand, s string) string {
	s = quotedWord.ReplaceAllStringFunc(s, func(found string) string {
		quote, word := found[:1], found[1:len(found)-1]
		if found[len(found)-1:] != quote {
			return found
		}
		at := 1 + rng.IntN(len(word)-1)
		return quote + word[:at] + quote + []string{"||", "+", " "}[rng.IntN(3)] + quote + word[at:] + quote
	})
	return commandWord.ReplaceAllStringFunc(s, func(found string) string {
		at := len(found) - 1
		return found[:at] + []string{"''", `\`, `""`}[rng.IntN(3)] + found[at:]
	})
}

// RewriteRequest returns a copy of an attack in which the values of the query
// and of a form that hold more than words are rewritten, and whether any was.
// The same request and seed give the same copy.
func RewriteRequest(r *verdict.Request, how Rewriting, seed uint64) (*verdict.Request, bool) {
	rng := rand.New(rand.NewPCG(seed, 0x3017))
	out := *r
	path, query, found := strings.Cut(r.URI, "?")
	changed := false
	if found {
		if q, ok := rewritePairs(rng, query, how); ok {
			out.URI, changed = path+"?"+q, true
		}
	}
	if !isForm(r) {
		return &out, changed
	}
	if body, ok := rewritePairs(rng, string(r.Body), how); ok {
		out.Body, changed = []byte(body), true
		out.Headers = slices.Clone(r.Headers)
		for i, h := range out.Headers {
			if strings.EqualFold(h[0], "Content-Length") {
				out.Headers[i][1] = strconv.Itoa(len(body))
			}
		}
	}
	return &out, changed
}

func isForm(r *verdict.Request) bool {
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], "Content-Type") {
			return strings.HasPrefix(h[1], "application/x-www-form-urlencoded")
		}
	}
	return false
}

func rewritePairs(rng *rand.Rand, s string, how Rewriting) (string, bool) {
	changed := false
	pairs := strings.Split(s, "&")
	for i, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		text, err := url.QueryUnescape(value)
		if !found || err != nil || wordsAlone(text) {
			continue
		}
		if other := how.Rewrite(rng, text); other != text {
			pairs[i] = name + "=" + url.QueryEscape(other)
			changed = true
		}
	}
	return strings.Join(pairs, "&"), changed
}

// wordsAlone tells texts that cannot be an attack: of letters, digits and what
// joins them.
func wordsAlone(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x80 && mark(byte(r)) && !strings.ContainsRune("-_.,:@", r) }) < 0
}

func likeSQL(s string) bool {
	lower := " " + strings.ToLower(s) + " "
	for _, w := range []string{" or ", " and ", "select", "union", " like ", "sleep(", "having ", "order by", "||", "waitfor", "'='", "1=1"} {
		if strings.Contains(lower, w) && strings.ContainsAny(s, "'\"=()-#0123456789") {
			return true
		}
	}
	return false
}
