package sigma

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// FuzzParse holds that no text breaks the parser, that errors have a place, and that
// what it accepts compiles or is rejected with a reason.
func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("action: global\ntitle: t\n---\n" + minimal))
	f.Add([]byte("title: c\ncorrelation: {type: temporal, rules: [a, b], timespan: 5m, aliases: {x: {a: F}}, condition: a and not b}"))
	f.Add([]byte("title: f\nlogsource: {category: c}\nfilter: {rules: any, sel: &s {A|re: '(a|b)+'}, t: *s, condition: not 1 of them}"))
	f.Add([]byte("title: e\nlogsource: {category: c}\ndetection: {s: [w, {A|windash|contains|all: [' -a', b]}], condition: all of s*}\nx-examples: {match: [{event: {A: [1, null]}}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 {
			return
		}
		var e event.Event
		e.AddText(event.Intern("A"), "x -a B")
		e.AddInt(event.Intern("F"), 1)
		for _, d := range Parse("f.yml", text).Documents {
			switch {
			case d.Err != nil:
				if d.Err.Reason == "" {
					t.Fatal("error without a reason")
				}
			case d.Rule != nil:
				if _, err := d.Rule.Examples(); err != nil && err.Error() == "" {
					t.Fatal("error without a reason")
				}
				checkRule(t, d.Rule, &e)
			}
		}
	})
}

// checkRule compares engine and reference on one rule and event.
func checkRule(t *testing.T, r *Rule, e *event.Event) {
	engine, rejected := Compile([]*Rule{r}, Options{Fields: true})
	ref, err := NewReference(r)
	if (err != nil) && len(rejected) == 0 {
		t.Fatalf("reference rejects what the engine takes: %v", err)
	}
	if len(rejected) > 0 {
		return
	}
	got := len(engine.NewMatcher().Match(nil, e)) > 0
	if want := ref.Matches(e); got != want || ref.Explain(e).Matched != want {
		t.Fatalf("reference says %v, engine %v on %s", want, got, e.AppendJSON(nil))
	}
}

// FuzzCondition holds that conditions parse without harm.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{"sel", "not a and (b or 1 of sel*)", "all of them", "((a)", "3 of", "a|count()"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1<<12 || strings.ContainsAny(s, "\n'\r") {
			return
		}
		Parse("f.yml", []byte(strings.Replace(minimal, "condition: sel", "condition: '"+s+"'", 1)))
	})
}

// FuzzMatch compares engine and reference on any pattern and text, and checks the
// literals that are taken out of regular expressions.
func FuzzMatch(f *testing.F) {
	f.Add("a*b?", "xAxb日", byte(0))
	f.Add("(foo|ba[rz])+x?", "a FOOBAR", byte(1))
	f.Add("-a -b", "x /a –b", byte(2))
	f.Add("ſtraße", "STRASSE", byte(3))
	f.Add("", "0", byte(8))
	f.Add("\x9e", "Ƞ", byte(3))
	f.Fuzz(func(t *testing.T, pattern, text string, how byte) {
		if len(pattern) > 200 || len(text) > 1000 || strings.Count(pattern, "*")+strings.Count(pattern, "?") > 12 {
			return
		}
		keys := []string{"", "|re", "|windash|contains", "|contains", "|startswith", "|endswith", "|cased", "|re|i", "|base64offset|contains"}
		it := &Item{Field: "F", Values: []Value{{Text: pattern}}}
		for _, m := range strings.Split(keys[int(how)%len(keys)], "|")[1:] {
			it.Modifiers = append(it.Modifiers, modifierNames[m])
		}
		if _, err := it.resolved("", false, new(budget)); err != nil {
			return
		}
		cond := &Condition{Expr: &Expr{Name: "s"}}
		r := &Rule{Detections: []*Detection{{Name: "s", Node: &Node{Item: it}}}, Conditions: []*Condition{cond}}
		var e event.Event
		e.Add(event.Intern("F"), event.String(text))
		checkRule(t, r, &e)
	})
}
