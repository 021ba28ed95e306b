package sigma

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/google/go-cmp/cmp"
)

// fieldsOf makes an event of the form "field=value …".
func fieldsOf(text string) *event.Event {
	e := new(event.Event)
	for _, w := range strings.Fields(text) {
		k, v, _ := strings.Cut(w, "=")
		e.Add(event.Intern(k), event.String(v))
	}
	return e
}

// matches tells whether a rule matches an event.
func matches(t *testing.T, r *Rule, fields string) bool {
	t.Helper()
	ref, err := NewReference(r)
	if err != nil {
		t.Fatal(err)
	}
	got := ref.Matches(fieldsOf(fields))
	engine, errs := Compile([]*Rule{r}, Options{})
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	if fast := len(engine.NewMatcher().Match(nil, fieldsOf(fields))) == 1; fast != got {
		t.Fatalf("engine says %v, reference %v", fast, got)
	}
	return got
}

const filteredRules = `title: r
id: 11111111-1111-4000-8000-000000000000
name: r
logsource: {category: webserver, product: nginx}
detection:
  s1: {a: x}
  _s2: {a: y}
  condition: 1 of s* or 1 of _*
---
title: other
name: other
logsource: {category: proxy}
detection: {s: {a: x}, condition: s}
---
`

func filtered(t *testing.T, text string) (*Set, []*Rule, []*Error) {
	t.Helper()
	var s Set
	s.Add(Parse("f.yml", []byte(text)))
	if len(s.Errors) > 0 {
		t.Fatal(s.Errors[0])
	}
	rules, errs := ApplyFilters(s.Rules, s.Filters)
	return &s, rules, errs
}

func TestApplyFilters(t *testing.T) {
	f := func(filter, fields string, want bool) {
		t.Helper()
		s, rules, errs := filtered(t, filteredRules+"title: f\nlogsource: {category: webserver}\nfilter: "+filter)
		if len(errs) > 0 {
			t.Fatal(errs[0])
		}
		if got := matches(t, rules[0], fields); got != want {
			t.Errorf("%s on %s: %v", filter, fields, got)
		}
		if len(s.Rules[0].Detections) != 2 || rules[1] != s.Rules[1] {
			t.Error("the rules given were changed")
		}
	}
	not := "{rules: [r], s1: {user: adm}, condition: not s1}"
	f(not, "a=x", true)
	f(not, "a=x user=adm", false)
	f(not, "a=y", true)
	f("{rules: any, s1: {user: adm}, condition: s1}", "a=z user=adm", false) // "1 of _*" does not cover the filter's
	f("{rules: any, s1: {user: adm}, condition: s1}", "a=x", false)
	f("{rules: any, s1: {user: adm}, condition: s1}", "a=y user=adm", true)
	f("{rules: [11111111-1111-4000-8000-000000000000], s: {user: adm}, condition: not s}", "a=x user=adm", false)
	them := "{rules: r, s1: {u: a}, s2: {v: b}, _h: {w: c}, condition: not 1 of them}"
	f(them, "a=x w=c", true)
	f(them, "a=x v=b", false)
	f("{rules: r, s1: {u: a}, s2: {v: b}, condition: not all of s*}", "a=x v=b", true)
	f("{rules: r, s1: {u: a}, s2: {v: b}, condition: not all of s*}", "a=x v=b u=a", false)
	f("{rules: r, _h: {w: c}, condition: not 1 of _*}", "a=y w=c", false)
}

func TestApplySeveralFilters(t *testing.T) {
	filter := "title: f\nlogsource: {product: nginx}\nfilter: {rules: any, s: {user: %}, condition: not s}\n---\n"
	_, rules, _ := filtered(t, filteredRules+strings.ReplaceAll(filter, "%", "adm")+strings.ReplaceAll(filter, "%", "bot"))
	for fields, want := range map[string]bool{"a=x": true, "a=x user=adm": false, "a=x user=bot": false} {
		if matches(t, rules[0], fields) != want {
			t.Error(fields)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	f := func(refs string, want ...string) {
		t.Helper()
		_, _, errs := filtered(t, filteredRules+"title: f\nlogsource: {category: webserver}\nfilter: {rules: "+refs+", s: {user: adm}, condition: not s}")
		var got []string
		for _, e := range errs {
			got = append(got, e.Error())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	f("[r]")
	f("[r, gone]", `f.yml:17:21: rule "gone" of the filter is not among the rules`)
	f("[other]", `f.yml:17:18: rule "other" has another logsource than its filter`)
}
