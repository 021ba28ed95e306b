package query

import (
	"github.com/gatewatch/gatewatch/detection/event"
)

// Row is what a filter or a pipe reads: an event ([EventRow]), a row of a block
// of columns, or a row of results.
type Row interface {
	// AppendValues appends the values of a field, none where it is absent, and
	// returns the extended slice. The values are valid until the row changes.
	AppendValues(dst []event.Value, k event.Key) []event.Value
}

// EventRow is an event as a [Row]. Making one does not allocate.
type EventRow struct{ *event.Event }

// AppendValues implements [Row].
func (r EventRow) AppendValues(dst []event.Value, k event.Key) []event.Value {
	if event.IsMember(k) {
		if v := r.Get(k); v.Kind() != event.KindNone {
			dst = append(dst, v)
		}
		return dst
	}
	fields := r.Fields()
	for i := range fields {
		if fields[i].Key.Is(k) {
			dst = append(dst, fields[i].Value)
		}
	}
	return dst
}

// Matcher tells whether rows match an expression. It is the reference that back
// ends are measured against. It is not safe for concurrent use.
type Matcher struct {
	expr   Expr
	values []event.Value
}

// NewMatcher makes a matcher of an expression.
func NewMatcher(e Expr) *Matcher { return &Matcher{expr: e} }

// Match tells whether the expression holds for a row.
func (m *Matcher) Match(row Row) bool { return m.match(m.expr, row) }

func (m *Matcher) match(e Expr, row Row) bool {
	switch e := e.(type) {
	case *And:
		for _, x := range e.Exprs {
			if !m.match(x, row) {
				return false
			}
		}
		return true
	case *Or:
		for _, x := range e.Exprs {
			if m.match(x, row) {
				return true
			}
		}
		return false
	case *Not:
		return !m.match(e.Expr, row)
	case *Match:
		if e.FreeText() {
			return m.leaf(e.Op, event.Message, row) || m.leaf(e.Op, event.EventOriginal, row)
		}
		return m.leaf(e.Op, e.Field, row)
	case Const:
		return bool(e)
	}
	return false
}

func (m *Matcher) leaf(op Op, k event.Key, row Row) bool {
	m.values = row.AppendValues(m.values[:0], k)
	for _, v := range m.values {
		if op.MatchValue(v) {
			return true
		}
	}
	return false
}
