package query

import (
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Pipe is one stage behind the filter: [*Stats], [*Where], [*Sort], [*Limit],
// [*Keep], [*Dedup] or [*Top].
type Pipe interface {
	// String returns query text that parses to the same pipe.
	String() string
	pipe()
}

// Stats groups rows and computes columns: first those of By, then Aggs. Without
// By there is one row, also for no input.
type Stats struct {
	Aggs []Agg // at least one
	By   []Group
}

// Agg is one computed column.
type Agg struct {
	Name  string // of the column: the alias, else the canonical call
	Func  Func
	Field event.Key // the zero Key in count()
	P     float64   // of Percentile, 0 to 100
}

// Func is the function of an [Agg].
type Func uint8

// The functions. Count without a field counts rows, with one the rows that have
// it; the others look at every value of the field. A function that saw no value
// it can use gives null, Count and CountDistinct 0.
const (
	Count         Func = iota
	Sum                // numbers and numeric text; an integer while all are and it fits
	Avg                // as Sum
	Min                // by Compare, over values of any type
	Max                // as Min
	Percentile         // numbers and numeric text, linear between neighbours
	CountDistinct      // as groups tell values apart: case counts, 1 is 1.0
)

// Group is one column that rows are grouped by: a field, or a field in buckets.
// A row with a list belongs to the group of each distinct element, a row
// without the field to that of null.
type Group struct {
	Name  string // of the column: the alias, else the field or the canonical call
	Field event.Key
	Every time.Duration // width of a bucket of times, 0 for none
	Step  float64       // width of a bucket of numbers, 0 for none
}

// Where keeps rows for which an expression holds. Behind Stats and Keep its
// fields are columns.
type Where struct{ Expr Expr }

// Sort orders rows. Null comes last in both directions; equal rows keep their order.
type Sort struct{ Keys []SortKey }

// SortKey is one column to sort by, in the order of [Compare].
type SortKey struct {
	Field event.Key
	Desc  bool
}

// Limit keeps the first rows.
type Limit struct{ N int }

// Keep keeps columns, in this order.
type Keep struct{ Fields []event.Key }

// Dedup keeps the first row of each combination of values. Null is a value.
type Dedup struct{ Fields []event.Key }

// Top counts the rows per value of a field, within each group of By, and keeps
// the N most frequent, or the N rarest, values. Its columns are By, the field
// and count.
type Top struct {
	N     int
	Field event.Key
	By    []event.Key
	Rare  bool
}

func (*Stats) pipe() {}
func (*Where) pipe() {}
func (*Sort) pipe()  {}
func (*Limit) pipe() {}
func (*Keep) pipe()  {}
func (*Dedup) pipe() {}
func (*Top) pipe()   {}
