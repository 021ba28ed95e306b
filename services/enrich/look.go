package enrich

import (
	"net/netip"

	"github.com/gatewatch/gatewatch/detection/event"
)

// side is one of the ends of a connection that ECS knows.
type side uint8

// The sides, in the order in which assets are looked for.
const (
	destination side = iota
	server
	source
	client
	sides
)

var (
	sideNames = [sides]string{"destination", "server", "source", "client"}
	sideIPs   = [sides]event.Key{event.DestinationIP, event.ServerIP, event.SourceIP, event.ClientIP}

	geoNames = [...]string{
		"continent_code", "country_iso_code", "country_name", "region_iso_code", "region_name",
		"city_name", "postal_code", "timezone", "location.lat", "location.lon",
	}
	networkNames = [...]string{"number", "organization.name"}
	agentNames   = [...]string{"name", "version", "os.name", "os.version", "device.name"}

	geoKeys     [sides][len(geoNames)]event.Key
	networkKeys [sides][len(networkNames)]event.Key
	agentKeys   [len(agentNames)]event.Key
)

// part is what a field means to enrichment.
type part uint8

const (
	partNone    part = 0
	partIP      part = 1 // + side
	partGeo          = partIP + part(sides)
	partNetwork      = partGeo + part(sides)
	partAgent        = partNetwork + part(sides)

	partAgentOriginal = partAgent + 1
	partHost          = partAgent + 2
	partHostIP        = partAgent + 3
	partUser          = partAgent + 4
)

// parts are the parts of keys, by [event.Key.ID].
var parts = makeParts()

func makeParts() []part {
	var all []part
	set := func(k event.Key, p part) event.Key {
		for len(all) <= k.ID() {
			all = append(all, partNone)
		}
		all[k.ID()] = p
		return k
	}
	for s, name := range sideNames {
		set(sideIPs[s], partIP+part(s))
		for i, n := range geoNames {
			geoKeys[s][i] = set(event.Intern(name+".geo."+n), partGeo+part(s))
		}
		for i, n := range networkNames {
			networkKeys[s][i] = set(event.Intern(name+".as."+n), partNetwork+part(s))
		}
	}
	for i, n := range agentNames {
		agentKeys[i] = set(event.Intern("user_agent."+n), partAgent)
	}
	set(event.UserAgentOriginal, partAgentOriginal)
	set(event.HostName, partHost)
	set(event.HostIP, partHostIP)
	for _, k := range []event.Key{event.UserName, event.UserID, event.UserEmail} {
		set(k, partUser)
	}
	return all
}

// Bounds of what is looked at in an event, whose lists may be long.
const maxLooked = 8

// look is what matters of an event, found in one pass over its fields.
type look struct {
	sides      [sides]lookSide
	agent      string
	agentGiven bool
	host       string
	hostIPs    []netip.Addr
	users      []string
}

type lookSide struct {
	addr                   netip.Addr // the first one
	geoGiven, networkGiven bool
}

// read looks at an event. Texts are good as long as those of the event.
func (l *look) read(e *event.Event) {
	*l = look{hostIPs: l.hostIPs[:0], users: l.users[:0]}
	fields := e.Fields()
	for i := range fields {
		f := &fields[i]
		id := uint(f.Key.ID())
		if id >= uint(len(parts)) || parts[id] == partNone {
			continue
		}
		l.take(parts[id], f.Value)
	}
}

func (l *look) take(p part, v event.Value) {
	switch {
	case p < partGeo:
		if s := &l.sides[p-partIP]; v.Kind() == event.KindIP && !s.addr.IsValid() {
			s.addr = v.Addr()
		}
	case p <= partAgent:
		l.give(p)
	case p == partAgentOriginal:
		l.agent = v.Text()
	case p == partHost:
		l.host = v.Text()
	case p == partHostIP:
		if v.Kind() == event.KindIP && len(l.hostIPs) < maxLooked {
			l.hostIPs = append(l.hostIPs, v.Addr())
		}
	case p == partUser:
		if v.Text() != "" && len(l.users) < maxLooked {
			l.users = append(l.users, v.Text())
		}
	}
}

// give notes that a field of a group is given.
func (l *look) give(p part) {
	switch {
	case p < partGeo:
	case p < partNetwork:
		l.sides[p-partGeo].geoGiven = true
	case p < partAgent:
		l.sides[p-partNetwork].networkGiven = true
	case p == partAgent:
		l.agentGiven = true
	}
}
