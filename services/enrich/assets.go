package enrich

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// assets are the rows of all tables.
type assets struct {
	rows  int
	addrs [addrColumns]prefixes
	hosts map[string]*asset // by name in lower case
	users map[string]*asset
}

// asset is a row: what is known of an address, host or user.
type asset struct {
	fields []event.Field
	where  string // file and line
}

// The columns that name addresses: those of one side, that of host.ip, and ip,
// which stands for all of them.
const (
	columnHostIP = int(sides)
	columnAnyIP  = int(sides) + 1
	addrColumns  = int(sides) + 2
)

// addrAssets are the rows of an address by column, nil where there is none.
type addrAssets [addrColumns]*asset

func (t *assets) ofAddr(a netip.Addr) (found addrAssets) {
	for c := range t.addrs {
		found[c] = t.addrs[c].find(a)
	}
	return found
}

// addAssets adds what tables say of an event: of its host first, then of its
// user, then of its addresses. The first that has a field gives it.
func (n *Enricher) addAssets(e *event.Event) {
	l := &n.look
	n.metrics.assets.Inc()
	hit := false
	add := func(a *asset) {
		if a == nil {
			return
		}
		hit = true
		for _, f := range a.fields {
			if e.Has(f.Key) {
				continue
			}
			e.Add(f.Key, f.Value)
			if id := f.Key.ID(); id >= 0 && id < len(parts) {
				l.give(parts[id])
			}
		}
	}
	if l.host != "" {
		add(n.assets.hosts[strings.ToLower(l.host)])
	}
	for _, u := range l.users {
		add(n.assets.users[strings.ToLower(u)])
	}
	at := func(a netip.Addr, column int) {
		if a.IsValid() {
			p := n.place(a)
			add(p.assets[column])
			add(p.assets[columnAnyIP])
		}
	}
	for _, a := range l.hostIPs {
		at(a, columnHostIP)
	}
	for s := range l.sides {
		at(l.sides[s].addr, s)
	}
	if hit {
		n.metrics.assetHits.Inc()
	}
}

// prefixes finds the longest prefix that an address is in.
type prefixes struct {
	rows map[netip.Prefix]*asset
	bits [2][]int // lengths there are, of IPv4 and IPv6, the longest first
}

func (p *prefixes) find(a netip.Addr) *asset {
	for _, bits := range p.bits[family(a)] {
		if in, err := a.Prefix(bits); err == nil {
			if r := p.rows[in]; r != nil {
				return r
			}
		}
	}
	return nil
}

// add adds a row, and returns the one that has the prefix already.
func (p *prefixes) add(in netip.Prefix, r *asset) *asset {
	if p.rows == nil {
		p.rows = map[netip.Prefix]*asset{}
	}
	if old := p.rows[in]; old != nil {
		return old
	}
	p.rows[in] = r
	bits := &p.bits[family(in.Addr())]
	if !slices.Contains(*bits, in.Bits()) {
		*bits = append(*bits, in.Bits())
		slices.SortFunc(*bits, func(a, b int) int { return b - a })
	}
	return nil
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}
