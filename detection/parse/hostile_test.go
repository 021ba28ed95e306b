package parse

import (
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestHostileTextIsReadInLinearTime repeats what parsers look for over half a
// megabyte. A second is far more than a pass over it takes, and far less than
// looking through the rest of the text at each place.
func TestHostileTextIsReadInLinearTime(t *testing.T) {
	const size, limit = 512 << 10, time.Second
	heads := []string{
		"",
		`203.0.113.9 - - [21/Nov/2026:09:30:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" `,
		"2026/11/21 09:30:00 [error] 31#31: *46 ModSecurity: ",
		`{"transaction":{"id":"x"},"messages":[`,
		`{"transaction":{"id":"x"},"audit_data":{"messages":["`,
		`{"remote_addr":"203.0.113.9",`,
	}
	texts := []string{
		"[01/Jan/2020:00:00:00 +0000] x ", `[id "`, `[id "1"] [msg "`, `\"`, `" `, `\`, ", client: 192.0.2.1, server: x",
		", host: ", "[", "{", `{"a":`, "a, b : ", `"a":1,`, `{"data":{"id":1}},`, ":", `a="`, "x=y ", "[x] ",
	}
	for _, f := range Formats() {
		for _, head := range heads {
			for _, text := range texts {
				raw := []byte(head + strings.Repeat(text, size/len(text)))
				var e event.Event
				if d := spent(t, func() { _ = f.Read(raw, &Context{Received: 1}, &e) }); d > limit {
					t.Errorf("%s takes %v for %q and many of %q", f.Name, d, head, text)
				}
			}
		}
	}
}
