package parse

import (
	"testing"
	"time"
)

func at(t *testing.T, s string) int64 {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixNano()
}

func zoneOf(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestISOTime(t *testing.T) {
	berlin := zoneOf(t, "Europe/Berlin")
	f := func(in string, zone *time.Location, want, rest string) {
		t.Helper()
		ns, end := isoTime(in, zone)
		if want == "" {
			if end != 0 {
				t.Errorf("isoTime(%q) = %d, %d; want none", in, ns, end)
			}
			return
		}
		if end == 0 || ns != at(t, want) || in[end:] != rest {
			t.Errorf("isoTime(%q) = %s rest %q; want %s rest %q", in, time.Unix(0, ns).UTC(), in[end:], want, rest)
		}
	}
	f("2026-03-01T10:00:00Z host", nil, "2026-03-01T10:00:00Z", " host")
	f("2026-03-01T10:00:00.5+01:00", nil, "2026-03-01T09:00:00.5Z", "")
	f("2026-03-01 10:00:00,250-0530 x", nil, "2026-03-01T15:30:00.25Z", " x")
	f("2026-03-01T10:00:00+08", nil, "2026-03-01T02:00:00Z", "")
	f("2026-03-01T10:00:00.1234567899Z", nil, "2026-03-01T10:00:00.123456789Z", "")
	f("2026-07-01T10:00:00 x", berlin, "2026-07-01T08:00:00Z", " x")
	f("2024-02-29T23:59:60Z", nil, "2024-03-01T00:00:00Z", "")
	f("2025-02-29T00:00:00Z", nil, "", "")
	f("2026-13-01T00:00:00Z", nil, "", "")
	f("2026-01-01T24:00:00Z", nil, "", "")
	f("9999-01-01T00:00:00Z", nil, "", "")
	f("2026-01-01T00:00:0", nil, "", "")
	f("2026-01-0\xffT00:00:00Z", nil, "", "")
	f("", nil, "", "")
}

func TestNginxTimes(t *testing.T) {
	access := func(in, want string) {
		t.Helper()
		ns, ok := nginxTime(in)
		if ok != (want != "") || ok && ns != at(t, want) {
			t.Errorf("nginxTime(%q) = %d, %v; want %q", in, ns, ok, want)
		}
	}
	access("10/Oct/2026:13:55:36 -0700", "2026-10-10T20:55:36Z")
	access("01/jan/2026:00:00:00 +0545", "2025-12-31T18:15:00Z")
	access("10/Oct/2026:13:55:36 -07:0", "")
	access("10/Oct/2026:13:55:36 Z0700", "")
	access("31/Apr/2026:13:55:36 +0000", "")
	access("10/Oct/2026:13:55:36", "")

	failed := func(in string, zone *time.Location, want string) {
		t.Helper()
		ns, end := nginxErrorTime(in, zone)
		if end != 0 != (want != "") || end != 0 && ns != at(t, want) {
			t.Errorf("nginxErrorTime(%q) = %d, %d; want %q", in, ns, end, want)
		}
	}
	failed("2026/10/10 13:55:36 [error]", nil, "2026-10-10T13:55:36Z")
	failed("2026/10/10 13:55:36 [error]", time.FixedZone("", 8*3600), "2026-10-10T05:55:36Z")
	failed("2026-10-10 13:55:36", nil, "")
	failed("2026/10/10 13:5:36x", nil, "")
}

func TestStampTime(t *testing.T) {
	shanghai := zoneOf(t, "Asia/Shanghai")
	f := func(in, received string, zone *time.Location, want, rest string) {
		t.Helper()
		ns, end := stampTime(in, &Context{Received: at(t, received), Zone: zone})
		if want == "" {
			if end != 0 {
				t.Errorf("stampTime(%q) = %s; want none", in, time.Unix(0, ns).UTC())
			}
			return
		}
		if end == 0 || ns != at(t, want) || in[end:] != rest {
			t.Errorf("stampTime(%q) = %s rest %q; want %s rest %q", in, time.Unix(0, ns).UTC(), in[end:], want, rest)
		}
	}
	now := "2026-05-10T12:00:00Z"
	f("May  9 04:02:36 host", now, nil, "2026-05-09T04:02:36Z", " host")
	f("May 9 04:02:36 host", now, nil, "2026-05-09T04:02:36Z", " host")
	f("May 11 04:02:36 host", now, nil, "2026-05-11T04:02:36Z", " host") // a clock ahead
	f("May 12 04:02:36 host", now, nil, "2025-05-12T04:02:36Z", " host") // too far ahead
	f("May  9 04:02:36.125 host", now, shanghai, "2026-05-08T20:02:36.125Z", " host")
	f("Mar  1 2024 18:46:11.5 UTC: %SYS", now, shanghai, "2024-03-01T18:46:11.5Z", ": %SYS")
	f("Mar  1 18:46:11 GMT: %SYS", now, shanghai, "2026-03-01T18:46:11Z", ": %SYS")
	f("Mar  1 18:46:11 CET: %SYS", now, nil, "2026-03-01T18:46:11Z", " CET: %SYS")
	f("Mar  1 18:46:11 UTCxyz", now, nil, "2026-03-01T18:46:11Z", " UTCxyz")
	// New Year, seen from both sides.
	f("Dec 31 23:59:58 host", "2026-01-01T00:00:03Z", nil, "2025-12-31T23:59:58Z", " host")
	f("Jan  1 00:00:01 host", "2025-12-31T23:59:59Z", nil, "2026-01-01T00:00:01Z", " host")
	f("Jan  1 00:30:00 host", "2025-12-31T16:30:05Z", shanghai, "2025-12-31T16:30:00Z", " host")
	// Leap day.
	f("Feb 29 10:00:00 host", "2028-02-29T10:00:01Z", nil, "2028-02-29T10:00:00Z", " host")
	f("Feb 29 10:00:00 host", "2026-05-10T12:00:00Z", nil, "2024-02-29T10:00:00Z", " host")
	f("Feb 29 10:00:00 host", "2103-05-10T12:00:00Z", nil, "2096-02-29T10:00:00Z", " host")
	f("Feb 30 10:00:00 host", now, nil, "", "")
	f("May 9 4:02:36 host", now, nil, "", "")
	f("Mai  9 04:02:36 host", now, nil, "", "")
	f("May", now, nil, "", "")
	f("May           ", now, nil, "", "")
}

// TestClock compares the calendar with the standard library's.
func TestClock(t *testing.T) {
	for d := time.Date(1678, 1, 1, 12, 34, 56, 7, time.UTC); d.Year() < 2262; d = d.AddDate(0, 0, 17) {
		c := clock{d.Year(), int(d.Month()), d.Day(), 12, 34, 56, 7}
		if ns, ok := c.at(0); !ok || ns != d.UnixNano() {
			t.Fatalf("%s: at = %d, %v; want %d", d, ns, ok, d.UnixNano())
		}
	}
}

func TestTimesDoNotAllocate(t *testing.T) {
	c := &Context{Received: at(t, "2026-05-10T12:00:00Z"), Zone: zoneOf(t, "Europe/Berlin")}
	n := testing.AllocsPerRun(100, func() {
		stampTime("May  9 04:02:36 host", c)
		isoTime("2026-03-01T10:00:00.123456+01:00", c.Zone)
		nginxTime("10/Oct/2026:13:55:36 -0700")
		nginxErrorTime("2026/10/10 13:55:36 [error]", c.Zone)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
