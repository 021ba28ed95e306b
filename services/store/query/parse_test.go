package query_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/storetest"
)

func Example() {
	q, err := query.Parse(`url.path: /admin* and not http.response.status_code >= 500 | stats n = count() by source.ip`, time.Time{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var e event.Event
	if err := e.UnmarshalJSON([]byte(`{"url.path":"/Admin/x","http.response.status_code":403,"source.ip":"192.0.2.1"}`)); err != nil {
		fmt.Println(err)
		return
	}
	row := query.EventRow{Event: &e}
	fmt.Println(query.NewMatcher(q.Where()).Match(row), q.Fields())
	_, err = query.Parse(`status = 500`, time.Time{})
	var wrong *query.Error
	if errors.As(err, &wrong) {
		fmt.Println(wrong)
		fmt.Println(wrong.Caret())
	}
	// Output:
	// true [url.path http.response.status_code source.ip]
	// column 8: write : for equality (status: value), or quote the text that holds "="
	// status = 500
	//        ^
}

// FuzzParse demands of every text that it is refused with a place in it, or
// that the printed query is read again as the same one.
func FuzzParse(f *testing.F) {
	var rows []query.Row
	for _, g := range storetest.Cases(f) {
		for _, c := range g.Cases {
			f.Add(c.Query)
		}
		for _, e := range g.Events {
			rows = append(rows, query.EventRow{Event: e})
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := query.Parse(text, storetest.Now)
		if err != nil {
			var e *query.Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len(text)+1 || e.Message == "" || strings.Count(e.Caret(), "\n") != 1 {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		printed := q.String()
		if len(printed) > query.MaxText {
			return
		}
		again, err := query.Parse(printed, storetest.Now)
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", text, printed, err)
		}
		if got := again.String(); got != printed {
			t.Fatalf("%q is printed as %q, and then as %q", text, printed, got)
		}
		m, n := query.NewMatcher(q.Filter), query.NewMatcher(again.Filter)
		for i, row := range rows {
			if m.Match(row) != n.Match(row) {
				t.Fatalf("%q and %q differ on event %d", text, printed, i)
			}
		}
	})
}

func TestPrint(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		q, err := query.Parse(in, storetest.Now)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			return
		}
		if got := q.String(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	f("", "*")
	f("a b or c not d:e", `("a" and "b") or ("c" and not d: e)`)
	f("not not (a: 1)", "a: 1")
	f("a: 1 and (b: 2 and (c: 3 and a: 1))", "a: 1 and b: 2 and c: 3")
	f("a: 1 or *", "*")
	f("not (a: 1 or *)", "not *")
	f("a: 1 and not * or b: 2", "b: 2")
	f(`f: ("x y" or a*b\*c and not /d.+/)`, `f: "x y" or (f: a*b\*c and not f: /d.+/)`)
	f(`f: "10.0.0.0/8" f: 10.0.0.0/8`, `f: "10.0.0.0/8" and f: 10.0.0.0/8`)
	f(`"and": x | sort "by", 客户 desc`, `"and": x | sort "by", 客户 desc`)
	f("*|stats count( * ),percentile( f ,99.50 )BY bucket( @timestamp,7d )|sort COUNT() DESC|limit 5",
		`* | stats count(), percentile(f, 99.5) by bucket(@timestamp, 1w) | sort "count()" desc | limit 5`)
	f("* | rare f by g | dedup f", "* | rare 10 f by g | dedup f")
}

func TestBounds(t *testing.T) {
	f := func(text string, want string) {
		t.Helper()
		_, err := query.Parse(text, storetest.Now)
		if err == nil && want == "" {
			return
		}
		if err == nil || want == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %q", text, err, want)
		}
	}
	f(strings.Repeat("(", 90)+"a"+strings.Repeat(")", 90), "")
	f(strings.Repeat("(", 60_000), "nested deeper than 100")
	f(strings.Repeat("not ", 10_000)+"a", "nested deeper than 100")
	f("f: "+strings.Repeat("(", 60_000), "nested deeper than 100")
	f(strings.Repeat("a", query.MaxText+1), "at most 65536 bytes")
	f(strings.Repeat("a b ", 1000), "")
	f(strings.Repeat("a b ", 2100), "at most 4096 conditions")
	f("f: "+strings.Repeat("*a", 100), "at most 64 stars")
	f("f: "+strings.Repeat("*", 10_000), "")
	f("*"+strings.Repeat("| limit 1", 40), "at most 32 pipes")
	f("* | keep "+strings.Repeat("a,", 40)+"b", "named twice")
	f("* | stats "+strings.Repeat("count(),", 80)+"count()", "twice")
	f("f: /"+strings.Repeat("a?", 600)+"/", "at most 1024 bytes")
	f(strings.Repeat("f: /a+b/ ", 100), "at most 64 regular expressions")
	f("f: /(((a{50}){9}){9}){9}/", "regular expression")
	f(strings.Repeat("n", 300)+": x", "at most 256 bytes")
	f("a \xff b", "column 3: this byte is not UTF-8")
}

func TestCaret(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := query.Parse(text, storetest.Now)
		var e *query.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", text, err)
			return
		}
		if diff := cmp.Diff(want, e.Caret()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	f("a and", "a and\n     ^")
	f("日本 and\n\x1b[31m: )", "日本 and  [31m: )\n         ^")
	f(strings.Repeat("a ", 100)+"b:", strings.Repeat("a ", 24)+"b:\n"+strings.Repeat(" ", 50)+"^")
}

func TestPlan(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		q, err := query.Parse(text, storetest.Now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		fields := "all"
		if keys := q.Fields(); keys != nil {
			fields = fmt.Sprint(keys)
		}
		got := fmt.Sprintf("where %s; fields %s; pipes %v; keep %v; aggregation %t; ordered %t",
			q.Where(), fields, q.PipeFields(), q.Keep(), q.IsAggregation(), q.Ordered())
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
	f("a: 1 b | where c: 2 | sort d", `where a: 1 and "b" and c: 2; fields all; pipes [d]; keep []; aggregation false; ordered true`)
	f("a: 1 | keep b", `where a: 1; fields [a b]; pipes []; keep [b]; aggregation false; ordered false`)
	f("a: 1 | stats n = count(), sum(c) by d | where n > 1", `where a: 1; fields [a d c]; pipes [d c]; keep []; aggregation true; ordered false`)
	f("text | stats count()", `where "text"; fields [message event.original]; pipes []; keep []; aggregation true; ordered false`)
	f("* | stats count()", `where *; fields []; pipes []; keep []; aggregation true; ordered false`)
	f("* | limit 5 | where a: 1 | top 3 b by c", `where *; fields [a c b]; pipes [a c b]; keep []; aggregation true; ordered true`)
}

func TestTimeRange(t *testing.T) {
	at := func(ns int64) string {
		if ns == -1<<63 || ns == 1<<63-1 {
			return "-"
		}
		return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.999999999")
	}
	f := func(text, want string) {
		t.Helper()
		q, err := query.Parse(text, storetest.Now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		from, to := query.TimeRange(q.Filter)
		got := at(from) + " " + at(to)
		if from >= to {
			got = "never"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	f("a: 1", "- -")
	f("@timestamp >= 2026-01-02", "2026-01-02T00:00:00 -")
	f("@timestamp > 2026-01-02", "2026-01-03T00:00:00 -")
	f("@timestamp <= 2026-01-02", "- 2026-01-03T00:00:00")
	f("@timestamp < 2026-01-02T00:00:00Z", "- 2026-01-02T00:00:00")
	f("@timestamp > 2026-01-02T00:00:00Z", "2026-01-02T00:00:00.000000001 -")
	f("@timestamp: 2026-01-02 and a: 1", "2026-01-02T00:00:00 2026-01-03T00:00:00")
	f("@timestamp: (2026-01-02 or 2026-01-05)", "2026-01-02T00:00:00 2026-01-06T00:00:00")
	f("@timestamp: 2026-01-02 or a: 1", "- -")
	f("@timestamp: 2026-01-02 and @timestamp: 2026-01-05", "never")
	f("@timestamp: 2026-01-02 or (@timestamp: 2026-02-02 and @timestamp: 2026-02-05)", "2026-01-02T00:00:00 2026-01-03T00:00:00")
	f("not @timestamp < 2026-01-02", "- -")
	f("not *", "never")
	f("event.created >= now-1h", "- -")
	f("@timestamp >= now-1h", "2026-03-01T11:00:00 -")
}

// FuzzRequired demands that a value that matches holds what the accelerator is
// asked for.
func FuzzRequired(f *testing.F) {
	f.Add("/ab+c(de|df)[x]yz/", "xABBcdfxyz")
	f.Add("*foo*BAR", "a Foo b bar")
	f.Add(`/(\Qa.b\E|c)?dd{2,3}/`, "addd")
	f.Add("\u212Aelvin*", "kelvin")
	f.Fuzz(func(t *testing.T, value, s string) {
		q, err := query.Parse("f: "+value, storetest.Now)
		if err != nil {
			return
		}
		m, ok := q.Filter.(*query.Match)
		if !ok || !m.Op.MatchText(s) {
			return
		}
		for _, part := range query.Required(m.Op) {
			if !strings.Contains(query.Fold(s), part) {
				t.Fatalf("%s matches %q, but that does not hold %q", m, s, part)
			}
		}
	})
}

func TestRequired(t *testing.T) {
	f := func(value string, want ...string) {
		t.Helper()
		q, err := query.Parse("f: "+value, storetest.Now)
		if err != nil {
			t.Errorf("%s: %v", value, err)
			return
		}
		if got := query.Required(q.Filter.(*query.Match).Op); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
	f("*Union*SELECT*", "union", "select")
	f("/Union.+(select|insert)+x[0-9]from/", "union", "from")
	f("/(abc)+d?(efg){2}/", "abc", "efg", "efg")
	f("/a|bc/")
	f("plain")
}

func TestParseTimeRange(t *testing.T) {
	f := func(from, to, want string) {
		t.Helper()
		a, b, err := query.ParseTimeRange(from, to, storetest.Now)
		got := fmt.Sprint(err)
		if err == nil {
			got = time.Unix(0, a).UTC().Format(time.RFC3339) + " " + time.Unix(0, b).UTC().Format(time.RFC3339)
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s %s: got %s, want %s", from, to, got, want)
		}
	}
	f("2026-01-01", "2026-01-02T03:04:05+02:00", "2026-01-01T00:00:00Z 2026-01-02T01:04:05Z")
	f("now-1h", "now", "2026-03-01T11:00:00Z 2026-03-01T12:00:00Z")
	f("now-7d", "NOW+30m", "2026-02-22T12:00:00Z 2026-03-01T12:30:00Z")
	f("now-2w", "now-500ms", "2026-02-15T12:00:00Z 2026-03-01T11:59:59Z")
	f("now-1", "", `read from: span "1": want a number with`)
	f("now-999999999w", "", `read from: span`)
	f("", "now+99999d", `read to: time "now+99999d": out of range`)
	f("", "2026-13-01", `read to: time "2026-13-01": want RFC 3339`)
	f("now", "now-1s", `read range: from (now) is after to (now-1s)`)
	if a, b, err := query.ParseTimeRange("", "", storetest.Now); a != -1<<63 || b != 1<<63-1 || err != nil {
		t.Errorf("no bounds: %d %d %v", a, b, err)
	}
}
