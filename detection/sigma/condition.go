package sigma

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxCondition      = 1 << 16 // bytes of one condition
	maxConditions     = 1 << 18 // bytes of all conditions of one document, aliases written out
	maxConditionDepth = 64      // nesting of parentheses and negations
)

// condition parses a condition; names are not resolved yet.
func (r *reader) condition(n *yaml.Node) (*Condition, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return nil, r.fail(posOf(n), "condition must be a string or a list of strings")
	}
	if r.written += len(n.Value); r.written > maxConditions {
		return nil, r.fail(posOf(n), "conditions are longer than %d bytes together", maxConditions)
	}
	p := conditionParser{r: r, node: n, text: n.Value}
	expr, err := p.parse()
	if err != nil {
		return nil, err
	}
	return &Condition{Text: n.Value, Pos: posOf(n), Expr: expr}, nil
}

// conditionParser is a recursive descent over: or < and < not < x of.
type conditionParser struct {
	r     *reader
	node  *yaml.Node
	text  string
	at    int    // offset behind the current token
	tok   string // current token, empty at the end
	start int    // its offset
	depth int
}

// pos places an offset of the text in the file, exactly for plain and quoted
// scalars of one line and else at the scalar's beginning.
func (p *conditionParser) pos(off int) Pos {
	at := posOf(p.node)
	if p.node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		at.Column += off
		if p.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			at.Column++
		}
	}
	return at
}

func (p *conditionParser) fail(format string, args ...any) *Error {
	return p.r.fail(p.pos(p.start), format, args...)
}

// next moves to the next token: a parenthesis, a pipe, or a run of other
// characters without space.
func (p *conditionParser) next() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
	p.start = p.at
	if p.at < len(p.text) && strings.IndexByte("()|", p.text[p.at]) >= 0 {
		p.at++
	} else {
		for p.at < len(p.text) && !isSpace(p.text[p.at]) && strings.IndexByte("()|", p.text[p.at]) < 0 {
			p.at++
		}
	}
	p.tok = p.text[p.start:p.at]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// peek returns the token after the current one.
func (p *conditionParser) peek() string {
	q := *p
	q.next()
	return q.tok
}

// is tells whether the current token is a word of the grammar.
func (p *conditionParser) is(word string) bool { return strings.EqualFold(p.tok, word) }

func (p *conditionParser) parse() (*Expr, *Error) {
	if len(p.text) > maxCondition {
		return nil, p.fail("condition is longer than %d bytes", maxCondition)
	}
	p.next()
	if p.tok == "" {
		return nil, p.fail("condition is empty")
	}
	e, err := p.binary("or", ExprOr)
	if err != nil {
		return nil, err
	}
	if p.tok != "" {
		return nil, p.unexpected()
	}
	return e, nil
}

func (p *conditionParser) unexpected() *Error {
	switch p.tok {
	case "":
		return p.fail("condition ends too early")
	case "|":
		return p.fail("aggregations in conditions are not part of Sigma 2; write a correlation rule")
	}
	return p.fail("unexpected %q in condition", p.tok)
}

// binary parses operands joined by a word.
func (p *conditionParser) binary(word string, op ExprOp) (*Expr, *Error) {
	operand := func() (*Expr, *Error) {
		if op == ExprOr {
			return p.binary("and", ExprAnd)
		}
		return p.unary()
	}
	first, err := operand()
	if err != nil {
		return nil, err
	}
	e := first
	for p.is(word) {
		p.next()
		more, err := operand()
		if err != nil {
			return nil, err
		}
		if e == first {
			e = &Expr{Op: op, Args: []*Expr{first}, Pos: first.Pos}
		}
		e.Args = append(e.Args, more)
	}
	return e, nil
}

func (p *conditionParser) unary() (*Expr, *Error) {
	if p.depth++; p.depth > maxConditionDepth {
		return nil, p.fail("condition is nested deeper than %d levels", maxConditionDepth)
	}
	defer func() { p.depth-- }()
	pos := p.pos(p.start)
	switch {
	case p.is("not"):
		p.next()
		arg, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &Expr{Op: ExprNot, Args: []*Expr{arg}, Pos: pos}, nil
	case p.tok == "(":
		p.next()
		e, err := p.binary("or", ExprOr)
		if err != nil {
			return nil, err
		}
		if p.tok != ")" {
			return nil, p.unexpected()
		}
		p.next()
		return e, nil
	case p.tok == "" || p.tok == ")" || p.tok == "|" || p.is("and") || p.is("or"):
		return nil, p.unexpected()
	case strings.EqualFold(p.peek(), "of"):
		return p.of(pos)
	}
	e := &Expr{Op: ExprRef, Name: p.tok, Pos: pos}
	p.next()
	return e, nil
}

// of parses "1 of pattern", "all of pattern", and a larger count, which is an
// extension that other engines have too.
func (p *conditionParser) of(pos Pos) (*Expr, *Error) {
	e := &Expr{Op: ExprOf, Pos: pos}
	switch {
	case p.is("all"):
	case p.is("any"):
		e.Count = 1
	default:
		n, err := strconv.Atoi(p.tok)
		if err != nil || n < 1 {
			return nil, p.fail("%q is no quantifier; known are 1, any and all", p.tok)
		}
		e.Count = n
	}
	p.next()
	p.next()
	if p.tok == "" || p.tok == "(" || p.tok == ")" || p.tok == "|" {
		return nil, p.unexpected()
	}
	e.Name = p.tok
	p.next()
	return e, nil
}

// resolve checks that all names of an expression lead to detections.
func (r *reader) resolve(e *Expr, detections []*Detection) *Error {
	if r.lookups += len(detections); r.lookups > maxLookups {
		return r.fail(e.Pos, "conditions and search identifiers are too many together")
	}
	switch e.Op {
	case ExprRef:
		if findDetection(detections, e.Name) == nil {
			return r.fail(e.Pos, "condition names %q, which is not defined", e.Name)
		}
	case ExprOf:
		n := len(Covered(detections, e.Name))
		if n == 0 {
			return r.fail(e.Pos, "no search identifier is covered by %q", e.Name)
		}
		if e.Count > n {
			return r.fail(e.Pos, "%q covers %d search identifiers only", e.Name, n)
		}
	}
	for _, a := range e.Args {
		if err := r.resolve(a, detections); err != nil {
			return err
		}
	}
	return nil
}

func findDetection(detections []*Detection, name string) *Detection {
	for _, d := range detections {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// Covered returns the detections that a pattern of "x of pattern" covers: * stands
// for any characters, and only a pattern that begins with an underscore covers
// names that do.
func Covered(detections []*Detection, pattern string) []*Detection {
	if pattern == Them {
		pattern = "*"
	}
	var list []*Detection
	for _, d := range detections {
		if (d.Name == "" || d.Name[0] != '_' || pattern[0] == '_') && globMatch(pattern, d.Name) {
			list = append(list, d)
		}
	}
	return list
}

// globMatch matches a name against a pattern whose stars stand for anything.
func globMatch(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(name, part)
		if !ok {
			return false
		}
		name = after
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}
