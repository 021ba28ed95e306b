package wall

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Upstream is a service as the log of a gateway tells of it: over the last minute, or
// since State.Since if that is less, and minute by minute over the last hour, the
// oldest first and the one of now last. Minutes before State.Since are 0.
type Upstream struct {
	Name, Gateway   string
	Rate            float64 // requests a second
	Errors, Refused float64 // share of answers of 500 and more, of 400 to 499
	P50, P95        time.Duration

	Requests, Failed, MinuteP95 [upstreamMinutes]uint32 // P95 in milliseconds
}

const (
	upstreamMinutes = 60
	maxUpstreams    = 32  // kept and shown: of more the busiest of the hour
	maxNewUpstreams = 256 // counted until the end of a step, with those that are kept
)

type upstreamKey struct{ gateway, name string }

// upstream is what one service did. Requests count in the minute in which they come
// in, whatever clock the gateway has.
type upstream struct {
	site    site // of the last steps
	refused [siteTicks]uint64
	minutes [upstreamMinutes]upstreamMinute // by their number
}

type upstreamMinute struct {
	number                int64 // since 1970
	requests, failed, p95 uint32
}

// gateway counts what the log of a gateway says of one answer.
func (t *tally) gateway(e *event.Event) {
	status := e.Get(event.HTTPResponseStatusCode).Int()
	if status < 100 {
		return
	}
	key := upstreamKey{gateway: clip(e.Source)}
	for _, name := range []event.Key{event.NginxUpstreamName, event.URLDomain, event.NginxUpstreamAddress} {
		if key.name = clip(e.Get(name).Text()); key.name != "" {
			break
		}
	}
	u := t.upstreams[key]
	if u == nil {
		if len(t.upstreams) >= maxNewUpstreams {
			return
		}
		u = &upstream{}
		t.upstreams[key] = u
	}
	u.count(t.tick, t.minute, status, upstreamTime(e))
}

// upstreamTime is how long the service took, 0 if nobody says: in all it was asked, if
// there were more than one, else as long as the gateway took.
func upstreamTime(e *event.Event) (took time.Duration) {
	for v := range e.Values(event.NginxUpstreamTime) {
		if s := v.Float(); s > 0 && s < 1e6 {
			took += time.Duration(s * float64(time.Second))
		}
	}
	if took == 0 {
		took = time.Duration(e.Get(event.EventDuration).Int())
	}
	return max(0, took)
}

func (u *upstream) count(tick int, minute, status int64, took time.Duration) {
	k := &u.site.ticks[tick%siteTicks]
	k.requests++
	m := u.minute(minute)
	m.requests++
	switch {
	case status >= 500:
		k.errors++
		m.failed++
	case status >= 400:
		u.refused[tick%siteTicks]++
	}
	if took > 0 {
		k.answers[min(bits.Len64(uint64(took.Microseconds())), len(k.answers)-1)]++
	}
}

// minute returns the entry of a minute, empty if it was that of an hour before.
func (u *upstream) minute(number int64) *upstreamMinute {
	m := &u.minutes[number%upstreamMinutes]
	if m.number != number {
		*m = upstreamMinute{number: number}
	}
	return m
}

// showUpstreams sums up the services and begins their next step. One that did nothing
// for an hour goes.
func (t *tally) showUpstreams(now time.Time, step time.Duration) (all []Upstream) {
	t.minute = now.Unix() / 60
	t.pruneUpstreams()
	for key, u := range t.upstreams {
		x, idle := u.show(key, t.minute, t.counted(step))
		if idle {
			delete(t.upstreams, key)
			continue
		}
		all = append(all, x)
		next := (t.tick + 1) % siteTicks
		u.site.ticks[next], u.refused[next] = siteTick{}, 0
	}
	slices.SortFunc(all, func(a, b Upstream) int {
		return cmp.Or(cmp.Compare(b.Rate, a.Rate), strings.Compare(a.Gateway, b.Gateway), strings.Compare(a.Name, b.Name))
	})
	return all
}

// pruneUpstreams keeps the services with the most requests of the hour. Names may be
// written by clients, as a host is: who makes up many of them takes no place of those
// that are used.
func (t *tally) pruneUpstreams() {
	if len(t.upstreams) <= maxUpstreams {
		return
	}
	keys := slices.Collect(maps.Keys(t.upstreams))
	sums := make(map[upstreamKey]uint64, len(keys))
	for _, k := range keys {
		sums[k] = t.upstreams[k].sum(t.minute)
	}
	slices.SortFunc(keys, func(a, b upstreamKey) int {
		return cmp.Or(cmp.Compare(sums[b], sums[a]), strings.Compare(a.gateway, b.gateway), strings.Compare(a.name, b.name))
	})
	for _, k := range keys[maxUpstreams:] {
		delete(t.upstreams, k)
	}
}

// sum is the requests of the hour that ends with a minute.
func (u *upstream) sum(now int64) (n uint64) {
	for i := range u.minutes {
		if m := &u.minutes[i]; m.number > now-upstreamMinutes && m.number <= now {
			n += uint64(m.requests)
		}
	}
	return n
}

func (u *upstream) show(key upstreamKey, now int64, took time.Duration) (x Upstream, idle bool) {
	s, _ := u.site.show(key.name, took)
	x = Upstream{Name: key.name, Gateway: key.gateway, Rate: s.Rate, Errors: s.Errors, P50: s.P50, P95: s.P95}
	var requests, refused uint64
	for i, n := range u.refused {
		refused += n
		requests += u.site.ticks[i].requests
	}
	if requests > 0 {
		x.Refused = float64(refused) / float64(requests)
		u.minute(now).p95 = uint32(s.P95.Milliseconds())
	}
	idle = true
	for i := range x.Requests {
		number := now - int64(len(x.Requests)-1-i)
		if m := &u.minutes[number%upstreamMinutes]; m.number == number {
			x.Requests[i], x.Failed[i], x.MinuteP95[i] = m.requests, m.failed, m.p95
			idle = idle && m.requests == 0
		}
	}
	return x, idle
}
