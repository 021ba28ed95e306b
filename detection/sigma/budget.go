package sigma

import (
	"fmt"
	"regexp/syntax"
)

const (
	maxForms   = 64 << 20 // bytes of memory of all values of one document with their modifiers resolved
	maxProgram = 1 << 16  // steps and ranges of one regular expression with its repetitions written out
	maxLookups = 1 << 22  // names of one document's conditions times the search identifiers they may mean
)

// budget bounds the memory that the values of one document may take once their
// modifiers are resolved. It is asked before the memory is taken.
type budget struct{ used int }

func (b *budget) spend(bytes int) error {
	if b.used = min(b.used+bytes, maxForms+1); b.used > maxForms {
		return fmt.Errorf("values with their modifiers resolved take more than %d bytes", maxForms)
	}
	return nil
}

// cost is about what a pattern takes in a predicate.
func (p pattern) cost() int {
	n := 320
	for _, x := range p {
		n += 40 + len(x.text)
	}
	return n
}

// programCost is about the size of a regular expression's program, up to
// maxProgram+1: a class of many ranges counts with all of them, and a repetition
// as often as it may occur.
func programCost(re *syntax.Regexp) int {
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n += len(re.Rune)
	case syntax.OpCharClass:
		n += len(re.Rune) / 2
	}
	for _, sub := range re.Sub {
		n = min(n+programCost(sub), maxProgram+1)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxProgram+1)
}

// checkProgram spends what a regular expression takes, which must be one that can
// be parsed.
func (b *budget) checkProgram(text string) error {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	n := programCost(re)
	if n > maxProgram {
		return fmt.Errorf("regular expression has more than %d steps and ranges", maxProgram)
	}
	return b.spend(64 * n)
}
