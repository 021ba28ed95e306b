package query

import (
	"github.com/gatewatch/gatewatch/detection/event"
)

// Query is one parsed query. It is immutable and may be used concurrently.
type Query struct {
	Filter Expr   // never nil; All where the query has none
	Pipes  []Pipe // in the order written
	Text   string // as written
}

// Expr is a condition on a row: [*And], [*Or], [*Not], [*Match] or [Const].
type Expr interface {
	// String returns query text that parses to the same expression.
	String() string
	expr()
}

// And holds where all of its expressions hold. It has at least two.
type And struct{ Exprs []Expr }

// Or holds where one of its expressions holds. It has at least two.
type Or struct{ Exprs []Expr }

// Not holds where its expression does not, so also where a field is absent.
type Not struct{ Expr Expr }

// Const holds everywhere or nowhere.
type Const bool

// All is the filter `*`; None is its negation.
const (
	All  Const = true
	None Const = false
)

// Match holds where the operation holds for any of the values of the field,
// [Exists] where there is one. It is the leaf that back ends look at.
type Match struct {
	// Field is the key that is looked at. In free text it is the zero Key: the
	// operation, then Contains or an unanchored Glob, holds for a value of one
	// of [FreeTextFields].
	Field event.Key
	Op    Op
}

// FreeText tells whether the leaf names no field.
func (m *Match) FreeText() bool { return m.Field == event.Key{} }

// Fields returns the keys that the leaf looks at. The slice is shared and must
// not be changed.
func (m *Match) Fields() []event.Key {
	if m.FreeText() {
		return freeTextFields
	}
	return []event.Key{m.Field}
}

var freeTextFields = []event.Key{event.Message, event.EventOriginal}

// FreeTextFields returns the fields that text without a field name is searched
// in. The slice is shared and must not be changed.
func FreeTextFields() []event.Key { return freeTextFields }

func (*And) expr()   {}
func (*Or) expr()    {}
func (*Not) expr()   {}
func (*Match) expr() {}
func (Const) expr()  {}

// Walk calls visit for every leaf of an expression, in order, and tells it
// whether the leaf stands under an odd number of negations.
func Walk(e Expr, visit func(m *Match, negated bool)) { walk(e, false, visit) }

func walk(e Expr, negated bool, visit func(*Match, bool)) {
	switch e := e.(type) {
	case *And:
		for _, x := range e.Exprs {
			walk(x, negated, visit)
		}
	case *Or:
		for _, x := range e.Exprs {
			walk(x, negated, visit)
		}
	case *Not:
		walk(e.Expr, !negated, visit)
	case *Match:
		visit(e, negated)
	}
}
