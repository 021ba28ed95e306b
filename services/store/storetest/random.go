package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// RunRandom asks queries made of random parts about random events, of a store
// and of [Naive], and demands the same answers. Each seed is one store with its
// events and 20 queries, in a test of its own that is named after it.
func RunRandom(t *testing.T, seeds int, open func(t *testing.T) Store) {
	if seeds < 1 {
		t.Fatal("no seed was run")
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runSeed(t, uint64(seed), open) })
	}
}

func runSeed(t *testing.T, seed uint64, open func(t *testing.T) Store) {
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	written := g.events(1 + g.IntN(80))
	store, reference := open(t), Naive()
	for rest := written; len(rest) > 0; {
		n := 1 + g.IntN(len(rest))
		for _, s := range []Store{reference, store} {
			if err := s.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
		}
		rest = rest[n:]
	}
	for range 20 {
		c := &Case{Query: g.query(), From: "-", To: "-"}
		if g.IntN(4) == 0 {
			c.From, c.To = g.time(), "now"
		}
		want := Answer(context.Background(), reference, c, written)
		got := Answer(context.Background(), store, c, written)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s, from %s (-want +got):\n%s", c.Query, c.From, diff)
		}
	}
}

// generator makes events and queries that have something to do with each other.
type generator struct{ *rand.Rand }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

// randomFields are names with the values that they have in events, as JSON, and
// the values that queries ask for.
var randomFields = []struct {
	name  string
	json  []string
	asked []string
}{
	{
		"source.ip",
		[]string{`"203.0.113.7"`, `"203.0.113.200"`, `"10.1.2.3"`, `"2001:db8::1"`, `"host-a"`},
		[]string{"203.0.113.7", "203.0.113.0/25", "10.0.0.0/8", "2001:db8::/32", "203.*", "HOST-a"},
	},
	{
		"url.path",
		[]string{`"/"`, `"/admin"`, `"/Admin"`, `"/admin/login.php"`, `"/a b/(c)"`},
		[]string{"/admin", "/admin*", "*.PHP", `"/a b/(c)"`, "/^.adm[a-z]+$/", "*b*c*"},
	},
	{"http.response.status_code", []string{"200", "403", "500", "503"}, []string{"200", "403.0", "5*", "/^50/"}},
	{"http.request.method", []string{`"GET"`, `"get"`, `"POST"`}, []string{"get", "P*", "(get or post)", "(p* and not put)"}},
	{
		"labels.mixed",
		[]string{"1", "1.0", `"1"`, `"01"`, `"one"`, "true", `"true"`, "2.5", `"2.50"`, "-3", `""`, "[1,2]"},
		[]string{"1", "01", "one", "true", "2.5", "-3", `""`, "*e"},
	},
	{"tags", []string{`["a"]`, `["a","B"]`, `["b","c","a"]`, `"straße"`}, []string{"a", "B", "STRASSE", "STRAßE", "(a and b)", "(a and not c)"}},
	{
		"labels.big",
		[]string{"9007199254740993", "9007199254740992", "-9223372036854775808", `"18446744073709551616"`},
		[]string{"9007199254740993", "18446744073709551616", "9*"},
	},
	{"message", []string{`"Union Select 1"`, `"failed login for ÄRGER"`, `"ok"`, `"line\ntwo"`}, []string{"ok", "*login*", "/un.on/", "/^line.two+/"}},
	{"labels.when", []string{`"2026-02-28T12:00:00Z"`, `"2026-02-28T13:00:00+01:00"`, `"yesterday"`}, []string{"2026-02-28T12:00:00.000Z", "2026-02-28", "yes*"}},
	{"event.dataset", []string{`"nginx.access"`, `"sshd"`}, []string{"sshd", "nginx*"}},
}

func (g generator) events(n int) []*event.Event {
	events := make([]*event.Event, n)
	for i := range events {
		var b strings.Builder
		fmt.Fprintf(&b, `{"@timestamp":%q,"event.id":"e%03d"`, g.time(), i)
		for _, f := range randomFields {
			if g.IntN(3) > 0 {
				fmt.Fprintf(&b, `,%q:%s`, f.name, pick(g, f.json...))
			}
		}
		if g.IntN(3) == 0 {
			fmt.Fprintf(&b, `,"labels.f%d":%d`, g.IntN(20), i)
		}
		b.WriteString("}")
		e := &event.Event{}
		if err := e.UnmarshalJSON([]byte(b.String())); err != nil {
			panic(err)
		}
		e.Source = pick(g, "one", "two")
		if g.IntN(2) == 0 {
			e.Raw = []byte(pick(g, "raw UNION select text", "Ω raw", "\xff\x00 bytes", "ok"))
		}
		events[i] = e
	}
	return events
}

// time is one of few, so that events meet queries and each other.
func (g generator) time() string {
	return Now.Add(-time.Duration(g.IntN(40)) * time.Hour).Format(time.RFC3339)
}

func (g generator) query() string {
	parts := []string{g.filter(3)}
	columns := []string(nil) // nil: events
	for range g.IntN(4) {
		var pipe string
		pipe, columns = g.pipe(columns)
		parts = append(parts, pipe)
	}
	return strings.Join(parts, " | ")
}

func (g generator) filter(depth int) string {
	switch n := g.IntN(10); {
	case n < 2 && depth > 0:
		return "(" + g.filter(depth-1) + " and " + g.filter(depth-1) + ")"
	case n < 4 && depth > 0:
		return "(" + g.filter(depth-1) + " or " + g.filter(depth-1) + ")"
	case n == 4 && depth > 0:
		return "not " + g.filter(depth-1)
	case n == 5:
		return pick(g, "*", "union", `"union select"`, "ärger", "ok", "raw*text", "straße", "line")
	case n == 6:
		return pick(g, "labels.mixed", "labels.big", "http.response.status_code") + pick(g, " > ", " <= ") + pick(g, "1", "2.5", "450", "9007199254740992")
	case n == 7:
		return pick(g, "@timestamp >= ", "@timestamp < ", "@timestamp: ", "labels.when > ") + pick(g, g.time(), "now-12h", "2026-02-28")
	}
	f := randomFields[g.IntN(len(randomFields))]
	return f.name + ": " + pick(g, append([]string{"*"}, f.asked...)...)
}

func (g generator) field(columns []string) string {
	if columns != nil {
		return pick(g, columns...)
	}
	return randomFields[g.IntN(len(randomFields))].name
}

// pipe makes a pipe for rows with the given columns and returns the columns
// behind it.
func (g generator) pipe(columns []string) (string, []string) {
	f := g.field(columns)
	switch g.IntN(7) {
	case 0:
		if columns == nil {
			return "where " + g.filter(1), nil
		}
		return "where " + pick(g, f+": *", "not "+f+": *", f+" > 1", f+": (1 or 2 or GET)"), columns
	case 1:
		return "sort " + f + pick(g, "", " desc"), columns
	case 2:
		return fmt.Sprint("limit ", g.IntN(30)), columns
	case 3:
		return "dedup " + f, columns
	case 4:
		if columns != nil {
			return "keep " + f, []string{f}
		}
		return fmt.Sprintf("%s %d %s", pick(g, "top", "rare"), 1+g.IntN(3), f), []string{f, "count"}
	}
	call := pick(g, "sum", "min", "max", "avg", "count", "count_distinct") + "(" + g.field(columns) + ")"
	switch {
	case g.IntN(4) == 0:
		return "stats n = count(), x = " + call, []string{"n", "x"}
	case columns == nil && g.IntN(3) == 0:
		return "stats n = count(), x = " + call + " by t = bucket(@timestamp, 6h)", []string{"t", "n", "x"}
	}
	return "stats n = count(), x = " + call + " by k = " + f, []string{"k", "n", "x"}
}
