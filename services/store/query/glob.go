package query

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Glob holds for values whose whole text has the form of a pattern in any case.
// A * stands for any text, the empty one included.
type Glob struct {
	// Parts are the literals between the stars, as meant: Parts[0] begins the
	// text and the last ends it, either may be empty. There are at least two.
	Parts   []string
	needles []needle
}

func newGlob(parts []string) *Glob {
	g := &Glob{Parts: parts}
	for _, p := range parts {
		g.needles = append(g.needles, newNeedle(p))
	}
	return g
}

// MatchValue implements [Op].
func (o *Glob) MatchValue(v event.Value) bool { return matchAsText(o, v) }

// MatchText implements [Op].
func (o *Glob) MatchText(s string) bool {
	if !isASCII(s) && !o.bytewise() {
		s = event.View(AppendFold(nil, s))
	}
	first, last := &o.needles[0], &o.needles[len(o.needles)-1]
	if len(s) < len(first.folded)+len(last.folded) || !first.at(s, 0) || !last.at(s, len(s)-len(last.folded)) {
		return false
	}
	s = s[len(first.folded) : len(s)-len(last.folded)]
	for i := 1; i < len(o.needles)-1; i++ {
		n := &o.needles[i]
		at := n.scanFolded(s)
		if at < 0 {
			return false
		}
		s = s[at+len(n.folded):]
	}
	return true
}

// bytewise tells whether no part has runes with cases beyond ASCII.
func (o *Glob) bytewise() bool {
	for i := range o.needles {
		if n := &o.needles[i]; !n.plain || n.kelvin {
			return false
		}
	}
	return true
}

// scanFolded is index for text whose bytes may be compared.
func (n *needle) scanFolded(s string) int {
	if n.folded == "" {
		return 0
	}
	if !n.plain {
		return strings.Index(s, n.folded) // s is folded, or ASCII and has no such part
	}
	byBytes := needle{folded: n.folded, rare: n.rare, plain: true}
	return byBytes.index(s)
}

// Prefix returns the folded text that all values begin with.
func (o *Glob) Prefix() string { return o.needles[0].folded }
