package sigma

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

var errMixedValues = errors.New("values with and without several forms cannot be mixed")

func init() {
	registerTransformation("replace_string", readReplaceString)
	registerTransformation("map_string", func(p *params) (transformation, *Error) {
		_, to, keyword, err := p.mapping("mapping")
		if err == nil && keyword {
			err = p.fail(p.at("mapping"), "null is no string")
		}
		return changeStrings(func(_ *pipelineRun, v stepValue) ([]stepValue, bool, error) {
			list, ok := to[v.plain()]
			var out []stepValue
			for _, s := range list {
				out = append(out, stringValue(parsePattern(s), v.pos))
			}
			return out, ok, nil
		}), err
	})
	registerTransformation("case", readCase)
	registerTransformation("regex", readRegexStep)
	registerTransformation("set_value", readSetValue)
	registerTransformation("convert_type", readConvertType)
}

// readReplaceString reads a substitution by a regular expression on the text of
// strings and numbers or, with skip_special, on each part between wildcards.
func readReplaceString(p *params) (transformation, *Error) {
	re, err := p.regex("regex", "")
	if err != nil {
		return nil, err
	}
	replacement, err := p.need("replacement")
	if err != nil {
		return nil, err
	}
	template, terr := goTemplate(replacement, re)
	if terr != nil {
		return nil, p.fail(p.at("replacement"), "%s", terr)
	}
	skip, err := p.flag("skip_special")
	if err != nil {
		return nil, err
	}
	interpret, err := p.flag("interpret_special")
	return changeValues(func(_ *pipelineRun, v stepValue) ([]stepValue, bool, error) {
		switch {
		case v.kind == stepNumber:
			v = stringValue(textPattern(v.text), v.pos)
		case v.kind != stepString:
			return nil, false, nil
		}
		var out pattern
		if skip {
			for _, x := range v.pattern {
				switch {
				case x.kind != partText:
					out = append(out, x)
				case interpret:
					out = append(out, parsePattern(re.ReplaceAllString(x.text, template))...)
				default:
					out = append(out, textPattern(re.ReplaceAllString(x.text, template))...)
				}
			}
		} else {
			out = parsePattern(escapeBackslashes(re.ReplaceAllString(v.plain(), template)))
		}
		if size := len(out.String()); size > maxValue {
			return nil, false, fmt.Errorf("value grows to %d bytes", size)
		}
		return []stepValue{stringValue(out.joined(), v.pos)}, true, nil
	}), err
}

// escapeBackslashes doubles those that do not stand before a wildcard.
func escapeBackslashes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		if s[i] == '\\' && (i+1 == len(s) || s[i+1] != '*' && s[i+1] != '?') {
			b.WriteByte('\\')
		}
	}
	return b.String()
}

var pythonGroup = regexp.MustCompile(`^\\(?:g<(\w+)>|([1-9][0-9]?)|(.))`)

// goTemplate turns the replacement of Python's re.sub into that of [regexp].
func goTemplate(s string, re *regexp.Regexp) (string, error) {
	var b strings.Builder
	for len(s) > 0 {
		switch {
		case s[0] == '$':
			b.WriteString("$$")
			s = s[1:]
			continue
		case s[0] != '\\':
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		m := pythonGroup.FindStringSubmatch(s)
		if m == nil {
			return "", errors.New("replacement ends in a backslash")
		}
		s = s[len(m[0]):]
		if m[3] != "" {
			escaped, ok := map[string]string{`\`: `\`, "n": "\n", "t": "\t", "r": "\r"}[m[3]]
			if !ok {
				return "", fmt.Errorf("unknown escape \\%s in the replacement", m[3])
			}
			b.WriteString(escaped)
			continue
		}
		group := m[1] + m[2]
		if n, err := strconv.Atoi(group); err == nil && n > re.NumSubexp() || err != nil && re.SubexpIndex(group) < 0 {
			return "", fmt.Errorf("replacement names group %s, which the expression does not have", group)
		}
		b.WriteString("${" + group + "}")
	}
	return b.String(), nil
}

func readCase(p *params) (transformation, *Error) {
	method, err := p.oneOf("method", "lower", "upper", "snake_case")
	change := map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper, "snake_case": snakeCase}[method]
	return changeStrings(func(_ *pipelineRun, v stepValue) ([]stepValue, bool, error) {
		return []stepValue{stringValue(v.pattern.mapText(change), v.pos)}, true, nil
	}), err
}

func snakeCase(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// readRegexStep reads a step that makes regular expressions of strings, which
// match the whole value as the strings did.
func readRegexStep(p *params) (transformation, *Error) {
	method, err := p.oneOf("method", "ignore_case_brackets", "plain", "ignore_case_flag")
	return func(run *pipelineRun, step *pipelineItem) error {
		return run.rewrite(step, func(it *Item) (*Node, error) {
			values := it.view()
			changed := false
			for i, v := range values {
				if v.kind == stepOther {
					return nil, nil
				}
				if v.kind == stepString && len(v.pattern) > 0 {
					values[i] = v.asRegex(method, it.Field == "")
					changed = true
				}
			}
			if !changed {
				return nil, nil
			}
			return it.withValues(values), nil
		})
	}, err
}

// asRegex returns the expression for a string; that of a keyword may match anywhere.
func (v stepValue) asRegex(method string, keyword bool) stepValue {
	var b strings.Builder
	for _, x := range v.pattern {
		switch {
		case x.kind == partMany:
			b.WriteString(".*")
		case x.kind == partOne:
			b.WriteByte('.')
		case method == "ignore_case_brackets":
			for _, c := range x.text {
				if l, u := unicode.ToLower(c), unicode.ToUpper(c); l != u {
					b.WriteString("[" + string(l) + string(u) + "]")
				} else {
					b.WriteString(regexp.QuoteMeta(string(c)))
				}
			}
		default:
			b.WriteString(regexp.QuoteMeta(x.text))
		}
	}
	text := b.String()
	if !keyword {
		text = `\A` + text + `\z`
	}
	flags := []Modifier{ModReS}
	if method == "ignore_case_flag" {
		flags = append(flags, ModReI)
	}
	return stepValue{kind: stepRegex, text: text, flags: flags, pos: v.pos}
}

func readSetValue(p *params) (transformation, *Error) {
	value, err := p.single("value")
	if err != nil {
		return nil, err
	}
	force, err := p.oneOf("force_type", "", "str", "num")
	if err != nil {
		return nil, err
	}
	if force != "" && value.kind != stepString && value.kind != stepNumber {
		return nil, p.fail(p.at("value"), "force_type needs a string or a number")
	}
	switch {
	case force == "str" && value.kind == stepNumber:
		value = stringValue(textPattern(value.text), value.pos)
	case force == "num":
		n, ok := canonicalNumber(value.text)
		if !ok {
			return nil, p.fail(p.at("value"), "%q is no number", value.text)
		}
		value = stepValue{kind: stepNumber, text: n}
	}
	return func(run *pipelineRun, step *pipelineItem) error {
		return run.rewrite(step, func(it *Item) (*Node, error) {
			if len(it.Values) == 0 {
				return nil, nil
			}
			v := value
			v.pos = it.Values[0].Pos
			return it.withValues([]stepValue{v}), nil
		})
	}, nil
}

func readConvertType(p *params) (transformation, *Error) {
	if _, err := p.need("target_type"); err != nil {
		return nil, err
	}
	target, err := p.oneOf("target_type", "str", "num")
	return changeValues(func(_ *pipelineRun, v stepValue) ([]stepValue, bool, error) {
		switch {
		case target == "str" && v.kind == stepNumber:
			return []stepValue{stringValue(textPattern(v.text), v.pos)}, true, nil
		case target == "num" && v.kind == stepString:
			n, ok := canonicalNumber(v.plain())
			if !ok {
				return nil, false, fmt.Errorf("%q is no number", v.plain())
			}
			return []stepValue{{kind: stepNumber, text: n, pos: v.pos}}, true, nil
		}
		return nil, false, nil
	}), err
}
