package segment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
)

// oddValues are JSON values that read back to something that may not be written
// as it came.
var oddValues = []string{
	`"plain"`, `""`, `"a\"b"`, `"a\/b"`, `"\u0041"`, `"<>&"`, `"\u003c\u0001\t"`, `"\ud800"`, "\"\xff\xfe\"", `"\\"`,
	`0`, `-0`, `7`, `-12`, `123456789012345678`, `9223372036854775807`, `9223372036854775808`, `1.5`, `1.50`, `1e3`, `0.1`, `-0.0`,
	`true`, `false`, `null`, `[]`, `["x"]`, `["x","y",1]`, `[1,"1",null]`, `{}`, `{"b":1}`, `{"b":{"c":"d"}}`,
}

var oddNames = []string{
	"a", "a", "b.c", "b", "note", "event.id", "event.dataset", "event.original", "gatewatch.x", "@timestamp", `q\"`, "",
	"source.ip", "source.port", "http.response.status_code", "rule.id", "event.created", "message", "\xff",
}

// oddTexts are strings for names whose fields have types.
var oddTexts = []string{
	`"203.0.113.9"`, `"::ffff:203.0.113.9"`, `"[2001:db8::1]"`, `"2001:DB8::1"`, `"443"`, `"+443"`, `"0443"`,
	`"2026-11-20T10:00:00Z"`, `"2026-11-20T10:00:00.120+08:00"`, `"2026-11-20 10:00:00.5Z"`, `1763632800`, `1763632800123`, `"soon"`,
}

func oddLine(r *rand.Rand, names []string) string {
	var b strings.Builder
	b.WriteString("{")
	for i, name := range names {
		if i > 0 {
			b.WriteString(",")
		}
		from := oddValues
		if r.IntN(3) == 0 {
			from = oddTexts
		}
		space := ""
		if r.IntN(40) == 0 {
			space = " "
		}
		fmt.Fprintf(&b, `%s"%s":%s`, space, name, from[r.IntN(len(from))])
	}
	b.WriteString("}")
	return b.String()
}

// TestLinesOfAnyLayoutComeBack wants every line back as it came, whatever is in
// it and whatever was done to its event after it was read.
func TestLinesOfAnyLayoutComeBack(t *testing.T) {
	format, _ := parse.Lookup("ecs")
	b := NewBuilder()
	var s Sealer
	laid := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 12))
		names := make([]string, 1+r.IntN(8))
		for i := range names {
			names[i] = oddNames[r.IntN(len(oddNames))]
		}
		b.Reset()
		events := make([]event.Event, 1+r.IntN(200))
		line := ""
		for i := range events {
			if line == "" || r.IntN(4) == 0 {
				line = oddLine(r, names)
			}
			e := &events[i]
			_ = format.Read([]byte(line), &parse.Context{Received: 1_793_577_600_000_000_000}, e) // what it holds is kept
			spoil(r, e)
			b.Add(e)
		}
		text := 0
		for i, e := range slices.DeleteFunc(slices.Clone(events), func(e event.Event) bool { return len(e.Raw) == 0 }) {
			if b.lines[i] == 0 {
				text += len(e.Raw)
			}
		}
		laid += b.laid
		if n := len(b.cols[colOriginal].data); n != text {
			t.Fatalf("seed %d: %d bytes of raw lines are kept, %d have no layout", seed, n, text)
		}
		sameEvents(t, openSealed(t, s.Seal(b)), events)
		sameEvents(t, b.View().Block(), events)
	}
	if laid < 1000 {
		t.Fatalf("%d lines have a layout", laid)
	}
}

// spoil changes an event as others do after it was read.
func spoil(r *rand.Rand, e *event.Event) {
	e.Source = "test"
	switch r.IntN(12) {
	case 0:
		e.ID = "given"
	case 1:
		e.Dataset = "other"
	case 2:
		e.Time++
	case 3:
		if len(e.Fields()) > 0 {
			e.Set(e.Fields()[0].Key, event.Int(5))
		}
	case 4:
		e.Raw = e.Raw[:len(e.Raw)/2]
	case 5:
		e.Raw = append([]byte("x"), e.Raw...)
	case 6:
		e.Raw = nil
	case 7:
		if len(e.Fields()) > 0 {
			e.Add(event.Intern("copy"), e.Fields()[0].Value)
		}
	}
}

// TestLayoutsAreBounded gives lines that have no layout in common.
func TestLayoutsAreBounded(t *testing.T) {
	format, _ := parse.Lookup("ecs")
	b := NewBuilder()
	for i := range 5000 {
		line := fmt.Sprintf(`{"@timestamp":"2026-11-20T10:00:00Z","unlike%d":1}`, i)
		var e event.Event
		if err := format.Read([]byte(line), &parse.Context{}, &e); err != nil {
			t.Fatal(err)
		}
		b.Add(&e)
	}
	l := &b.layouts
	if len(l.ends) > maxLayouts || l.text > maxLayoutText {
		t.Fatalf("%d layouts with %d bytes", len(l.ends), l.text)
	}
	b.Reset()
	if len(l.ends) != 0 || l.text != 0 {
		t.Fatal("layouts of single lines are kept")
	}
}
