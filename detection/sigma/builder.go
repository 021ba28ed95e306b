package sigma

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// builder collects the atoms of a plan. An atom is the smallest thing a condition
// asks about: that one of some literals or numbers was found in a field, which the
// scan of the event decides, or a test that is made when a condition asks.
type builder struct {
	slots  map[string]int32 // by field name
	fields []string         // by slot; slot 0 is for keywords
	atoms  []atom
	index  map[string]int32 // atoms by key
}

// atom is one thing to ask about.
type atom struct {
	lits    []literal // found by the scan; none for other kinds
	present int32     // slot+1: that the field is there
	lazy    *lazy     // made when asked
}

// literal is one text or number in a field.
type literal struct {
	slot  int32
	shape shape // shapeExact, shapePrefix, shapeSuffix, shapeContains or shapeNumber
	text  string
	num   number
}

const shapeNumber = shapeGlob + 1

// lazy is a test that is made when a condition asks for it.
type lazy struct {
	pred    *predicate
	text    *textMatcher // predString
	slot    int32
	ref     int32     // slot of the other field of predFieldRef
	guards  []int32   // atoms without which it cannot hold
	witness *boolExpr // that which holds whenever the test does; nil if nothing is known
}

func newBuilder() *builder {
	return &builder{slots: map[string]int32{"": 0}, fields: []string{""}, index: map[string]int32{}}
}

func (b *builder) slot(field string) int32 {
	s, ok := b.slots[field]
	if !ok {
		s = int32(len(b.fields))
		b.slots[field] = s
		b.fields = append(b.fields, field)
	}
	return s
}

// atom returns the number of an atom, the same for the same key.
func (b *builder) atom(key string, a atom) int32 {
	n, ok := b.index[key]
	if !ok {
		n = int32(len(b.atoms))
		b.index[key] = n
		b.atoms = append(b.atoms, a)
	}
	return n
}

// literals returns the atom of any of some literals.
func (b *builder) literals(lits []literal) *boolExpr {
	slices.SortFunc(lits, compareLiterals)
	lits = slices.CompactFunc(lits, func(x, y literal) bool { return compareLiterals(x, y) == 0 })
	var key strings.Builder
	for _, l := range lits {
		key.WriteString(strconv.Itoa(int(l.slot)))
		key.WriteByte("=^$*?.#"[l.shape])
		if l.shape == shapeNumber {
			key.WriteString(l.num.String())
		} else {
			key.WriteString(strconv.Quote(l.text))
		}
	}
	return &boolExpr{atom: b.atom(key.String(), atom{lits: lits}), cost: 1}
}

func compareLiterals(x, y literal) int {
	switch {
	case x.slot != y.slot:
		return int(x.slot - y.slot)
	case x.shape != y.shape:
		return int(x.shape) - int(y.shape)
	case x.shape == shapeNumber:
		return strings.Compare(x.num.String(), y.num.String())
	}
	return strings.Compare(x.text, y.text)
}

// present returns the atom of a field being there.
func (b *builder) present(slot int32) *boolExpr {
	return &boolExpr{atom: b.atom(presentKey(slot), atom{present: slot + 1}), cost: 1}
}

// test turns an item into an expression.
func (b *builder) test(t *test) *boolExpr {
	var all []*boolExpr
	var lits []literal
	var rest []*boolExpr
	flush := func() {
		if len(lits) > 0 {
			rest = append([]*boolExpr{b.literals(lits)}, rest...)
		}
		if len(rest) > 0 {
			all = append(all, join(boolOr, rest))
		}
		lits, rest = nil, nil
	}
	for _, alternatives := range t.values {
		for i := range alternatives {
			p := &alternatives[i]
			if l, ok := b.literal(p); ok {
				lits = append(lits, l)
			} else {
				rest = append(rest, b.lazy(p))
			}
		}
		if t.all {
			flush()
		}
	}
	flush()
	x := join(boolAnd, all)
	if t.neg {
		return negate(x)
	}
	return x
}

// literal returns the literal that a predicate is, if the scan can decide it.
func (b *builder) literal(p *predicate) (literal, bool) {
	l := literal{slot: b.slot(p.field)}
	switch p.kind {
	case predNumber:
		l.shape, l.num = shapeNumber, p.num
		return l, true
	case predBool: // booleans have the text true and false
		l.text = strconv.FormatBool(p.want)
		return l, true
	case predString:
		if !p.cased {
			m := p.text
			l.shape, l.text = m.shape, m.text
			return l, m.shape <= shapeContains
		}
	}
	return l, false
}

// lazy returns the atom of a predicate that is tested when asked.
func (b *builder) lazy(p *predicate) *boolExpr {
	key := "!" + p.key()
	if n, ok := b.index[key]; ok {
		return &boolExpr{atom: n, cost: lazyCost(p)}
	}
	l := &lazy{pred: p, slot: b.slot(p.field)}
	var must [][]string
	switch p.kind {
	case predString:
		l.text = p.text
		must = globLiterals(p.pattern)
	case predRegex:
		must = slices.Clone(p.must)
	case predFieldRef:
		l.ref = b.slot(p.ref)
	}
	sort.SliceStable(must, func(i, j int) bool { return shortest(must[i]) > shortest(must[j]) })
	for _, set := range must[:min(len(must), maxGuards)] {
		var lits []literal
		for _, s := range set {
			lits = append(lits, literal{slot: l.slot, shape: shapeContains, text: s})
		}
		g := b.literals(lits)
		l.guards = append(l.guards, g.atom)
		if l.witness == nil {
			l.witness = g
		} else {
			l.witness = join(boolAnd, []*boolExpr{l.witness, g})
		}
	}
	holdsWithout := p.kind == predNull || p.kind == predExists && !p.want
	if l.slot != 0 {
		there := b.present(l.slot)
		if l.witness == nil && !holdsWithout {
			l.witness = there
		}
	}
	return &boolExpr{atom: b.atom(key, atom{lazy: l}), cost: lazyCost(p)}
}

// maxGuards bounds the literals that are looked for before a test is made.
const maxGuards = 4

func lazyCost(p *predicate) int {
	switch p.kind {
	case predNull, predExists:
		return 2
	case predRegex:
		return 200
	}
	return 20
}

// key identifies what a predicate tests.
func (p *predicate) key() string {
	parts := []string{strconv.Itoa(int(p.kind)), strconv.Quote(p.field)}
	switch p.kind {
	case predString:
		parts = append(parts, strconv.FormatBool(p.cased), strconv.FormatBool(p.raw), strconv.Quote(p.pattern.String()))
	case predExists:
		parts = append(parts, strconv.FormatBool(p.want))
	case predRegex:
		parts = append(parts, p.re.String())
	case predCIDR:
		parts = append(parts, p.prefix.String())
	case predCompare, predTime:
		parts = append(parts, p.op.String(), p.num.String(), strconv.Itoa(int(p.unit)))
	case predFieldRef:
		parts = append(parts, strconv.Quote(p.ref), strconv.Itoa(int(p.how)), strconv.FormatBool(p.cased))
	}
	return strings.Join(parts, " ")
}

func presentKey(slot int32) string { return "+" + strconv.Itoa(int(slot)) }
