package store

import (
	"encoding/binary"
	"math"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// mayMatch tells whether rows of a block can match an expression, as far as its
// zone maps and filters tell.
func mayMatch(b *segment.Block, e query.Expr) (bool, error) {
	switch e := e.(type) {
	case *query.And:
		for _, x := range e.Exprs {
			if ok, err := mayMatch(b, x); !ok || err != nil {
				return ok, err
			}
		}
		return true, nil
	case *query.Or:
		for _, x := range e.Exprs {
			if ok, err := mayMatch(b, x); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case *query.Match:
		for _, k := range e.Fields() {
			if ok, err := leafMayMatch(b, k, e.Op); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case query.Const:
		return bool(e), nil
	}
	return true, nil
}

// leafMayMatch tells whether values of a key can match an operation.
func leafMayMatch(b *segment.Block, k event.Key, op query.Op) (bool, error) {
	token, exact := tokenOf(op)
	if exact && b.Excludes(k, token) {
		return false, nil
	}
	z, has, err := b.Zone(k)
	if err != nil || !has {
		return has, err
	}
	if !zoneMayMatch(z, op) {
		return false, nil
	}
	if exact {
		return b.MayEqual(k, token)
	}
	return true, nil
}

// tokenOf returns the token that all values have which match an operation, if there
// is one.
func tokenOf(op query.Op) (token string, exact bool) {
	eq, ok := op.(*query.Equal)
	if !ok || eq.Literal.Day() {
		return "", false
	}
	return eq.Literal.Token, true
}

func zoneMayMatch(z segment.Zone, op query.Op) bool {
	switch z.Kind {
	case event.KindInt:
		return intsMayMatch(int64(z.Lo), int64(z.Hi), op)
	case event.KindFloat:
		lo, hi, ok := numberBounds(op)
		return !ok || math.Float64frombits(z.Lo) <= hi && math.Float64frombits(z.Hi) >= lo
	case event.KindTime:
		lo, hi, ok := timeBounds(op)
		return !ok || int64(z.Lo) <= hi && int64(z.Hi) >= lo
	case event.KindIP:
		lo, hi, ok := addressBounds(op)
		return !ok || z.Lo <= hi && z.Hi >= lo
	}
	return true
}

// intsMayMatch tells whether integers between two bounds can match.
func intsMayMatch(lo, hi int64, op query.Op) bool {
	switch op := op.(type) {
	case *query.Equal:
		if n, ok := op.Literal.Int(); ok {
			return lo <= n && n <= hi
		}
		return false
	case *query.Range:
		return op.MatchValue(event.Int(lo)) || op.MatchValue(event.Int(hi))
	}
	return true
}

// numberBounds returns the floats between which all that match lie.
func numberBounds(op query.Op) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(-1), math.Inf(1)
	switch op := op.(type) {
	case *query.Equal:
		f, ok := op.Literal.Float()
		return f, f, ok
	case *query.Range:
		f, ok := op.Literal.Float()
		if op.Comparison == query.Less || op.Comparison == query.LessEqual {
			hi = f
		} else {
			lo = f
		}
		return lo, hi, ok
	}
	return lo, hi, false
}

// timeBounds returns the lowest and the highest time that can match.
func timeBounds(op query.Op) (lo, hi int64, ok bool) {
	var to int64
	switch op := op.(type) {
	case *query.Equal:
		lo, to, ok = op.Literal.Time()
	case *query.Range:
		lo, to, ok = op.Bounds()
	}
	switch {
	case !ok:
		return 0, 0, false
	case to == math.MaxInt64:
		return lo, to, true
	case to == math.MinInt64:
		return 1, 0, true // none
	}
	return lo, to - 1, true
}

// addressBounds returns the IPv4 addresses between which all that match lie.
func addressBounds(op query.Op) (lo, hi uint64, ok bool) {
	switch op := op.(type) {
	case *query.Equal:
		if a := op.Literal.Addr(); a.Is4() {
			b := a.As4()
			n := uint64(binary.BigEndian.Uint32(b[:]))
			return n, n, true
		}
	case *query.CIDR:
		if a := op.Prefix.Addr(); a.Is4() {
			b := a.As4()
			n := uint64(binary.BigEndian.Uint32(b[:]))
			return n, n | (1<<(32-op.Prefix.Bits()) - 1), true
		}
	}
	return 0, 0, false
}
