package store

import (
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Reasons why the rows of a block are not looked at.
const (
	skipTime     = "time"          // outside of the time range
	skipStream   = "stream"        // the stream does not match
	skipField    = "absent field"  // no row has a field that must be there
	skipZone     = "zone map"      // all values lie outside of what is asked for
	skipFilter   = "filter"        // the Bloom filter, or the range of ids, does not hold the value
	skipNeedless = "not needed"    // the answer was complete before
	skipDamaged  = "damaged"       // cannot be read
	emptySet     = "value set"     // none of the distinct values of a column matches
	emptyChars   = "character set" // a column lacks characters of the text
	emptyRows    = "values"        // values were compared one by one
)

// ruledOut says what tells that no row of a block can match.
func ruledOut(b blockRef, e query.Expr) string {
	if ok, err := mayMatch(b.Block, e); ok || err != nil {
		return skipNeedless // newer rows had filled the page when it was looked at
	}
	return reasonOf(b.Block, e)
}

// reasonOf says what rules an expression out that cannot match; of several
// conditions that all fail, the last.
func reasonOf(b *segment.Block, e query.Expr) string {
	reason := skipNeedless
	switch e := e.(type) {
	case *query.And:
		for _, x := range e.Exprs {
			if ok, err := mayMatch(b, x); !ok && err == nil {
				return reasonOf(b, x)
			}
		}
	case *query.Or:
		for _, x := range e.Exprs {
			reason = reasonOf(b, x)
		}
	case *query.Match:
		for _, k := range e.Fields() {
			z, has, err := b.Zone(k)
			switch {
			case err != nil:
			case !has:
				reason = skipField
			case !zoneMayMatch(z, e.Op):
				reason = skipZone
			default:
				reason = skipFilter
			}
		}
	}
	return reason
}

// noRow says what tells that no row of a block matches though its rows were
// looked at.
func noRow(b *segment.Block, e query.Expr) string {
	switch e := e.(type) {
	case *query.And:
		for _, x := range e.Exprs {
			if r := noRow(b, x); r != emptyRows {
				return r
			}
		}
	case *query.Match:
		reason := emptyRows
		for _, k := range e.Fields() {
			c, err := b.Column(k)
			if err != nil {
				return emptyRows
			}
			if c == nil {
				continue
			}
			if reason = noValue(c, e.Op); reason == emptyRows {
				return emptyRows
			}
		}
		return reason
	}
	return emptyRows
}

func noValue(c *segment.Column, op query.Op) string {
	if c.Dictionary() {
		for d := range c.Distinct() {
			if op.MatchValue(c.DictValue(d)) {
				return emptyRows
			}
		}
		return emptySet
	}
	if text := query.LongestRequired(op); text != "" && !c.MayHold(text) {
		return emptyChars
	}
	return emptyRows
}
