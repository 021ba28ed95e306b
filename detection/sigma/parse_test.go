package sigma

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const minimal = "title: t\nid: x\nlogsource: {category: c}\ndetection:\n  sel: {F: 1}\n  condition: sel\n"

func TestParseErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		file := Parse("a.yml", []byte(text))
		var got []string
		for _, d := range file.Documents {
			if d.Err != nil {
				got = append(got, d.Err.Error())
			}
		}
		for _, d := range file.Documents {
			if d.Rule != nil {
				_, errs := Compile([]*Rule{d.Rule}, Options{})
				for _, e := range errs {
					got = append(got, e.Error())
				}
			}
		}
		if s := strings.Join(got, "\n"); s != want {
			t.Errorf("%s\nhave %s\nwant %s", text, s, want)
		}
	}
	rule := func(from, to string) string { return strings.Replace(minimal, from, to, 1) }
	f(minimal, "")
	f("foo: bar\n", "")
	f("title: [", "a.yml:1:1: read yaml: did not find expected node content")
	f(rule("title: t\n", ""), "a.yml:1:1: document has no title")
	f(rule("logsource: {category: c}\n", ""), "a.yml:1:1: document has no logsource")
	f(rule("{category: c}", "{}"), "a.yml:3:1: logsource names no category, product or service")
	f(rule("id: x", "level: grave"), `a.yml:2:8: unknown level "grave"; known are informational, low, medium, high and critical`)
	f(rule("id: x", "status: new"), `a.yml:2:9: unknown status "new"; known are stable, test, experimental, deprecated and unsupported`)
	f(rule("{F: 1}", "{F|foo: 1}"), `a.yml:5:9: unknown modifier "foo"`)
	f(rule("{F: 1}", "{F: {G: 1}}"), `a.yml:5:12: values of "F" must be scalars; nested fields are written with dots`)
	f(rule("{F: 1}", "{F: 1, F: 2}"), `a.yml:5:15: "F" is given twice, first at 5:9`)
	f(rule("{F: 1}", "{F|re: 'a(?=b)'}"), "a.yml:5:15: regular expression: invalid or unsupported Perl syntax: `(?=`")
	f(rule("{F: 1}", "{F|re|cidr: a}"), "a.yml:5:9: modifiers re and cidr exclude each other")
	f(rule("{F: 1}", "{F|i: a}"), "a.yml:5:9: modifier i needs another one before it")
	f(rule("{F: 1}", "{F|cidr|contains: a}"), "a.yml:5:9: modifier contains does not go with cidr")
	f(rule("{F: 1}", "{F|cidr: 10.0.0.0/40}"), `a.yml:5:17: "10.0.0.0/40" is no network`)
	f(rule("{F: 1}", "{F|lt: many}"), `a.yml:5:15: modifier lt takes a number, not "many"`)
	f(rule("{F: 1}", "{F|exists: 3}"), `a.yml:5:19: exists takes true or false, not "3"`)
	f(rule("{F: 1}", "{F|contains: null}"), "a.yml:5:21: null goes only with a field without modifiers")
	f(rule("{F: 1}", "{F|base64: 'a*'}"), "a.yml:5:19: modifier base64 takes no wildcards")
	f(rule("{F: 1}", "{F|windash: '-a -b -c -d -e'}"), "a.yml:5:20: modifier windash makes more than 1024 forms of a value")
	f(rule("{F: 1}", "{F|expand: '%x-y%'}"), "a.yml:5:19: placeholder %x-y% has no values; a pipeline must give them")
	f(rule("{F: 1}", "{F|expand: [a, '%x%']}"), "a.yml:5:23: placeholder %x% has no values; a pipeline must give them")
	f(rule("{F: 1}", "{}"), "a.yml:5:8: search identifier is empty")
	f(rule("{F: 1}", "[null]"), "a.yml:5:9: null goes only with a field without modifiers")
	f(rule("condition: sel", "x: {A: 1}"), "a.yml:4:1: detection has no condition")
	f(rule("condition: sel", "condition: sel and selx"), `a.yml:6:22: condition names "selx", which is not defined`)
	f(rule("condition: sel", "condition: 'sel and ('"), "a.yml:6:24: condition ends too early")
	f(rule("condition: sel", "condition: sel)"), `a.yml:6:17: unexpected ")" in condition`)
	f(rule("condition: sel", "condition: 1 of foo*"), `a.yml:6:14: no search identifier is covered by "foo*"`)
	f(rule("condition: sel", "condition: 2 of sel*"), `a.yml:6:14: "sel*" covers 1 search identifiers only`)
	f(rule("condition: sel", "condition: sel | count() > 5"), "a.yml:6:18: aggregations in conditions are not part of Sigma 2; write a correlation rule")
	f(rule("condition: sel", "condition: sel\n  timeframe: 5m"), "a.yml:7:3: timeframe belongs to the aggregations of old; write a correlation rule")
	f("action: repeat\n", "a.yml:1:1: action repeat has no rule before it")
	f("action: foo\n", `a.yml:1:1: unknown action "foo"; known are global, reset and repeat`)
	f(minimal+"---\ntitle: u\n---\n"+rule("id: x", "id: y"), "a.yml:8:1: document has no logsource")

	corr := func(body string) string { return "title: c\ncorrelation:\n  " + strings.ReplaceAll(body, "\n", "\n  ") }
	f(corr("type: event_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: 3}"), "")
	f(corr("type: event_count\nrules: [a]\ntimespan: 5x\ncondition: {gte: 3}"), `a.yml:5:13: timespan "5x" is no count with a unit of s, m, h, d, w, M or y`)
	f(corr("type: foo\nrules: [a]"), `a.yml:3:9: unknown correlation type "foo"`)
	f(corr("type: value_count\nrules: [a]\ntimespan: 5m\ncondition: {gte: 3}"), "a.yml:2:1: correlation of type value_count needs a field in its condition")
	f(corr("type: temporal\ntimespan: 5m"), "a.yml:2:1: correlation names no rules")
	f(corr("type: temporal\nrules: [a]\ntimespan: 5m\nfoo: 1"), `a.yml:6:3: unknown member "foo" of a correlation`)
	f("title: f\nlogsource: {category: c}\nfilter: {rules: any, sel: {A: 1}, condition: not sel}", "")
	f("title: f\nlogsource: {category: c}\nfilter: {sel: {A: 1}, condition: not sel}", "a.yml:3:1: filter does not say for which rules it is; any stands for all of its logsource")
}

// TestBombs holds hostile YAML within bounds.
func TestBombs(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		for _, d := range Parse("a.yml", []byte(text)).Documents {
			if d.Err != nil {
				if !strings.Contains(d.Err.Reason, want) {
					t.Errorf("have %q, want %q", d.Err.Reason, want)
				}
				return
			}
		}
		t.Errorf("is accepted; want %q", want)
	}
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	f("title: t\n"+laughs, "aliases written out")
	f("title: t\nx: &a [*a]\n", "nested deeper")
	f("title: t\nx: &a {b: *a}\n", "nested deeper")
	f("title: t\n<<: &a {<<: *a}\n", "nested deeper")
	f("title: t\nx: "+strings.Repeat("[", 100)+strings.Repeat("]", 100), "nested deeper")
	f(strings.Replace(minimal, "condition: sel", "condition: "+strings.Repeat("(", 1000)+"sel"+strings.Repeat(")", 1000), 1), "nested deeper")
	f(strings.Replace(minimal, "condition: sel", "condition: "+strings.Repeat("not ", 1000)+"sel", 1), "nested deeper")
	f(strings.Replace(minimal, "{F: 1}", "{F: '"+strings.Repeat("*a", 100)+"'}", 1), "wildcards")
	f(strings.Repeat(" ", MaxFile+1), "larger than")
}

func TestActions(t *testing.T) {
	text := `action: global
title: shared
logsource: {category: c}
detection:
  sel: {F: 1}
  condition: sel
---
id: one
---
id: two
detection:
  more: {G: 2}
  condition: sel and more
---
action: repeat
id: three
level: high
---
action: reset
---
` + minimal
	var got []string
	for _, d := range Parse("a.yml", []byte(text)).Documents {
		if d.Err != nil {
			t.Fatal(d.Err)
		}
		got = append(got, fmt.Sprintf("%s %s %v %s %d", d.Rule.ID, d.Rule.Title, d.Rule.Level, d.Rule.Conditions[0].Text, len(d.Rule.Detections)))
	}
	want := []string{"one shared  sel 1", "two shared  sel and more 2", "three shared high sel and more 2", "x t  sel 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHeader(t *testing.T) {
	text := `title: T
id: i
name: n
author: A
license: DRL 1.1
status: test
level: high
references: https://example.com
tags: [attack.t1059, cve.2026-1]
related: [{id: j, type: derived}]
falsepositives: [none]
x-own: {a: 1}
logsource: {product: linux, service: sshd, definition: log it, extra: y}
detection: {sel: {F|contains: [a, 2]}, condition: sel}
`
	r := Parse("a.yml", []byte(text)).Documents[0].Rule
	if r == nil {
		t.Fatal("rule is rejected")
	}
	if r.Author != "A" || r.License != "DRL 1.1" || r.Level != LevelHigh || r.Status != StatusTest || r.Key() != "i" {
		t.Errorf("header is %+v", r.Header)
	}
	if diff := cmp.Diff([]Related{{"j", "derived"}}, r.Related); diff != "" {
		t.Error(diff)
	}
	if r.CustomField("x-own") == nil || r.CustomField("title") != nil || len(r.LogCustom) != 1 || r.Definition != "log it" {
		t.Errorf("custom fields are %v", r.Custom)
	}
	it := r.Detections[0].Node.Item
	want := &Item{
		Field: "F", Modifiers: []Modifier{ModContains}, Pos: Pos{14, 19},
		Values: []Value{{ValueString, "a", Pos{14, 32}}, {ValueNumber, "2", Pos{14, 35}}},
	}
	if diff := cmp.Diff(want, it); diff != "" {
		t.Error(diff)
	}
}

func TestLoad(t *testing.T) {
	fsys := fstest.MapFS{
		"b/r.yml":      {Data: []byte(minimal)},
		"a/r.yaml":     {Data: []byte(strings.Replace(minimal, "id: x", "id: y", 1) + "---\ntitle: [")},
		".git/x.yml":   {Data: []byte("title: [")},
		"a/notes.txt":  {Data: []byte("title: [")},
		"a/other.yml":  {Data: []byte("version: 2\n")},
		"a/filter.yml": {Data: []byte("title: f\nlogsource: {category: c}\nfilter: {rules: x, sel: {A: 1}, condition: not sel}")},
	}
	s, err := Load(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Files) != 4 || len(s.Rules) != 2 || len(s.Filters) != 1 || len(s.Errors) != 1 || s.Rules[0].ID != "y" {
		t.Errorf("set is %+v", s)
	}
	if _, err := Load(fsys, "none"); err == nil {
		t.Error("a folder that is not there loads")
	}
}
