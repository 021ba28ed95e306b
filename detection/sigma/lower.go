package sigma

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

const (
	maxExpansion = 1024    // forms that one value stands for, by windash and base64offset
	maxValue     = 1 << 16 // bytes of one value
	maxWildcards = 64      // wildcards of one value
)

// role is the modifier that decides what the values of an item are. Zero is text
// and numbers.
func (it *Item) role() (Modifier, error) {
	var role Modifier
	for _, m := range it.Modifiers {
		switch m {
		case ModRe, ModCIDR, ModExists, ModFieldRef, ModLT, ModLTE, ModGT, ModGTE,
			ModMinute, ModHour, ModDay, ModWeek, ModMonth, ModYear:
			compares := m >= ModLT && m <= ModGTE
			switch {
			case role == 0:
				role = m
			case role >= ModMinute && compares: // hour|gte
			default:
				return 0, fmt.Errorf("modifiers %v and %v exclude each other", role, m)
			}
		}
	}
	return role, nil
}

// allowed lists which other modifiers each role takes besides all, neq and expand.
var allowed = map[Modifier][]Modifier{
	0: {
		ModContains, ModStartsWith, ModEndsWith, ModCased, ModWindash, ModWide, ModUTF16BE,
		ModUTF16, ModBase64, ModBase64Offset,
	},
	ModRe:       {ModReI, ModReM, ModReS, ModContains, ModStartsWith, ModEndsWith, ModCased},
	ModFieldRef: {ModContains, ModStartsWith, ModEndsWith, ModCased},
	ModMinute:   {ModLT, ModLTE, ModGT, ModGTE},
}

// lower resolves the modifiers of an item. With unresolved placeholders it fails
// unless pending is set: then a pipeline may still put values in their place.
func (it *Item) lower(pending bool, spend *budget) (*test, error) {
	role, err := it.role()
	if err != nil {
		return nil, err
	}
	group := role
	if role >= ModMinute {
		group = ModMinute
	}
	t := &test{item: it, all: it.Has(ModAll), neg: it.Has(ModNEQ)}
	for _, m := range it.Modifiers {
		switch m {
		case role, ModAll, ModNEQ, ModExpand:
			continue
		}
		if !slices.Contains(allowed[group], m) {
			if role == 0 {
				return nil, fmt.Errorf("modifier %v needs another one before it", m)
			}
			return nil, fmt.Errorf("modifier %v does not go with %v", m, role)
		}
	}
	for i, v := range it.Values {
		if len(v.Text) > maxValue {
			return nil, &valueError{v.Pos, fmt.Errorf("value is longer than %d bytes", maxValue)}
		}
		var ps []predicate
		if it.Has(ModExpand) {
			if name, ok := placeholder(v.Text); ok {
				if !pending {
					return nil, &valueError{v.Pos, fmt.Errorf("placeholder %%%s%% has no values; a pipeline must give them", name)}
				}
				continue
			}
		}
		ps, err := it.lowerValue(role, v, spend)
		if err != nil {
			return nil, &valueError{v.Pos, err}
		}
		for j := range ps {
			ps[j].field, ps[j].value = it.Field, i
		}
		t.values = append(t.values, ps)
	}
	return t, nil
}

// valueError is an error at a value and not at the field.
type valueError struct {
	pos Pos
	error
}

var placeholderForm = regexp.MustCompile(`%([^%\\]+)%`)

// placeholder returns the name of the first placeholder in a value of an expand item.
func placeholder(s string) (string, bool) {
	if m := placeholderForm.FindStringSubmatch(s); m != nil {
		return m[1], true
	}
	return "", false
}

// checkItem reports what [Compile] would reject, but for placeholders.
func (r *reader) checkItem(it *Item) *Error {
	_, err := it.resolved(r.path, true, &r.values)
	return err
}

// resolved is lower with an error that says where an item cannot be honoured.
func (it *Item) resolved(path string, pending bool, spend *budget) (*test, *Error) {
	t, err := it.lower(pending, spend)
	if err == nil {
		return t, nil
	}
	pos := it.Pos
	if v := new(valueError); errors.As(err, &v) {
		pos, err = v.pos, v.error
	}
	return nil, &Error{Path: path, Pos: pos, Reason: err.Error()}
}

func (it *Item) lowerValue(role Modifier, v Value, spend *budget) ([]predicate, error) {
	one := func(p predicate) ([]predicate, error) { return []predicate{p}, nil }
	keyword := it.Field == ""
	if v.Kind == ValueNull && (keyword || role != 0 || it.changesText()) {
		return nil, fmt.Errorf("null goes only with a field without modifiers")
	}
	if keyword && (role == ModExists || role == ModFieldRef || role >= ModLT) {
		return nil, fmt.Errorf("modifier %v needs a field", role)
	}
	switch role {
	case 0:
		return it.lowerPlain(v, spend)
	case ModRe:
		re, err := it.regex(v.Text, spend)
		return []predicate{{kind: predRegex, re: re}}, err
	case ModCIDR:
		prefix, err := parsePrefix(v.Text)
		return []predicate{{kind: predCIDR, prefix: prefix}}, err
	case ModExists:
		switch strings.ToLower(v.Text) {
		case "true", "yes":
			return one(predicate{kind: predExists, want: true})
		case "false", "no":
			return one(predicate{kind: predExists})
		}
		return nil, fmt.Errorf("exists takes true or false, not %q", v.Text)
	case ModFieldRef:
		name, ok := parsePattern(v.Text).plain()
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is no name of a field", v.Text)
		}
		return one(predicate{kind: predFieldRef, ref: name, how: it.how(), cased: it.Has(ModCased)})
	}
	n, ok := parseNumber(v.Text)
	if !ok || v.Kind == ValueBool {
		return nil, fmt.Errorf("modifier %v takes a number, not %q", role, v.Text)
	}
	p := predicate{kind: predCompare, num: n, op: it.compareOp()}
	if role >= ModMinute {
		p.kind, p.unit = predTime, role
	}
	return one(p)
}

func (it *Item) compareOp() CompareOp {
	for _, m := range it.Modifiers {
		switch m {
		case ModLT:
			return CompareLT
		case ModLTE:
			return CompareLTE
		case ModGT:
			return CompareGT
		case ModGTE:
			return CompareGTE
		}
	}
	return CompareEQ
}

// how returns which part of the field a fieldref compares.
func (it *Item) how() shape {
	start, end := it.Has(ModStartsWith), it.Has(ModEndsWith)
	switch {
	case it.Has(ModContains), start && end:
		return shapeContains
	case start:
		return shapePrefix
	case end:
		return shapeSuffix
	}
	return shapeExact
}

// changesText tells whether the item has a modifier that makes its values text.
func (it *Item) changesText() bool {
	for _, m := range it.Modifiers {
		if m != ModAll && m != ModNEQ && m != ModExpand && m != ModCased {
			return true
		}
	}
	return false
}

func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is no network", s)
		}
		return netip.PrefixFrom(a.WithZone(""), a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network", s)
	}
	return p.Masked(), nil
}
