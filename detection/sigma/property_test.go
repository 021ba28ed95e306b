package sigma

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

var propertyCases = flag.Int("sigma.cases", 20000, "pairs of a generated rule and event that TestEngineEqualsReference compares")

// TestEngineEqualsReference compares the engine with the reference on generated
// rules and events, whose texts are made of few pieces so that much matches.
func TestEngineEqualsReference(t *testing.T) {
	const rules, events = 40, 50
	pairs, matched := 0, 0
	for seed := uint64(1); pairs < *propertyCases; seed++ {
		g := generator{rand.New(rand.NewPCG(seed, 7))}
		var text strings.Builder
		for i := range rules {
			fmt.Fprintf(&text, "---\n%s", g.rule(i))
		}
		file := Parse("generated.yml", []byte(text.String()))
		var list []*Rule
		for _, d := range file.Documents {
			if d.Rule != nil {
				list = append(list, d.Rule)
			} else if d.Err != nil && !strings.Contains(d.Err.Reason, "forms of a value") {
				t.Fatalf("seed %d: %v\n%s", seed, d.Err, text.String())
			}
		}
		engine, rejected := Compile(list, Options{Fields: true})
		if len(rejected) > 0 {
			t.Fatalf("seed %d: %v", seed, rejected[0])
		}
		refs := make([]*Reference, len(list))
		for i, r := range list {
			refs[i], _ = NewReference(r)
		}
		m := engine.NewMatcher()
		for range events {
			e := g.event()
			got := m.Match(nil, e)
			for i, r := range list {
				want := refs[i].Matches(e)
				have := len(got) > 0 && got[0].Rule == r
				if have {
					checkFields(t, refs[i], e, got[0])
					got = got[1:]
					matched++
				}
				if pairs%16 == 0 {
					checkExplanation(t, refs[i], e, want)
				}
				if want != have {
					t.Fatalf("seed %d: reference says %v, engine says %v\nevent %s\nrule %s", seed, want, have,
						e.AppendJSON(nil), ruleText(text.String(), r))
				}
				pairs++
			}
			if len(got) > 0 {
				t.Fatalf("seed %d: matches out of order", seed)
			}
		}
	}
	t.Logf("%d pairs, %d matches", pairs, matched)
	if matched*50 < pairs {
		t.Errorf("only %d of %d pairs match: the generator tests nothing", matched, pairs)
	}
}

// checkExplanation checks that all reasons of a match are as the condition wants them,
// and that those of none are not.
func checkExplanation(t *testing.T, ref *Reference, e *event.Event, matches bool) {
	x := ref.Explain(e)
	if x.Matched != matches || len(x.Reasons) == 0 {
		t.Fatalf("explanation is %+v, match is %v", x, matches)
	}
	for _, r := range x.Reasons {
		if (r.Holds == r.Wanted) != matches {
			t.Fatalf("match is %v for the reason %+v in %q", matches, r, x.Condition.Text)
		}
	}
}

// checkFields checks that what a match names as its reason is one.
func checkFields(t *testing.T, ref *Reference, e *event.Event, m Match) {
	for _, f := range m.Fields {
		ok := false
		for _, alternatives := range ref.tests[f.Item].values {
			for _, p := range alternatives {
				switch {
				case p.value != f.Pattern:
				case p.kind == predFieldRef, p.kind == predExists:
					ok = ok || p.holds(e)
				default:
					ok = ok || p.holdsFor(f.Value)
				}
			}
		}
		if !ok {
			t.Fatalf("%v does not match value %d of %v", f.Value, f.Pattern, f.Item)
		}
	}
}

func ruleText(all string, r *Rule) string {
	for _, doc := range strings.Split(all, "---\n") {
		if strings.Contains(doc, "title: "+r.Title+"\n") {
			return doc
		}
	}
	return r.Title
}

type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) one(n int) bool { return g.IntN(n) == 0 }

var (
	genFields = []string{"A", "B", "c.d", "c", "e-f", "N", "event.original", "T"}
	genPieces = []string{
		"a", "B", "ab", "Foo", "bar", "foobar", `\`, ".exe", " -x", " /x", "–", "é", "É", "K", "ſ", "s",
		"日本", "1", "5", "x", "cmd", "%p%", "\t", "ΟΔΟΣ", "0123456789abcdef", "ababababab", "`", "{x",
	}
)

func (g generator) rule(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "title: r%d\nlogsource: {category: test}\ndetection:\n", i)
	names := []string{"sel_a", "sel_b", "flt", "_hidden"}[:1+g.IntN(4)]
	for _, n := range names {
		fmt.Fprintf(&b, "  %s:\n%s", n, g.detection("    "))
	}
	fmt.Fprintf(&b, "  condition: %s\n", g.condition(names, 3))
	return b.String()
}

func (g generator) detection(indent string) string {
	var b strings.Builder
	switch g.IntN(8) {
	case 0: // keywords
		for range 1 + g.IntN(3) {
			fmt.Fprintf(&b, "%s- %s\n", indent, g.quoted())
		}
	case 1: // list of mappings
		for range 1 + g.IntN(2) {
			fmt.Fprintf(&b, "%s-\n%s", indent, g.mapping(indent+"  "))
		}
	default:
		b.WriteString(g.mapping(indent))
	}
	return b.String()
}

func (g generator) mapping(indent string) string {
	seen := map[string]bool{}
	var b strings.Builder
	for range 1 + g.IntN(3) {
		key, values := g.item()
		if seen[key] {
			continue
		}
		seen[key] = true
		fmt.Fprintf(&b, "%s%q: %s\n", indent, key, values)
	}
	return b.String()
}

func (g generator) item() (key, values string) {
	field := g.pick(genFields...)
	list := func(n int, one func() string) string {
		var all []string
		for range 1 + g.IntN(n) {
			all = append(all, one())
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	suffix := g.pick("", "", "", "|all", "|neq")
	switch g.IntN(16) {
	case 0:
		return field + "|re" + g.pick("", "|i", "|s", "|m") + suffix, list(2, g.regex)
	case 1:
		return field + "|cidr" + suffix, g.pick("10.0.0.0/8", "[192.168.1.0/24, 'fd00::/8']", "127.0.0.1")
	case 2:
		return field + "|exists", g.pick("true", "false")
	case 3:
		return field + g.pick("|lt", "|lte", "|gt", "|gte"), g.pick("1", "5", "5.5", "-1")
	case 4:
		return field + "|fieldref" + g.pick("", "|contains", "|startswith", "|endswith") + g.pick("", "|cased") + g.pick("", "|neq"), g.pick(genFields...)
	case 5:
		return field + g.pick("|minute", "|hour", "|day", "|week", "|month", "|year") + g.pick("", "|gte"), g.pick("1", "3", "53", "2026")
	case 6:
		return field + suffix, g.pick("null", "''", "[null, a]", "5", "[1, 5.0, '5']", "true", "[false, x]", "[]")
	case 7:
		return g.pick("|contains", "|all", "|startswith", "|contains|cased", "|endswith", "|re"), list(3, func() string { return g.pick("foo", "ab", "'1'", "bar") })
	case 8:
		if g.one(3) { // bytes, also such as are halves of characters
			return field + "|" + g.pick("wide", "utf16be", "utf16") + g.pick("", "|contains", "|endswith") + suffix,
				list(2, func() string { return "'" + g.pick("é", "日", "É*", "a?b", "*?日", "ꖗ", "*ꖗ?*", "覃") + "'" })
		}
		return field + "|" + g.pick("windash", "base64", "base64offset", "wide", "utf16be") + "|contains" + suffix,
			list(2, func() string { return "'" + g.pick(" -x", "foo", " /a -b", "ab", "x") + "'" })
	}
	return field + g.pick("", "", "|contains", "|contains", "|startswith", "|endswith") + g.pick("", "", "", "|cased") + suffix, list(6, g.quoted)
}

func (g generator) regex() string {
	parts := []string{"foo", "a+", "[ab]", "(bar|x)", `\d`, ".", "^", "$", `\s`, "é", "(?i:FOO)", "b?", "(ab){1,2}", "[0-9a-c]{8,}", ".{9,12}", "`", "(`|{)x?", "[ab]{9}", `\.exe`, "(?:1|5)", "日"}
	s := ""
	for range 1 + g.IntN(4) {
		s += g.pick(parts...)
	}
	return "'" + s + "'"
}

// quoted returns a value in single quotes, at times with wildcards and escapes.
func (g generator) quoted() string {
	s := ""
	for range 1 + g.IntN(3) {
		s += g.pick(genPieces...)
		if g.one(5) {
			s += g.pick("*", "?", `\*`, `\\`, "**", "?*")
		}
	}
	return "'" + s + "'"
}

func (g generator) condition(names []string, depth int) string {
	if depth == 0 || g.one(3) {
		switch g.IntN(6) {
		case 0:
			if len(names) < 2 { // all others may be hidden
				return names[0]
			}
			return g.pick("1 of sel_*", "all of sel_*", "any of them", "all of them", "2 of sel*")
		default:
			return g.pick(names...)
		}
	}
	a, b := g.condition(names, depth-1), g.condition(names, depth-1)
	return g.pick("("+a+") and "+b, a+" or "+b, "not "+a, "("+a+" or "+b+") and not ("+b+")", "not ("+a+")")
}

func (g generator) event() *event.Event {
	e := new(event.Event)
	for range g.IntN(6) {
		k := event.Intern(g.pick("A", "B", "c.d", "c.x", "c", "e-f", "N", "T", "other"))
		for range 1 + g.IntN(2) {
			g.value(e, k)
		}
	}
	if g.one(4) {
		e.Raw = []byte(g.text())
	}
	return e
}

func (g generator) value(e *event.Event, k event.Key) {
	switch g.IntN(14) {
	case 0:
		e.AddNull(k)
	case 1:
		e.AddInt(k, int64(g.IntN(8)-1))
	case 2:
		e.Add(k, event.Float(float64(g.IntN(12))/2))
	case 3:
		e.Add(k, event.Bool(g.one(2)))
	case 4:
		e.Add(k, event.Time(int64(g.Uint64N(60*365*86400))*1e9))
	case 5:
		e.AddIP(k, g.pick("10.1.2.3", "192.168.1.7", "fd00::1", "8.8.8.8"))
	case 6:
		e.Add(k, event.String(g.pick("10.1.2.3", "fd00::2", "5", "5.0", "-1", "true", "FALSE", "2026-03-01T03:01:00Z", "2026-01-03 01:00:00", "", "Zm9v", "YWI=", "f\x00o\x00o\x00", "\xff\xfeab", "x\xe9")))
	default:
		e.Add(k, event.String(g.text()))
	}
}

func (g generator) text() string {
	s := ""
	for range g.IntN(5) {
		p := g.pick(genPieces...)
		switch g.IntN(6) {
		case 0:
			p = strings.ToUpper(p)
		case 1:
			p = strings.ToLower(p)
		case 2: // bytes as they are: halves of characters, other encodings
			p = encodeUTF16(p, g.one(2))
		}
		if g.one(20) {
			p = g.pick("\xe9", "\x97", "\xe6", "\xa5", "\x00", "\xc3", "\x89", "\xff")
		}
		s += p
	}
	return s
}
