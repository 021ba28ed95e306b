package parse

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestSendersHaveNoSayInReservedFields gives each format records that state what only
// Gatewatch says of an event, in each form that a parser may take them from.
func TestSendersHaveNoSayInReservedFields(t *testing.T) {
	const (
		flat   = `"gatewatch.waf":"node","gatewatch.source":"x","gatewatch.sealed":"x","finding.count":1,"verdict.p_attack":0,"verdict.event_id":"x"`
		nested = `"gatewatch":{"waf":"node","source":"x"},"finding":{"count":1},"verdict":{"p_attack":0},"\u0067atewatch.waf":"node"`
		claim  = `"@timestamp":"2026-11-21T09:30:00Z","event.dataset":"coraza.waf","waf.site":"shop","waf.mode":"block",`
	)
	records := []string{
		"{" + claim + `"waf.decision":"block",` + flat + "}",
		"{" + claim + `"waf":{"decision":"block"},` + flat + "," + nested + "}",
		`{"remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","time_iso8601":"2026-11-21T09:30:00Z","waf.decision":"block",` + flat + "," + nested + "}",
		`{"remote_addr":"203.0.113.9","request":"GET / HTTP/1.1","waf.node":"x",` + nested + "," + flat + "}",
		`{"transaction":{"id":"x","client_ip":"203.0.113.9",` + flat + "," + nested + "}," + flat + "," + nested + "}",
		`{"message":"x",` + flat + "," + nested + "}",
		`<13>1 2026-11-21T09:30:00Z host app 1 - [gatewatch waf="node"][a@1 gatewatch.waf="node" verdict.p_attack="0"] x`,
		`Nov 21 09:30:00 host app: {` + claim + `"waf.decision":"block",` + flat + "}",
		`gatewatch.waf=node verdict.p_attack=0 finding.count=1`,
	}
	wafs, cases := 0, 0
	for _, f := range Formats() {
		for _, text := range records {
			cases++
			var e event.Event
			_ = f.Read([]byte(text), &Context{Received: 1}, &e)
			if e.Source != "" {
				t.Errorf("%s: %.60s: the source is %q", f.Name, text, e.Source)
			}
			for _, field := range e.Fields() {
				k := field.Key
				switch name := k.String(); {
				case k.Is(event.GatewatchFlattened):
				case k.Is(event.GatewatchWAF):
					wafs++
					isWAF := e.Dataset == "coraza.waf" || strings.HasSuffix(e.Dataset, ".audit")
					if field.Value.Text() != event.WAFByLog || !isWAF || f.Name == "ecs" || f.Name == "json" || strings.HasPrefix(f.Name, "nginx") {
						t.Errorf("%s: %.60s: %s is %s", f.Name, text, name, field.Value)
					}
				case isReserved(name):
					t.Errorf("%s: %.60s: states %s", f.Name, text, name)
				}
			}
		}
	}
	if cases == 0 || wafs == 0 {
		t.Fatalf("%d cases, %d events of a WAF", cases, wafs)
	}
}
