package main

import (
	"bufio"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
)

// eventTable prints lines of a format as a table on a terminal of a width.
func eventTable(t *testing.T, width int, format string, lines ...string) string {
	t.Helper()
	var out strings.Builder
	w := newTableEvents(&out, bufio.NewWriter(&out), outTable, nil)
	w.t.width = width
	f, ok := parse.Lookup(format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	for _, line := range lines {
		var e event.Event
		_ = f.Read([]byte(line), &parse.Context{}, &e) // the event says what is wrong
		e.Source = "edge"
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const (
	wafBlock  = `{"@timestamp":"2026-11-21T08:00:00Z","event.outcome":"failure","source.ip":"203.0.113.9","client.ip":"203.0.113.9","http.request.method":"POST","url.path":"/forum/post","waf.site":"shop","waf.mode":"block","waf.decision":"block","waf.action":"block","waf.anomaly_score":15,"rule.id":["941100","941120"]}`
	wafProxy  = `{"@timestamp":"2026-11-21T08:00:01Z","event.outcome":"success","source.ip":"10.0.0.1","client.ip":"203.0.113.9","http.request.method":"GET","url.path":"/","waf.site":"shop","waf.mode":"detect","waf.decision":"block","waf.action":"allow","waf.anomaly_score":5}`
	wafBroken = `{"@timestamp":"2026-11-21T08:00:02Z","waf.site":`
)

func TestEventTable(t *testing.T) {
	f := func(width int, want string, lines ...string) {
		t.Helper()
		if diff := cmp.Diff(want, "\n"+eventTable(t, width, "coraza.waf", lines...)); diff != "" {
			t.Errorf("width %d: %s", width, diff)
		}
	}
	f(0, `
@TIMESTAMP                EVENT.DATASET  GATEWATCH.SOURCE  CLIENT.IP    EVENT.OUTCOME  MESSAGE
2026-11-21T08:00:00.000Z  coraza.waf     edge              203.0.113.9  failure        block POST /forum/post score 15 rules 941100,941120
`, wafBlock)
	f(0, `
@TIMESTAMP                EVENT.DATASET  GATEWATCH.SOURCE  CLIENT.IP    SOURCE.IP  EVENT.OUTCOME  MESSAGE
2026-11-21T08:00:00.000Z  coraza.waf     edge              203.0.113.9             failure        block POST /forum/post score 15 rules 941100,941120
2026-11-21T08:00:01.000Z  coraza.waf     edge              203.0.113.9  10.0.0.1   success        allow GET / score 5 decision block
`, wafBlock, wafProxy)
	f(100, `
@TIMESTAMP                EVENT.DATASET  CLIENT.IP    MESSAGE
2026-11-21T08:00:00.000Z  coraza.waf     203.0.113.9  block POST /forum/post score 15 rules 941100,…
`, wafBlock)
	f(80, `
@TIMESTAMP                CLIENT.IP    MESSAGE
2026-11-21T08:00:00.000Z  203.0.113.9  block POST /forum/post score 15 rules 94…
2026-11-21T08:00:01.000Z  203.0.113.9  allow GET / score 5 decision block
`, wafBlock, wafProxy)
	f(0, `
@TIMESTAMP                EVENT.DATASET  GATEWATCH.SOURCE  MESSAGE                                           ERROR.MESSAGE
2026-11-21T08:00:02.000Z  coraza.waf     edge              {"@timestamp":"2026-11-21T08:00:02Z","waf.site":  coraza.waf: bad json: read json: value is cut off at byte 48
`, wafBroken)
	f(0, "\n@TIMESTAMP  EVENT.DATASET  GATEWATCH.SOURCE  CLIENT.IP  SOURCE.IP  EVENT.OUTCOME  MESSAGE  ERROR.MESSAGE\n")
}

// TestTableFitsTheTerminal prints rows with wide and combining characters.
func TestTableFitsTheTerminal(t *testing.T) {
	wide := strings.Replace(wafBlock, "/forum/post", "/论坛/"+strings.Repeat("e\u0301x", 60), 1)
	n := 0
	for width := 12; width < 250; width++ {
		for line := range strings.Lines(eventTable(t, width, "coraza.waf", wide, wafProxy, wafBroken, wafBlock)) {
			n++
			if got := textWidth(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("width %d: %q takes %d", width, line, got)
			}
		}
	}
	if n == 0 {
		t.Error("no line")
	}
}

// TestTableOfManyRows is laid out in parts, below one header.
func TestTableOfManyRows(t *testing.T) {
	var out strings.Builder
	table := newTable(bufio.NewWriter(&out), outTable, []string{"n"})
	for range 2*tableRows + 1 {
		if err := table.Write([]string{"x"}); err != nil {
			t.Fatal(err)
		}
		if len(table.rows) >= tableRows {
			t.Fatal("rows are kept")
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "N\n" + strings.Repeat("x\n", 2*tableRows+1); out.String() != want {
		t.Errorf("%d bytes, want %d", out.Len(), len(want))
	}
}

func TestPlain(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := plain([]byte(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	f(`1.234567e+06`, "1234567")
	f(`2.5e-05`, "0.000025")
	f(`1e+300`, "1e+300")
	f(`12`, "12")
	f(`"1e6"`, "1e6")
	f(`null`, "")
}
