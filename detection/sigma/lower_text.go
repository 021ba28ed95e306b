package sigma

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// lowerPlain resolves a value without a modifier that gives it another role.
func (it *Item) lowerPlain(v Value, spend *budget) ([]predicate, error) {
	if it.Field != "" && !it.changesText() {
		switch v.Kind {
		case ValueNull:
			return []predicate{{kind: predNull}}, nil
		case ValueBool:
			return []predicate{{kind: predBool, want: v.Text == "true"}}, nil
		case ValueNumber:
			if n, ok := parseNumber(v.Text); ok {
				return []predicate{{kind: predNumber, num: n}}, nil
			}
		}
	}
	forms := []pattern{parsePattern(v.Text)}
	if err := spend.spend(forms[0].cost()); err != nil {
		return nil, err
	}
	placed := false
	for _, m := range it.Modifiers {
		var next []pattern
		for _, p := range forms {
			more, err := it.apply(m, p, spend)
			if err != nil {
				return nil, err
			}
			if next = append(next, more...); len(next) > maxExpansion {
				return nil, fmt.Errorf("modifier %v makes more than %d forms of a value", m, maxExpansion)
			}
		}
		forms = next
		placed = placed || m == ModContains || m == ModStartsWith || m == ModEndsWith
	}
	raw := it.Has(ModWide) || it.Has(ModUTF16) || it.Has(ModUTF16BE) || !utf8.ValidString(v.Text)
	var ps []predicate
	for _, p := range forms {
		if it.Field == "" && !placed {
			p = p.afterMany().withMany()
		}
		wild := 0
		for _, x := range p {
			if x.kind != partText {
				wild++
			}
		}
		if wild > maxWildcards {
			return nil, fmt.Errorf("value has more than %d wildcards", maxWildcards)
		}
		ps = append(ps, predicate{kind: predString, pattern: p, raw: raw, cased: it.Has(ModCased)})
	}
	return ps, nil
}

// apply applies one modifier to one form of a value.
func (it *Item) apply(m Modifier, p pattern, spend *budget) ([]pattern, error) {
	one := func(p pattern) ([]pattern, error) { return []pattern{p}, nil }
	grown := func(p pattern) ([]pattern, error) { return []pattern{p}, spend.spend(p.cost()) }
	switch m {
	case ModContains:
		return one(p.afterMany().withMany())
	case ModStartsWith:
		return one(p.withMany())
	case ModEndsWith:
		return one(p.afterMany())
	case ModWindash:
		return windash(p, spend)
	case ModWide:
		return grown(p.mapText(func(s string) string { return encodeUTF16(s, false) }))
	case ModUTF16BE:
		return grown(p.mapText(func(s string) string { return encodeUTF16(s, true) }))
	case ModUTF16:
		p = p.mapText(func(s string) string { return encodeUTF16(s, false) })
		return grown(append(pattern{{partText, byteOrderMark}}, p...).joined())
	case ModBase64, ModBase64Offset:
		s, ok := p.plain()
		if !ok {
			return nil, fmt.Errorf("modifier %v takes no wildcards", m)
		}
		if rest, ok := strings.CutPrefix(s, byteOrderMark); ok && it.Has(ModUTF16) {
			s = "\xff\xfe" + rest
		}
		if m == ModBase64 {
			return grown(textPattern(base64.StdEncoding.EncodeToString([]byte(s))))
		}
		if s == "" {
			return nil, fmt.Errorf("modifier base64offset takes no empty value")
		}
		return base64Offsets(s), spend.spend(5 * p.cost())
	}
	return one(p)
}

// byteOrderMark is how the mark appears in text; before base64 it becomes FF FE.
const byteOrderMark = "\ufeff"

func textPattern(s string) pattern {
	if s == "" {
		return nil
	}
	return pattern{{partText, s}}
}

// joined puts neighbouring texts together.
func (p pattern) joined() pattern {
	var out pattern
	for _, x := range p {
		if n := len(out); n > 0 && x.kind == partText && out[n-1].kind == partText {
			out[n-1].text += x.text
			continue
		}
		out = append(out, x)
	}
	return out
}

func encodeUTF16(s string, big bool) string {
	b := make([]byte, 0, 2*len(s))
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// base64Offsets returns what stays the same of a text's base64 form at each of the
// three places where it may lie in what was encoded.
func base64Offsets(s string) []pattern {
	var out []pattern
	for shift := range 3 {
		enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", shift) + s))
		from := [...]int{0, 2, 3}[shift]
		to := len(enc) - [...]int{0, 3, 2}[(len(s)+shift)%3]
		if from < to {
			out = append(out, textPattern(enc[from:to]))
		}
	}
	return out
}

// dashes are the characters that windash exchanges.
const dashes = "-/–—―"

// windash returns a pattern with every dash that can begin a flag exchanged in all
// combinations: one after the start or no word character, and before a word character.
func windash(p pattern, spend *budget) ([]pattern, error) {
	pieces := splitDashes(p)
	count := 1
	for range pieces[1:] {
		if count *= utf8.RuneCountInString(dashes); count > maxExpansion {
			return nil, fmt.Errorf("modifier %v makes more than %d forms of a value", ModWindash, maxExpansion)
		}
	}
	if err := spend.spend(count * p.cost()); err != nil {
		return nil, err
	}
	forms := []pattern{pieces[0]}
	for _, piece := range pieces[1:] {
		var next []pattern
		for _, form := range forms {
			for _, d := range dashes {
				next = append(next, slices.Concat(form, pattern{{partText, string(d)}}, piece))
			}
		}
		forms = next
	}
	for i := range forms {
		forms[i] = forms[i].joined()
	}
	return forms, nil
}

// splitDashes cuts a pattern at the dashes that windash exchanges.
func splitDashes(p pattern) []pattern {
	var pieces []pattern
	var piece pattern
	prev := rune(-1) // what stands before; -1 at the start
	for _, x := range p {
		if x.kind != partText {
			piece = append(piece, x)
			prev = -1
			continue
		}
		start := 0
		for i, c := range x.text {
			n := utf8.RuneLen(c)
			if c == utf8.RuneError {
				_, n = utf8.DecodeRuneInString(x.text[i:])
			}
			next, _ := utf8.DecodeRuneInString(x.text[i+n:])
			if strings.ContainsRune(dashes, c) && !isWord(prev) && isWord(next) {
				pieces = append(pieces, append(piece, textPattern(x.text[start:i])...))
				piece = nil
				start = i + n
			}
			prev = c
		}
		piece = append(piece, textPattern(x.text[start:])...)
	}
	return append(pieces, piece)
}

func isWord(c rune) bool {
	return c == '_' || c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c))
}
