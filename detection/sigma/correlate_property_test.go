package sigma

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/gatewatch/gatewatch/detection/event"
)

// bruteEvent is one event of a group with what it adds.
type bruteEvent struct {
	t   int64
	add []uint64
}

// brute evaluates a correlation as the doc comment of Correlator has it: at event
// n of one group, all windows that the event changes, from all events so far.
func brute(l *linked, events []bruteEvent, n int) bool {
	t := events[n].t
	for _, end := range events[:n+1] {
		if end.t < t || end.t > t+l.timespan {
			continue
		}
		var window []bruteEvent
		for _, e := range events[:n+1] {
			if e.t <= end.t && e.t >= end.t-l.timespan {
				window = append(window, e)
			}
		}
		slices.SortStableFunc(window, func(a, b bruteEvent) int { return int(max(-1, min(1, a.t-b.t))) })
		if value, ok := bruteFigure(l, window); ok && l.satisfied(value) {
			return true
		}
	}
	return false
}

func bruteFigure(l *linked, window []bruteEvent) (float64, bool) {
	var values []uint64
	for _, e := range window {
		values = append(values, e.add...)
	}
	seen := map[uint64]bool{}
	var numbers []float64
	sum := 0.0
	for _, v := range values {
		seen[v] = true
		numbers = append(numbers, math.Float64frombits(v))
		sum += math.Float64frombits(v)
	}
	slices.Sort(numbers)
	switch l.rule.Type {
	case EventCount:
		return float64(len(values)), true
	case ValueCount, Temporal:
		return float64(len(seen)), true
	case TemporalOrdered:
		best := 0
		chain := make([]int, len(values)) // longest that ends here
		for i := range values {
			chain[i] = 1
			for j := range i {
				if values[j] < values[i] {
					chain[i] = max(chain[i], chain[j]+1)
				}
			}
			best = max(best, chain[i])
		}
		return float64(best), true
	case ValueSum:
		return sum, true
	case ValueAvg:
		return sum / float64(len(values)), true
	}
	rank := l.percentile / 100 * float64(len(numbers)-1)
	low := numbers[int(rank)]
	if frac := rank - math.Floor(rank); frac > 0 {
		low += frac * (numbers[int(rank)+1] - low)
	}
	return low, true
}

// randomCorrelation makes a correlation over the rules a, b and c.
func randomCorrelation(rnd *rand.Rand) string {
	bound := func(ops ...string) string { return ops[rnd.IntN(len(ops))] }
	kind := []CorrelationType{EventCount, ValueCount, Temporal, TemporalOrdered, ValueSum, ValueAvg, ValuePercentile, ValueMedian}[rnd.IntN(8)]
	condition := ""
	switch kind {
	case EventCount:
		condition = fmt.Sprintf("%s: %d", bound("gte", "gte", "gt", "lt", "lte", "eq", "neq"), 1+rnd.IntN(6))
	case ValueCount:
		condition = fmt.Sprintf("field: v, %s: %d", bound("gte", "gte", "gt", "lt", "eq"), 1+rnd.IntN(4))
	case Temporal, TemporalOrdered:
		if rnd.IntN(2) == 0 {
			condition = fmt.Sprintf("%s: %d", bound("gte", "gt", "eq"), 1+rnd.IntN(3))
		}
	case ValuePercentile:
		condition = fmt.Sprintf("field: v, percentile: %d, %s: %d", 1+rnd.IntN(100), bound("gte", "lt"), rnd.IntN(6))
	default:
		condition = fmt.Sprintf("field: v, %s: %d", bound("gte", "gt", "lt"), rnd.IntN(12))
	}
	if condition != "" {
		condition = "\ncondition: {" + condition + "}"
	}
	rules := [...]string{"a", "a, b", "a, b, c", "c, a", "b, a, b"}[rnd.IntN(5)]
	return correlation("X", fmt.Sprintf("type: %s\nrules: [%s]\ngroup-by: [g]\ntimespan: %ds%s", kind, rules, 1+rnd.IntN(12), condition))
}

// TestCorrelateProperty compares the correlator with brute force at every event,
// in order and out of order, and after a snapshot and restore in the middle.
func TestCorrelateProperty(t *testing.T) {
	cases := 3000
	if testing.Short() {
		cases = 300
	}
	fired := 0
	for seed := range cases {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		text := base("a") + base("b") + base("c") + randomCorrelation(rnd)
		s, links := correlations(t, text)
		l := links.list[0]
		cfg := CorrelatorConfig{Lateness: time.Duration(1+rnd.IntN(20)) * time.Second, Key: [16]byte{byte(seed)}}
		c := NewCorrelator(links, cfg)
		disorder := int64(0)
		if rnd.IntN(2) == 0 {
			disorder = int64(cfg.Lateness) * int64(1+rnd.IntN(2)) // with twice the tolerance some are too late
		}
		length := 10 + rnd.IntN(150)
		pace := []int{300, 3000}[rnd.IntN(2)] // milliseconds between two events, at most
		groups := map[string][]bruteEvent{}
		lastFired, touched := map[string]int64{}, map[string]int64{}
		now := int64(1_700_000_000_000_000_000)
		for i := range length {
			now += int64(rnd.IntN(pace)) * 1e6
			e := &event.Event{Time: now, Received: now}
			if disorder > 0 {
				e.Time -= rnd.Int64N(disorder)
			}
			g := fmt.Sprint("g", rnd.IntN(2))
			v := int64(rnd.IntN(5))
			e.Add(event.Intern("g"), event.String(g))
			e.AddInt(event.Intern("v"), v)
			rule := rnd.IntN(3)
			got := false
			c.Observe(e, []Match{{Rule: s.Rules[rule], Index: rule}}, func(*Firing) { got = true })

			add := bruteAdds(c, l, links.ofRule[rule], e)
			if len(add) > 0 && now-touched[g] > l.timespan+int64(cfg.Lateness) { // the group was given up
				groups[g] = nil
				delete(lastFired, g)
			}
			if len(add) == 0 || slices.ContainsFunc(groups[g], func(o bruteEvent) bool { return e.Time < o.t-int64(cfg.Lateness) }) {
				continue
			}
			groups[g] = append(groups[g], bruteEvent{e.Time, add})
			touched[g] = now
			holds := brute(l, groups[g], len(groups[g])-1)
			at, before := lastFired[g]
			want := holds && (!before || e.Time-at >= l.timespan)
			if want {
				lastFired[g] = e.Time
				fired++
			}
			if got != want {
				t.Fatalf("seed %d: fires at event %d: %v, want %v\n%s", seed, i, got, want, text)
			}
			if i == length/2 {
				snapshot := c.AppendSnapshot(nil)
				c = NewCorrelator(links, cfg)
				if dropped, err := c.Restore(snapshot); err != nil || dropped > 0 {
					t.Fatal(dropped, err)
				}
			}
		}
	}
	if fired < cases/2 {
		t.Errorf("only %d of %d cases fired", fired, cases)
	}
}

// bruteAdds returns what an event adds for the places that refer to its rule.
func bruteAdds(c *Correlator, l *linked, places []link, e *event.Event) []uint64 {
	var add []uint64
	for _, p := range places {
		switch {
		case l.temporal:
			add = append(add, uint64(p.ref))
		case len(add) > 0 || !c.measureEvent(l, feed{ref: p.ref}, e):
		default:
			add = append(add, c.measure...)
		}
	}
	return add
}

// TestCorrelateCompaction runs long windows over hot groups: what is dropped must
// not change what fires.
func TestCorrelateCompaction(t *testing.T) {
	total, step := 0, 1
	if testing.Short() {
		step = 7 // all kinds, in order and out of order
	}
	for seed := 0; seed < 80; seed += step {
		rnd := rand.New(rand.NewPCG(uint64(seed), 2))
		condition := []string{
			"event_count\nrules: [a, b, c]\ncondition: {gte: 30}",
			"value_count\nrules: [a, b, c]\ncondition: {field: v, gte: 6}",
			"temporal\nrules: [a, b, c]",
			"temporal_ordered\nrules: [a, b, c]",
		}[seed%4]
		s, links := correlations(t, base("a")+base("b")+base("c")+correlation("X", "type: "+condition+"\ngroup-by: [g]\ntimespan: 4s"))
		l := links.list[0]
		c := NewCorrelator(links, CorrelatorConfig{Lateness: 3 * time.Second})
		var events []bruteEvent
		now, held := int64(1_700_000_000_000_000_000), 0
		lastFired := int64(0)
		for range 1500 {
			now += int64(rnd.ExpFloat64() * float64(80+seed%40*10) * 1e6)
			e := &event.Event{Time: now, Received: now}
			if seed >= 40 {
				e.Time -= rnd.Int64N(int64(3 * time.Second))
			}
			rule := 0
			if rnd.IntN(12) == 0 {
				rule = rnd.IntN(3)
			}
			e.Add(event.Intern("g"), event.String("g"))
			e.AddInt(event.Intern("v"), int64(rnd.ExpFloat64()*6))
			got := false
			c.Observe(e, []Match{{Rule: s.Rules[rule], Index: rule}}, func(*Firing) { got = true })
			events = append(events, bruteEvent{e.Time, bruteAdds(c, l, links.ofRule[rule], e)})
			if len(events) > 400 {
				events = events[1:]
			}
			want := e.Time-lastFired >= l.timespan && brute(l, events, len(events)-1)
			if want {
				lastFired = e.Time
				held++
			}
			if got != want {
				t.Fatalf("seed %d: fires %v, want %v", seed, got, want)
			}
		}
		total += held
		for g := range c.groups.used {
			if n := len(c.groups.at(g).entries); n > 1024 {
				t.Errorf("seed %d keeps %d entries", seed, n)
			}
		}
	}
	if total < 1000/step {
		t.Errorf("fired %d times only", total)
	}
}

func TestRestoreErrors(t *testing.T) {
	s, links := correlations(t, base("a")+correlation("X", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gte: 2}"))
	c := NewCorrelator(links, CorrelatorConfig{})
	stream(t, s, c, "0 a user=x\n1 a user=y")
	snapshot := c.AppendSnapshot(nil)
	for n := range snapshot {
		if _, err := c.Restore(snapshot[:n]); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("%d bytes of %d: %v", n, len(snapshot), err)
		}
		damaged := slices.Clone(snapshot)
		damaged[n] ^= 1
		if _, err := c.Restore(damaged); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("byte %d damaged: %v", n, err)
		}
	}
	if got := stream(t, s, c, "2 a user=x"); len(got) != 1 {
		t.Error("a failed restore changed the state")
	}
	if _, err := NewCorrelator(links, CorrelatorConfig{Key: [16]byte{1}}).Restore(snapshot); !errors.Is(err, ErrSnapshot) {
		t.Errorf("other key: %v", err)
	}
	_, other := correlations(t, base("a")+correlation("X", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gte: 3}"))
	d := NewCorrelator(other, CorrelatorConfig{})
	if dropped, err := d.Restore(snapshot); dropped != 2 || err != nil || d.Stats().Groups != 0 {
		t.Errorf("changed correlation: %d, %v, %+v", dropped, err, d.Stats())
	}
}

func FuzzRestore(f *testing.F) {
	s, links := correlations(f, base("a")+base("b")+correlation("X", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gte: 2}")+
		correlation("Y", "type: temporal_ordered\nrules: [a, b]\ngroup-by: [user]\ntimespan: 1m"))
	c := NewCorrelator(links, CorrelatorConfig{})
	stream(f, s, c, "0 a user=x\n1 b user=y\n2 b user=x\n3 a user=y")
	f.Add(c.AppendSnapshot(nil))
	for i := range 2 * chainFrom {
		stream(f, s, c, fmt.Sprintf("%d b user=x\n%d a user=x", 4+i, 4+i))
	}
	f.Add(c.AppendSnapshot(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 {
			return
		}
		c := NewCorrelator(links, CorrelatorConfig{MaxBytes: 1 << 20})
		if _, err := c.Restore(sealed(b)); err != nil {
			if c.Stats() != (CorrelatorStats{}) {
				t.Error("a failed restore changed the state")
			}
			return
		}
		stream(t, s, c, "0 a user=x\n1 b user=y\n2 b user=x\n3 a user=y")
		for _, x := range links.Correlations() {
			for g := range c.Groups(x, 0) {
				_ = g.Value
			}
		}
		again := c.AppendSnapshot(nil)
		d := NewCorrelator(links, CorrelatorConfig{MaxBytes: 1 << 20})
		if _, err := d.Restore(again); err != nil {
			t.Error(err)
		}
	})
}

// sealed replaces the checksum at the end, so that fuzzing gets behind it.
func sealed(b []byte) []byte {
	body := b[:len(b)-8]
	return binary.LittleEndian.AppendUint64(slices.Clone(body), xxhash.Sum64(body))
}
