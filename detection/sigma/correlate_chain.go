package sigma

// chain is what a group with many entries keeps of a correlation that looks at the
// order of references, or at an expression over them, so that an event costs the
// same however many there are, or if it comes late what came after it. It follows
// from the entries.
type chain struct {
	times []int64 // of all entries, unless it is stale; see linked.advance
	stale bool
	base  []int64 // of the entries up to a time
	until int64
	since int // entries in order since base was moved
}

const (
	chainFrom  = 16  // entries from which on a group has a chain
	chainBytes = 80  // of a chain without its times
	chainLag   = 256 // entries, at least, by which base stays behind, and at most twice as many
	maxChained = 512 // times that one keeps; correlations that need more look at all entries
)

func newChain(n int) *chain {
	c := &chain{times: make([]int64, n), base: make([]int64, n)}
	c.reset()
	return c
}

// reset forgets everything.
func (c *chain) reset() {
	forget(c.base)
	c.until, c.since, c.stale = never, 0, true
}

// setChain finds how large the chain of a correlation is: 0 for none.
func (l *linked) setChain() {
	refs := len(l.rule.Rules)
	switch {
	case l.kind == kindOrdered && l.monotone:
		l.long = l.need
	case l.kind == kindExpression:
		l.lasts = refs
		if l.rule.Type == TemporalOrdered {
			l.long = l.refs
		}
	}
	if l.long > refs {
		l.long = 0 // no events are enough
		return
	}
	if l.long > 0 {
		l.wide = refs - l.long + 1
	}
	if n := l.lasts + l.long*l.wide; n <= maxChained {
		l.chained = n
	}
}

// advance takes the next entry in order of time. times holds, for each reference,
// when it came last, if l.lasts says so; then for each length n+1 of a chain of
// rising references and each c below l.wide the latest start of one that uses no
// reference beyond n+c: those further on leave too few for the rest of it.
func (l *linked) advance(times []int64, x entry) {
	if l.lasts > 0 {
		times[x.v] = x.t
		times = times[l.lasts:]
	}
	for n := max(0, int(x.v)-l.wide+1); n < min(l.long, int(x.v)+1); n++ {
		c := int(x.v) - n
		start := x.t
		if n > 0 {
			start = times[(n-1)*l.wide+c]
		}
		for row := times[n*l.wide : (n+1)*l.wide]; c < l.wide && row[c] < start; c++ {
			row[c] = start
		}
	}
}

// complete tells whether a chain of the whole length starts at a time or later.
func (l *linked) complete(times []int64, from int64) bool {
	return l.long > 0 && times[len(times)-1] >= from
}

func forget(times []int64) {
	for i := range times {
		times[i] = never
	}
}

// tell tells a group's chain of the entry that was put at an index.
func (l *linked) tell(g *group, at int) {
	switch ch := g.chain; {
	case ch == nil:
	case g.entries[at].t <= ch.until:
		ch.reset()
	case at < len(g.entries)-1:
		ch.stale = true
	case !ch.stale:
		l.advance(ch.times, g.entries[at])
		if ch.since++; ch.since >= chainLag {
			l.moveBase(g)
		}
	}
}

// moveBase brings base up to the entries that are chainLag behind the newest.
func (l *linked) moveBase(g *group) {
	ch := g.chain
	ch.since = 0
	if len(g.entries) <= chainLag {
		return
	}
	until := g.entries[len(g.entries)-chainLag].t - 1
	if until <= ch.until {
		return
	}
	for _, x := range g.entries[searchTime(g.entries, ch.until+1):searchTime(g.entries, until+1)] {
		l.advance(ch.base, x)
	}
	ch.until = until
}

// replay brings a stale chain up to date, and calls f after each entry with its
// index and the times.
func (l *linked) replay(g *group, f func(i int, times []int64)) {
	ch := g.chain
	copy(ch.times, ch.base)
	for i := searchTime(g.entries, ch.until+1); i < len(g.entries); i++ {
		l.advance(ch.times, g.entries[i])
		f(i, ch.times)
	}
	ch.stale = false
	l.moveBase(g)
}

// holdsChained looks for a window as holds does, in one pass over those that an
// event of time t changes.
func (c *Correlator) holdsChained(l *linked, g *group, t int64) (window []entry, ok bool) {
	entries := g.entries
	end := int64(never)
	look := func(i int, times []int64) {
		x := entries[i]
		whole := i == len(entries)-1 || entries[i+1].t > x.t // the window has all of its last moment
		if end == never && whole && x.t >= t && x.t <= t+l.timespan && c.decide(l, times, x.t-l.timespan) {
			end = x.t
		}
	}
	switch ch := g.chain; {
	case ch == nil:
		if cap(c.scratch.times) < l.chained {
			c.scratch.times = make([]int64, l.chained)
		}
		times := c.scratch.times[:l.chained]
		forget(times)
		for i := searchTime(entries, t-l.timespan); i < len(entries); i++ {
			l.advance(times, entries[i])
			look(i, times)
		}
	case ch.stale || t < entries[len(entries)-1].t:
		l.replay(g, look)
	default:
		look(len(entries)-1, ch.times)
	}
	if end == never {
		return nil, false
	}
	return entries[searchTime(entries, end-l.timespan):searchTime(entries, end+1)], true
}

// decide tells whether a correlation holds for the window from a time to the last
// entry that the times of a chain stand for.
func (c *Correlator) decide(l *linked, times []int64, from int64) bool {
	if l.kind == kindOrdered {
		return l.complete(times, from)
	}
	c.scratch.reset(l.lasts)
	for ref, last := range times[:l.lasts] {
		if last >= from {
			c.scratch.slot(uint64(ref))
		}
	}
	inOrder := l.rule.Type != TemporalOrdered || l.complete(times, from)
	return inOrder && c.evaluate(l, l.rule.Extended.Expr) && l.satisfied(float64(c.scratch.live))
}
