package query

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// value reads one value that a field is matched with.
func (p *parser) value(field event.Key) (Expr, error) {
	start := p.pos
	if p.peek() == '"' {
		w, err := p.quoted()
		if err != nil {
			return nil, err
		}
		return &Match{field, &Equal{newLiteral(w.text(), true, field)}}, p.separated()
	}
	if p.peek() == '/' {
		if pattern, ok := p.regex(); ok {
			if p.regexes++; p.regexes > maxRegexes {
				return nil, p.fail(start, "a query has at most %d regular expressions", maxRegexes)
			}
			re, err := newRegex(pattern)
			if err != nil {
				return nil, p.fail(start, "%s", err)
			}
			return &Match{field, re}, nil
		}
	}
	w, err := p.word(valueStops)
	if err != nil {
		return nil, err
	}
	if err := p.checkValue(&w, field); err != nil {
		return nil, err
	}
	op, err := p.valueOp(&w, field)
	if err != nil {
		return nil, err
	}
	return &Match{field, op}, p.separated()
}

func (p *parser) valueOp(w *word, field event.Key) (Op, error) {
	switch {
	case w.onlyStars():
		return Exists{}, nil
	case w.hasStar():
		return p.glob(w, w.parts)
	case w.escaped:
		return &Equal{newLiteral(w.text(), true, field)}, nil
	}
	cidr, err := p.cidr(w)
	if cidr != nil || err != nil {
		return cidr, err
	}
	return &Equal{newLiteral(w.text(), false, field)}, nil
}

// checkValue finds what was probably meant otherwise.
func (p *parser) checkValue(w *word, field event.Key) error {
	raw := p.text[w.start:p.pos]
	switch {
	case raw == "":
		return p.fail(w.start, "a value is missing behind %s", clip(field.String()))
	case w.is("not"):
		return p.fail(w.start, "write not before the field: not %s: value", clip(field.String()))
	case w.keyword():
		return p.fail(w.start, "a value is missing before %s; quote it to search for the word", raw)
	case raw[0] == ':':
		return p.fail(w.start, "a value that begins with a colon needs quotes")
	case strings.HasPrefix(raw, "//"):
		return p.fail(w.start, "quote text that holds a colon, such as an address")
	case strings.ContainsRune(`<>=`, rune(raw[0])):
		if rest := strings.TrimLeft(raw, "<>="); rest == "" || isNumeric(rest) {
			return p.fail(w.start, "write %s %s value without a colon, or quote the text",
				clip(field.String()), clip(raw[:len(raw)-len(rest)]))
		}
	case (raw[0] == '[' || raw[0] == '{') && strings.HasPrefix(strings.ToUpper(strings.TrimLeft(p.text[p.pos:], " ")), "TO "):
		return p.fail(w.start, "write a range as %[1]s >= a and %[1]s < b", clip(field.String()))
	}
	return nil
}

// separated checks that a value ends where it seems to.
func (p *parser) separated() error {
	if p.end() || strings.IndexByte(")|", p.peek()) >= 0 {
		return nil
	}
	start := p.pos
	if p.space() {
		p.pos = start
		return nil
	}
	switch p.peek() {
	case '(':
		return p.fail(p.pos, `a value that holds a parenthesis needs quotes`)
	case '"':
		return p.fail(p.pos, `a quote inside of a value is written \"`)
	}
	return p.fail(p.pos, "a space is missing behind the quoted text; wildcards work outside of quotes only")
}

func (p *parser) glob(w *word, parts []string) (*Glob, error) {
	last := len(parts) - 1
	kept := []string{parts[0]}
	for _, part := range parts[1:last] {
		if part != "" {
			kept = append(kept, part)
		}
	}
	if len(kept) > maxStars {
		return nil, p.fail(w.start, "a pattern has at most %d stars", maxStars)
	}
	return newGlob(append(kept, parts[last])), nil
}

// cidr reads a network; it returns nil for other text.
func (p *parser) cidr(w *word) (Op, error) {
	text := w.text()
	addr, bits, ok := strings.Cut(text, "/")
	if !ok || digits(bits) != len(bits) || bits == "" {
		return nil, nil
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, p.fail(w.start, "%s has no network of %s bits; quote it to search for the text", clip(addr), clip(bits))
	}
	if a.Is4In6() {
		if prefix.Bits() < 96 {
			return nil, p.fail(w.start, "an IPv4-mapped network has at least 96 bits")
		}
		prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96)
	}
	return &CIDR{Prefix: prefix.Masked(), Text: text, folded: Fold(text)}, nil
}

// comparison reads the rest of `f >= value`, whose first byte was read.
func (p *parser) comparison(field event.Key, first byte) (Expr, error) {
	c := Less
	if first == '>' {
		c = Greater
	}
	if p.accept('=') {
		c++
	}
	p.space()
	start := p.pos
	var w word
	var err error
	if p.peek() == '"' {
		w, err = p.quoted()
	} else {
		w, err = p.word(valueStops)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case p.pos == start:
		return nil, p.fail(start, "a value is missing behind %s", c)
	case w.hasStar():
		return nil, p.fail(start, "%s takes no pattern", c)
	case w.keyword():
		return nil, p.fail(start, "a value is missing behind %s; quote the word to compare with it", c)
	}
	l := newBound(w.text(), w.escaped, field, p.now)
	if err := p.checkBound(&l, field, start); err != nil {
		return nil, err
	}
	return &Match{field, &Range{c, l}}, p.separated()
}

// checkBound refuses a bound that no value of the field can be compared with.
func (p *parser) checkBound(l *Literal, field event.Key, at int) error {
	if _, _, err := relativeTime(l.Text, p.now); err != nil && !l.Quoted {
		return p.fail(at, "%s", err)
	}
	if p.columns != nil {
		return nil
	}
	switch t := field.Type(); {
	case t == event.TypeDate && !l.isTime:
		return p.fail(at, "%s is compared with a time: RFC 3339, a date, now or now-1h", field)
	case (t == event.TypeLong || t == event.TypeFloat) && !l.isNumber:
		return p.fail(at, "%s is compared with a number", field)
	case t == event.TypeIP && !l.addr.IsValid():
		return p.fail(at, "%s is compared with an address", field)
	}
	return nil
}

// freeText makes a leaf of text without a field.
func (p *parser) freeText(w *word) (Expr, error) {
	if w.text() == "" && !w.hasStar() {
		if p.pos > w.start {
			return nil, p.fail(w.start, "an empty text is in everything: write * for all")
		}
		return nil, p.unexpected()
	}
	if w.onlyStars() {
		return All, p.separated()
	}
	if p.columns != nil {
		return nil, p.fail(w.start, "name a column here: text alone is searched before stats and keep only")
	}
	if i := strings.IndexRune(w.text(), '：'); i > 0 && isName(w.text()[:i]) && !w.escaped {
		return nil, p.fail(w.start+i, "this is a full-width colon: write : or quote the text")
	}
	if w.is("&&") {
		return nil, p.fail(w.start, "write and for &&")
	}
	if !w.hasStar() {
		return &Match{Op: newContains(w.text())}, p.separated()
	}
	parts := slices.DeleteFunc(slices.Clone(w.parts), func(s string) bool { return s == "" })
	if len(parts) == 1 {
		return &Match{Op: newContains(parts[0])}, p.separated()
	}
	g, err := p.glob(w, slices.Concat([]string{""}, parts, []string{""}))
	if err != nil {
		return nil, err
	}
	return &Match{Op: g}, p.separated()
}

func newContains(text string) *Contains { return &Contains{Text: text, needle: newNeedle(text)} }
