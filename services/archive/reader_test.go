package archive

import (
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestTextsAreCopied: no value of an event points into a page, which is let go
// before the event is.
func TestTextsAreCopied(t *testing.T) {
	f := func(k event.Key, text string) {
		t.Helper()
		page := []byte(text)
		var e event.Event
		columns[fieldColumn(k)].add(&e, parquet.ByteArrayValue(page))
		clear(page)
		if got := e.Get(k).String(); got != text {
			t.Errorf("%s: %q, want %q", k, got, text)
		}
	}
	f(event.SourceIP, "no address")
	f(event.SourceIP, "203.0.113.9")
	f(event.SourceIP, "2001:db8::1")
	f(event.Message, "text")
}
