package segment

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
)

// readLines parses lines of a format as they come in.
func readLines(t *testing.T, format string, lines []string) []event.Event {
	t.Helper()
	f, ok := parse.Lookup(format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	events := make([]event.Event, len(lines))
	for i, l := range lines {
		c := parse.Context{Received: 1_793_577_600_000_000_000 + int64(i)*1e9}
		if err := f.Read([]byte(l), &c, &events[i]); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		events[i].ID = fmt.Sprintf("%032x-%d", 7, i)
	}
	return events
}

// accessLines are lines as nginx writes them in its combined format.
func accessLines(r *rand.Rand, n int) []string {
	at := time.Date(2026, 11, 20, 23, 59, 0, 0, time.FixedZone("", 8*3600))
	lines := make([]string, n)
	for i := range lines {
		at = at.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
		target := fmt.Sprintf("/shop/%d", r.IntN(200))
		if r.IntN(2) == 0 {
			target += fmt.Sprintf("?q=%d&s=%x", r.IntN(100), r.Uint32())
		}
		user, referrer := "-", "-"
		if r.IntN(10) == 0 {
			user = "anna"
		}
		if r.IntN(3) == 0 {
			referrer = "https://www.example.com/" + fmt.Sprint(r.IntN(50))
		}
		agent := fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%[1]d.0", 90+r.IntN(30))
		if r.IntN(50) == 0 {
			agent = `say \x22hi\x22 \xE4`
		}
		lines[i] = fmt.Sprintf(`%s - %s [%s] "%s %s HTTP/%s" %d %d "%s" "%s"`, netip.AddrFrom4([4]byte{203, 0, 113, byte(r.IntN(256))}),
			user, at.Format("02/Jan/2006:15:04:05 -0700"), []string{"GET", "GET", "POST"}[r.IntN(3)], target, []string{"1.1", "2.0"}[r.IntN(2)],
			[]int{200, 200, 301, 404, 500}[r.IntN(5)], r.IntN(50_000), referrer, agent)
	}
	return lines
}

func column(t *testing.T, b *Block, name string) ColumnInfo {
	t.Helper()
	all, err := b.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no column %s", name)
	return ColumnInfo{}
}

func TestAccessLinesAreDerived(t *testing.T) {
	var s Sealer
	r := rand.New(rand.NewPCG(1, 5))
	for range 3 { // the later ones begin with templates of the first
		events := readLines(t, "nginx.access", accessLines(r, 2000))
		b := openSealed(t, s.Seal(build(events)))
		sameEvents(t, b, events)
		if c := column(t, b, "event.original"); c.Encoding != "template" || c.Bytes > 2*2000 {
			t.Fatalf("event.original takes %d bytes as %s", c.Bytes, c.Encoding)
		}
	}
}

func TestJSONLinesAreDerived(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 5))
	lines := make([]string, 1500)
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for i := range lines {
		at = at.Add(time.Duration(r.IntN(1000)) * time.Millisecond)
		rules := []string{"", `"942100"`, `"942100","949110"`}[r.IntN(3)]
		lines[i] = fmt.Sprintf(`{"@timestamp":"%s","source":{"ip":"198.51.100.%d"},"url":{"path":"/a/%d"},"took":%d.%d,"ok":%t,"rule":{"id":[%s]},"message":"request \"/a/x\" took %[4]d"}`,
			at.Format("2006-01-02T15:04:05.000Z"), r.IntN(256), r.IntN(1000), r.IntN(90), 1+r.IntN(9), r.IntN(2) == 0, rules)
	}
	lines[700] = strings.Replace(lines[700], `"url"`, `"url" `, 1) // of another form: stored
	events := readLines(t, "ecs", lines)
	b := openSealed(t, new(Sealer).Seal(build(events)))
	sameEvents(t, b, events)
	if c := column(t, b, "event.original"); c.Encoding != "template" || c.Bytes > 3000 {
		t.Fatalf("event.original takes %d bytes as %s", c.Bytes, c.Encoding)
	}
}

// TestDerivedTextComesBack renders messages from random fields, with faults, and
// wants every one back.
func TestDerivedTextComesBack(t *testing.T) {
	var s Sealer
	derived := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		events := make([]event.Event, 20+r.IntN(300))
		for i := range events {
			renderMessage(r, &events[i], int(seed))
		}
		b := openSealed(t, s.Seal(build(events)))
		sameEvents(t, b, events)
		if column(t, b, "message").Encoding == "template" {
			derived++
		}
	}
	if derived < 40 {
		t.Fatalf("only %d blocks have a derived message", derived)
	}
}

// renderMessage gives an event fields and a message made of them.
func renderMessage(r *rand.Rand, e *event.Event, kind int) {
	e.Time = 1_700_000_000_000_000_000 + int64(r.IntN(1e9))*1e6
	for range 1 + r.IntN(2) {
		e.AddList(event.Intern("dict"), event.String([]string{"GET", "POST", `a "quoted" <one>`, "caf\xe9 \n"}[r.IntN(4)]))
	}
	for i, v := range []event.Value{
		event.String(fmt.Sprintf("%032x", r.Uint64())), event.Int(int64(r.Uint64()) >> r.IntN(64)), event.Float(r.NormFloat64()),
		event.Bool(r.IntN(2) == 0), event.IP(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(256))})), event.Int(int64(r.IntN(2e9)) * 1e6),
	} {
		if r.IntN(20) > 0 {
			e.Add(event.Intern(fmt.Sprintf("k%d", i)), v)
		}
	}
	text := []byte("what was seen by the gate: ")
	for _, x := range append(e.Fields(), event.Field{Key: event.Timestamp, Value: event.Time(e.Time)}) {
		f := form{kind: formTime, time: timeForm{date: byte(kind % dateEpoch), zone: zonePlain, offset: 60, digits: 3}}
		if forms := formsOf(x.Value.Kind()); forms != nil {
			f.kind = forms[kind%len(forms)]
		}
		text = append(append(append(text, " <"...), x.Key.String()...), "> "...)
		text = f.append(text, x.Value)
	}
	if r.IntN(30) == 0 {
		text[r.IntN(len(text))] ^= 1
	}
	e.Set(event.Message, event.String(string(text)))
}

// TestDamageOfDerivedText flips bits in a block with derived text.
func TestDamageOfDerivedText(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	events := readLines(t, "nginx.access", accessLines(r, 64))
	raw := new(Sealer).Seal(build(events))
	column(t, openSealed(t, raw), "event.original")
	for at := 0; at < len(raw); at += 1 + r.IntN(5) {
		bad := bytes.Clone(raw)
		bad[at] ^= 1 << r.IntN(8)
		got, err := readAll(bad)
		if err != nil && !IsDamaged(err) {
			t.Fatalf("byte %d: %v", at, err)
		}
		for i := range got {
			if err == nil && got[i].Raw != string(events[i].Raw) {
				t.Fatalf("byte %d: row %d is %q", at, i, got[i].Raw)
			}
		}
	}
}

// TestTemplateOfItself wants columns that refer to each other in a circle, or to
// none, to be damage and nothing worse.
func TestTemplateOfItself(t *testing.T) {
	events := readLines(t, "nginx.access", accessLines(rand.New(rand.NewPCG(6, 4)), 64))
	f := func(ref int) {
		t.Helper()
		var s Sealer
		b := build(events)
		s.collect(b)
		plans := make([]*plan, len(s.parts))
		for i, p := range s.parts {
			if p.key.Is(event.EventOriginal) {
				if ref < 0 {
					ref = i
				}
				plans[i] = &plan{
					templates: []*template{{parts: []part{{lit: []byte("x")}}}}, refs: []int{ref},
					codes: bytes.Repeat([]byte{1}, p.col.n), stored: Column{rows: b.rows, tag: p.col.tag},
				}
			}
		}
		if _, err := readAll(s.seal(b, plans)); !IsDamaged(err) {
			t.Fatalf("column %d: %v", ref, err)
		}
	}
	f(-1)
	f(MaxColumns)
	f(0) // a time has no form of text
}

func TestTimeForms(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	layouts := []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.000000-0700", "2006-01-02 15:04:05",
		"2006-01-02 15:04:05,000", "2006/01/02 15:04:05", "02/Jan/2006:15:04:05 -0700", "Jan _2 15:04:05", "2006-01-02T15:04:05.999999999Z07:00",
	}
	for i := range 5000 {
		at := time.Unix(0, int64(r.Uint64())>>r.IntN(20)).In(time.FixedZone("", 900*(r.IntN(97)-48)))
		if at.Year() < 1 || at.Year() > 9999 {
			continue
		}
		layout := layouts[i%len(layouts)]
		want := at.Format(layout)
		f, n := findTime([]byte(want+" x"), at.UnixNano())
		if n != len(want) {
			t.Fatalf("%s: found %d bytes of %q", layout, n, want)
		}
		if got := string(f.append(nil, at.UnixNano())); got != want {
			t.Fatalf("%s: %q, want %q", layout, got, want)
		}
	}
	for _, want := range []string{"1793577600", "1793577600.123", "1793577600123", "1793577600.123456789"} {
		f, n := findTime([]byte(want), 1793577600_123456789)
		if got := string(f.append(nil, 1793577600_123456789)); got != want || n != len(want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

// FuzzFindTime demands that what is found renders to the text it was found in.
func FuzzFindTime(f *testing.F) {
	f.Add([]byte("02/Jan/2006:15:04:05 -0700"), int64(1136239445_000000000))
	f.Add([]byte("2006-01-02T22:04:05.000Z"), int64(1136239445_000000000))
	f.Add([]byte("Jan  2 23:04:05"), int64(1136239445_000000000))
	f.Fuzz(func(t *testing.T, text []byte, ns int64) {
		form, n := findTime(text, ns)
		if n > 0 && string(form.append(nil, ns)) != string(text[:n]) {
			t.Fatalf("%+v of %q", form, text[:n])
		}
	})
}

// FuzzTemplates gives the reader of templates any bytes.
func FuzzTemplates(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 4))
	var s Sealer
	var seeds []event.Event
	for _, l := range accessLines(r, 200) {
		seeds = append(seeds, event.Event{Raw: []byte(l)})
		format, _ := parse.Lookup("nginx.access")
		if err := format.Read([]byte(l), &parse.Context{}, &seeds[len(seeds)-1]); err != nil {
			f.Fatal(err)
		}
	}
	b := build(seeds)
	s.collect(b)
	for i, p := range s.plans(b) {
		if p != nil {
			f.Add(appendTemplates(nil, p.templates, p.refs), i)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, _ int) {
		in := reader{b: b}
		templates, refs := in.templates()
		if in.bad {
			return
		}
		again := reader{b: appendTemplates(nil, templates, refs)}
		if back, _ := again.templates(); again.bad || len(back) != len(templates) {
			t.Fatalf("templates do not come back: %d of %d", len(back), len(templates))
		}
	})
}
