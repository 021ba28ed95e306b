package wall

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// tally counts what the screens show. What it takes is bounded whatever comes in.
// One goroutine uses it at a time.
type tally struct {
	began  time.Time
	day    time.Time
	until  time.Time // what is later comes from a clock that is wrong
	totals Totals
	pace   pace
	trend  map[int64]*Point // by start, Unix seconds

	attackers, targets, rules, arcs counts

	feed      []Item // the oldest first
	sites     map[string]*site
	upstreams map[upstreamKey]*upstream
	tick      int
	minute    int64 // of now, since 1970
}

// counts are numbers by name. Of more than maxNamed the smallest half goes, so that
// a name may come up short that was rare before.
type counts map[string]*tallied

type tallied struct {
	key           [3]string // of an arc
	missed        bool      // the same
	detail        string
	count, recent uint64
}

// maxAhead is how far the clock of a sender may be ahead for its decisions to count
// in the day and the trend.
const maxAhead = 5 * time.Minute

func newTally(now, day time.Time) *tally {
	return &tally{
		began: now, day: day, until: now.Add(maxAhead), minute: now.Unix() / 60, pace: pace{minutes: map[int64]uint64{}}, trend: map[int64]*Point{}, attackers: counts{}, targets: counts{}, rules: counts{}, arcs: counts{}, sites: map[string]*site{}, upstreams: map[upstreamKey]*upstream{},
	}
}

func (c counts) add(name, detail string, key [3]string, n uint64) {
	x := c[name]
	if x == nil {
		if len(c) >= maxNamed {
			c.prune()
		}
		x = &tallied{key: key}
		c[name] = x
	}
	if detail != "" {
		x.detail = detail
	}
	x.count += n
	x.recent += n
}

func (c counts) prune() {
	all := make([]uint64, 0, len(c))
	for _, x := range c {
		all = append(all, x.count)
	}
	slices.Sort(all)
	median, extra := all[len(all)/2], len(c)-maxNamed/2
	for name, x := range c {
		if extra > 0 && x.count <= median {
			delete(c, name)
			extra--
		}
	}
}

// top returns the names with the most, in an order that only they decide.
func (c counts) top(n int) []string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(c[b].count, c[a].count), strings.Compare(a, b))
	})
	return names[:min(n, len(names))]
}

// families sums up the rules of the Core Rule Set that look for attacks by their first
// three digits.
func (c counts) families() counts {
	sums := counts{}
	for id, x := range c {
		if len(id) != 6 || id < "911" || id[:3] == "949" || id >= "956" {
			continue // another rule, or one that sums up or only prepares
		}
		sums.add(id[:3], "", [3]string{}, x.count)
	}
	return sums
}

// turnOver begins the counts of a new day.
func (t *tally) turnOver(day time.Time) {
	if day.Equal(t.day) {
		return
	}
	t.day, t.totals = day, Totals{}
	t.pace.turnOver(day)
	t.attackers, t.targets, t.rules, t.arcs = counts{}, counts{}, counts{}, counts{}
}

// suspectAt is how likely a decision must be wrong to be told as suspect.
const suspectAt = 0.5

// add counts an event, which it does not keep.
func (t *tally) add(e *event.Event) {
	if e.Dataset == detection.Dataset {
		t.totals.Findings++
		t.push(itemOf(e, true))
		return
	}
	if !verdict.IsDecision(e) {
		if !e.Has(event.GatewatchWAF) {
			t.gateway(e)
		}
		return
	}
	blocked := e.Get(event.WAFDecision).Text() == "block"
	at := time.Unix(0, e.Time)
	t.count(at, blocked, 1)
	if !at.After(t.until) && !at.Before(t.until.Add(-maxAhead-maxBehind)) {
		t.pace.ticks[t.tick%siteTicks]++
	}
	name := clip(e.Get(event.WAFSite).Text())
	t.observe(name, e, blocked)
	country, city := origin(e)
	if !blocked {
		if e.Get(event.VerdictPMissed).Float() >= suspectAt {
			t.arc(country, city, name, true, 1)
			t.push(itemOf(e, false))
		}
		return
	}
	t.attackers.add(clip(e.Get(event.ClientIP).String()), country, [3]string{}, 1)
	t.targets.add(clip(e.Get(event.URLPath).Text())+"\x00"+name, name, [3]string{}, 1)
	title := clip(e.Get(event.RuleName).Text())
	for v := range e.Values(event.RuleID) {
		t.rules.add(clip(v.Text()), title, [3]string{}, 1)
	}
	t.arc(country, city, name, false, 1)
	t.push(itemOf(e, false))
}

// count counts decisions in the trend, and in the day if they are of it.
func (t *tally) count(at time.Time, blocked bool, n uint64) {
	if at.After(t.until) {
		return
	}
	t.point(at, blocked, n)
	if at.Before(t.day) {
		return
	}
	t.totals.Requests += n
	t.pace.minutes[at.Unix()/60] += n
	if blocked {
		t.totals.Blocked += n
	} else {
		t.totals.Allowed += n
	}
}

func (t *tally) point(at time.Time, blocked bool, n uint64) {
	at = at.Truncate(trendStep)
	p := t.trend[at.Unix()]
	if p == nil {
		if len(t.trend) >= 3*maxTrend {
			return // times of a clock that is wrong
		}
		p = &Point{Time: at.UTC()}
		t.trend[at.Unix()] = p
	}
	if blocked {
		p.Blocked += n
	} else {
		p.Allowed += n
	}
}

func (t *tally) arc(country, city, name string, missed bool, n uint64) {
	key := country + "\x00" + city + "\x00" + name
	if missed {
		key += "\x00missed"
	}
	t.arcs.add(key, "", [3]string{country, city, name}, n)
	t.arcs[key].missed = missed
}

func (t *tally) push(i Item) {
	if len(t.feed) >= maxFeed {
		t.feed = slices.Delete(t.feed, 0, len(t.feed)-maxFeed+1)
	}
	t.feed = append(t.feed, i)
}

func itemOf(e *event.Event, finding bool) Item {
	country, _ := origin(e)
	i := Item{
		Time: time.Unix(0, e.Time).UTC(), Finding: finding, Client: clip(e.Get(event.ClientIP).String()), Country: country,
		Site: clip(e.Get(event.WAFSite).Text()), Method: clip(e.Get(event.HTTPRequestMethod).Text()), Path: clip(e.Get(event.URLPath).Text()),
		Rule: clip(e.Get(event.RuleID).Text()), RuleName: clip(e.Get(event.RuleName).Text()), Severity: e.Get(event.EventSeverity).Int(),
	}
	switch {
	case finding:
	case e.Get(event.VerdictPFalse).Float() >= suspectAt:
		i.Suspect = FalsePositive
	case e.Get(event.VerdictPMissed).Float() >= suspectAt:
		i.Suspect = Missed
	}
	if i.Client == "" {
		i.Client = clip(e.Get(event.SourceIP).String())
	}
	return i
}

// clip returns a bounded text of its own.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
		for range utf8.UTFMax - 1 { // what is left of a character
			if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	return strings.Clone(strings.ToValidUTF8(s, "\ufffd"))
}

// siteTicks are the steps over which a site is shown.
const siteTicks = 20

// site is what one service did in the last steps.
type site struct{ ticks [siteTicks]siteTick }

type siteTick struct {
	requests, blocked, errors uint64
	answers                   [40]uint32 // by the bits of their time in microseconds
}

func (t *tally) observe(name string, e *event.Event, blocked bool) {
	s := t.sites[name]
	if s == nil {
		if len(t.sites) >= maxSites {
			return
		}
		s = &site{}
		t.sites[name] = s
	}
	k := &s.ticks[t.tick%siteTicks]
	k.requests++
	if blocked {
		k.blocked++
	}
	if e.Get(event.HTTPResponseStatusCode).Int() >= 500 {
		k.errors++
	}
	if d := e.Get(event.WAFUpstream).Int(); d > 0 {
		k.answers[min(bits.Len64(uint64(d)/1000), len(k.answers)-1)]++
	}
}

// counted is how long the steps took in which sites were counted until now, the one of
// now with them; each takes step. The first is too short to count.
func (t *tally) counted(step time.Duration) time.Duration {
	return time.Duration(min(max(t.tick, 1), siteTicks)) * step
}

// show sums up a site over the steps, which have taken so long together.
func (s *site) show(name string, took time.Duration) (shown Site, idle bool) {
	var sum siteTick
	var answers uint32
	for i := range s.ticks {
		k := &s.ticks[i]
		sum.requests, sum.blocked, sum.errors = sum.requests+k.requests, sum.blocked+k.blocked, sum.errors+k.errors
		for b, n := range k.answers {
			sum.answers[b] += n
			answers += n
		}
	}
	if sum.requests == 0 {
		return Site{}, true
	}
	n := float64(sum.requests)
	return Site{
		Name: name, Rate: n / took.Seconds(), Blocked: float64(sum.blocked) / n, Errors: float64(sum.errors) / n,
		P50: quantile(&sum.answers, answers, 0.5), P95: quantile(&sum.answers, answers, 0.95),
	}, false
}

// quantile returns the middle of the range in which a share of all answers was
// given: it is within a third of the true time.
func quantile(answers *[40]uint32, all uint32, share float64) time.Duration {
	want, seen := uint32(share*float64(all)), uint32(0)
	for b, n := range answers {
		if seen += n; n > 0 && seen > want {
			return time.Duration(3<<b/4) * time.Microsecond
		}
	}
	return 0
}

// state shows what was counted, and begins the next step.
func (t *tally) state(now, day time.Time, step time.Duration) *State {
	t.turnOver(day)
	t.until = now.Add(maxAhead)
	s := &State{Time: now.UTC(), DayStart: day.UTC(), Since: t.began.UTC(), Totals: t.totals, Feed: slices.Clone(t.feed)}
	slices.Reverse(s.Feed)
	s.Totals.Minute, s.Totals.Peak = t.pace.now(), t.pace.peak()
	dayBefore, ago := day.Add(-24*time.Hour).Unix(), now.Add(-24*time.Hour)
	first := ago.Truncate(trendStep).Unix()
	for at, p := range t.trend {
		if dayBefore <= at && at <= ago.Add(-trendStep).Unix() {
			s.Totals.Before += p.Blocked + p.Allowed
		}
		switch {
		case at < min(dayBefore, first), at > t.until.Unix():
			delete(t.trend, at)
		case first <= at && at <= now.Unix():
			s.Trend = append(s.Trend, *p)
		}
	}
	slices.SortFunc(s.Trend, func(a, b Point) int { return a.Time.Compare(b.Time) })
	list := func(c counts) (all []Count) {
		for _, name := range c.top(maxTop) {
			text, _, _ := strings.Cut(name, "\x00")
			all = append(all, Count{Name: text, Detail: c[name].detail, Count: c[name].count})
		}
		return all
	}
	s.Attackers, s.Targets, s.Rules, s.Types = list(t.attackers), list(t.targets), list(t.rules), list(t.rules.families())
	for _, name := range t.arcs.top(maxArcs) {
		x := t.arcs[name]
		s.Arcs = append(s.Arcs, Arc{x.key[0], x.key[1], x.key[2], x.count, x.recent, x.missed})
	}
	for _, x := range t.arcs {
		x.recent = 0
	}
	for name, x := range t.sites {
		shown, idle := x.show(name, t.counted(step))
		if idle {
			delete(t.sites, name)
			continue
		}
		s.Sites = append(s.Sites, shown)
	}
	slices.SortFunc(s.Sites, func(a, b Site) int { return cmp.Or(cmp.Compare(b.Rate, a.Rate), strings.Compare(a.Name, b.Name)) })
	s.Upstreams = t.showUpstreams(now, step)
	t.tick++
	t.pace.ticks[t.tick%siteTicks] = 0
	for _, x := range t.sites {
		x.ticks[t.tick%siteTicks] = siteTick{}
	}
	return s
}
