package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxStatements bounds the statements of one exclusion.
const maxStatements = 32

// section is what a piece of SecLang says, written anew: before the Core Rule Set
// or behind it.
type section struct {
	before, after string
	ids           []int // of its rules
	onPath        bool  // all that it does is done by rules that test the path first
}

// statement is one directive with its arguments as one text.
type statement struct{ name, rest string }

// parseSection reads SecLang against the list of what is allowed. What it returns
// is written from what it understood, so that no other reader can understand
// something else.
func parseSection(text string) (section, error) {
	all, err := statements(text)
	if err != nil {
		return section{}, err
	}
	p := sectionParser{section: section{onPath: true}}
	for _, s := range all {
		if err := p.take(s); err != nil {
			return section{}, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if p.chained {
		return section{}, errors.New("SecRule: a chain has no end")
	}
	return p.section, nil
}

// statements takes a text apart as the engine does: lines that end with a
// backslash go on, those that begin with # are comments.
func statements(text string) ([]statement, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r == '`' || r == 0x7f || r < ' ' && r != '\n' && r != '\t' }) {
		return nil, errors.New("has characters that are not taken")
	}
	var all []statement
	line := ""
	for raw := range strings.SplitSeq(text, "\n") {
		part := strings.TrimSpace(raw)
		if part == "" || part[0] == '#' {
			continue
		}
		part, more := strings.CutSuffix(part, `\`)
		line += part
		if more {
			continue
		}
		name, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		if line = ""; len(all) == maxStatements {
			return nil, fmt.Errorf("has more than %d directives", maxStatements)
		}
		all = append(all, statement{name, strings.TrimSpace(rest)})
	}
	switch {
	case line != "":
		return nil, errors.New("ends within a line")
	case len(all) == 0:
		return nil, errors.New("is empty")
	}
	return all, nil
}

// sectionParser puts statements together.
type sectionParser struct {
	section
	chained bool // the last rule wants another one
}

func (p *sectionParser) take(s statement) error {
	name := strings.ToLower(s.name)
	if p.chained && name != "secrule" {
		return errors.New("a chain is not at its end")
	}
	switch name {
	case "secrule":
		return p.rule(s.rest)
	case "secaction":
		p.onPath = false
		actions, ok := quoted(s.rest)
		if !ok {
			return errors.New("wants its actions in quotes")
		}
		a, err := parseActions(actions, false)
		if err != nil {
			return err
		}
		if a.chain {
			return errors.New("a chain begins with a SecRule")
		}
		p.ids = append(p.ids, a.id)
		p.before += "SecAction \"" + a.text + "\"\n"
		return nil
	}
	p.onPath = false
	text, err := behind(name, s.rest)
	p.after += text
	return err
}

// rule takes a SecRule.
func (p *sectionParser) rule(rest string) error {
	variables, rest, _ := strings.Cut(rest, " ")
	operator, actions, err := cutOperator(strings.TrimSpace(rest))
	if err != nil {
		return err
	}
	targets, err := parseTargets(variables, "|")
	if err != nil {
		return err
	}
	op, err := parseOperator(operator)
	if err != nil {
		return err
	}
	a, err := parseActions(actions, p.chained)
	if err != nil {
		return err
	}
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.String()
		if !p.chained && (!pathVariables[t.name] || t.not || t.count) {
			p.onPath = false
		}
	}
	if !p.chained {
		p.ids = append(p.ids, a.id)
		if strings.HasPrefix(op, "!") {
			p.onPath = false // all paths but one
		}
	}
	p.before += "SecRule " + strings.Join(names, "|") + ` "` + strings.ReplaceAll(op, `"`, `\"`) + `"`
	if a.text != "" {
		p.before += ` "` + a.text + `"`
	}
	p.before += "\n"
	p.chained = a.chain
	return nil
}

// behind reads the directives that change rules which are there already.
func behind(name, rest string) (string, error) {
	fields := strings.Fields(rest)
	if len(fields) == 0 || len(fields) > 64 {
		return "", errors.New("has no arguments, or more than 64")
	}
	last := strings.Trim(fields[len(fields)-1], `"`)
	var b strings.Builder
	switch name {
	case "secruleremovebyid":
		for _, f := range fields {
			r, err := parseIDs(strings.Trim(f, `"`))
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "SecRuleRemoveById %s\n", r)
		}
	case "secruleremovebytag":
		if err := checkTag(last); err != nil || len(fields) != 1 {
			return "", errors.Join(err, only(fields, 1))
		}
		fmt.Fprintf(&b, "SecRuleRemoveByTag %s\n", last)
	case "secruleupdatetargetbyid", "secruleupdatetargetbytag":
		return narrowed(name, fields[:len(fields)-1], last)
	default:
		return "", errors.New("is not a directive of bundles, which are SecRule, SecAction, SecRuleRemoveById, SecRuleRemoveByTag, SecRuleUpdateTargetById and SecRuleUpdateTargetByTag")
	}
	return b.String(), nil
}

func only(fields []string, n int) error {
	if len(fields) == n {
		return nil
	}
	return fmt.Errorf("has %d arguments, want %d", len(fields), n)
}

// narrowed reads the directives that take targets from rules.
func narrowed(name string, which []string, variables string) (string, error) {
	targets, err := parseTargets(strings.ReplaceAll(variables, ",", "|"), "|")
	if err != nil {
		return "", err
	}
	var list []string
	for _, t := range targets {
		if !t.not || t.name == "TX" || strings.HasPrefix(t.name, "MATCHED_") {
			return "", fmt.Errorf("%s: only variables of a request may be taken from a rule, as !ARGS:name", t)
		}
		list = append(list, t.String())
	}
	if len(which) == 0 {
		return "", errors.New("names no rule")
	}
	var b strings.Builder
	for _, w := range which {
		w = strings.Trim(w, `"`)
		if name == "secruleupdatetargetbytag" {
			if err := errors.Join(checkTag(w), only(which, 1)); err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "SecRuleUpdateTargetByTag %s \"%s\"\n", w, strings.Join(list, "|"))
			continue
		}
		r, err := parseIDs(w)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "SecRuleUpdateTargetById %s \"%s\"\n", r, strings.Join(list, "|"))
	}
	return b.String(), nil
}

func parseTargets(s, separator string) ([]target, error) {
	var all []target
	for name := range strings.SplitSeq(s, separator) {
		t, err := parseTarget(name)
		if err != nil {
			return nil, err
		}
		if all = append(all, t); len(all) > 64 {
			return nil, errors.New("has more than 64 variables")
		}
	}
	return all, nil
}

func quoted(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// cutOperator takes "operator" "actions" apart. A quote in the operator is
// written with a backslash.
func cutOperator(s string) (operator, actions string, err error) {
	if s == "" || s[0] != '"' {
		return "", "", errors.New("wants its operator in quotes")
	}
	slashes := 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			slashes++
			continue
		case s[i] == '"' && slashes%2 == 0:
			operator = strings.ReplaceAll(s[1:i], `\"`, `"`)
			rest := strings.TrimSpace(s[i+1:])
			if rest == "" {
				return operator, "", nil
			}
			actions, ok := quoted(rest)
			if !ok {
				return "", "", errors.New("wants its actions in quotes")
			}
			return operator, actions, nil
		}
		slashes = 0
	}
	return "", "", errors.New("has no end of its operator")
}

// parseOperator checks an operator and returns it as it is written.
func parseOperator(s string) (string, error) {
	s, not := strings.CutPrefix(s, "!")
	name, arg, _ := strings.Cut(s, " ")
	name, ok := strings.CutPrefix(name, "@")
	arg = strings.TrimSpace(arg)
	switch {
	case !ok || !operators[name]:
		return "", fmt.Errorf("operator %.60q is not one that a bundle may use", s)
	case strings.HasSuffix(arg, `\`) || strings.Contains(arg, `\"`) || strings.Contains(arg, "%{"):
		return "", errors.New("the argument of the operator ends with a backslash, or holds \\\" or %{")
	case arg == "" && name != "unconditionalMatch" && name != "noMatch" && name != "detectSQLi" && name != "detectXSS" && !strings.HasPrefix(name, "validate"):
		return "", fmt.Errorf("operator @%s has no argument", name)
	}
	if name == "rx" {
		if _, err := regexp.Compile(arg); err != nil {
			return "", fmt.Errorf("operator @rx: %w", err)
		}
	}
	op := "@" + name
	if arg != "" {
		op += " " + arg
	}
	if not {
		op = "!" + op
	}
	return op, nil
}

// actionList is the actions of a rule, written anew.
type actionList struct {
	id    int
	chain bool
	text  string
}

// parseActions reads the actions of a rule, or of a further one of a chain.
func parseActions(s string, further bool) (actionList, error) {
	var a actionList
	var out []string
	seen := map[string]bool{}
	for s = strings.TrimSpace(s); s != ""; {
		key, value, rest, err := cutAction(s)
		if err != nil {
			return a, err
		}
		s = rest
		if seen[key] && key != "t" && key != "ctl" && key != "setvar" && key != "tag" {
			return a, fmt.Errorf("action %s is there twice", key)
		}
		seen[key] = true
		if err := a.take(key, value, further); err != nil {
			return a, err
		}
		out = append(out, written(key, value))
	}
	switch {
	case !further && (!seen["id"] || !seen["phase"]):
		return a, errors.New("a rule wants an id and a phase")
	case !further && !seen["pass"] && !seen["block"]:
		return a, errors.New("a rule wants pass or block")
	case seen["pass"] && seen["block"] || seen["log"] && seen["nolog"]:
		return a, errors.New("actions contradict each other")
	}
	a.text = strings.Join(out, ",")
	return a, nil
}

// take checks one action.
func (a *actionList) take(key, value string, further bool) error {
	if further && (key == "id" || key == "phase" || key == "pass" || key == "block") {
		return fmt.Errorf("action %s stands in the first rule of a chain only", key)
	}
	switch {
	case key == "id":
		id, err := parseID(value)
		if err != nil || id < FirstRule || id > LastRule {
			return fmt.Errorf("id:%.20s is not between %d and %d", value, FirstRule, LastRule)
		}
		a.id = id
	case key == "phase":
		if value != "1" && value != "2" {
			return fmt.Errorf("phase:%.20s is neither 1 nor 2", value)
		}
	case key == "t":
		if !transformations[value] {
			return fmt.Errorf("t:%.40s is not a transformation that a bundle may use", value)
		}
	case key == "ctl":
		return checkCtl(value)
	case key == "setvar":
		return checkSetvar(value)
	case textActions[key]:
		if value == "" {
			return fmt.Errorf("action %s has no value", key)
		}
	case plainActions[key]:
		if value != "" {
			return fmt.Errorf("action %s has a value", key)
		}
		a.chain = a.chain || key == "chain"
	default:
		return fmt.Errorf("action %.40q is not one that a bundle may use", key)
	}
	return nil
}

// cutAction cuts the first action off: key, key:value or key:'value'.
func cutAction(s string) (key, value, rest string, err error) {
	end := strings.IndexAny(s, ":,")
	if end < 0 {
		return strings.TrimSpace(s), "", "", nil
	}
	key = strings.TrimSpace(s[:end])
	if s[end] == ',' {
		rest = strings.TrimSpace(s[end+1:])
	} else {
		s = s[end+1:]
		if strings.HasPrefix(s, "'") {
			n := strings.IndexByte(s[1:], '\'')
			if n < 0 {
				return "", "", "", fmt.Errorf("the value of %.40q has no end", key)
			}
			value, s = s[1:1+n], strings.TrimSpace(s[n+2:])
			if s != "" && s[0] != ',' {
				return "", "", "", fmt.Errorf("there is something behind the value of %.40q", key)
			}
		} else if n := strings.IndexByte(s, ','); n >= 0 {
			value, s = s[:n], s[n:]
		} else {
			value, s = s, ""
		}
		value = strings.TrimSpace(value)
		rest = strings.TrimSpace(strings.TrimPrefix(s, ","))
		if s != "" && rest == "" {
			return "", "", "", errors.New("ends with a comma")
		}
	}
	if key == "" || key != strings.ToLower(key) && key != "multiMatch" || strings.ContainsAny(value, "'\"\\") {
		return "", "", "", fmt.Errorf("action %.40q is not written as key, key:value or key:'value'", key)
	}
	return key, value, rest, nil
}

// written writes an action as it is read again.
func written(key, value string) string {
	if value == "" {
		return key
	}
	if _, err := strconv.Atoi(value); err == nil || key == "t" {
		return key + ":" + value
	}
	return key + ":'" + value + "'"
}
