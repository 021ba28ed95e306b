package sigma

import (
	"fmt"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// agree checks a rule against the engine and the reference.
func agree(t *testing.T, detection string, e *event.Event, want bool) {
	t.Helper()
	file := Parse("t.yml", []byte("title: t\nlogsource: {category: test}\ndetection: {s: "+detection+", condition: s}\n"))
	if err := file.Documents[0].Err; err != nil {
		t.Fatal(err)
	}
	r := file.Documents[0].Rule
	engine, rejected := Compile([]*Rule{r}, Options{Fields: true})
	if len(rejected) > 0 {
		t.Fatal(rejected[0])
	}
	ref, _ := NewReference(r)
	if got := ref.Matches(e); got != want {
		t.Errorf("reference: %s is %v", detection, got)
	}
	if got := len(engine.NewMatcher().Match(nil, e)) > 0; got != want {
		t.Errorf("engine: %s is %v", detection, got)
	}
	if got := ref.Explain(e); got.Matched != want {
		t.Errorf("explanation: %s is %v", detection, got.Matched)
	}
}

// TestRawBytes compares values with bytes that are no characters of their own.
func TestRawBytes(t *testing.T) {
	f := func(detection, f, g string, want bool) {
		t.Helper()
		var e event.Event
		e.Add(event.Intern("F"), event.String(f))
		e.Add(event.Intern("G"), event.String(g))
		agree(t, detection, &e, want)
	}
	// U+A597 is 97 A5 in UTF-16, and U+65E5 is E6 97 A5 in UTF-8.
	f(`{F|wide|contains: "\uA597"}`, "日", "", true)
	f(`{F|wide|endswith: "\uA597"}`, "日", "", true)
	f(`{F|wide|endswith|cased: "\uA597"}`, "日", "", true)
	f(`{F|utf16be|contains: "\u97A5"}`, "日", "", true)
	f(`{F|wide: "*?\uA597*"}`, "日", "", true)
	f(`{F|wide: "?\uA597"}`, "日", "", true)
	f(`{F|wide: "*a?"}`, "a\x00é", "", false)
	f(`{F|wide: "*a?"}`, "A\x00\xe9", "", true)
	f(`{F|wide|contains: "é"}`, "\xe9\x00", "", true)
	f(`{F|fieldref|contains: G}`, "日", "\x97", true)
	f(`{F|fieldref|endswith: G}`, "日", "\x97\xa5", true)
	f(`{F|fieldref|startswith|cased: G}`, "日", "\xe6", true)
	f(`{F|fieldref: G}`, "É", "é", true)
	f(`{F|fieldref: G}`, "\xc9", "\xe9", false)
}

// TestFieldRefPairs bounds the pairs of values that a fieldref compares.
func TestFieldRefPairs(t *testing.T) {
	f := func(n int, how string, want bool) {
		t.Helper()
		var e event.Event
		for i := range n {
			e.Add(event.Intern("F"), event.String(fmt.Sprint("x", i)))
			e.AddNull(event.Intern("F"))
		}
		for i := range n {
			e.Add(event.Intern("G"), event.String(fmt.Sprint("y", i)))
		}
		e.Add(event.Intern("F"), event.String("same"))
		e.Add(event.Intern("G"), event.String("same"))
		agree(t, "{F|fieldref"+how+": G}", &e, want)
	}
	f(200, "", true)
	f(200, "|contains|cased", true)
	f(300, "", false)
	f(3000, "", false)
	f(300, "|neq", true)
}
