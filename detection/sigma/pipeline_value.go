package sigma

import (
	"slices"
	"strings"
)

// stepValue is a value of an item as pipelines see it: modifiers that change the
// text are applied.
type stepValue struct {
	kind    stepKind
	pattern pattern    // stepString
	text    string     // all else, as in [Value]; of stepRegex the expression
	flags   []Modifier // stepRegex
	pos     Pos
}

type stepKind uint8

const (
	stepString stepKind = iota
	stepNumber
	stepBool
	stepNull
	stepRegex
	stepOther // networks, comparisons, several forms of one value and the like
)

// single reads one value of any type.
func (p *params) single(key string) (stepValue, *Error) {
	n := p.get(key)
	if n == nil {
		return stepValue{}, p.fail(p.pos, "%s is missing", key)
	}
	v, err := p.value(n)
	return v.step(), err
}

// step returns a value without modifiers.
func (v Value) step() stepValue {
	s := stepValue{text: v.Text, pos: v.Pos}
	switch v.Kind {
	case ValueString:
		s.pattern = parsePattern(v.Text)
	case ValueNumber:
		s.kind = stepNumber
	case ValueBool:
		s.kind = stepBool
	case ValueNull:
		s.kind = stepNull
	}
	return s
}

func stringValue(p pattern, at Pos) stepValue { return stepValue{pattern: p, pos: at} }

// equal tells whether two values are the same, type included.
func (v stepValue) equal(o stepValue) bool {
	if v.kind != o.kind {
		return false
	}
	if v.kind == stepString {
		return slices.Equal(v.pattern, o.pattern)
	}
	return v.kind != stepOther && v.text == o.text
}

// plain is the text of a string as pySigma gives it to expressions and mappings:
// backslashes stand only before literal wildcards.
func (v stepValue) plain() string {
	var b strings.Builder
	for _, x := range v.pattern {
		switch x.kind {
		case partMany:
			b.WriteByte('*')
		case partOne:
			b.WriteByte('?')
		default:
			for i := range len(x.text) {
				if x.text[i] == '*' || x.text[i] == '?' {
					b.WriteByte('\\')
				}
				b.WriteByte(x.text[i])
			}
		}
	}
	return b.String()
}

// view returns the values of an item.
func (it *Item) view() []stepValue {
	role, err := it.role()
	keyword := it.Field == "" && (it.Has(ModStartsWith) || it.Has(ModEndsWith))
	many := it.Has(ModWindash) || it.Has(ModBase64Offset) || keyword
	var list []stepValue
	var spend budget
	for _, v := range it.Values {
		s := v.step()
		switch {
		case role == ModRe && !it.Has(ModStartsWith) && !it.Has(ModEndsWith):
			s.kind, s.flags = stepRegex, it.regexFlags()
		case err != nil || role != 0 || many:
			s.kind = stepOther
		case it.changesText() && v.Kind != ValueNull:
			s.kind, s.pattern = stepString, parsePattern(v.Text)
			for _, m := range it.Modifiers {
				forms, err := it.apply(m, s.pattern, &spend)
				if err != nil || len(forms) != 1 {
					s.kind = stepOther
					break
				}
				s.pattern = forms[0]
			}
		}
		list = append(list, s)
	}
	return list
}

func (it *Item) regexFlags() []Modifier {
	var flags []Modifier
	for _, m := range it.Modifiers {
		if m == ModReI || m == ModReM || m == ModReS {
			flags = append(flags, m)
		}
	}
	return flags
}

// size returns the bytes of text in a pattern.
func (p pattern) size() (n int) {
	for _, x := range p {
		n += 1 + len(x.text)
	}
	return n
}

// withValues returns a node with other values in place of those of an item:
// several items where the values need different modifiers.
func (it *Item) withValues(values []stepValue) *Node {
	if len(values) == 0 {
		return &Node{Op: OpAnd}
	}
	op, neg := OpOr, it.Has(ModNEQ)
	if it.Has(ModAll) != neg {
		op = OpAnd
	}
	group := &Node{Op: op, Pos: it.Pos}
	for len(values) > 0 {
		first, n := values[0], 0
		out := &Item{Field: it.Field, Pos: it.Pos}
		for _, v := range values {
			if (v.kind == stepRegex) != (first.kind == stepRegex) || !slices.Equal(v.flags, first.flags) {
				values[n] = v
				n++
				continue
			}
			text := v.text
			if v.kind == stepString {
				text = v.pattern.String()
			}
			kinds := [...]ValueKind{stepString: ValueString, stepNumber: ValueNumber, stepBool: ValueBool, stepNull: ValueNull, stepRegex: ValueString}
			out.Values = append(out.Values, Value{Kind: kinds[v.kind], Text: text, Pos: v.pos})
		}
		if first.kind == stepRegex {
			out.Modifiers = append(append(out.Modifiers, ModRe), first.flags...)
		}
		for _, m := range []Modifier{ModAll, ModCased, ModExpand, ModNEQ} {
			if it.Has(m) && (m != ModCased || first.kind != stepRegex) {
				out.Modifiers = append(out.Modifiers, m)
			}
		}
		group.Nodes = append(group.Nodes, itemNode(out))
		values = values[:n]
	}
	if len(group.Nodes) == 1 {
		return group.Nodes[0]
	}
	return group
}

// changeValues makes a step that replaces values. f returns false for a value that
// stays.
func changeValues(f func(run *pipelineRun, v stepValue) ([]stepValue, bool, error)) transformation {
	return func(run *pipelineRun, step *pipelineItem) error {
		return run.rewrite(step, func(it *Item) (*Node, error) {
			var out []stepValue
			changed := false
			for _, v := range it.view() {
				list, ok, err := f(run, v)
				if err != nil {
					return nil, err
				}
				if !ok {
					list = []stepValue{v}
				}
				changed = changed || ok
				for _, v := range list {
					if !run.grow(len(v.text) + v.pattern.size()) {
						return nil, errGrown
					}
				}
				out = append(out, list...)
			}
			if !changed {
				return nil, nil
			}
			if slices.ContainsFunc(out, func(v stepValue) bool { return v.kind == stepOther }) {
				return nil, errMixedValues
			}
			return it.withValues(out), nil
		})
	}
}

// changeStrings is [changeValues] for strings alone.
func changeStrings(f func(run *pipelineRun, v stepValue) ([]stepValue, bool, error)) transformation {
	return changeValues(func(run *pipelineRun, v stepValue) ([]stepValue, bool, error) {
		if v.kind != stepString {
			return nil, false, nil
		}
		return f(run, v)
	})
}
