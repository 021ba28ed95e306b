package query

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// maxRegex bounds the bytes of one regular expression, maxProgram the
// instructions it compiles to.
const (
	maxRegex   = 1 << 10
	maxProgram = 10_000
)

func parseRegex(pattern string) (*syntax.Regexp, error) {
	return syntax.Parse(pattern, syntax.Perl|syntax.FoldCase|syntax.DotNL)
}

// newRegex compiles what was written between slashes.
func newRegex(pattern string) (*Regex, error) {
	if len(pattern) > maxRegex {
		return nil, fmt.Errorf("a regular expression has at most %d bytes", maxRegex)
	}
	tree, err := parseRegex(pattern)
	if err != nil {
		return nil, fmt.Errorf("bad regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	tree = tree.Simplify()
	prog, err := syntax.Compile(tree)
	if err != nil || len(prog.Inst) > maxProgram {
		return nil, fmt.Errorf("the regular expression is too large: use smaller repetitions")
	}
	re, err := regexp.Compile("(?is:" + pattern + ")")
	if err != nil {
		return nil, fmt.Errorf("bad regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return &Regex{Pattern: pattern, re: re, required: requiredOf(tree)}, nil
}

// requiredOf returns folded texts, of two bytes or more, that every match holds.
func requiredOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if s := Fold(string(re.Rune)); len(s) > 1 {
			return []string{s}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredOf(re.Sub[0])
		}
	case syntax.OpConcat:
		var all []string
		for _, sub := range re.Sub {
			all = append(all, requiredOf(sub)...)
		}
		return all
	}
	return nil
}
