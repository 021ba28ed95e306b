package parse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

func TestStructuredDataIsBounded(t *testing.T) {
	f := func(data, reason string, fields int) {
		t.Helper()
		format, _ := Lookup("syslog")
		var e event.Event
		err := format.Read([]byte("<13>1 2026-11-21T09:00:00Z h a 1 m "+data+" text"), &Context{}, &e)
		got := ""
		if err != nil {
			got = Reason(err)
		}
		n := 0
		for _, field := range e.Fields() {
			if strings.HasPrefix(field.Key.String(), dataPrefix) {
				n++
			}
		}
		if got != reason || n != fields {
			t.Errorf("%.60q: %d fields, reason %q; want %d, %q", data, n, got, fields, reason)
		}
		if m := e.Get(event.Message).Text(); m != "text" {
			t.Errorf("%.60q: message %q", data, m)
		}
	}
	params := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ` p%d="v"`, i)
		}
		return "[id" + b.String() + "]"
	}
	const over = "structured data over bounds"
	f(params(maxParams), "", maxParams)
	f(params(maxParams+1), over, maxParams)
	f(params(40)+params(40), over, maxParams)
	f(`[id a="`+strings.Repeat("x", maxParamValue)+`"]`, "", 1)
	f(`[id a="`+strings.Repeat("x", maxParamValue+1)+`" b="kept"]`, over, 1)
	f(`[`+strings.Repeat("i", maxParamName)+` a="x"]`, over, 0)
	f(`[id a="x"b="y"]`, "bad structured data", 1)
}

// TestMessagesDoNotSayWhoTheyAre holds that what a program writes into syslog
// cannot set the identity of the record.
func TestMessagesDoNotSayWhoTheyAre(t *testing.T) {
	f, _ := Lookup("syslog")
	raw := []byte(`<13>Nov 21 09:00:00 h a: {"@timestamp":"2026-11-21T09:00:00Z","event.id":"x","gatewatch.source":"y","event.original":"z","event.ingested":"2001-01-01T00:00:00Z"}`)
	var e event.Event
	if err := f.Read(raw, &Context{Received: 7}, &e); err != nil {
		t.Fatal(err)
	}
	if e.ID != "" || e.Source != "" || string(e.Raw) != string(raw) || e.Received != 7 || e.Dataset != "ecs" {
		t.Errorf("id %q, source %q, raw %q, received %d, dataset %q", e.ID, e.Source, e.Raw, e.Received, e.Dataset)
	}
}

func TestLinesHardlyAllocate(t *testing.T) {
	f := func(format, line string) {
		t.Helper()
		parser, _ := Lookup(format)
		var e event.Event
		c := &Context{Received: mustTime(t, defaultReceived)}
		if n := testing.AllocsPerRun(100, func() { _ = parser.Read([]byte(line), c, &e) }); n > 3 { // one is the record
			t.Errorf("%s: %v allocations for %q", format, n, line)
		}
	}
	f("syslog", "<34>Nov 21 09:00:00 mx1 su[231]: 'su root' failed")
	f("syslog", `<165>1 2026-10-11T22:14:15.003Z h app 17 ID47 [a@1 x="3" y="q\"z"] An event`)
	f("sshd", "Nov 21 09:00:00 bastion sshd[811]: Failed password for root from 2001:db8::1 port 4711 ssh2")
	f("auto", "Nov 21 09:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.50]: 454 4.7.1 <v@example.org>: Relay access denied; from=<s@example.net> to=<v@example.org> proto=ESMTP helo=<h>")
	f("exchange.messagetracking", `2026-11-21T09:00:01.123Z,203.0.113.80,c,192.0.2.40,s,,,SMTP,RECEIVE,1,<a@b>,,x@example.com,,10,1,,,"a ""b""",y@example.net`)
}
