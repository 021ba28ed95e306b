package waf

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
	"net/netip"

	"github.com/gatewatch/gatewatch/services/kept"
)

// Bounds of what waits for the keeper.
const (
	maxDrafts     = 4096
	maxDraftBytes = 32 << 20
)

// clientLanes is how many clients of a lane are told apart; those beyond share, by a
// hash that nobody outside knows.
const clientLanes = 64

// drafts are what waits for the keeper, in lanes by site and reason, each with the
// clients apart. Lanes take turns, and clients in a lane. Where there is no room the
// largest lane gives way, so that neither a site, a client nor a reason takes the
// place of the others: of blocked and suspect requests the newest of the client with
// the most; of a random sample a random half, whose probabilities are halved, so that
// they stay right however many come. It is not safe for concurrent use.
type drafts struct {
	seed    maphash.Seed
	coin    func() bool // fair
	dropped func(site, reason string)

	lanes map[laneName]*lane
	order []*lane
	turn  int // of order
	count int
	bytes int
}

type laneName struct{ site, why string }

// lane is the drafts of one site for one reason.
type lane struct {
	clients [clientLanes][]draft
	weights [clientLanes]int
	weight  int // the sum
	count   int
	turn    int // of clients
	sampled bool
	halved  int // how often the probability of what comes is halved
}

func newDrafts(dropped func(site, reason string)) drafts {
	return drafts{
		seed: maphash.MakeSeed(), coin: func() bool { return rand.Uint64()&1 == 0 }, dropped: dropped, lanes: map[laneName]*lane{},
	}
}

// size is about how many bytes a draft takes.
func (d *draft) size() int {
	n := len(d.copy.Request.Body) + len(d.copy.Request.URI)
	for _, h := range d.copy.Request.Headers {
		n += len(h[0]) + len(h[1])
	}
	return n + 512
}

// weight measures drafts by whichever bound they take more of.
func (d *draft) weight() int { return d.size() + maxDraftBytes/maxDrafts }

func (q *drafts) full() bool { return q.count >= maxDrafts || q.bytes >= maxDraftBytes }

// lane returns the lane of drafts, a new one if there is none: there are as many as
// sites have reasons.
func (q *drafts) lane(site, why string) *lane {
	name := laneName{site, why}
	l := q.lanes[name]
	if l == nil {
		l = &lane{sampled: why == kept.Sampled}
		q.lanes[name], q.order = l, append(q.order, l)
	}
	return l
}

// place is where the drafts of a client are in a lane. A sample is of all alike.
func (q *drafts) place(l *lane, client netip.Addr) int {
	if l.sampled {
		return 0
	}
	return int(maphash.Comparable(q.seed, client) % clientLanes)
}

// mayPut tells whether a draft will be taken, as far as that is known before it is
// made.
func (q *drafts) mayPut(site, why string, client netip.Addr) bool {
	l := q.lane(site, why)
	if !q.full() || l.sampled || q.largest(l) != l {
		return true
	}
	return l.weights[l.heaviest()] > l.weights[q.place(l, client)]
}

// put takes a draft over and returns the probability with which such a one is kept
// for now, 0 if it is dropped. What has to go for it, or it itself, is counted.
func (q *drafts) put(d draft) float64 {
	site := d.site.name
	l := q.lane(site, d.copy.Why)
	place := q.place(l, d.client)
	if l.sampled {
		for range l.halved {
			if !q.coin() {
				q.dropped(site, dropThinned)
				return 0
			}
		}
		d.copy.Probability = math.Ldexp(d.copy.Probability, -l.halved)
	}
	for q.full() {
		switch v := q.largest(l); {
		case v.sampled:
			q.thin(v)
			if v != l {
				continue
			}
			if !q.coin() {
				q.dropped(site, dropThinned)
				return 0
			}
			d.copy.Probability /= 2
		case v == l && v.weights[v.heaviest()] <= v.weights[place]:
			q.dropped(site, dropBehind)
			return 0
		default:
			q.evict(v, v.heaviest())
		}
	}
	q.add(l, place, d)
	return d.copy.Probability
}

// largest is the lane that gives way, which is the own one unless another is larger.
func (q *drafts) largest(own *lane) *lane {
	for _, l := range q.order {
		if l.weight > own.weight {
			own = l
		}
	}
	return own
}

// heaviest is the place of the client with the most.
func (l *lane) heaviest() (place int) {
	for i, w := range l.weights {
		if w > l.weights[place] {
			place = i
		}
	}
	return place
}

func (q *drafts) add(l *lane, place int, d draft) {
	l.clients[place] = append(l.clients[place], d)
	q.account(l, place, &d, 1)
}

// account counts a draft that came (1) or went (-1).
func (q *drafts) account(l *lane, place int, d *draft, sign int) {
	l.weights[place] += sign * d.weight()
	l.weight += sign * d.weight()
	l.count += sign
	q.count += sign
	q.bytes += sign * d.size()
	if l.count == 0 {
		l.halved = 0 // there is room again
	}
}

// evict drops the newest draft of a client.
func (q *drafts) evict(l *lane, place int) {
	all := l.clients[place]
	d := all[len(all)-1]
	all[len(all)-1] = draft{}
	l.clients[place] = all[:len(all)-1]
	q.account(l, place, &d, -1)
	q.dropped(d.site.name, dropBehind)
}

// thin keeps each draft of a sample with a probability of one half, which is then
// one half of what it was.
func (q *drafts) thin(l *lane) {
	l.halved++
	all, rest := l.clients[0], l.clients[0][:0]
	for _, d := range all {
		if q.coin() {
			d.copy.Probability /= 2
			rest = append(rest, d)
			continue
		}
		halved := l.halved
		q.account(l, 0, &d, -1)
		l.halved = halved // also if that was the last one
		q.dropped(d.site.name, dropThinned)
	}
	clear(all[len(rest):])
	l.clients[0] = rest
}

// next takes out the oldest draft of the client whose turn it is.
func (q *drafts) next() (d draft, ok bool) {
	for range q.order {
		l := q.order[q.turn%len(q.order)]
		q.turn++
		if l.count > 0 {
			return q.pop(l), true
		}
	}
	return d, false
}

// pop takes the next draft out of a lane that has one.
func (q *drafts) pop(l *lane) draft {
	for len(l.clients[l.turn%clientLanes]) == 0 {
		l.turn++
	}
	place := l.turn % clientLanes
	l.turn++
	all := l.clients[place]
	d := all[0]
	all[0] = draft{}
	if l.clients[place] = all[1:]; len(all) == 1 {
		l.clients[place] = nil // and the memory behind it
	}
	q.account(l, place, &d, -1)
	return d
}
