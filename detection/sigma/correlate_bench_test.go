//go:build unix

package sigma

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// manyCorrelations makes 500 correlations of all types on 500 rules.
func manyCorrelations(tb testing.TB) (*Set, *Links) {
	var text strings.Builder
	for i := range 500 {
		text.WriteString(base(fmt.Sprint("r", i)))
	}
	for i := range 500 {
		members := [...]string{
			"type: event_count\nrules: [r%d]\ncondition: {gte: 5}",
			"type: value_count\nrules: [r%d]\ncondition: {field: url.path, gte: 10}",
			"type: temporal\nrules: [r%d, r%d]",
			"type: temporal_ordered\nrules: [r%d, r%d]",
			"type: value_sum\nrules: [r%d]\ncondition: {field: http.response.bytes, gt: 1000000}",
		}[i%5]
		members = fmt.Sprintf(members, i, (i+1)%500)
		members, _, _ = strings.Cut(members, "%!(EXTRA")
		group := [...]string{"source.ip", "user.name", "source.ip, user.name"}[i%3]
		text.WriteString(correlation(fmt.Sprint("c", i), members+"\ngroup-by: ["+group+"]\ntimespan: 1h"))
	}
	return correlations(tb, text.String())
}

// BenchmarkCorrelator feeds events of many clients, each of which matches one of
// 500 rules, with a million groups alive, and reports what a group takes and how
// many events are handled in a second of processor time. Making the events counts.
func BenchmarkCorrelator(b *testing.B) {
	s, links := manyCorrelations(b)
	const clients = 400_000
	rnd := rand.New(rand.NewPCG(1, 1))
	users := make([]string, clients)
	for i := range clients {
		users[i] = fmt.Sprintf("user%06d", i)
	}
	paths := make([]string, 1000)
	for i := range paths {
		paths[i] = fmt.Sprintf("/shop/item/%d", i)
	}
	var e event.Event
	match := make([]Match, 1)
	now := int64(1_700_000_000_000_000_000)
	fired := 0
	observe := func(c *Correlator) {
		e.Reset()
		now += 100_000 // 10,000 events a second
		e.Time = now - rnd.Int64N(2e9)
		n := rnd.IntN(clients)
		e.AddText(event.URLPath, paths[rnd.IntN(len(paths))])
		e.AddInt(event.HTTPResponseStatusCode, 404)
		e.AddAddr(event.SourceIP, netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}))
		e.AddText(event.UserName, users[n])
		e.AddInt(event.HTTPResponseBytes, rnd.Int64N(5000))
		i := (n*7 + rnd.IntN(3)) % 500
		match[0] = Match{Rule: s.Rules[i], Index: i}
		c.Observe(&e, match, func(*Firing) { fired++ })
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := NewCorrelator(links, CorrelatorConfig{})
	for c.Stats().Groups < 1_000_000 {
		observe(c)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	perGroup := float64(after.HeapAlloc-before.HeapAlloc) / float64(c.Stats().Groups)
	start := processorTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		observe(c)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/(processorTime(b)-start).Seconds(), "events/cpu-s")
	b.ReportMetric(perGroup, "B/group")
	b.ReportMetric(float64(c.Stats().Groups), "groups")
	if fired == 0 && b.N > 100_000 {
		b.Error("nothing fired")
	}
}

// processorTime returns what the process has used so far.
func processorTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCorrelatorHot feeds one group only, each type in turn.
func BenchmarkCorrelatorHot(b *testing.B) {
	for _, kind := range []string{
		"event_count\ncondition: {gte: 100}", "event_count\ncondition: {eq: 100}",
		"value_count\ncondition: {field: v, gte: 20}", "value_count\ncondition: {field: v, lt: 20}",
		"temporal", "temporal_ordered", "value_sum\ncondition: {field: v, gt: 10}", "value_median\ncondition: {field: v, lt: 10}",
	} {
		b.Run(strings.ReplaceAll(kind, "\ncondition: ", " "), func(b *testing.B) {
			s, links := correlations(b, base("a")+base("b")+correlation("X", "type: "+kind+"\nrules: [a, b]\ngroup-by: [g]\ntimespan: 1h"))
			c := NewCorrelator(links, CorrelatorConfig{})
			m := []Match{{Rule: s.Rules[0], Index: 0}}
			var e event.Event
			g, v := event.Intern("g"), event.Intern("v")
			b.ReportAllocs()
			for n := range b.N {
				e.Reset()
				e.Time = 1_700_000_000_000_000_000 + int64(n)*1e6
				e.Add(g, event.String("x"))
				e.AddInt(v, int64(n%5000)+100)
				c.Observe(&e, m, func(*Firing) {})
			}
		})
	}
}
