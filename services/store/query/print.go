package query

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// String returns query text that parses to the same query.
func (q *Query) String() string {
	var b strings.Builder
	b.WriteString(q.Filter.String())
	for _, p := range q.Pipes {
		b.WriteString(" | ")
		b.WriteString(p.String())
	}
	return b.String()
}

func (e *And) String() string { return join(e.Exprs, " and ") }
func (e *Or) String() string  { return join(e.Exprs, " or ") }
func (e *Not) String() string { return "not " + operand(e.Expr) }

func (c Const) String() string {
	if c {
		return "*"
	}
	return "not *"
}

func join(exprs []Expr, by string) string {
	texts := make([]string, len(exprs))
	for i, e := range exprs {
		texts[i] = operand(e)
	}
	return strings.Join(texts, by)
}

// operand is the text of an expression inside of another.
func operand(e Expr) string {
	switch e.(type) {
	case *And, *Or:
		return "(" + e.String() + ")"
	}
	return e.String()
}

// String returns query text that parses to the same leaf.
func (m *Match) String() string {
	if m.FreeText() {
		return m.Op.String()
	}
	if r, ok := m.Op.(*Range); ok {
		return quoteName(m.Field) + " " + r.String()
	}
	return quoteName(m.Field) + ": " + m.Op.String()
}

func (o *Equal) String() string { return o.Literal.String() }
func (o *CIDR) String() string  { return o.Text }
func (o *Range) String() string { return o.Comparison.String() + " " + o.Literal.String() }
func (Exists) String() string   { return "*" }
func (o *Regex) String() string { return "/" + o.Pattern + "/" }

func (o *Contains) String() string { return Quote(o.Text) }

func (o *Glob) String() string {
	texts := make([]string, len(o.Parts))
	for i, p := range o.Parts {
		texts[i] = escape(p)
	}
	return strings.Join(texts, "*")
}

// String returns the literal as it is written in a query.
func (l *Literal) String() string {
	if l.Quoted || strings.HasPrefix(l.Text, "/") { // a slash might begin a regular expression
		return Quote(l.Text)
	}
	return l.Text
}

// Quote returns text as a quoted value or phrase.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// escape writes a literal part of a pattern.
func escape(s string) string {
	var b strings.Builder
	for i, r := range s {
		if isSpace(r) || r < utf8.RuneSelf && strings.IndexByte(`\()"|*<>=:[{&!`, byte(r)) >= 0 || r == '/' && i == 0 {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func quoteName(k event.Key) string {
	s := k.String()
	if !isName(s) || (&word{parts: []string{s}}).keyword() || s == "by" || s == "asc" || s == "desc" {
		return Quote(s)
	}
	return s
}

func names(keys []event.Key) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = quoteName(k)
	}
	return strings.Join(texts, ", ")
}

func (s *Stats) String() string {
	texts := make([]string, len(s.Aggs))
	for i, a := range s.Aggs {
		texts[i] = alias(a.Name, a.call())
	}
	out := "stats " + strings.Join(texts, ", ")
	if len(s.By) == 0 {
		return out
	}
	texts = make([]string, len(s.By))
	for i, g := range s.By {
		texts[i] = alias(g.Name, g.call())
	}
	return out + " by " + strings.Join(texts, ", ")
}

// alias writes a column whose name is not that of its call.
func alias(name, call string) string {
	if name == call {
		return call
	}
	if k := quoteName(event.Intern(name)); k != call {
		return k + " = " + call
	}
	return call
}

// call returns the canonical text of the function and its arguments.
func (a *Agg) call() string {
	switch {
	case a.Field == event.Key{}:
		return a.Func.String() + "()"
	case a.Func == Percentile:
		return a.Func.String() + "(" + quoteName(a.Field) + ", " + strconv.FormatFloat(a.P, 'f', -1, 64) + ")"
	}
	return a.Func.String() + "(" + quoteName(a.Field) + ")"
}

func (g *Group) call() string {
	switch {
	case g.Every > 0:
		return "bucket(" + quoteName(g.Field) + ", " + span(g.Every) + ")"
	case g.Step > 0:
		return "bucket(" + quoteName(g.Field) + ", " + strconv.FormatFloat(g.Step, 'f', -1, 64) + ")"
	}
	return quoteName(g.Field)
}

// span writes a duration as parseSpan reads it.
func span(d time.Duration) string {
	for _, u := range []string{"w", "d", "h", "m", "s"} {
		if unit := spanUnits[u]; d%unit == 0 {
			return strconv.FormatInt(int64(d/unit), 10) + u
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

var funcNames = [...]string{"count", "sum", "avg", "min", "max", "percentile", "count_distinct"}

// String returns the name of the function.
func (f Func) String() string { return funcNames[f] }

func (w *Where) String() string { return "where " + w.Expr.String() }
func (l *Limit) String() string { return "limit " + strconv.Itoa(l.N) }
func (k *Keep) String() string  { return "keep " + names(k.Fields) }
func (d *Dedup) String() string { return "dedup " + names(d.Fields) }

func (s *Sort) String() string {
	texts := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		texts[i] = quoteName(k.Field)
		if k.Desc {
			texts[i] += " desc"
		}
	}
	return "sort " + strings.Join(texts, ", ")
}

func (t *Top) String() string {
	out := "top "
	if t.Rare {
		out = "rare "
	}
	out += strconv.Itoa(t.N) + " " + quoteName(t.Field)
	if len(t.By) > 0 {
		out += " by " + names(t.By)
	}
	return out
}
