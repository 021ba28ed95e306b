package sigma

import (
	"regexp/syntax"
	"sort"
	"unicode/utf8"
)

// Bounds on the literals taken from a regular expression: more would cost more than
// they save.
const (
	maxExact     = 24 // alternatives of one clause
	maxExactText = 64 // bytes of one literal
	minGuard     = 2  // bytes of the shortest literal that the scan looks for
)

// requiredLiterals returns sets of folded literals: text that matches the regular
// expression holds, after folding, a member of every set. None means nothing is known.
func requiredLiterals(re *syntax.Regexp) [][]string {
	c := analyse(re)
	c.flush()
	return c.must
}

// clauses is what is known of a part of a regular expression.
type clauses struct {
	exact []string   // all that it can match, folded; nil if not known
	must  [][]string // sets of which a member occurs in all that it matches
}

// flush turns the exact strings into a clause.
func (c *clauses) flush() {
	if len(c.exact) > 0 && shortest(c.exact) > 0 {
		c.must = append(c.must, c.exact)
	}
	c.exact = nil
}

func shortest(list []string) int {
	n := len(list[0])
	for _, s := range list {
		n = min(n, len(s))
	}
	return n
}

func analyse(re *syntax.Regexp) clauses {
	switch re.Op {
	case syntax.OpLiteral:
		return literalClauses(re.Rune)
	case syntax.OpCharClass:
		return classClauses(re)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText,
		syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return clauses{exact: []string{""}}
	case syntax.OpCapture:
		return analyse(re.Sub[0])
	case syntax.OpPlus:
		return once(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return once(re.Sub[0])
		}
	case syntax.OpConcat:
		return concatClauses(re.Sub)
	case syntax.OpAlternate:
		return alternateClauses(re.Sub)
	}
	return clauses{}
}

func once(re *syntax.Regexp) clauses {
	c := analyse(re)
	c.flush()
	return c
}

func literalClauses(runes []rune) clauses {
	for _, r := range runes {
		if r == utf8.RuneError { // also matches bytes that are no UTF-8
			return clauses{}
		}
	}
	return clauses{exact: []string{foldString(string(runes))}}
}

// classClauses knows classes of few letters, case aside.
func classClauses(re *syntax.Regexp) clauses {
	set := map[string]bool{}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		if re.Rune[i+1]-re.Rune[i] > 2*maxExact {
			return clauses{}
		}
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if r == utf8.RuneError {
				return clauses{}
			}
			set[foldString(string(r))] = true
		}
	}
	if len(set) == 0 || len(set) > maxExact {
		return clauses{}
	}
	return clauses{exact: sortedKeys(set)}
}

func sortedKeys(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for s := range set {
		list = append(list, s)
	}
	sort.Strings(list)
	return list
}

func concatClauses(subs []*syntax.Regexp) clauses {
	out := clauses{exact: []string{""}}
	known := true // out.exact is all that was matched so far
	for _, sub := range subs {
		c := analyse(sub)
		out.must = append(out.must, c.must...)
		if c.exact == nil {
			out.flush()
			known = false
			continue
		}
		joined := cross(out.exact, c.exact)
		if joined == nil {
			out.flush()
			known = false
			joined = c.exact
		}
		out.exact = joined
	}
	if !known {
		out.flush()
	}
	return out
}

// cross returns all joins of two sets, or nil if they are too many. An empty first
// set is one that was flushed.
func cross(a, b []string) []string {
	if len(a) == 0 {
		return b
	}
	if len(a)*len(b) > maxExact {
		return nil
	}
	set := map[string]bool{}
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxExactText {
				return nil
			}
			set[x+y] = true
		}
	}
	return sortedKeys(set)
}

func alternateClauses(subs []*syntax.Regexp) clauses {
	exact, any := map[string]bool{}, map[string]bool{}
	allExact, allGuarded := true, true
	for _, sub := range subs {
		c := analyse(sub)
		if c.exact == nil {
			allExact = false
		}
		for _, s := range c.exact {
			exact[s] = true
		}
		c.flush()
		best := bestClause(c.must)
		if best == nil {
			allGuarded = false
		}
		for _, s := range best {
			any[s] = true
		}
	}
	switch {
	case allExact && len(exact) <= maxExact:
		return clauses{exact: sortedKeys(exact)}
	case allGuarded && len(any) <= 4*maxExact:
		return clauses{must: [][]string{sortedKeys(any)}}
	}
	return clauses{}
}

// bestClause picks the set whose shortest member is longest.
func bestClause(must [][]string) []string {
	var best []string
	for _, c := range must {
		if best == nil || shortest(c) > shortest(best) {
			best = c
		}
	}
	return best
}

// globLiterals returns the folded texts of a pattern.
func globLiterals(p pattern) [][]string {
	var must [][]string
	for _, x := range p {
		if x.kind == partText && len(x.text) >= minGuard {
			must = append(must, []string{foldString(x.text)})
		}
	}
	return must
}
