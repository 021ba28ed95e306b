package sigma

import (
	"net/netip"
	"regexp"
)

// predicate is one test of one field, all modifiers resolved.
type predicate struct {
	kind  predicateKind
	field string // empty: any value of the event
	cased bool   // predString, predFieldRef
	value int    // index of the item's value that it comes from

	pattern pattern        // predString
	num     number         // predNumber, predCompare, predTime
	op      CompareOp      // predCompare, predTime
	want    bool           // predBool, predExists
	re      *regexp.Regexp // predRegex
	prefix  netip.Prefix   // predCIDR
	ref     string         // predFieldRef: the other field
	how     shape          // predFieldRef: shapeExact, shapePrefix, shapeSuffix or shapeContains
	unit    Modifier       // predTime

	text *textMatcher // predString, once prepared
	must [][]string   // predRegex, once prepared: literals that the scan looks for first
	need *regexNeed   // predRegex, once prepared
}

// prepare makes what the engine needs and the reference does not.
func (p *predicate) prepare() {
	switch p.kind {
	case predString:
		p.text = newTextMatcher(p.pattern, p.cased)
	case predRegex:
		p.must, p.need = regexNeeds(p.re.String())
	}
}

type predicateKind uint8

const (
	predString predicateKind = iota
	predNumber
	predBool
	predNull
	predExists
	predRegex
	predCIDR
	predCompare
	predFieldRef
	predTime
)

// test is an item with its modifiers resolved: for each value the predicates of
// which any suffices. All values must hold or any, and neg turns the result.
type test struct {
	item   *Item
	values [][]predicate
	all    bool
	neg    bool
}
