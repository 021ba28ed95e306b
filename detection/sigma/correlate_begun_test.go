package sigma

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestCorrelateStart: what a correlation fires at begins with the first event of the
// windows of those that it refers to, also after a restart.
func TestCorrelateStart(t *testing.T) {
	_, links := correlations(t, base("a")+base("b")+
		correlation("inner", "type: event_count\nrules: [a]\ngroup-by: [u]\ntimespan: 60s\ncondition: {gte: 3}")+
		correlation("outer", "type: temporal_ordered\nrules: [inner, b]\ngroup-by: [u]\ntimespan: 300s"))
	var got []string
	fire := func(f *Firing) {
		got = append(got, fmt.Sprint(f.Correlation.Title, " ", f.From/1e9, " to ", f.To/1e9))
	}
	c := NewCorrelator(links, CorrelatorConfig{})
	at := func(second int64, rule int) {
		e := &event.Event{Time: second * int64(time.Second), Received: second * int64(time.Second)}
		e.AddText(event.Intern("u"), "anna")
		c.Observe(e, []Match{{Index: rule}}, fire)
	}
	at(1000, 0) // out of the window of the others
	at(1100, 0)
	at(1110, 0)
	at(1130, 0) // inner holds from here on
	at(1140, 0)
	bytes := c.Stats().Bytes
	next := NewCorrelator(links, CorrelatorConfig{})
	if _, err := next.Restore(c.AppendSnapshot(nil)); err != nil {
		t.Fatal(err)
	}
	if c = next; c.Stats().Bytes != bytes {
		t.Errorf("%d bytes after a restart, %d before", c.Stats().Bytes, bytes)
	}
	at(1200, 1)
	if diff := cmp.Diff([]string{"outer 1100 to 1200"}, got); diff != "" {
		t.Error(diff)
	}
	for s := range int64(500) { // each with another start
		at(2000+10*s, 0)
	}
	for g, list := range c.groups.begun {
		if len(list) > maxBegun || list[0].t < 2000+10*499-300-300 {
			t.Errorf("group %d keeps %d windows, the oldest of %d", g, len(list), list[0].t)
		}
	}
	at(20_000, 0) // all groups are dead
	at(20_000, 1)
	at(20_001, 1)
	if n := c.Stats(); n.Groups != 2 || len(c.groups.begun) != 0 || n.Bytes != c.groups.at(0).bytes()+c.groups.at(1).bytes() {
		t.Errorf("%+v, windows of %d groups", n, len(c.groups.begun))
	}
}
