package sigma

import (
	"math"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// CorrelatorConfig bounds what a [Correlator] keeps. The zero value is the default.
type CorrelatorConfig struct {
	// Lateness is by how much an event may be older than the newest one of its
	// group and still count; also by how much its time may be ahead of its
	// receipt. Default 5 minutes.
	Lateness time.Duration
	// MaxBytes is the memory of all groups together. Beyond it the groups that
	// were longest without an event go, first those of the correlation that holds
	// most. Default 512 MiB.
	MaxBytes int64
	// MaxEntries is how many events one group keeps of the types whose figure
	// needs all of them. Beyond it the oldest go. Where a condition counts further,
	// a group keeps as many as that takes. Default 8192.
	MaxEntries int
	// Key keys the hashes of groups and values, so that no one who writes events
	// can make them collide. The snapshot of one key is no use under another.
	Key [16]byte
}

// maxSpan bounds times and spans of time, in nanoseconds, so that sums of them do
// not overflow: 73 years around 1970.
const maxSpan = 1 << 61

func (c CorrelatorConfig) withDefaults() CorrelatorConfig {
	if c.Lateness <= 0 {
		c.Lateness = 5 * time.Minute
	}
	c.Lateness = min(c.Lateness, maxSpan)
	if c.MaxBytes <= 0 {
		c.MaxBytes = 512 << 20
	}
	if c.MaxEntries <= 0 {
		c.MaxEntries = 8192
	}
	return c
}

// Firing says that a correlation holds for a group. Its slices are valid until
// the callback returns.
type Firing struct {
	Correlation *Correlation
	Values      []string // of the group, one for each of Correlation.GroupBy
	Value       float64  // what was compared: a count, sum, average or percentile
	Time        int64    // of the event that completes it, Unix nanoseconds
	From, To    int64    // of the first and the last event in the window, Unix nanoseconds; where a
	// correlation is what it refers to, its first event is that of the other's window
}

// CorrelatorStats counts what a [Correlator] holds and what it had to leave out.
type CorrelatorStats struct {
	Groups    int    // held now
	Bytes     int64  // of memory that they take
	Fired     uint64 // firings
	Late      uint64 // events left out of a group as older than Lateness allows
	Evicted   uint64 // groups given up because of MaxBytes
	Truncated uint64 // times that a group lost events because of MaxEntries, or one late event had too many windows
	Cut       uint64 // events with longer lists than are followed: 16 groups, 64 values
}

// Correlator follows the groups of all correlations. It looks at nothing but the
// events it is given, in their order: the same events give the same firings. It
// is for one goroutine.
//
// A correlation holds at an event if it holds for the events of the group within
// one timespan (both ends included) that ends at this event or, where the event
// came late, at a newer one that still spans it. It then fires, and again for the
// same group only at an event a timespan or more after the one at which it fired.
// Correlations on top of it see every event at which it holds. An event without a
// value for one of the group-by fields belongs to no group; with several values
// it belongs to the group of each.
type Correlator struct {
	cfg      CorrelatorConfig
	links    *Links
	lateness int64
	k0, k1   uint64
	clock    int64
	stats    CorrelatorStats

	groups groupTable
	cursor int // of the correlation whose dead groups are looked for next

	feeds   []feed   // of the event at hand, by correlation
	touched []uint32 // groups that got this event in the correlation at hand
	measure []uint64 // what it adds to each of them
	key     []byte
	odo     odometer
	scratch scratch
	values  []string
	text    []byte
}

// feed is one match of a reference of a correlation.
type feed struct {
	corr, ref int32
	from      int32  // the correlation that fired, or -1 for a rule
	group     uint32 // its group
	start     int64  // of its window
}

// NewCorrelator prepares the correlations of links, with no groups. Where rules are
// reloaded, [Correlator.Restore] takes over the groups of the correlations that
// stayed the same from a snapshot of the old one.
func NewCorrelator(links *Links, cfg CorrelatorConfig) *Correlator {
	c := &Correlator{cfg: cfg.withDefaults(), links: links, clock: math.MinInt64}
	c.lateness = int64(c.cfg.Lateness)
	c.k0, c.k1 = hashKeys(c.cfg.Key)
	c.groups.init(links)
	return c
}

// Stats returns the counters.
func (c *Correlator) Stats() CorrelatorStats {
	s := c.stats
	s.Groups, s.Bytes = c.groups.live, c.groups.bytes
	return s
}

// Observe takes the next event of the queue with the rules that match it, whose
// indices are those of the rules that [Link] was given, and calls fire for each
// correlation that fires at it, but for those that are silent.
func (c *Correlator) Observe(e *event.Event, matches []Match, fire func(*Firing)) {
	t := c.timeOf(e)
	c.sweep()
	if len(matches) == 0 {
		return
	}
	c.feeds = c.feeds[:0]
	for i := range matches {
		for _, f := range c.links.ofRule[matches[i].Index] {
			c.push(feed{corr: f.corr, ref: f.ref, from: -1})
		}
	}
	for i := 0; i < len(c.feeds); {
		i = c.correlate(i, t, e, fire)
	}
	c.evict() // only now, when nothing points to a group
}

// timeOf returns the time that counts for an event and moves the clock.
func (c *Correlator) timeOf(e *event.Event) int64 {
	t, arrival := e.Time, e.Received
	switch {
	case t == 0 && arrival == 0:
		t = max(c.clock, 0)
		arrival = t
	case arrival == 0:
		arrival = t
	case t == 0 || t > arrival+c.lateness:
		t = arrival
	}
	t, arrival = max(t, -maxSpan), max(arrival, -maxSpan)
	c.clock = max(c.clock, arrival)
	return t
}

// push inserts a feed in order of correlation and reference, which are those of
// dependency. A repeated one is left out.
func (c *Correlator) push(f feed) {
	i := len(c.feeds)
	for i > 0 && (c.feeds[i-1].corr > f.corr || c.feeds[i-1].corr == f.corr && c.feeds[i-1].ref > f.ref) {
		i--
	}
	c.feeds = append(c.feeds, feed{})
	copy(c.feeds[i+1:], c.feeds[i:])
	c.feeds[i] = f
}

// correlate handles all feeds of one correlation, from index i on, and returns
// the index of the next.
func (c *Correlator) correlate(i int, t int64, e *event.Event, fire func(*Firing)) int {
	l := c.links.list[c.feeds[i].corr]
	c.touched = c.touched[:0]
	for ; i < len(c.feeds) && c.feeds[i].corr == l.index; i++ {
		f := c.feeds[i]
		if !c.gather(l, f, e) || !c.measureEvent(l, f, e) {
			continue
		}
		for more := true; more; more = c.odo.next() {
			c.add(l, t, f)
		}
		if c.odo.left <= 0 && c.odo.more() {
			c.stats.Cut++
		}
	}
	for _, g := range c.touched {
		c.judge(l, g, t, fire)
	}
	return i
}

// add puts an event into the group that the odometer shows.
func (c *Correlator) add(l *linked, t int64, f feed) {
	c.key = c.odo.appendKey(c.key[:0], c)
	hash := c.hashGroup(l.index, c.key)
	g, ok := c.groups.find(l.index, hash, c.key)
	if ok && c.dead(l, c.groups.at(g)) {
		c.groups.remove(g)
		ok = false
	}
	seen := ok && slices.Contains(c.touched, g)
	if seen && !l.temporal {
		return // one event counts once, whichever of the rules it matches
	}
	if !ok {
		g = c.groups.add(l.index, hash, c.key)
	} else if c.tooLate(c.groups.at(g), t) {
		c.stats.Late++
		return
	}
	for _, v := range c.measure {
		c.insert(l, c.groups.at(g), entry{t, v})
	}
	c.groups.touch(g, c.clock)
	if f.from >= 0 && f.start < t {
		c.groups.begin(g, begun{t, f.start}, t-l.timespan-c.lateness)
	}
	if !seen {
		c.touched = append(c.touched, g)
	}
}

// dead tells whether a group has been without events for so long that none of
// them can count any more.
func (c *Correlator) dead(l *linked, g *group) bool {
	return c.clock-g.touched > l.timespan+c.lateness
}

// judge evaluates a group that got an event of time t, and feeds and fires if the
// correlation holds.
func (c *Correlator) judge(l *linked, g uint32, t int64, fire func(*Firing)) {
	window, ok := c.holds(l, c.groups.at(g), t)
	if !ok {
		return
	}
	from, to := c.groups.start(g, window), window[len(window)-1].t
	for _, f := range l.feeds {
		c.push(feed{corr: f.corr, ref: f.ref, from: l.index, group: g, start: from})
	}
	p := c.groups.at(g)
	if p.fired != never && t-p.fired < l.timespan {
		return
	}
	p.fired = t
	if l.silent {
		return
	}
	c.stats.Fired++
	value, _ := c.figure(l, window, math.MaxInt)
	c.values = splitKey(c.values[:0], p.key)
	fire(&Firing{
		Correlation: l.rule, Values: c.values, Value: value, Time: t,
		From: from, To: to,
	})
}

// sweep removes dead groups, two at most, of one correlation after the other.
func (c *Correlator) sweep() {
	if len(c.links.list) == 0 {
		return
	}
	c.cursor = (c.cursor + 1) % len(c.links.list)
	l := c.links.list[c.cursor]
	for range 2 {
		g, ok := c.groups.oldest(l.index)
		if !ok || !c.dead(l, c.groups.at(g)) {
			return
		}
		c.groups.remove(g)
	}
}

// evict gives groups up until the memory is within its bound.
func (c *Correlator) evict() {
	for c.groups.bytes > c.cfg.MaxBytes {
		g, ok := c.groups.victim()
		if !ok {
			return
		}
		c.groups.remove(g)
		c.stats.Evicted++
	}
}
