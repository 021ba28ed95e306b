package sigma

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Reference evaluates a rule straight from its syntax tree. It is slow and plain:
// the meaning that [Engine] is proven against, and the source of explanations. It
// may be used by several goroutines.
type Reference struct {
	Rule  *Rule
	tests map[*Item]*test
}

// NewReference prepares a rule. The error is an [Error].
func NewReference(r *Rule) (*Reference, error) {
	ref := &Reference{Rule: r, tests: map[*Item]*test{}}
	var spend budget
	for _, d := range r.Detections {
		if err := ref.lower(d.Node, &spend); err != nil {
			return nil, err
		}
	}
	return ref, nil
}

func (ref *Reference) lower(n *Node, spend *budget) error {
	if n.Op == OpItem && ref.tests[n.Item] == nil { // those of filters may be there several times
		t, err := n.Item.resolved(ref.Rule.Path, false, spend)
		if err != nil {
			err.Rule = ref.Rule.Key()
			return err
		}
		ref.tests[n.Item] = t
	}
	for _, c := range n.Nodes {
		if err := ref.lower(c, spend); err != nil {
			return err
		}
	}
	return nil
}

// Matches tells whether the rule matches an event.
func (ref *Reference) Matches(e *event.Event) bool {
	for _, c := range ref.Rule.Conditions {
		if ref.expr(c.Expr, e) {
			return true
		}
	}
	return false
}

func (ref *Reference) expr(x *Expr, e *event.Event) bool {
	switch x.Op {
	case ExprAnd:
		for _, a := range x.Args {
			if !ref.expr(a, e) {
				return false
			}
		}
		return true
	case ExprOr:
		for _, a := range x.Args {
			if ref.expr(a, e) {
				return true
			}
		}
		return false
	case ExprNot:
		return !ref.expr(x.Args[0], e)
	case ExprOf:
		list, held := Covered(ref.Rule.Detections, x.Name), 0
		for _, d := range list {
			if ref.node(d.Node, e) {
				held++
			}
		}
		return held == len(list) || x.Count > 0 && held >= x.Count
	}
	return ref.node(findDetection(ref.Rule.Detections, x.Name).Node, e)
}

func (ref *Reference) node(n *Node, e *event.Event) bool {
	switch n.Op {
	case OpAnd:
		for _, c := range n.Nodes {
			if !ref.node(c, e) {
				return false
			}
		}
		return true
	case OpOr:
		for _, c := range n.Nodes {
			if ref.node(c, e) {
				return true
			}
		}
		return false
	}
	return ref.tests[n.Item].holds(e)
}

func (t *test) holds(e *event.Event) bool {
	held := 0
	for _, alternatives := range t.values {
		for i := range alternatives {
			if alternatives[i].holds(e) {
				held++
				break
			}
		}
	}
	if t.all {
		return (held == len(t.values)) != t.neg
	}
	return (held > 0) != t.neg
}

// holds tells whether the predicate holds in an event.
func (p *predicate) holds(e *event.Event) bool {
	values, present := valuesOf(e, p.field)
	switch p.kind {
	case predExists:
		return present == p.want
	case predNull:
		for _, v := range values {
			if v.Kind() == event.KindNone {
				return true
			}
		}
		return !present
	case predFieldRef:
		others, _ := valuesOf(e, p.ref)
		spent := 0
		for _, v := range values {
			if p.refHoldsAny(v, others, &spent) {
				return true
			}
		}
		return false
	}
	for _, v := range values {
		if v.Kind() != event.KindNone && p.holdsFor(v) {
			return true
		}
	}
	return false
}

// valuesOf returns the values of a field, for "" those of all fields and of
// event.original; and whether the field is there, as a value, a null or an object.
func valuesOf(e *event.Event, field string) (values []event.Value, present bool) {
	if field == "" {
		for _, f := range e.Fields() {
			values = append(values, f.Value)
		}
		if len(e.Raw) > 0 {
			values = append(values, event.String(event.View(e.Raw)))
		}
		return values, true
	}
	if k := event.Intern(field); event.IsMember(k) {
		if v := memberValue(e, k); v.Kind() != event.KindNone {
			return []event.Value{v}, true
		}
		return nil, false
	}
	for _, f := range e.Fields() {
		name := f.Key.String()
		if name == field {
			values = append(values, f.Value)
			present = true
		} else if strings.HasPrefix(name, field) && name[len(field)] == '.' {
			present = true
		}
	}
	return values, present
}

// memberValue returns what a member of the event holds; a time of zero is none.
func memberValue(e *event.Event, k event.Key) event.Value {
	if k.Is(event.Timestamp) && e.Time == 0 {
		return event.Value{}
	}
	return e.Get(k)
}

// holdsFor tests one value that is not null.
func (p *predicate) holdsFor(v event.Value) bool {
	switch p.kind {
	case predString:
		if p.raw {
			return bytesHold(v.String(), p.pattern, p.cased)
		}
		return globHolds(v.String(), p.pattern, p.cased, runesOf)
	case predNumber:
		n, ok := numberOf(v)
		return ok && n == p.num
	case predBool:
		if v.Kind() == event.KindBool {
			return v.Bool() == p.want
		}
		return v.Kind() == event.KindString && strings.EqualFold(v.Text(), strconv.FormatBool(p.want))
	case predRegex:
		return p.re.MatchString(v.String())
	case predCIDR:
		a, ok := addrOf(v)
		return ok && p.prefix.Contains(a)
	case predCompare:
		n, ok := numberOf(v)
		return ok && p.op.holdsOrder(n.compare(p.num))
	case predTime:
		n, ok := timePart(v, p.unit)
		return ok && p.op.holdsOrder(intNumber(n).compare(p.num))
	}
	return false
}

// holdsOrder tells whether a comparison holds for an order of -1, 0 or 1.
func (c CompareOp) holdsOrder(order int) bool { return c.Holds(float64(order), 0) }

// numberOf reads a number from a number or from text that is one.
func numberOf(v event.Value) (number, bool) {
	switch v.Kind() {
	case event.KindInt:
		return intNumber(v.Int()), true
	case event.KindFloat:
		f := v.Float()
		return floatNumber(f), f-f == 0
	case event.KindString:
		return parseNumber(v.Text())
	}
	return number{}, false
}

func addrOf(v event.Value) (netip.Addr, bool) {
	switch v.Kind() {
	case event.KindIP:
		return v.Addr(), true
	case event.KindString:
		if s := v.Text(); len(s) >= 2 && len(s) <= 64 && s[0] <= 'f' {
			a, err := netip.ParseAddr(s)
			return a, err == nil
		}
	}
	return netip.Addr{}, false
}

// timePart returns a part of a time in UTC: times, RFC 3339 text also with a space
// for the T and without a zone, and Unix times.
func timePart(v event.Value, unit Modifier) (int64, bool) {
	ns, ok := timeOf(v)
	if !ok {
		return 0, false
	}
	t := time.Unix(0, ns).UTC()
	switch unit {
	case ModMinute:
		return int64(t.Minute()), true
	case ModHour:
		return int64(t.Hour()), true
	case ModDay:
		return int64(t.Day()), true
	case ModWeek:
		_, week := t.ISOWeek()
		return int64(week), true
	case ModMonth:
		return int64(t.Month()), true
	}
	return int64(t.Year()), true
}

func timeOf(v event.Value) (int64, bool) {
	switch v.Kind() {
	case event.KindTime:
		return v.Int(), true
	case event.KindInt, event.KindFloat:
		return event.ParseEpoch(v.String())
	case event.KindString:
		s := v.Text()
		if len(s) < 10 || len(s) > 64 || s[0]-'0' > 9 {
			return 0, false
		}
		if ns, ok := event.ParseTime(s); ok {
			return ns, ok
		}
		if ns, ok := event.ParseTime(s + "Z"); ok {
			return ns, ok
		}
		if len(s) == 10 {
			return event.ParseTime(s + "T00:00:00Z")
		}
	}
	return 0, false
}

// refHoldsAny compares a value with those of the other field, up to maxPairs.
func (p *predicate) refHoldsAny(v event.Value, others []event.Value, spent *int) bool {
	for _, o := range others {
		if v.Kind() == event.KindNone || o.Kind() == event.KindNone {
			continue
		}
		if *spent >= maxPairs {
			return false
		}
		if *spent += pairCost(v, o); p.refHolds(v, o) {
			return true
		}
	}
	return false
}

// refHolds compares the values of two fields.
func (p *predicate) refHolds(v, o event.Value) bool {
	if v.Kind() == event.KindNone || o.Kind() == event.KindNone {
		return false
	}
	if p.how == shapeExact && v.Kind() != event.KindString && o.Kind() != event.KindString {
		a, ok1 := numberOf(v)
		b, ok2 := numberOf(o)
		return ok1 && ok2 && a == b || !ok1 && !ok2 && v.Equal(o)
	}
	text := o.String()
	pat := textPattern(text)
	if p.how == shapePrefix || p.how == shapeContains {
		pat = append(pat, part{kind: partMany})
	}
	if p.how == shapeSuffix || p.how == shapeContains {
		pat = pat.afterMany()
	}
	return bytesHold(v.String(), pat, p.cased)
}

// bytesHold matches the bytes of text, folded unless it is cased: what it is
// compared with may end within a character.
func bytesHold(text string, p pattern, cased bool) bool {
	if !cased {
		text, p = foldString(text), p.mapText(foldString)
	}
	return globHolds(text, p, true, bytesOf)
}

// bytesOf returns every byte as a character of its own.
func bytesOf(s string) []rune {
	var out []rune
	for i := range len(s) {
		out = append(out, -1-rune(s[i]))
	}
	return out
}

// runesOf returns the characters of a string; a byte that is no UTF-8 is a
// character of its own, below zero.
func runesOf(s string) []rune {
	var out []rune
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			r = -1 - rune(s[i])
		}
		out = append(out, r)
		i += n
	}
	return out
}

// globHolds matches text against a pattern by the table of which prefix of the
// pattern reaches which prefix of the text, in characters as chars cuts them.
func globHolds(s string, p pattern, cased bool, chars func(string) []rune) bool {
	const many, one = utf8.MaxRune + 1, utf8.MaxRune + 2
	var pat []rune
	for _, x := range p {
		switch x.kind {
		case partMany:
			pat = append(pat, many)
		case partOne:
			pat = append(pat, one)
		default:
			pat = append(pat, chars(x.text)...)
		}
	}
	text := chars(s)
	reach := make([]bool, len(text)+1)
	reach[0] = true
	for _, c := range pat {
		if c == many {
			for i := 1; i <= len(text); i++ {
				reach[i] = reach[i] || reach[i-1]
			}
			continue
		}
		for i := len(text); i > 0; i-- {
			reach[i] = reach[i-1] && (c == one || sameRune(c, text[i-1], cased))
		}
		reach[0] = false
	}
	return reach[len(text)]
}

func sameRune(a, b rune, cased bool) bool {
	if a == b || cased || a < 0 || b < 0 {
		return a == b
	}
	for o := unicode.SimpleFold(a); o != a; o = unicode.SimpleFold(o) {
		if o == b {
			return true
		}
	}
	return false
}
