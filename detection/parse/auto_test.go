package parse

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/google/go-cmp/cmp"
)

// TestAutoChoosesTheFormat reads the goldens of formats with auto: whatever the
// format itself understands must come out the same.
func TestAutoChoosesTheFormat(t *testing.T) {
	f := func(name string, exceptCases ...string) {
		t.Helper()
		format, ok := Lookup(name)
		if !ok {
			t.Fatalf("no format %s", name)
		}
		auto, _ := Lookup("auto")
		cases, _ := readGolden(t, format)
		read := 0
		for _, c := range cases {
			if strings.Contains(" "+strings.Join(exceptCases, " ")+" ", " "+c.name+" ") {
				continue
			}
			for i, r := range c.records {
				ctx := c.ctx
				ctx.Header = c.headers[i]
				var want, got event.Event
				if format.Read(r, &ctx, &want) != nil {
					continue
				}
				err := auto.Read(r, &ctx, &got)
				if diff := cmp.Diff(string(want.AppendJSON(nil)), string(got.AppendJSON(nil))); diff != "" || err != nil {
					t.Errorf("%s %s: auto differs, error %v (-%s +auto):\n%s", name, c.name, err, name, diff)
				}
				read++
			}
		}
		if read < minRecords {
			t.Errorf("%s: auto was compared on %d records", name, read)
		}
	}
	f("syslog")
	f("sshd", "bare") // a bare message says nothing of its program
	f("postfix", "bare")
	f("exchange.messagetracking", "own", "broken") // neither header nor columns tell the log there
	f("exchange.httpproxy")
}

func TestAutoDoesNotBelieveMessages(t *testing.T) {
	f := func(in, dataset string) {
		t.Helper()
		auto, _ := Lookup("auto")
		var e event.Event
		_ = auto.Read([]byte(in), &Context{Received: mustTime(t, defaultReceived)}, &e)
		if e.Dataset != dataset {
			t.Errorf("%q is taken for %s, want %s", in, e.Dataset, dataset)
		}
	}
	f(`<13>Nov 21 09:00:00 h app: sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2`, "syslog")
	f(`<13>Nov 21 09:00:00 h app: 2026/11/21 09:00:00 [error] 1#1: *1 x`, "syslog")
	f(`2026-11-21T09:00:00Z h app: 192.0.2.1 - - [21/Nov/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 1`, "syslog")
	f(`192.0.2.1 - <34>Nov 21 09:00:00 sshd[1]: x`, "auto")
	f(`x {"transaction":{}}`, "auto")
	f(`{"@timestamp":"2026-11-21T09:00:00Z","event.dataset":"app","params":{"waf.decision":"block"}}`, "app")
	f(`{"@timestamp":"2026-11-21T09:00:00Z","event.dataset":"app","params":[{"a":"}","waf.decision":"block"}],"x":1}`, "app")
	f(`{"@timestamp":"2026-11-21T09:00:00Z","event.dataset":"app","params":{"http_request":{},"enrichments":[]}}`, "app")
	f(`{"@timestamp":"2026-11-21T09:00:00Z","event.dataset":"app","message":"\\",\"waf.decision\":\"block"}`, "app")
	f(`{"@timestamp":"2026-11-21T09:00:00Z","a":["}\"",{}],"waf.decision":"block"}`, "coraza.waf")
	f(`<13>Nov 21 09:00:00 h app: {"@timestamp":"2026-11-21T09:00:00Z","event.dataset":"app","params":{"waf.decision":"block"}}`, "app")
	f(``, "auto")
}

// BenchmarkLines reads one usual record of each format, as itself and as auto.
func BenchmarkLines(b *testing.B) {
	f := func(name, format, line string) {
		b.Run(name, func(b *testing.B) {
			f, _ := Lookup(format)
			raw, c := []byte(line), &Context{Received: 1_795_262_400_000_000_000}
			var e event.Event
			if err := f.Read(raw, c, &e); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				_ = f.Read(raw, c, &e)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
	f("syslog3164", "syslog", `<34>Nov 21 09:00:00 mx1 su[231]: 'su root' failed for lonvick on /dev/pts/8`)
	f("syslog5424", "syslog", `<165>1 2026-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"] An event`)
	reject := `<22>Nov 21 09:10:03 mx1 postfix/smtpd[2101]: NOQUEUE: reject: RCPT from unknown[203.0.113.50]: 454 4.7.1 <victim@example.org>: Relay access denied; from=<spam@example.net> to=<victim@example.org> proto=ESMTP helo=<WIN-9QL4SDRB93L>`
	f("postfix reject", "postfix", reject)
	f("postfix reject as auto", "auto", reject)
	f("postfix sent", "postfix", `<22>Nov 21 09:12:01 mx1 postfix/smtp[103]: A1B2C3D4E5: to=<b@example.com>, relay=mx.example.com[198.51.100.26]:25, delay=1.2, delays=0.1/0.02/0.5/0.58, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 12345)`)
	failed := `<38>Nov 21 09:00:02 bastion sshd[811]: Failed password for invalid user oracle from 203.0.113.5 port 4712 ssh2`
	f("sshd", "sshd", failed)
	f("sshd as auto", "auto", failed)
	f("messagetracking", "exchange.messagetracking", `2026-11-21T09:00:02.623Z,192.0.2.40,EX01.example.com,192.0.2.41,EX02,,,STOREDRIVER,DELIVER,47394024,<20261121.1@example.net>,5bc1f9a2-1f0a-4c57-9ab0-08da4f7c1147,bob@example.com,,18230,1,,,"Invoice ""March"", final",alice@example.net,alice@example.net,2026-11-21T09:00:01.123Z;SRV=EX01.example.com:TOTAL-HUB=1.5,Incoming,,203.0.113.80,192.0.2.40,S:Mailbox=1,Email,1c2e,15.02.1118.007`)
}
