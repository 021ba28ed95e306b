package query

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// otherFuncs are what other query languages call our functions.
var otherFuncs = map[string]string{
	"dc": "count_distinct", "distinct": "count_distinct", "distinct_count": "count_distinct", "uniq": "count_distinct",
	"cardinality": "count_distinct", "mean": "avg", "average": "avg", "median": "percentile(f, 50)",
	"p50": "percentile(f, 50)", "p95": "percentile(f, 95)", "p99": "percentile(f, 99)", "quantile": "percentile",
	"date_histogram": "bucket behind by", "bin": "bucket behind by", "bucket": "bucket behind by",
}

func (p *parser) stats() (Pipe, error) {
	s := &Stats{}
	var columns []string
	// The names are those of the output, so they are collected apart from the
	// columns that arguments are checked against.
	add := func(name string, at int) error {
		if slices.Contains(columns, name) {
			return p.fail(at, "column %s is there twice: name one, as in n = …", clip(name))
		}
		columns = append(columns, name)
		return nil
	}
	err := p.list(func() error {
		p.space()
		at := p.pos
		a, err := p.agg()
		if err != nil {
			return err
		}
		s.Aggs = append(s.Aggs, a)
		return add(a.Name, at)
	})
	if err != nil {
		return nil, err
	}
	if p.keyword("by") {
		err = p.list(func() error {
			p.space()
			at := p.pos
			g, err := p.group()
			if err != nil {
				return err
			}
			s.By = append(s.By, g)
			return add(g.Name, at)
		})
		if err != nil {
			return nil, err
		}
	}
	p.columns = slices.Concat(columns[len(s.Aggs):], columns[:len(s.Aggs)])
	return s, nil
}

// aliased reads a name and, where = follows, the name behind it.
func (p *parser) aliased() (name, alias string, at int, err error) {
	if name, at, err = p.ident(); err != nil {
		return "", "", at, err
	}
	behind := p.pos
	p.space()
	if !p.accept('=') {
		p.pos = behind
		return name, "", at, nil
	}
	alias = name
	name, at, err = p.ident()
	return name, alias, at, err
}

func (p *parser) agg() (Agg, error) {
	name, alias, at, err := p.aliased()
	if err != nil {
		return Agg{}, err
	}
	if strings.EqualFold(name, "by") {
		return Agg{}, p.fail(at, "stats needs a function before by, such as count()")
	}
	if p.peek() != '(' {
		if slices.Contains(funcNames[:], strings.ToLower(name)) {
			return Agg{}, p.fail(at, "a function needs parentheses: %s()", name)
		}
		return Agg{}, p.fail(at, "a function is wanted here, such as count() or sum(%s)", clip(name))
	}
	a, err := p.call(name, at)
	if err != nil {
		return Agg{}, err
	}
	if p.keyword("as") {
		return Agg{}, p.fail(at, "write the name first: n = %s", clip(a.call()))
	}
	a.Name = alias
	if alias == "" {
		a.Name = a.call()
	}
	return a, nil
}

// call reads the arguments of an aggregate function, whose parenthesis is next.
func (p *parser) call(name string, at int) (Agg, error) {
	i := slices.Index(funcNames[:], strings.ToLower(name))
	if i < 0 {
		hint := otherFuncs[strings.ToLower(name)]
		if hint == "" {
			hint = nearest(name, funcNames[:])
		}
		if hint != "" {
			return Agg{}, p.fail(at, "%s is not a function: did you mean %s?", clip(name), hint)
		}
		return Agg{}, p.fail(at, "%s is not a function: use one of %s", clip(name), strings.Join(funcNames[:], ", "))
	}
	a := Agg{Func: Func(i)}
	open := p.pos
	p.pos++
	p.space()
	if p.accept(')') {
		if a.Func != Count {
			return Agg{}, p.fail(p.pos-1, "%s needs a field", a.Func)
		}
		return a, nil
	}
	if a.Func == Count && p.accept('*') {
		p.space()
		return a, p.closing(open)
	}
	field, err := p.columnRef()
	if err != nil {
		return Agg{}, err
	}
	a.Field = field
	if a.Func == Percentile {
		if a.P, err = p.percent(); err != nil {
			return Agg{}, err
		}
	}
	p.space()
	if p.peek() == ',' {
		return Agg{}, p.fail(p.pos, "%s takes one field", a.Func)
	}
	return a, p.closing(open)
}

// percent reads the second argument of percentile.
func (p *parser) percent() (float64, error) {
	p.space()
	ok := p.accept(',')
	p.space()
	start := p.pos
	w, err := p.word(nameStops)
	v, errNumber := strconv.ParseFloat(w.text(), 64)
	if !ok || err != nil || errNumber != nil || !(v >= 0 && v <= 100) || !isNumeric(w.text()) {
		return 0, p.fail(start, "percentile needs a number from 0 to 100 behind the field: percentile(f, 95)")
	}
	return v, nil
}

func (p *parser) group() (Group, error) {
	name, alias, at, err := p.aliased()
	if err != nil {
		return Group{}, err
	}
	var g Group
	switch {
	case p.peek() == '(' && strings.EqualFold(name, "bucket"):
		g, err = p.bucket()
	case p.peek() == '(' && p.columns == nil:
		return Group{}, p.fail(at, "behind by stand fields and bucket(field, width)")
	case p.peek() == '(':
		if name, err = p.callName(name, at); err == nil {
			g.Field, err = p.column(name, at)
		}
	default:
		g.Field, err = p.column(name, at)
	}
	if err != nil {
		return Group{}, err
	}
	g.Name = alias
	if alias == "" {
		g.Name = g.call()
		if g.Every == 0 && g.Step == 0 {
			g.Name = g.Field.String()
		}
	}
	return g, nil
}

// bucket reads the arguments of bucket, whose parenthesis is next.
func (p *parser) bucket() (Group, error) {
	open := p.pos
	p.pos++
	field, err := p.columnRef()
	if err != nil {
		return Group{}, err
	}
	g := Group{Field: field}
	p.space()
	ok := p.accept(',')
	p.space()
	start := p.pos
	w, err := p.word(nameStops)
	if !ok || err != nil {
		return Group{}, p.fail(start, "bucket needs a width behind the field: bucket(%s, 5m)", clip(field.String()))
	}
	if step, err := strconv.ParseFloat(w.text(), 64); err == nil && isNumeric(w.text()) {
		if isDate(field) {
			return Group{}, p.fail(start, "a bucket of times has a width such as 5m")
		}
		if !(step > 0 && step <= math.MaxFloat64) {
			return Group{}, p.fail(start, "a bucket has a width above 0")
		}
		g.Step = step
	} else if g.Every, err = parseSpan(w.text()); err != nil {
		return Group{}, p.fail(start, "%s", err)
	} else if g.Every <= 0 || g.Every > 3660*24*time.Hour {
		return Group{}, p.fail(start, "a bucket has a width from 1ms to 3660d")
	}
	return g, p.closing(open)
}

// callName reads the arguments of a call that names a column, and returns the
// canonical text of the call.
func (p *parser) callName(name string, at int) (string, error) {
	if p.columns == nil {
		return "", p.fail(at, "a function can be used in stats only")
	}
	saved := p.columns
	p.columns = nil // the arguments were fields of the rows before stats
	defer func() { p.columns = saved }()
	if strings.EqualFold(name, "bucket") {
		g, err := p.bucket()
		return g.call(), err
	}
	a, err := p.call(name, at)
	return a.call(), err
}
