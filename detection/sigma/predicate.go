package sigma

import (
	"net/netip"
	"regexp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// predicate is one test of one field, all modifiers resolved.
type predicate struct {
	kind  predicateKind
	field string // empty: any value of the event
	cased bool   // predString, predFieldRef
	value int    // index of the item's value that it comes from

	pattern pattern        // predString
	raw     bool           // predString: the pattern is of bytes and not of characters
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
		p.text = newTextMatcher(p.pattern, p.cased, p.raw)
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

// maxPairs bounds how much of the values of two fields a fieldref compares, as
// [pairCost] counts it: hostile events have long lists of both. Values further on
// are as if they were not there.
const maxPairs = 1 << 22

// pairCost is about the bytes that comparing two values looks at.
func pairCost(v, o event.Value) int {
	cost := 64
	for _, x := range [...]event.Value{v, o} {
		if x.Kind() == event.KindString {
			cost += len(x.Text())
		}
	}
	return cost
}

// test is an item with its modifiers resolved: for each value the predicates of
// which any suffices. All values must hold or any, and neg turns the result.
type test struct {
	item   *Item
	values [][]predicate
	all    bool
	neg    bool
}
