package sigma

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestMeaning holds what the specification says, and where it leaves a choice what
// the package documentation says, against the reference and the engine.
func TestMeaning(t *testing.T) {
	cases := 0
	f := func(detection, ev string, want bool) {
		t.Helper()
		cases++
		if !strings.Contains(detection, "condition:") {
			detection += "\ncondition: sel"
		}
		text := "title: t\nlogsource: {category: test}\ndetection:\n  " + strings.ReplaceAll(detection, "\n", "\n  ")
		file := Parse("t.yml", []byte(text))
		if len(file.Documents) != 1 || file.Documents[0].Rule == nil {
			t.Errorf("%s: %v", detection, file.Documents[0].Err)
			return
		}
		r := file.Documents[0].Rule
		engine, rejected := Compile([]*Rule{r}, Options{})
		if len(rejected) > 0 {
			t.Errorf("%s: %v", detection, rejected[0])
			return
		}
		var e event.Event
		dec := event.Decoder{Nulls: true}
		if err := dec.Decode([]byte(ev), &e); err != nil {
			t.Fatal(err)
		}
		ref, _ := NewReference(r)
		if got := ref.Matches(&e); got != want {
			t.Errorf("reference: %s on %s is %v", detection, ev, got)
		}
		if got := len(engine.NewMatcher().Match(nil, &e)) > 0; got != want {
			t.Errorf("engine: %s on %s is %v", detection, ev, got)
		}
		if x := ref.Explain(&e); x.Matched != want {
			t.Errorf("explanation: %s on %s is %v", detection, ev, x.Matched)
		}
	}
	stringCases(f)
	valueCases(f)
	modifierCases(f)
	conditionCases(f)
	if cases < 100 {
		t.Errorf("ran %d cases", cases)
	}
}

func stringCases(f func(detection, ev string, want bool)) {
	f(`sel: {F: Foo}`, `{"F":"fOO"}`, true)
	f(`sel: {F: Foo}`, `{"F":"foo "}`, false)
	f(`sel: {F: Foo}`, `{"f":"foo"}`, false)
	f(`sel: {F: ÄÖ}`, `{"F":"äö"}`, true)
	f(`sel: {F|contains: ΣΑΣ}`, `{"F":"xσας"}`, true)
	f(`sel: {F|contains: k}`, `{"F":"\u212A"}`, true) // the Kelvin sign
	f(`sel: {F: 'a*b'}`, `{"F":"a\nx\nB"}`, true)
	f(`sel: {F: 'a*b'}`, `{"F":"abc"}`, false)
	f(`sel: {F: 'a?b'}`, `{"F":"a日b"}`, true)
	f(`sel: {F: 'a?b'}`, `{"F":"ab"}`, false)
	f(`sel: {F: '*a*b?c*d'}`, `{"F":"abcbxcd"}`, true)
	f(`sel: {F: '*a*b?c*d'}`, `{"F":"abcbcd"}`, false)
	f(`sel: {F: 'a*??b'}`, `{"F":"a€b"}`, false)
	f(`sel: {F: 'a\*b'}`, `{"F":"a*b"}`, true)
	f(`sel: {F: 'a\*b'}`, `{"F":"axb"}`, false)
	f(`sel: {F: 'a\\*b'}`, `{"F":"a\\xb"}`, true)
	f(`sel: {F: 'a\\\*b'}`, `{"F":"a\\*b"}`, true)
	f(`sel: {F: 'a\b'}`, `{"F":"a\\b"}`, true)
	f(`sel: {F|endswith: '\cmd.exe'}`, `{"F":"C:\\CMD.EXE"}`, true)
	f(`sel: {F|startswith: '\\\\srv\'}`, `{"F":"\\\\srv\\x"}`, true)
	f(`sel: {F|contains: 'x\*'}`, `{"F":"ax*b"}`, true)
	f(`sel: {F|contains: 'ab*cd'}`, `{"F":"xxabQQcdyy"}`, true)
	f(`sel: {F|contains: ''}`, `{"F":"x"}`, true)
	f(`sel: {F|contains: ''}`, `{"G":"x"}`, false)
	f(`sel: {F: ''}`, `{"F":""}`, true)
	f(`sel: {F: ''}`, `{"F":null}`, false)
	f(`sel: {F: '%name%'}`, `{"F":"%name%"}`, true)
	f(`sel: {F|cased: Foo}`, `{"F":"foo"}`, false)
	f(`sel: {F|contains|cased: Foo}`, `{"F":"xFoo"}`, true)
	f(`sel: [Foo, bar]`, `{"a":"x","b":"a foo b"}`, true)
	f(`sel: [Foo]`, `{"foo":"x"}`, false)
	f(`sel: ['fo*r']`, `{"a":"x f o fooBar"}`, true)
	f(`sel: [462]`, `{"a":14625}`, true)
	f("sel:\n  '|all': [a1, b1]", `{"x":"a1","y":["q","B1"]}`, true)
	f("sel:\n  '|all': [a1, b1]", `{"x":"a1"}`, false)
	f(`sel: [line]`, `{"event.original":"a LINE"}`, true)
	f(`sel: [finder]`, `{"event.id":"finder"}`, false)
}

func valueCases(f func(detection, ev string, want bool)) {
	f(`sel: {F: 5}`, `{"F":5.0}`, true)
	f(`sel: {F: 5}`, `{"F":"5"}`, true)
	f(`sel: {F: 5}`, `{"F":"5.0"}`, true)
	f(`sel: {F: 5}`, `{"F":"55"}`, false)
	f(`sel: {F: 5}`, `{"F":true}`, false)
	f(`sel: {F: 9007199254740993}`, `{"F":9007199254740992}`, false)
	f(`sel: {F: '5'}`, `{"F":5}`, true)
	f(`sel: {F: '1.0'}`, `{"F":"1"}`, false)
	f(`sel: {F: 0x1F}`, `{"F":31}`, true)
	f(`sel: {F: 010}`, `{"F":10}`, true)
	f(`sel: {F: yes}`, `{"F":"yes"}`, true)
	f(`sel: {F: true}`, `{"F":"TRUE"}`, true)
	f(`sel: {F: true}`, `{"F":1}`, false)
	f(`sel: {F: false}`, `{"F":false}`, true)
	f(`sel: {F: null}`, `{}`, true)
	f(`sel: {F: null}`, `{"F":null}`, true)
	f(`sel: {F: null}`, `{"F":""}`, false)
	f(`sel: {F: null}`, `{"F":{"x":1}}`, false)
	f(`sel: {F: []}`, `{}`, true)
	f(`sel: {F: [null, x]}`, `{"F":"x"}`, true)
	f(`sel: {F.G.H: x}`, `{"F":{"G.H":"x"}}`, true)
	f(`sel: {F.G: x}`, `{"F":[{"G":"y"},{"G":"x"}]}`, true)
	f(`sel: {F: [a, b]}`, `{"F":["q","B"]}`, true)
	f(`sel: {F|contains|all: [a, b]}`, `{"F":["xa","xb"]}`, true)
	f(`sel: {F: 2026-01-01}`, `{"F":"2026-01-01"}`, true)
	f(`sel: [{A: 1, B: 2}, {C: 3}]`, `{"C":3}`, true)
	f(`sel: [{A: 1, B: 2}, {C: 3}]`, `{"A":1}`, false)
	f(`sel: [{A: 1}, word]`, `{"x":"a word"}`, true)
	f("base: &b {A: 1}\nsel: {<<: *b, B: 2}\ncondition: sel", `{"A":1,"B":2}`, true)
	f("base: &b {A: 1}\nsel: {<<: *b, B: 2}\ncondition: sel", `{"B":2}`, false)
}

func modifierCases(f func(detection, ev string, want bool)) {
	f(`sel: {F|re: 'a+b$'}`, `{"F":"xaab"}`, true)
	f(`sel: {F|re: 'a+b$'}`, `{"F":"xAAB"}`, false)
	f(`sel: {F|re|i: 'a+b$'}`, `{"F":"xAAB"}`, true)
	f(`sel: {F|re: '^foo$'}`, `{"F":"x\nfoo"}`, false)
	f(`sel: {F|re|m: '^foo$'}`, `{"F":"x\nfoo"}`, true)
	f(`sel: {F|re: 'a.b'}`, `{"F":"a\nb"}`, false)
	f(`sel: {F|re|s: 'a.b'}`, `{"F":"a\nb"}`, true)
	f(`sel: {F|re: 'a\sb[\s]'}`, `{"F":"a\u000bb\u000b"}`, true)
	f(`sel: {F|re: '[\S]x\S'}`, `{"F":"\u000bx "}`, false)
	f(`sel: {F|re: '\Qa\s\E'}`, `{"F":"a\\s"}`, true)
	f(`sel: {F|re|startswith: 'a|b'}`, `{"F":"xb"}`, false)
	f(`sel: {F|re|endswith: 'a|b'}`, `{"F":"xb"}`, true)
	f(`sel: {F|re|endswith: 'a|b'}`, `{"F":"ax"}`, false)
	f(`sel: {F|re|endswith: 'a|b'}`, `{"F":"bx"}`, false)
	f(`sel: {F|re|startswith: 'a|b'}`, `{"F":"bx"}`, true)
	f(`sel: {F|re|startswith|endswith: 'a|b'}`, `{"F":"b"}`, true)
	f(`sel: {F|re|startswith|endswith: 'a|b'}`, `{"F":"bx"}`, false)
	f(`sel: {F|re|startswith|endswith|contains: 'a|b'}`, `{"F":"xbx"}`, true)
	f(`sel: {F|re: '^[]\s]+$'}`, `{"F":"]\u000b]"}`, true) // ] first in a class is a member, and the class goes on
	f(`sel: {F|re: '^[^]\s]$'}`, `{"F":"\u000b"}`, false)
	f(`sel: {F|re: '^[^]\s]$'}`, `{"F":"x"}`, true)
	f(`sel: {F|re: '(foo|bar)[0-9]+'}`, `{"F":"BAR7 bar7"}`, true)
	f(`sel: {F|cidr: 10.0.0.0/8}`, `{"F":"10.9.8.7"}`, true)
	f(`sel: {F|cidr: 10.0.0.0/8}`, `{"F":"11.9.8.7"}`, false)
	f(`sel: {F|cidr: 'fd00::/8'}`, `{"F":"FD12::1"}`, true)
	f(`sel: {F|cidr: 10.0.0.0/8}`, `{"F":"no address"}`, false)
	f(`sel: {F|exists: true}`, `{"F":null}`, true)
	f(`sel: {F|exists: true}`, `{"F":{"g":1}}`, true)
	f(`sel: {F|exists: false}`, `{"F":""}`, false)
	f(`sel: {F|exists: false}`, `{}`, true)
	f(`sel: {F|gte: 5}`, `{"F":"5.5"}`, true)
	f(`sel: {F|lt: 5}`, `{"F":5}`, false)
	f(`sel: {F|lt: 5}`, `{"F":"many"}`, false)
	f(`sel: {F|gt: 9007199254740992}`, `{"F":9007199254740993}`, true)
	f(`sel: {F|neq: [a, b]}`, `{"F":"b"}`, false)
	f(`sel: {F|neq: [a, b]}`, `{"F":"c"}`, true)
	f(`sel: {F|neq: a}`, `{}`, true)
	f(`sel: {F|fieldref: G}`, `{"F":"X","G":"x"}`, true)
	f(`sel: {F|fieldref: G}`, `{"F":null,"G":null}`, false)
	f(`sel: {F|fieldref: G}`, `{"F":5,"G":5.0}`, true)
	f(`sel: {F|fieldref: G}`, `{"F":"b","G":["a","b"]}`, true)
	f(`sel: {F|fieldref|endswith: G}`, `{"F":"abc","G":"BC"}`, true)
	f(`sel: {F|fieldref|cased: G}`, `{"F":"X","G":"x"}`, false)
	f(`sel: {F|hour: 3}`, `{"F":"2026-03-01T05:59:59+02:00"}`, true)
	f(`sel: {F|week: 53}`, `{"F":"2027-01-01 12:00:00"}`, true)
	f(`sel: {F|hour|gte: 22}`, `{"F":"2026-03-01T23:00:00Z"}`, true)
	f(`sel: {F|year: 2026}`, `{"F":"garbage"}`, false)
	f(`sel: {"@timestamp|minute": 7}`, `{"@timestamp":"2026-03-01T23:07:00Z"}`, true)
	f(`sel: {F|windash|contains: ' -a'}`, `{"F":"x ―A"}`, true)
	f(`sel: {F|windash|contains: ' -a-b'}`, `{"F":"x /a/b"}`, false) // the second is inside a word
	f(`sel: {F|windash|contains: ' -a /b'}`, `{"F":"x —a –b"}`, true)
	f(`sel: {F|base64: foobar}`, `{"F":"Zm9vYmFy"}`, true)
	f(`sel: {F|base64offset|contains: foobar}`, `{"F":"eGZvb2Jhcng="}`, true)
	f(`sel: {F|base64offset|contains: foobar}`, `{"F":"eHhmb29iYXJ4"}`, true)
	f(`sel: {F|wide|base64offset|contains: ping}`, `{"F":"eHAAaQBuAGcAeA=="}`, true)
	f(`sel: {F|utf16be|base64: ab}`, `{"F":"AGEAYg=="}`, true)
	f(`sel: {F|utf16|base64: ab}`, `{"F":"//5hAGIA"}`, true)
	f(`sel: {F|expand: plain}`, `{"F":"plain"}`, true)
}

func conditionCases(f func(detection, ev string, want bool)) {
	abc := "a: {A: 1}\nb: {B: 1}\nc: {C: 1}\ncondition: "
	f(abc+"a or b and c", `{"A":1}`, true)
	f(abc+"(a or b) and c", `{"A":1}`, false)
	f(abc+"not a and b", `{"B":1}`, true)
	f(abc+"not (a and b)", `{"B":1}`, true)
	f(abc+"NOT a AND b", `{"B":1}`, true)
	f(abc+"not not a", `{"A":1}`, true)
	f(abc+"[a, b]", `{"B":1}`, true)
	f(abc+"1 of them", `{"C":1}`, true)
	f(abc+"all of them", `{"C":1}`, false)
	f(abc+"2 of them", `{"C":1,"A":1}`, true)
	f(abc+"2 of them", `{"C":1}`, false)
	f(abc+"any of them", `{"C":1}`, true)
	hidden := "sel_a: {A: 1}\nsel_b: {B: 1}\n_c: {C: 1}\ncondition: "
	f(hidden+"1 of them", `{"C":1}`, false)
	f(hidden+"all of them", `{"A":1,"B":1}`, true)
	f(hidden+"1 of _*", `{"C":1}`, true)
	f(hidden+"1 of *_b", `{"B":1}`, true)
	f(hidden+"all of sel*", `{"B":1}`, false)
	f(hidden+"sel_a and not 1 of sel_b*", `{"A":1}`, true)
}
