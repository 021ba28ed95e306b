package sigma

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Pos is a place in a file, both counted from 1. The zero Pos is unknown.
type Pos struct{ Line, Column int }

func (p Pos) String() string { return strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) }

// Error says why a document cannot be honoured.
type Error struct {
	Path   string // of the file, as the file system named it
	Pos    Pos
	Rule   string // id, else name, else title of the document, where it has one
	Reason string

	// Missing is the reference that leads to no document, where that is the reason.
	Missing string
}

// Error returns path:line:column: reason.
func (e *Error) Error() string {
	s := e.Pos.String() + ": " + e.Reason
	if e.Path != "" {
		s = e.Path + ":" + s
	}
	return s
}

// Header is what all kinds of documents have. Values are as written.
type Header struct {
	Path        string // of the file
	Pos         Pos    // of the document
	ID          string
	Name        string
	Title       string
	Taxonomy    string
	Description string
	License     string
	Author      string
	Date        string
	Modified    string
	Status      Status
	Level       Level
	References  []string
	Tags        []string
	FalsePos    []string
	Fields      []string
	Scope       []string
	Related     []Related
	Custom      []Custom

	// Hushed is set by who loads the document: it gives no matches of its own, as
	// with [BuildingBlockField].
	Hushed bool
}

// Key returns what names the document in output: its id, else its name, else
// its title.
func (h *Header) Key() string {
	switch {
	case h.ID != "":
		return h.ID
	case h.Name != "":
		return h.Name
	}
	return h.Title
}

// Related names another rule and how this one came from it.
type Related struct{ ID, Type string }

// Custom is a field that the specification does not define. Node belongs to the
// document and is not changed.
type Custom struct {
	Name string
	Node *yaml.Node
}

// CustomField returns a field that the specification does not define, or nil.
func (h *Header) CustomField(name string) *yaml.Node {
	for _, c := range h.Custom {
		if c.Name == name {
			return c.Node
		}
	}
	return nil
}

// Status is the maturity of a rule; empty where it gives none.
type Status string

// The statuses of the specification.
const (
	StatusStable       Status = "stable"
	StatusTest         Status = "test"
	StatusExperimental Status = "experimental"
	StatusDeprecated   Status = "deprecated"
	StatusUnsupported  Status = "unsupported"
)

// Level is how grave a match is.
type Level uint8

// The levels of the specification in rising order.
const (
	LevelNone Level = iota // not given
	LevelInformational
	LevelLow
	LevelMedium
	LevelHigh
	LevelCritical
)

var levelNames = [...]string{"", "informational", "low", "medium", "high", "critical"}

// String returns the name of the level, empty for LevelNone.
func (l Level) String() string { return levelNames[l] }

// ParseLevel reads the name of a level.
func ParseLevel(s string) (Level, bool) {
	for i, n := range levelNames {
		if n == s && i > 0 {
			return Level(i), true
		}
	}
	return LevelNone, false
}

// Logsource says which events a rule is for. Empty members mean any.
type Logsource struct {
	Category, Product, Service string
}

// Accepts tells whether a rule of this logsource is for events of that one:
// whatever the rule names, the event has.
func (l Logsource) Accepts(e Logsource) bool {
	return (l.Category == "" || l.Category == e.Category) &&
		(l.Product == "" || l.Product == e.Product) &&
		(l.Service == "" || l.Service == e.Service)
}

// Rule is a detection rule. Once compiled it must not change.
type Rule struct {
	Header
	Logsource  Logsource
	Definition string   // logsource.definition: what must be configured for such events to exist
	LogCustom  []Custom // further members of logsource
	Detections []*Detection
	Conditions []*Condition // any of them suffices
}

// Detection is a named part of a rule.
type Detection struct {
	Name string
	Pos  Pos
	Node *Node
}

// Op is how the children of a node are linked.
type Op uint8

// The kinds of nodes.
const (
	OpItem Op = iota // Item alone
	OpAnd            // all of Nodes
	OpOr             // any of Nodes
)

// Node is a tree of items. An OpAnd without nodes holds always, an OpOr never;
// neither comes from the parser.
type Node struct {
	Op    Op
	Pos   Pos
	Item  *Item
	Nodes []*Node
}

// Item is one field with modifiers and values: any of the values must match, or
// all of them with [ModAll].
type Item struct {
	Field     string // empty for keywords
	Modifiers []Modifier
	Values    []Value
	NoValues  bool // its list of values is empty; Values is null then
	Pos       Pos
}

// Has tells whether the item has a modifier.
func (it *Item) Has(m Modifier) bool {
	return slices.Contains(it.Modifiers, m)
}

// ValueKind is the YAML type of a value.
type ValueKind uint8

// The kinds of values.
const (
	ValueString ValueKind = iota
	ValueNumber
	ValueBool
	ValueNull
)

// Value is one value of an item as the rule has it, before modifiers. Text is
// the scalar as written, for ValueString with its Sigma escapes; numbers are in
// decimal, booleans are true or false, null is empty.
type Value struct {
	Kind ValueKind
	Text string
	Pos  Pos
}

// Condition is one parsed condition.
type Condition struct {
	Text string
	Pos  Pos
	Expr *Expr
}

// ExprOp is the operator of an [Expr].
type ExprOp uint8

// The operators of conditions.
const (
	ExprRef ExprOp = iota // the detection Name
	ExprAnd
	ExprOr
	ExprNot // Args[0]
	ExprOf  // Count (0: all) of the detections that Name, a pattern, covers
)

// Them is the pattern that covers every detection but those whose name begins
// with an underscore.
const Them = "them"

// Expr is a node of a condition.
type Expr struct {
	Op    ExprOp
	Name  string
	Count int
	Args  []*Expr
	Pos   Pos
}

// CorrelationType is what a correlation looks at.
type CorrelationType string

// The types of the specification.
const (
	EventCount      CorrelationType = "event_count"
	ValueCount      CorrelationType = "value_count"
	Temporal        CorrelationType = "temporal"
	TemporalOrdered CorrelationType = "temporal_ordered"
	ValueSum        CorrelationType = "value_sum"
	ValueAvg        CorrelationType = "value_avg"
	ValuePercentile CorrelationType = "value_percentile"
	ValueMedian     CorrelationType = "value_median"
)

// Correlation is a correlation rule as written: references are not resolved.
type Correlation struct {
	Header
	Type       CorrelationType
	Rules      []Ref
	GroupBy    []string
	Timespan   int64 // seconds
	Aliases    []Alias
	Generate   bool                  // the rules it refers to give matches of their own too
	Bounds     []Bound               // all must hold; none for a plain temporal correlation
	Field      []string              // of the condition
	Percentile float64               // of the condition, for ValuePercentile; 0 to 100
	Extended   *CorrelationCondition // of the temporal types, where the condition is an expression

	condition Pos // zero if there is none
}

// CorrelationCondition is the expression form of a temporal condition: its
// references are rules by name or id.
type CorrelationCondition = Condition

// Ref names a rule by id or by name.
type Ref struct {
	Name string
	Pos  Pos
}

// Alias is one name for fields that differ between rules.
type Alias struct {
	Name   string
	Fields []AliasField
	Pos    Pos
}

// AliasField is the field that an alias stands for in one rule.
type AliasField struct {
	Rule  string // id or name
	Field string
}

// CompareOp compares numbers.
type CompareOp uint8

// The comparisons.
const (
	CompareEQ CompareOp = iota
	CompareNEQ
	CompareLT
	CompareLTE
	CompareGT
	CompareGTE
)

var compareNames = [...]string{"eq", "neq", "lt", "lte", "gt", "gte"}

func (c CompareOp) String() string { return compareNames[c] }

// Holds tells whether a compares so with b. NaN compares with nothing.
func (c CompareOp) Holds(a, b float64) bool {
	switch c {
	case CompareEQ:
		return a == b
	case CompareNEQ:
		return a < b || a > b
	case CompareLT:
		return a < b
	case CompareLTE:
		return a <= b
	case CompareGT:
		return a > b
	}
	return a >= b
}

// Bound is one comparison of a correlation's condition.
type Bound struct {
	Op    CompareOp
	Value float64
}

// Filter is a filter document as written.
type Filter struct {
	Header
	Logsource  Logsource
	Any        bool  // it is for all rules of the logsource
	Rules      []Ref // else for these
	Detections []*Detection
	Condition  *Condition
}
