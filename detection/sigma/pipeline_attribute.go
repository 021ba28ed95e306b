package sigma

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// attribute is a value of a rule as rule_attribute compares it: a list, or a text
// with its rank among levels, statuses or dates, or a number.
type attribute struct {
	list   []string
	text   string
	number bool
	rank   func(string) (int, bool) // of what can be ordered
}

// readRuleAttribute reads a comparison with an attribute of the rule.
func readRuleAttribute(p *params) (ruleCondition, *Error) {
	name, err := p.need("attribute")
	if err != nil {
		return nil, err
	}
	value, err := p.need("value")
	if err != nil {
		return nil, err
	}
	op, err := p.oneOf("op", "eq", "ne", "gte", "gt", "lte", "lt", "in", "not_in")
	return func(run *pipelineRun) (bool, error) {
		a, ok := run.header().attribute(name)
		if !ok {
			return false, nil
		}
		holds, err := a.compare(op, value)
		if err != nil {
			return false, fmt.Errorf("compare attribute %s: %w", name, err)
		}
		return holds, nil
	}, err
}

// attribute returns a member of the document under the name it has in YAML.
func (h *Header) attribute(name string) (attribute, bool) {
	texts := map[string]string{
		"id": h.ID, "name": h.Name, "title": h.Title, "taxonomy": h.Taxonomy,
		"description": h.Description, "author": h.Author, "license": h.License,
	}
	lists := map[string][]string{
		"references": h.References, "tags": h.Tags, "fields": h.Fields,
		"falsepositives": h.FalsePos, "scope": h.Scope,
	}
	if s, ok := texts[name]; ok {
		return attribute{text: s}, s != ""
	}
	if l, ok := lists[name]; ok {
		return attribute{list: append([]string{}, l...)}, true
	}
	switch name {
	case "level":
		return attribute{text: h.Level.String(), rank: func(s string) (int, bool) {
			l, ok := ParseLevel(strings.ToLower(s))
			return int(l), ok
		}}, h.Level != LevelNone
	case "status":
		return attribute{text: string(h.Status), rank: func(s string) (int, bool) {
			i := slices.Index(statusOrder, Status(strings.ToLower(s)))
			return i, i >= 0
		}}, h.Status != ""
	case "date":
		return attribute{text: h.Date, rank: dayOf}, h.Date != ""
	case "modified":
		return attribute{text: h.Modified, rank: dayOf}, h.Modified != ""
	}
	n := h.CustomField(name)
	if n == nil || n.Kind == yaml.MappingNode || n.ShortTag() == "!!null" {
		return attribute{}, false
	}
	if n.Kind == yaml.SequenceNode {
		a := attribute{list: []string{}}
		for _, c := range n.Content {
			a.list = append(a.list, c.Value)
		}
		return a, true
	}
	a := attribute{text: n.Value}
	_, a.number = canonicalNumber(n.Value)
	a.number = a.number && (n.ShortTag() == "!!int" || n.ShortTag() == "!!float")
	return a, true
}

var statusOrder = []Status{StatusUnsupported, StatusDeprecated, StatusExperimental, StatusTest, StatusStable}

// dayOf numbers the days that a date names.
func dayOf(s string) (int, bool) {
	for _, form := range []string{"2006-01-02", "2006/01/02"} {
		if t, err := time.Parse(form, s); err == nil {
			return int(t.Unix() / 86400), true
		}
	}
	return 0, false
}

func (a attribute) compare(op, value string) (bool, error) {
	switch {
	case a.list != nil:
		in := slices.Contains(a.list, value)
		return op == "in" && in || op == "not_in" && !in || op == "ne", nil
	case op == "in" || op == "not_in":
		return false, errors.New(op + " is for lists")
	case a.number:
		x, _ := canonicalNumber(a.text)
		y, ok := canonicalNumber(value)
		if !ok {
			return false, fmt.Errorf("%q is no number", value)
		}
		order, _ := compareValues(Value{Kind: ValueNumber, Text: x}, Value{Kind: ValueNumber, Text: y})
		return compareBy(op, order), nil
	case a.rank != nil:
		x, known := a.rank(a.text)
		y, ok := a.rank(value)
		if !ok {
			return false, fmt.Errorf("%q is nothing that %q can be compared with", value, a.text)
		}
		return known && compareBy(op, order(int64(x), int64(y))), nil
	case op != "eq" && op != "ne":
		return false, errors.New("texts are only equal or not")
	}
	return (a.text == value) == (op == "eq"), nil
}
