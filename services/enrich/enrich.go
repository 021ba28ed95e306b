// Package enrich adds to events what data besides the log knows of them: the
// country and network of addresses (mmdb files), the browser and system of a
// user agent, and what tables of assets say of addresses, hosts and users.
//
// The data is part of what detection depends on, so it changes only by control
// records in the queue ([Keeper]): a replay enriches old records as they were
// enriched, as long as the set of data is kept.
package enrich

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Config says what events are enriched with. Changes of the files are seen by
// themselves.
type Config struct {
	GeoIP     []string      `yaml:"geoip" help:"mmdb files with countries, cities or networks, the first that knows wins; those in the folder geoip of the data folder if empty"`
	Assets    []string      `help:"tables (.csv, .ndjson) of what is known of addresses, hosts and users"`
	UserAgent bool          `help:"tell browser and system from user_agent.original"`
	Poll      time.Duration `help:"how often the files are looked at"`
}

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	if c.Poll == 0 {
		c.Poll = 5 * time.Second
	}
	return c
}

func (c Config) validate() error {
	if c.Poll < 0 {
		return fmt.Errorf("enrich.poll: want a positive duration")
	}
	return nil
}

// Bounds of the caches of an [Enricher], in entries of each of two generations.
const (
	cachedAddrs   = 1 << 14
	cachedRecords = 1 << 12
	cachedAgents  = 1 << 11
)

// Enricher adds fields to events. It never changes or adds to what the sender
// gave: the geo fields of a side, its network fields and the user_agent fields
// are each left alone as a whole where the event has one of them, and a field of
// an asset where the event has that field.
//
// What it adds depends on the event and the set of data alone. It belongs to one
// goroutine.
type Enricher struct {
	assets  *assets
	geoip   []geoLookup
	agents  *atomic.Bool // whether user agents are read
	addrs   cache[netip.Addr, *place]
	parsed  cache[string, *agent]
	metrics *metrics
	look    look
}

// place is what a set knows of an address.
type place struct {
	geo, network *record // nil if nothing is known
	assets       addrAssets
}

func newEnricher(s *Set, agents *atomic.Bool, m *metrics) *Enricher {
	n := &Enricher{
		assets: &s.assets, agents: agents, metrics: m,
		addrs:  newCache[netip.Addr, *place](cachedAddrs),
		parsed: newCache[string, *agent](cachedAgents),
	}
	for _, db := range s.geoip {
		n.geoip = append(n.geoip, geoLookup{db, newCache[uintptr, *record](cachedRecords)})
	}
	return n
}

// Enrich adds to an event what is known of it.
func (n *Enricher) Enrich(e *event.Event) {
	l := &n.look
	l.read(e)
	if n.assets.rows > 0 {
		n.addAssets(e)
	}
	if len(n.geoip) > 0 {
		for s := range l.sides {
			n.addPlace(e, side(s), &l.sides[s])
		}
	}
	if l.agent != "" && !l.agentGiven && n.agents.Load() {
		n.addAgent(e, l.agent)
	}
}

// place returns what is known of an address.
func (n *Enricher) place(a netip.Addr) *place {
	if p, ok := n.addrs.get(a); ok {
		return p
	}
	p := &place{}
	if len(n.geoip) > 0 && isPublic(a) {
		n.metrics.addrs.Inc()
		for i := range n.geoip {
			r, err := n.geoip[i].of(a)
			if err != nil {
				n.metrics.failed.Inc()
				continue
			}
			if r != nil && p.geo == nil && r.hasGeo {
				p.geo = r
			}
			if r != nil && p.network == nil && r.hasNetwork {
				p.network = r
			}
		}
		if p.geo != nil || p.network != nil {
			n.metrics.addrHits.Inc()
		}
	}
	if n.assets.rows > 0 {
		p.assets = n.assets.ofAddr(a)
	}
	n.addrs.put(a, p)
	return p
}

// addPlace adds where an address is and whose network it is of.
func (n *Enricher) addPlace(e *event.Event, s side, l *lookSide) {
	if !l.addr.IsValid() || l.geoGiven && l.networkGiven {
		return
	}
	p := n.place(l.addr)
	if p.geo != nil && !l.geoGiven {
		for i, v := range p.geo.geo {
			e.Add(geoKeys[s][i], v)
		}
	}
	if p.network != nil && !l.networkGiven {
		for i, v := range p.network.network {
			e.Add(networkKeys[s][i], v)
		}
	}
}
