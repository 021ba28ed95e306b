package sigma

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestChain compares what a chain says at every event with a look at all entries of
// the window, in order and out of order, and with a correlator that was restored.
func TestChain(t *testing.T) {
	conditions := []string{
		"type: temporal_ordered\nrules: [a, b, c]",
		"type: temporal_ordered\nrules: [a, b, a, c, b]",
		"type: temporal_ordered\nrules: [a, b, c, d]\ncondition: {gte: 2}",
		"type: temporal_ordered\nrules: [a, b, c, d]\ncondition: {gt: 4}",
		"type: temporal_ordered\nrules: [a, b, c, d]\ncondition: {eq: 3}",
		"type: temporal_ordered\nrules: [a, b, c]\ncondition: a and b and c",
		"type: temporal_ordered\nrules: [a, b, c]\ncondition: a and (b or c)",
		"type: temporal\nrules: [a, b, c]\ncondition: a and b and not c",
	}
	held, chained := 0, 0
	for seed := range 8 * len(conditions) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 7))
		s, links := correlations(t, base("a")+base("b")+base("c")+base("d")+
			correlation("X", conditions[seed%len(conditions)]+"\ngroup-by: [g]\ntimespan: 30s"))
		l := links.list[0]
		cfg := CorrelatorConfig{Lateness: 5 * time.Second, MaxEntries: 64 << (seed % 3)}
		c := NewCorrelator(links, cfg)
		now := int64(1_700_000_000_000_000_000)
		for i := range 1500 {
			now += rnd.Int64N(int64(time.Second))
			e := &event.Event{Time: now, Received: now}
			if seed%4 == 0 {
				e.Time -= rnd.Int64N(int64(6 * time.Second))
			}
			e.Add(event.Intern("g"), event.String("g"))
			rule := rnd.IntN(4) * rnd.IntN(2) * rnd.IntN(2)
			m := []Match{{Rule: s.Rules[rule], Index: rule}}
			fired, again := false, false
			var restored *Correlator
			if i%500 == 499 {
				restored = NewCorrelator(links, cfg)
				if _, err := restored.Restore(c.AppendSnapshot(nil)); err != nil {
					t.Fatal(err)
				}
				restored.Observe(e, m, func(*Firing) { again = true })
			}
			c.Observe(e, m, func(*Firing) { fired = true })
			if restored != nil {
				if fired != again || c.Stats() != restored.Stats() {
					t.Fatalf("seed %d: event %d fires %v, restored %v; %+v, restored %+v", seed, i, fired, again, c.Stats(), restored.Stats())
				}
				c = restored
			}
			for n := range c.groups.used {
				g := c.groups.at(n)
				if g.chain != nil {
					chained++
				}
				at := g.entries[len(g.entries)-1].t
				if i%8 == 0 {
					at = g.entries[rnd.IntN(len(g.entries))].t
				}
				want := false
				for _, x := range g.entries[searchTime(g.entries, at):searchTime(g.entries, at+l.timespan+1)] {
					window := g.entries[searchTime(g.entries, x.t-l.timespan):searchTime(g.entries, x.t+1)]
					value, ok := c.figure(l, window, math.MaxInt)
					want = want || ok && l.satisfied(value)
				}
				if _, got := c.holds(l, g, at); got != want {
					t.Fatalf("seed %d: event %d holds %v, want %v", seed, i, got, want)
				}
				if want {
					held++
				}
			}
		}
	}
	if held < 1000 || chained < 10_000 {
		t.Errorf("held %d times, %d groups with a chain", held, chained)
	}
}

// BenchmarkCorrelatorOrdered feeds one client that keeps its first reference coming,
// in order of time and with each second event late.
func BenchmarkCorrelatorOrdered(b *testing.B) {
	for _, refs := range []string{"a, b", "a, b, c, d"} {
		for _, late := range []int64{0, 2e9} {
			for _, condition := range []string{"", "\ncondition: b and a"} {
				b.Run(fmt.Sprintf("%s late %ds%s", refs, late/1e9, condition), func(b *testing.B) {
					s, links := correlations(b, base("a")+base("b")+base("c")+base("d")+
						correlation("X", "type: temporal_ordered\nrules: ["+refs+"]\ngroup-by: [g]\ntimespan: 1h"+condition))
					c := NewCorrelator(links, CorrelatorConfig{})
					m := []Match{{Rule: s.Rules[0], Index: 0}}
					var e event.Event
					g := event.Intern("g")
					b.ReportAllocs()
					for n := range b.N {
						e.Reset()
						e.Received = 1_700_000_000_000_000_000 + int64(n)*1e7
						e.Time = e.Received - late*int64(n%2)
						e.Add(g, event.String("x"))
						c.Observe(&e, m, func(*Firing) {})
					}
				})
			}
		}
	}
}
