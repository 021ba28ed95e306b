package sieve

import (
	"io/fs"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"rsc.io/binaryregexp"
)

// crsExpressions are the arguments of all @rx in CRS, as Coraza reads them.
func crsExpressions(t testing.TB) []string {
	t.Helper()
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		text, err := fs.ReadFile(coreruleset.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"!?@rx ((?:[^"\\]|\\.)*)"`).FindAllStringSubmatch(string(text), -1) {
			all = append(all, strings.TrimSpace(strings.ReplaceAll(m[1], `\"`, `"`)))
		}
	}
	if len(all) < 250 {
		t.Fatalf("%d expressions in CRS", len(all))
	}
	return all
}

// bait returns text that an expression is likely to look at.
func bait(r *rand.Rand, expr string) string {
	var b strings.Builder
	for range r.IntN(12) {
		switch r.IntN(4) {
		case 0:
			b.WriteString(pieces[r.IntN(len(pieces))])
		case 1, 2:
			at := r.IntN(len(expr))
			b.WriteString(expr[at:min(len(expr), at+1+r.IntN(6))])
		default:
			const marks = " \n;='\"<>()|&$`{}_-.kKsS\\x"
			b.WriteByte(marks[r.IntN(len(marks))])
		}
	}
	return b.String()
}

func TestExpressionsMatchAsRegexp(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	matches, open := 0, 0
	for _, expr := range crsExpressions(t) {
		var want func(string) bool
		if namesBytes(expr) {
			want = binaryregexp.MustCompile(expr).MatchString
		} else {
			want = regexp.MustCompile("(?sm)" + expr).MatchString
		}
		e := newExpression(expr)
		if e.dfa() == nil {
			open++
		}
		for range 150 {
			s := bait(r, expr)
			got, known := e.match(s)
			if known && got != want(s) {
				t.Fatalf("%s on %q: %t", expr, s, got)
			}
			if got {
				matches++
			}
		}
	}
	if matches < 1000 {
		t.Errorf("%d matches only", matches)
	}
	if open > 1 { // bytes without regard to case
		t.Errorf("%d expressions are left open", open)
	}
}

func FuzzExpression(f *testing.F) {
	f.Add(`(?i)\bk[a-z]+s$|^.{3,5}[^\W_]`, "Kelvins\nſ")
	f.Fuzz(func(t *testing.T, expr, s string) {
		re, err := regexp.Compile("(?sm)" + expr)
		if err != nil || namesBytes(expr) {
			return
		}
		if got, known := newExpression(expr).match(s); known && got != re.MatchString(s) {
			t.Errorf("%q on %q: %t", expr, s, got)
		}
	})
}

func TestStatesAreBounded(t *testing.T) {
	e := newExpression(`a.{14}b`)
	r := rand.New(rand.NewPCG(5, 6))
	unknown := 0
	for range 200 {
		s := make([]byte, 400)
		for i := range s {
			s[i] = "ac"[r.IntN(2)]
		}
		matches, known := e.match(string(s))
		if matches {
			t.Fatalf("%q matches", s)
		}
		if !known {
			unknown++
		}
		if n := len(e.dfa().cache.Load().byKey); n > maxStates {
			t.Fatalf("%d states", n)
		}
	}
	if unknown == 0 {
		t.Error("the states never ran out")
	}
}

// TestExpressionsAreShared is for the race detector: states are made by all at once,
// and run out.
func TestExpressionsAreShared(t *testing.T) {
	e := newExpression(`a.{12}b`)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(9, uint64(i)))
			for range 50 {
				s := make([]byte, 200)
				for i := range s {
					s[i] = "abc"[r.IntN(3)]
				}
				if got, known := e.match(string(s)); known && got != regexp.MustCompile(`a.{12}b`).Match(s) {
					t.Errorf("%q: %t", s, got)
				}
			}
		})
	}
	all.Wait()
}

func TestWords(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		var all []string
		for range 1 + r.IntN(6) {
			all = append(all, strings.ToLower(letters(r, 1+r.IntN(4))))
		}
		w := newWords(all)
		for range 50 {
			s := letters(r, r.IntN(9))
			want := false
			for _, word := range all {
				want = want || strings.Contains(strings.ToLower(s), word)
			}
			if got, _ := w.match(s); got != want {
				t.Fatalf("%q in %q: %t", all, s, got)
			}
		}
	}
	if newWords([]string{"a", ""}) != nil {
		t.Error("an empty word is in all strings")
	}
}

func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcABC/"[r.IntN(7)]
	}
	return string(b)
}
