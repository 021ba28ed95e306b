package rules

import (
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// BenchmarkPack measures the rules and correlations of the pack for one event. The
// events are those of all examples of rules, so nearly half of them match; they come
// a second apart.
func BenchmarkPack(b *testing.B) {
	p, err := newPack(routed)
	if err != nil {
		b.Fatal(err)
	}
	var events []*event.Event
	for _, r := range p.set.Rules {
		list, err := r.Examples()
		if err != nil {
			b.Fatal(err)
		}
		for _, x := range list {
			more, err := eventsOf(x)
			if err != nil {
				b.Fatal(err)
			}
			events = append(events, more...)
		}
	}
	c := p.newCounter()
	var matches []sigma.Match
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := events[i%len(events)]
		e.Time = received.UnixNano() + int64(i)*1e9
		e.Received = e.Time
		matches = c.matcher.Match(matches[:0], e)
		c.correlator.Observe(e, matches, func(*sigma.Firing) {})
	}
}
