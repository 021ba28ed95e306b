package sigma

import (
	"cmp"
	"slices"
)

const (
	compactFrom = 16      // entries from which on a full group is compacted before it grows
	maxVisits   = 1 << 17 // entries that are looked at for one late event
)

// tooLate tells whether an event is older than its group's newest one by more
// than the tolerance. What is kept of a group makes every window exact that a
// younger one can change.
func (c *Correlator) tooLate(g *group, t int64) bool {
	n := len(g.entries)
	return n > 0 && t < g.entries[n-1].t-c.lateness
}

// insert puts an entry behind those that are as old.
func (c *Correlator) insert(l *linked, g *group, x entry) {
	n := len(g.entries)
	inOrder := n == 0 || x.t >= g.entries[n-1].t
	if l.monotone && l.kind == kindDistinct && inOrder && n > 1 && g.entries[n-1].v == x.v &&
		g.entries[n-2].v == x.v && x.t-g.entries[n-2].t <= l.timespan {
		g.entries[n-1].t = x.t // see compactDistinct
		return
	}
	if n == cap(g.entries) {
		c.compact(l, g)
		c.groups.reserve(g)
	}
	at := len(g.entries)
	for at > 0 && g.entries[at-1].t > x.t {
		at--
	}
	g.entries = append(g.entries, entry{})
	copy(g.entries[at+1:], g.entries[at:])
	g.entries[at] = x
	l.tell(g, at)
}

// compact drops the entries of a full group that no later event can make count.
func (c *Correlator) compact(l *linked, g *group) {
	n := len(g.entries)
	if n == 0 {
		return
	}
	newest := g.entries[n-1].t
	c.dropOldest(g, searchTime(g.entries, newest-l.timespan-c.lateness))
	if n >= compactFrom {
		switch {
		case l.kind == kindOrdered:
			c.compactOrdered(l, g, newest-c.lateness)
		case l.monotone && l.kind == kindDistinct:
			c.compactDistinct(l, g)
		}
	}
	limit, loses := max(c.cfg.MaxEntries, l.reach), true
	if l.monotone && l.kind != kindOrdered {
		// More entries than this and one of the windows has enough of them: the group
		// has fired, and what is dropped can only make it fire once more.
		spans := 2 + (c.lateness+l.timespan-1)/l.timespan
		if need := 2 * int64(l.need) * spans; need < int64(limit) {
			limit, loses = max(int(need), compactFrom), false
		}
	}
	if over := len(g.entries) - limit; over >= 0 {
		if loses {
			c.stats.Truncated++
		}
		c.dropOldest(g, over+max(limit/4, 1))
		if g.chain != nil {
			g.chain.reset()
		}
	}
	c.groups.fit(g)
}

func (c *Correlator) dropOldest(g *group, n int) {
	if n > 0 {
		g.entries = append(g.entries[:0], g.entries[n:]...)
	}
}

// compactDistinct drops an entry if there is one of the same value before it and
// one after it, at most a timespan apart: each window around it has one of them.
func (c *Correlator) compactDistinct(l *linked, g *group) {
	c.scratch.reset(len(g.entries))
	out := g.entries[:0]
	for _, x := range g.entries {
		last := c.scratch.slot(x.v) // of the newest kept entry of the value: index + 1, and that before it
		if last.a > 0 && last.b > 0 && x.t-out[last.b-1].t <= l.timespan {
			out[last.a-1].v, out[last.a-1].t = x.v, dropped
		} else {
			last.b = last.a
		}
		out = append(out, x)
		last.a = int32(len(out))
	}
	g.entries = slices.DeleteFunc(out, func(x entry) bool { return x.t == dropped })
}

// dropped marks an entry; no event has that time.
const dropped = never

// compactOrdered drops the inner ones of neighbours of the same reference, as long
// as no event can come between them any more.
func (c *Correlator) compactOrdered(l *linked, g *group, settled int64) {
	out := g.entries[:0]
	for i, x := range g.entries {
		n := len(out)
		if n > 1 && out[n-1].v == x.v && out[n-2].v == x.v && x.t < settled && x.t-out[n-2].t <= l.timespan {
			out[n-1] = g.entries[i]
			continue
		}
		out = append(out, x)
	}
	g.entries = out
}

// searchTime returns the index of the first entry that is not older than t.
func searchTime(entries []entry, t int64) int {
	i, _ := slices.BinarySearchFunc(entries, t, func(x entry, t int64) int { return cmp.Compare(x.t, t) })
	return i
}

// holds looks for a window that a new event of time t changes and for which the
// correlation holds: the one that ends at the event, else those that end later.
func (c *Correlator) holds(l *linked, g *group, t int64) (window []entry, ok bool) {
	entries := g.entries
	switch {
	case l.kind == kindOrdered && l.monotone && l.need > len(l.rule.Rules):
		return nil, false
	case l.chained > 0:
		return c.holdsChained(l, g, t)
	}
	visits := 0
	for end := searchTime(entries, t+1); ; {
		if end > 0 {
			from := searchTime(entries[:end], entries[end-1].t-l.timespan)
			window = entries[from:end]
			if value, ok := c.figure(l, window, l.need); ok && l.satisfied(value) {
				return window, true
			}
			if visits += 1 + len(window); visits > maxVisits {
				c.stats.Truncated++
				return nil, false
			}
		}
		if end == len(entries) || entries[end].t > t+l.timespan {
			return nil, false
		}
		next := entries[end].t
		for end < len(entries) && entries[end].t == next {
			end++
		}
	}
}
