package sigma

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/google/go-cmp/cmp"
)

// flood feeds events of one rule a millisecond apart, with the number of the event
// as the field v, and returns the numbers of those at which something fires.
func flood(s *Set, c *Correlator, from, to int) []int {
	var fired []int
	matches := matching(s, "a")
	for i := from; i < to; i++ {
		e := &event.Event{Time: 1_700_000_000_000_000_000 + int64(i)*1e6}
		e.AddInt(event.Intern("v"), int64(i))
		c.Observe(e, matches, func(*Firing) { fired = append(fired, i) })
	}
	return fired
}

// TestCorrelateHighCount counts further than MaxEntries, with a snapshot on the way.
func TestCorrelateHighCount(t *testing.T) {
	f := func(kind, condition string, lateness time.Duration, want ...int) {
		t.Helper()
		s, links := correlations(t, base("a")+correlation("X", fmt.Sprintf("type: %s\nrules: [a]\ntimespan: 1h\ncondition: {%s}", kind, condition)))
		cfg := CorrelatorConfig{Lateness: lateness}
		c := NewCorrelator(links, cfg)
		got := flood(s, c, 0, 9000)
		d := NewCorrelator(links, cfg)
		if _, err := d.Restore(c.AppendSnapshot(nil)); err != nil {
			t.Fatal(err)
		}
		got = append(got, flood(s, d, 9000, 40_000)...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s: %s", kind, condition, diff)
		}
		if _, err := NewCorrelator(links, cfg).Restore(d.AppendSnapshot(nil)); err != nil {
			t.Errorf("%s %s: %v", kind, condition, err)
		}
	}
	f("event_count", "gte: 10000", 0, 9999)
	f("event_count", "gt: 10000", 0, 10000)
	f("event_count", "gte: 10000", 5*time.Hour, 9999)
	f("event_count", "eq: 10000", 0, 9999)
	f("event_count", "gt: 10000, lt: 10002", 0, 10000)
	f("value_count", "field: v, gte: 9500", 0, 9499)
}

func TestLinkCountTooHigh(t *testing.T) {
	f := func(kind, condition, want string) {
		t.Helper()
		var s Set
		s.Add(Parse("f.yml", []byte(base("a")+correlation("X", fmt.Sprintf("type: %s\nrules: [a]\ntimespan: 1h\ncondition: {%s}", kind, condition)))))
		if len(s.Errors) > 0 {
			t.Fatal(s.Errors[0])
		}
		got := ""
		if _, errs := Link(s.Rules, s.Correlations); len(errs) > 0 {
			got = errs[0].Reason
		}
		if got != want {
			t.Errorf("%s %s: got %q, want %q", kind, condition, got, want)
		}
	}
	f("event_count", "gte: 1048576", "")
	f("event_count", "gte: 1048577", "condition of event_count counts to 1.048577e+06, and no group keeps more than 1048576")
	f("value_count", "field: v, gte: 65536", "")
	f("value_count", "field: v, lt: 65537", "condition of value_count counts to 65537, and no group keeps more than 65536")
	f("value_sum", "field: v, gte: 1e12", "")
}

// TestCorrelatorTruncated counts what a type that needs all events loses.
func TestCorrelatorTruncated(t *testing.T) {
	s, links := correlations(t, base("a")+correlation("X", "type: value_sum\nrules: [a]\ntimespan: 1h\ncondition: {field: v, gte: 1e12}"))
	c := NewCorrelator(links, CorrelatorConfig{MaxEntries: 16})
	if flood(s, c, 0, 16); c.Stats().Truncated != 0 {
		t.Errorf("within the bound: %d", c.Stats().Truncated)
	}
	if flood(s, c, 16, 18); c.Stats().Truncated != 1 {
		t.Errorf("beyond it: %d", c.Stats().Truncated)
	}
}

// TestCorrelatorLateWindows counts a late event that changes more windows than are
// looked at.
func TestCorrelatorLateWindows(t *testing.T) {
	s, links := correlations(t, base("a")+correlation("X", "type: value_count\nrules: [a]\ntimespan: 1s\ncondition: {field: v, eq: 5000}"))
	f := func(events int, want uint64) {
		t.Helper()
		c := NewCorrelator(links, CorrelatorConfig{})
		flood(s, c, 0, events)
		flood(s, c, 100, 101)
		if got := c.Stats().Truncated; got != want {
			t.Errorf("late among %d events: %d, want %d", events, got, want)
		}
	}
	f(300, 0)
	f(2000, 1)
}

// TestRestoreTwins takes over two correlations that are the same but for their title.
func TestRestoreTwins(t *testing.T) {
	x := correlation("X", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gte: 3}")
	unnamed := func(title string) string {
		return strings.Replace(strings.Replace(x, "name: X\n", "", 1), "title: X", "title: "+title, 1)
	}
	for _, twins := range []string{unnamed("X") + unnamed("X"), unnamed("X") + unnamed("X") + unnamed("X")} {
		s, links := correlations(t, base("a")+twins)
		c := NewCorrelator(links, CorrelatorConfig{})
		stream(t, s, c, "0 a user=x\n1 a user=x\n1 a user=y")
		d := NewCorrelator(links, CorrelatorConfig{})
		if dropped, err := d.Restore(c.AppendSnapshot(nil)); dropped != 0 || err != nil {
			t.Fatal(dropped, err)
		}
		if diff := cmp.Diff(stream(t, s, c, "2 a user=x"), stream(t, s, d, "2 a user=x")); diff != "" {
			t.Error(diff)
		}
	}
}

// TestRestoreReference gives an entry a reference that its correlation does not have.
func TestRestoreReference(t *testing.T) {
	s, links := correlations(t, base("a")+base("b")+correlation("X", "type: temporal_ordered\nrules: [a, b]\ntimespan: 1m"))
	c := NewCorrelator(links, CorrelatorConfig{})
	stream(t, s, c, "0 b")
	snapshot := c.AppendSnapshot(nil)
	at := len(snapshot) - 17 // what the last entry adds: no window, and the checksum, are behind it
	if got := binary.LittleEndian.Uint64(snapshot[at:]); got != 1 {
		t.Fatalf("entry adds %d", got)
	}
	binary.LittleEndian.PutUint64(snapshot[at:], 2)
	if _, err := NewCorrelator(links, CorrelatorConfig{}).Restore(sealed(snapshot)); !errors.Is(err, ErrSnapshot) {
		t.Errorf("got %v", err)
	}
}

// TestCorrelateDeadGroup gives a group an event when it was given up and not yet
// removed: it begins anew, also with what it fired.
func TestCorrelateDeadGroup(t *testing.T) {
	// The sweep sees one correlation at each event, so that the other's group stays.
	count := "type: event_count\nrules: [%s]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gte: 2}"
	s, links := correlations(t, base("a")+base("b")+correlation("X", fmt.Sprintf(count, "a"))+correlation("Y", fmt.Sprintf(count, "b")))
	for quiet := range 4 {
		c := NewCorrelator(links, CorrelatorConfig{Lateness: time.Second})
		send := func(eventTime, received int64) (fired bool) {
			const start = int64(1_700_000_000_000_000_000)
			e := &event.Event{Time: start + eventTime*1e9, Received: start + received*1e9}
			e.Add(event.Intern("user"), event.String("x"))
			c.Observe(e, matching(s, "a"), func(*Firing) { fired = true })
			return fired
		}
		for range quiet {
			c.Observe(&event.Event{}, nil, nil)
		}
		send(100, 100)
		if send(101, 500) {
			t.Errorf("%d events before: a group that was given up counts", quiet)
		}
		if !send(102, 501) {
			t.Errorf("%d events before: the new group does not fire", quiet)
		}
	}
}

// TestLinkChain puts correlations on top of each other up to the bound.
func TestLinkChain(t *testing.T) {
	f := func(n int, want string) {
		t.Helper()
		var text strings.Builder
		text.WriteString(base("a"))
		for i := n; i > 0; i-- { // the topmost first, so that the depth is that of the chain
			ref := fmt.Sprint("n", i-1)
			if i == 1 {
				ref = "a"
			}
			text.WriteString(correlation(fmt.Sprint("n", i), "type: event_count\nrules: ["+ref+"]\ntimespan: 1m\ncondition: {gte: 2}"))
		}
		var s Set
		s.Add(Parse("f.yml", []byte(text.String())))
		_, errs := Link(s.Rules, s.Correlations)
		got := ""
		if len(errs) > 0 {
			got = errs[0].Reason
		}
		if got != want {
			t.Errorf("chain of %d: got %q, want %q", n, got, want)
		}
	}
	f(65, "")
	f(66, "more than 64 correlations refer to each other")
}
