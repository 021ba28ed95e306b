package query

import "strings"

// NewContains makes the operation that looks for a text in any case.
func NewContains(text string) *Contains { return newContains(text) }

// Folded returns the text that the folded form of every match holds.
func (o *Contains) Folded() string { return o.needle.folded }

// Bytewise tells whether [Contains.IndexFrom] can be asked for a text, given
// whether that is ASCII only.
func (o *Contains) Bytewise(ascii bool) bool {
	return o.needle.plain && (ascii || !o.needle.kelvin) && o.needle.folded != ""
}

// IndexFrom returns where in s, at from or behind it, the text begins in any
// case, or -1. The text must be Bytewise for s.
func (o *Contains) IndexFrom(s string, from int) int {
	n := needle{folded: o.needle.folded, rare: o.needle.rare, plain: true}
	if at := n.index(s[from:]); at >= 0 {
		return from + at
	}
	return -1
}

// Substring returns the text, folded, that an operation looks for anywhere in a
// value and nothing else, "" where it asks for more or for something else.
func Substring(op Op) string {
	switch op := op.(type) {
	case *Contains:
		return op.needle.folded
	case *Glob:
		if len(op.needles) == 3 && op.needles[0].folded == "" && op.needles[2].folded == "" {
			return op.needles[1].folded
		}
	}
	return ""
}

// LongestRequired returns the longest of [Required], "" where there is none.
func LongestRequired(op Op) string {
	best := ""
	for _, s := range Required(op) {
		if len(s) > len(best) {
			best = s
		}
	}
	return strings.Clone(best)
}
