package parse

import (
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

func TestAnyTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	f := func(in, want string) {
		t.Helper()
		got := "none"
		if ns, ok := anyTime(in, berlin); ok {
			got = string(event.AppendTime(nil, ns))
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	f("2026-11-21T09:30:00Z", "2026-11-21T09:30:00.000Z")
	f("2026-11-21T10:30:00.5+01:00", "2026-11-21T09:30:00.500Z")
	f("2026-11-21 10:30:00", "2026-11-21T09:30:00.000Z")
	f("2026-11-21 10:30:00,123", "2026-11-21T09:30:00.123Z")
	f("2026-11-21 11:30:00 +0200", "2026-11-21T09:30:00.000Z")
	f("2026-11-21", "2026-11-20T23:00:00.000Z")
	f("2026/11/21 10:30:00", "2026-11-21T09:30:00.000Z")
	f("21/Nov/2026:09:30:00 +0000", "2026-11-21T09:30:00.000Z")
	f("21/Nov/2026:09:30:00.468137 +0000", "2026-11-21T09:30:00.468137Z")
	f("Sat Nov 21 10:30:00 2026", "2026-11-21T09:30:00.000Z")
	f("Sat Nov  7 10:30:00.009964 2026", "2026-11-07T09:30:00.009964Z")
	f("Sat, 21 Nov 2026 09:30:00 GMT", "2026-11-21T09:30:00.000Z")
	f("Sat, 21 Nov 2026 10:30:00 +0100", "2026-11-21T09:30:00.000Z")
	f("1795253400", "2026-11-21T09:30:00.000Z")
	f("1795253400.25", "2026-11-21T09:30:00.250Z")
	f("1795253400123", "2026-11-21T09:30:00.123Z")
	f("1795253400123.5", "2026-11-21T09:30:00.123500Z")
	f("1795253400123456789", "2026-11-21T09:30:00.123456789Z")
	f("17952534001234567890", "none")
	f("12345678", "none")
	f("1.2.3.4.5", "none")
	f("2026-02-30", "none")
	f("2026-11-21T09:30:00Zjunk", "none")
	f("21/Nov/2026:09:30:00.5", "none")
	f("yesterday", "none")
	f("", "none")
}

func FuzzAnyTime(f *testing.F) {
	for _, s := range []string{"2026-11-21 10:30:00,123 +01", "21/Nov/2026:09:30:00.4 +0000", "Sat Nov 21 10:30:00 2026", "1795253400.25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ns, ok := anyTime(s, nil); ok {
			if y := time.Unix(0, ns).UTC().Year(); y < 1677 || y > 2262 {
				t.Errorf("%q is in the year %d", s, y)
			}
		}
	})
}
