package parse

import (
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// anyTime reads a time in one of the forms that JSON logs use, zone being that
// of times which name none (nil is UTC): RFC 3339 (also with a space or without
// a zone), a date, 2006/01/02 15:04:05, the common log format, ctime, RFC 1123,
// or a number as [event.ParseEpoch] takes it. It returns Unix nanoseconds.
func anyTime(s string, zone *time.Location) (int64, bool) {
	if len(s) < 8 || len(s) > 64 {
		return 0, false
	}
	if strings.TrimLeft(s, "0123456789.") == "" {
		return event.ParseEpoch(s)
	}
	switch {
	case s[2] == '/':
		return commonTime(s)
	case s[4] == '/':
		ns, end := nginxErrorTime(s, zone)
		return ns, end == len(s)
	case s[4] == '-':
		return isoTimeOnly(s, zone)
	}
	return wordyTime(s, zone)
}

// isoTimeOnly reads exactly an ISO 8601 time or date.
func isoTimeOnly(s string, zone *time.Location) (int64, bool) {
	if len(s) == len("2006-01-02") {
		s += "T00:00:00"
	}
	ns, end := isoTime(s, zone)
	if end > 0 && end < len(s) && s[end] == ' ' && s[end-1]-'0' <= 9 { // a zone after a space
		ns, end = isoTime(s[:end]+s[end+1:], zone)
		end++
	}
	return ns, end == len(s)
}

// wordyTime reads times that begin with the name of a day.
func wordyTime(s string, zone *time.Location) (int64, bool) {
	if zone == nil {
		zone = time.UTC
	}
	layout := "Mon Jan _2 15:04:05 2006" // reads a fraction of a second too
	switch {
	case s[3] != ',':
	case strings.HasSuffix(s, "GMT"):
		layout = time.RFC1123
	default:
		layout = time.RFC1123Z
	}
	t, err := time.ParseInLocation(layout, s, zone)
	if err != nil {
		return 0, false
	}
	return event.Nanos(t)
}

// commonTime reads exactly a time of the common log format, also with a
// fraction of a second as ModSecurity writes it: 21/Nov/2026:09:30:00.468 +0100.
func commonTime(s string) (int64, bool) {
	if len(s) > 20 && s[20] == '.' {
		i := strings.IndexByte(s, ' ')
		if i < 0 {
			return 0, false
		}
		var c clock
		ns, ok := nginxTime(s[:20] + s[i:])
		return ns + int64(c.fraction(s, 12, i)), ok
	}
	return nginxTime(s)
}

// fraction returns the nanoseconds of the time of day at i, 0 if that does not
// end at end.
func (c *clock) fraction(s string, i, end int) int {
	if c.timeOfDay(s, i) != end {
		return 0
	}
	return c.nanos
}
