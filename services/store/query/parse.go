package query

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of a query.
const (
	MaxText    = 64 << 10 // bytes
	maxDepth   = 100      // parentheses and negations inside of each other
	maxTerms   = 4096     // leaves of all expressions
	maxStars   = 64       // of one pattern
	maxRegexes = 64
	maxPipes   = 32
	maxList    = 64 // columns in one list
)

// parser reads a query by recursive descent.
type parser struct {
	lexer
	now     time.Time
	depth   int
	terms   int
	regexes int
	// columns are those that the pipes read so far leave, nil while rows are
	// whole events.
	columns []string
}

// Parse reads a query. Times relative to now are resolved with the given clock.
// The error is an [*Error].
func Parse(text string, now time.Time) (*Query, error) {
	p := &parser{lexer: lexer{text: text}, now: now}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	return q, nil
}

func (p *parser) query() (*Query, error) {
	if len(p.text) > MaxText {
		return nil, newError(p.text[:MaxText], MaxText, "a query has at most %d bytes", MaxText)
	}
	if at := invalidUTF8(p.text); at >= 0 {
		return nil, newError(p.text, at, "this byte is not UTF-8")
	}
	q := &Query{Filter: All, Text: p.text}
	p.space()
	if !p.end() && p.peek() != '|' {
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		q.Filter = simplify(e)
	}
	for p.space(); !p.end(); p.space() {
		if !p.accept('|') {
			return nil, p.unexpected()
		}
		if len(q.Pipes) == maxPipes {
			return nil, p.fail(p.pos-1, "a query has at most %d pipes", maxPipes)
		}
		pipe, err := p.pipe()
		if err != nil {
			return nil, err
		}
		q.Pipes = append(q.Pipes, pipe)
	}
	return q, nil
}

func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return i
		}
	}
	return -1
}

func (p *parser) fail(at int, format string, args ...any) *Error {
	return newError(p.text, at, format, args...)
}

// unexpected is the error for what is next where an expression has ended.
func (p *parser) unexpected() *Error {
	switch p.peek() {
	case ')':
		return p.fail(p.pos, "this parenthesis was not opened")
	case 0:
		return p.fail(p.pos, "the query ends here, but something is missing")
	}
	return p.fail(p.pos, "%q is not expected here: quote it to search for it", clip(p.text[p.pos:]))
}

// nest counts a level of depth; the caller takes it back.
func (p *parser) nest() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.pos, "the query is nested deeper than %d levels", maxDepth)
	}
	return nil
}

// keyword skips a keyword if it is next.
func (p *parser) keyword(k string) bool {
	p.space()
	start := p.pos
	if w, err := p.word(nameStops); err == nil && w.is(k) && p.peek() != ':' && p.peek() != '"' {
		return true
	}
	p.pos = start
	return false
}

// operand tells whether something that begins an expression is next.
func (p *parser) operand() bool {
	p.space()
	return !p.end() && p.peek() != ')' && p.peek() != '|'
}

// expression reads operands that `or`, `and` or nothing joins; unary reads one.
func (p *parser) expression(unary func() (Expr, error)) (Expr, error) {
	var or []Expr
	for {
		and, err := p.conjunction(unary)
		if err != nil {
			return nil, err
		}
		or = append(or, and)
		if !p.keyword("or") {
			break
		}
	}
	if len(or) == 1 {
		return or[0], nil
	}
	return &Or{or}, nil
}

func (p *parser) conjunction(unary func() (Expr, error)) (Expr, error) {
	var and []Expr
	for {
		e, err := unary()
		if err != nil {
			return nil, err
		}
		and = append(and, e)
		if p.keyword("and") {
			continue
		}
		start := p.pos
		if !p.operand() || p.keyword("or") {
			p.pos = start
			break
		}
	}
	if len(and) == 1 {
		return and[0], nil
	}
	return &And{and}, nil
}

func (p *parser) or() (Expr, error) { return p.expression(p.unary) }

// unary reads `not` operand, a group, or a term.
func (p *parser) unary() (Expr, error) {
	return p.negatable(p.unary, p.or, p.term)
}

// negatable reads what both expressions of terms and groups of values consist
// of.
func (p *parser) negatable(unary, group, leaf func() (Expr, error)) (Expr, error) {
	if !p.operand() {
		return nil, p.missingOperand()
	}
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	start := p.pos
	if p.keyword("not") {
		e, err := unary()
		return &Not{e}, err
	}
	for _, k := range []string{"and", "or"} {
		if p.keyword(k) {
			return nil, p.fail(start, "%s needs a condition before it; quote it to search for the word", k)
		}
	}
	if !p.accept('(') {
		return leaf()
	}
	e, err := group()
	if err != nil {
		return nil, err
	}
	return e, p.closing(start)
}

// closing skips the parenthesis that closes the one at open.
func (p *parser) closing(open int) error {
	p.space()
	if p.accept(')') {
		return nil
	}
	if !p.end() && p.peek() != '|' {
		return p.unexpected()
	}
	hint := ""
	if p.peek() == '|' {
		hint = `; text with a | needs quotes, and a regular expression no bare spaces (\s)`
	}
	return p.fail(open, "this parenthesis is not closed%s", hint)
}

func (p *parser) missingOperand() error {
	switch {
	case p.end():
		return p.fail(p.pos, "a condition is missing at the end")
	case p.peek() == ')':
		return p.fail(p.pos, "a condition is missing before the parenthesis")
	}
	if strings.HasSuffix(strings.TrimRight(p.text[:p.pos], " "), "|") {
		return p.fail(p.pos, "write or for ||")
	}
	return p.fail(p.pos, "a condition is missing before the pipe")
}

// term reads field and value, or free text.
func (p *parser) term() (Expr, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, p.fail(p.pos, "a query has at most %d conditions", maxTerms)
	}
	start := p.pos
	var name word
	var err error
	if p.peek() == '"' {
		name, err = p.quoted()
	} else {
		name, err = p.word(nameStops)
	}
	if err != nil {
		return nil, err
	}
	behind := p.pos
	p.space()
	if c := p.peek(); c == ':' || c == '<' || c == '>' || c == '=' || strings.HasPrefix(p.text[p.pos:], "!=") {
		if e, err := p.fieldTerm(&name); e != nil || err != nil {
			return e, err
		}
	}
	p.pos = behind
	if name.escaped && p.text[start] == '"' {
		return p.freeText(&name)
	}
	p.pos = start
	if name, err = p.word(valueStops); err != nil {
		return nil, err
	}
	return p.freeText(&name)
}

// fieldTerm reads the operator and value behind a field name. It returns
// neither where the operator is rather part of text.
func (p *parser) fieldTerm(name *word) (Expr, error) {
	at, c := p.pos, p.peek()
	if name.onlyStars() && strings.HasPrefix(p.text[at:], ":*") {
		p.pos += 2
		return All, nil
	}
	field, err := p.fieldName(name)
	if err != nil {
		if name.text() != "" && (c == ':' || isName(name.text())) {
			return nil, err
		}
		return nil, nil
	}
	p.pos++
	switch c {
	case '<', '>':
		return p.comparison(field, c)
	case '=':
		p.accept('=')
		return nil, p.fail(at, `write : for equality (%s: value), or quote the text that holds "="`, clip(name.text()))
	case '!':
		return nil, p.fail(at, "write not %s: value for inequality", clip(name.text()))
	}
	p.space()
	if p.accept('(') {
		open := p.pos - 1
		e, err := p.expression(func() (Expr, error) { return p.valueUnary(field) })
		if err != nil {
			return nil, err
		}
		return e, p.closing(open)
	}
	return p.value(field)
}

// fieldName makes a key of a word.
func (p *parser) fieldName(w *word) (event.Key, error) {
	text := w.text()
	switch {
	case w.hasStar():
		return event.Key{}, p.fail(w.start, "a * in a field name is not supported: name the field, or quote the text")
	case len(text) > event.MaxName:
		return event.Key{}, p.fail(w.start, "a field name has at most %d bytes", event.MaxName)
	case text == "":
		return event.Key{}, p.fail(w.start, "a field name is missing")
	case !w.escaped && !isName(text):
		if strings.HasPrefix(text, "!") || strings.HasPrefix(text, "-") {
			return event.Key{}, p.fail(w.start, "write not for negation: not %s", clip(strings.TrimLeft(text, "!-")))
		}
		return event.Key{}, p.fail(w.start, `%q is not a field name: quote text that holds a colon`, clip(text))
	}
	if p.columns != nil {
		return p.column(text, w.start)
	}
	return event.Intern(text), nil
}

// valueUnary reads one operand inside of the parentheses behind a field.
func (p *parser) valueUnary(field event.Key) (Expr, error) {
	unary := func() (Expr, error) { return p.valueUnary(field) }
	group := func() (Expr, error) { return p.expression(unary) }
	return p.negatable(unary, group, func() (Expr, error) {
		if p.terms++; p.terms > maxTerms {
			return nil, p.fail(p.pos, "a query has at most %d conditions", maxTerms)
		}
		return p.value(field)
	})
}
