package query

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// ParseTimeRange reads the bounds of a search: RFC 3339, a date (its midnight in
// UTC), now, or now with an offset such as now-1h, now-7d. An empty text is no
// bound. It returns Unix nanoseconds, from inclusive and to exclusive.
func ParseTimeRange(from, to string, now time.Time) (fromNS, toNS int64, err error) {
	fromNS, toNS = minTime, maxTime
	if from != "" {
		if fromNS, err = ParseTime(from, now); err != nil {
			return 0, 0, fmt.Errorf("read from: %w", err)
		}
	}
	if to != "" {
		if toNS, err = ParseTime(to, now); err != nil {
			return 0, 0, fmt.Errorf("read to: %w", err)
		}
	}
	if fromNS > toNS {
		return 0, 0, fmt.Errorf("read range: from (%s) is after to (%s)", from, to)
	}
	return fromNS, toNS, nil
}

// ParseTime reads one bound of [ParseTimeRange].
func ParseTime(text string, now time.Time) (int64, error) {
	if ns, ok := event.ParseTime(text); ok {
		return ns, nil
	}
	if ns, ok := parseDay(text); ok {
		return ns, nil
	}
	ns, ok, err := relativeTime(text, now)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, fmt.Errorf("time %q: want RFC 3339 (2026-01-31T12:00:00Z), a date (2026-01-31), now or now-1h", clip(text))
	}
	return ns, nil
}

func parseDay(text string) (int64, bool) {
	if len(text) != len(time.DateOnly) {
		return 0, false
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, false
	}
	return event.Nanos(t)
}

// relativeTime reads now and now±N with a unit. It reports false without an
// error for text that does not begin like one.
func relativeTime(text string, now time.Time) (int64, bool, error) {
	rest, ok := strings.CutPrefix(strings.ToLower(text), "now")
	if !ok || rest != "" && rest[0] != '-' && rest[0] != '+' {
		return 0, false, nil
	}
	base, ok := event.Nanos(now)
	if !ok {
		return 0, false, fmt.Errorf("time %q: the clock is out of range", clip(text))
	}
	if rest == "" {
		return base, true, nil
	}
	d, err := parseSpan(rest[1:])
	if err != nil {
		return 0, false, err
	}
	if rest[0] == '-' {
		d = -d
	}
	ns, ok := event.Nanos(now.Add(d))
	if !ok {
		return 0, false, fmt.Errorf("time %q: out of range", clip(text))
	}
	return ns, true, nil
}

var spanUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute,
	"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// parseSpan reads a number with a unit: 500ms, 30s, 5m, 1h, 7d, 2w.
func parseSpan(text string) (time.Duration, error) {
	n := digits(text)
	unit, ok := spanUnits[text[n:]]
	count, err := strconv.ParseInt(text[:n], 10, 64)
	if !ok || err != nil || count > math.MaxInt64/int64(unit) {
		return 0, fmt.Errorf("span %q: want a number with ms, s, m, h, d or w, such as 5m", clip(text))
	}
	return time.Duration(count) * unit, nil
}
