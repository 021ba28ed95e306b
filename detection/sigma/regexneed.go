package sigma

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// regexNeed is what is cheaply seen to be missing from text that cannot match a
// regular expression.
type regexNeed struct {
	size  int        // bytes of the shortest match
	bytes []string   // of each, one byte must occur
	runs  []classRun // all must occur
}

// classRun is a number of neighbouring bytes of a class.
type classRun struct {
	class [256]bool
	count int
}

const (
	minRun  = 8 // shorter runs are not worth looking for
	maxNeed = 4 // checks of one kind
	maxSize = 1 << 20
)

// regexNeeds returns the literals of which the scan must have found some, by set,
// and what else a match needs.
func regexNeeds(expr string) (must [][]string, need *regexNeed) {
	need = &regexNeed{}
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, need
	}
	for _, set := range requiredLiterals(re) {
		switch {
		case shortest(set) >= minGuard:
			must = append(must, set)
		case len(need.bytes) < maxNeed:
			if s, ok := signs(set); ok {
				need.bytes = append(need.bytes, s)
			}
		}
	}
	need.size = shortestMatch(re)
	need.findRuns(re)
	return must, need
}

// signs joins a set of single bytes that have no case.
func signs(set []string) (string, bool) {
	for _, s := range set {
		if len(s) != 1 || 'a' <= s[0] && s[0] <= 'z' {
			return "", false
		}
	}
	return strings.Join(set, ""), true
}

// shortestMatch returns a lower bound of the bytes of a match: a character is one at
// least.
func shortestMatch(re *syntax.Regexp) int {
	n := 0
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		n = 1
	case syntax.OpCapture, syntax.OpPlus:
		n = shortestMatch(re.Sub[0])
	case syntax.OpRepeat:
		n = re.Min * shortestMatch(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			n += shortestMatch(sub)
		}
	case syntax.OpAlternate:
		n = maxSize
		for _, sub := range re.Sub {
			n = min(n, shortestMatch(sub))
		}
	}
	return min(n, maxSize)
}

// findRuns finds repetitions of ASCII classes that are part of every match.
func (need *regexNeed) findRuns(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
		for _, sub := range re.Sub {
			need.findRuns(sub)
		}
	case syntax.OpRepeat:
		class, ok := asciiClass(re.Sub[0])
		switch {
		case re.Min == 0:
		case ok && re.Min >= minRun && len(need.runs) < maxNeed:
			need.runs = append(need.runs, classRun{class, re.Min})
		case !ok:
			need.findRuns(re.Sub[0])
		}
	}
}

func asciiClass(re *syntax.Regexp) (class [256]bool, ok bool) {
	if re.Op != syntax.OpCharClass {
		return class, false
	}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		if re.Rune[i+1] >= utf8.RuneSelf {
			return class, false
		}
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			class[r] = true
		}
	}
	return class, true
}

// met tells whether text may match.
func (need *regexNeed) met(text string) bool {
	if len(text) < need.size {
		return false
	}
	for _, s := range need.bytes {
		found := false
		for i := range len(s) {
			found = found || strings.IndexByte(text, s[i]) >= 0
		}
		if !found {
			return false
		}
	}
	for i := range need.runs {
		if !need.runs[i].in(text) {
			return false
		}
	}
	return true
}

// in looks for the run: it looks at the last byte that a run could have and, if that
// is not of the class, goes on behind it.
func (r *classRun) in(text string) bool {
	start := 0
	for start+r.count <= len(text) {
		i := start + r.count - 1
		for i >= start && r.class[text[i]] {
			i--
		}
		if i < start {
			return true
		}
		start = i + 1
	}
	return false
}
