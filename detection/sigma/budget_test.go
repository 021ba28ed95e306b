package sigma

import (
	"fmt"
	"strings"
	"testing"
)

// TestBudgets gives rules that would take gigabytes or minutes; each is rejected
// with its reason, by the parser or at the latest by Compile.
func TestBudgets(t *testing.T) {
	f := func(name, detection, want string) {
		t.Helper()
		file := Parse("f.yml", []byte("title: t\nlogsource: {category: c}\ndetection:\n"+detection))
		got := ""
		if err := file.Documents[0].Err; err != nil {
			got = err.Reason
		} else if _, rejected := Compile([]*Rule{file.Documents[0].Rule}, Options{}); len(rejected) > 0 {
			got = rejected[0].Reason
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	item := func(key, value string) string { return "  s: {'" + key + "': " + value + "}\n  condition: s\n" }
	list := func(n int, one string) string { return "[" + strings.Repeat(one+", ", n-1) + one + "]" }
	const tooMuch = "values with their modifiers resolved take more than 67108864 bytes"

	long := strings.Repeat("x", 60_000)
	f("three flags", item("F|windash", list(20, "'x -a /b -c'")), "")
	f("long value with flags", item("F|windash", "'"+long+" -a -b -c'"), "")
	f("many long values with flags", item("F|windash", list(10, "'"+long+" -a -b -c'")), tooMuch)
	f("too many flags", item("F|windash", "'"+strings.Repeat(" -a", 20_000)+"'"), "modifier windash makes more than 1024 forms of a value")
	f("forms over several items", "  s:\n    - 'F|windash': &a '"+long+" -a -b -c'\n"+strings.Repeat("    - 'F|windash': *a\n", 9)+"  condition: s\n", tooMuch)
	f("a modifier that doubles, again and again", item("F"+strings.Repeat("|wide", 30), "ab"), tooMuch)
	f("many plain values", item("F|contains", list(120_000, "ab")), "")

	const bigRegex = "regular expression has more than 65536 steps and ranges"
	f("bounded repetition", item("F|re", `'.{0,1000}x[0-9a-f]{64}'`), "")
	f("repeated class", item("F|re", `'\pL{1000}'`), bigRegex)
	f("repetition in a repetition", item("F|re", `'`+strings.Repeat("(.{30}){30}", 100)+`'`), bigRegex)
	f("many classes", item("F|re", `'`+strings.Repeat(`\pL.`, 1000)+`'`), bigRegex)
	f("many regular expressions", item("F|re", list(200, `'\pL{90}'`)), tooMuch)

	var names, all strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&names, "  t%d: {F: a}\n", i)
		fmt.Fprintf(&all, "t%d or ", i)
	}
	f("every name once", names.String()+"  condition: "+all.String()+"1 of t*\n", "")
	f("a pattern again and again", names.String()+"  condition: "+strings.Repeat("1 of t* or ", 1000)+"t1\n", "condition is too large")
	f("a pattern that covers one", names.String()+"  condition: "+strings.Repeat("1 of t1 or ", 5000)+"t1\n",
		"conditions and search identifiers are too many together")
	f("large conditions together", names.String()+"  condition: [&c "+strings.Repeat("1 of t* or ", 100)+"t1"+strings.Repeat(", *c", 9)+"]\n", "condition is too large")
	f("one of them", names.String()+"  condition: ["+strings.Repeat("1 of t* or ", 100)+"t1]\n", "")
	f("long conditions together", "  t: {F: a}\n  condition: [&c "+strings.Repeat("t or ", 12_000)+"t"+strings.Repeat(", *c", 9)+"]\n",
		"conditions are longer than 262144 bytes together")
}

// TestConditionSteps finds the bound on the steps of all conditions together.
func TestConditionSteps(t *testing.T) {
	const values = 1 << 13
	text := "title: t\nlogsource: {category: c}\ndetection:\n  s: {F: [" + strings.Repeat("a, ", values-1) + "a]}\n  condition: "
	f := func(condition string, want bool) {
		t.Helper()
		file := Parse("f.yml", []byte(text+condition+"\n"))
		if err := file.Documents[0].Err; err != nil {
			t.Fatal(err)
		}
		_, rejected := Compile([]*Rule{file.Documents[0].Rule}, Options{})
		if got := len(rejected) == 0; got != want {
			t.Errorf("%s: compiled is %v", condition, got)
		}
	}
	half := strings.Repeat("s or ", maxSteps/values/2-1) + "s"
	f(half, true)
	f("["+half+"]", true)
	f("["+half+", "+half+"]", false)
	f(half+" or "+half, false)
}
