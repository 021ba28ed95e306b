package alert

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// errPeer means that a name led to an address that no message is sent to.
var errPeer = errors.New("its address is not one that messages are sent to")

// metadata are addresses, global in form, at which clouds tell a machine its secrets:
// those of AWS, Google, Alibaba, Azure and Oracle.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("192.0.0.192"),
}

// allowedPeer looks at the address that a name led to. What only this machine and
// its link know, such as the metadata of a cloud, is no receiver, in whatever form it
// is written; and plain text stays on this machine unless it is allowed elsewhere.
func allowedPeer(anywhere bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		peer, err := netip.ParseAddrPort(address)
		if err != nil {
			return errPeer
		}
		ip := peer.Addr().WithZone("").Unmap()
		if ip.IsLoopback() {
			return nil
		}
		if !anywhere || !reachable(ip) {
			return errPeer
		}
		return nil
	}
}

// reachable tells whether messages may go to an address. Private ones are as good as
// others; one that stands for an IPv4 address goes where that goes.
func reachable(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || slices.Contains(metadata, ip) {
		return false
	}
	inner := embedded(ip)
	empty := 0
	for _, v4 := range inner {
		switch {
		case v4.IsUnspecified(): // where several forms are possible, the others
			empty++
		case !v4.IsGlobalUnicast() || slices.Contains(metadata, v4):
			return false
		}
	}
	return len(inner) == 0 || empty < len(inner)
}

// forms are the prefixes of addresses that stand for IPv4 addresses, and where these are.
var forms = []struct {
	prefix netip.Prefix
	at     [][4]int // bytes; several where the prefix leaves open which
}{
	{netip.MustParsePrefix("::/96"), [][4]int{{12, 13, 14, 15}}},        // IPv4-compatible, RFC 4291 section 2.5.5.1
	{netip.MustParsePrefix("64:ff9b::/96"), [][4]int{{12, 13, 14, 15}}}, // NAT64, RFC 6052
	{netip.MustParsePrefix("2002::/16"), [][4]int{{2, 3, 4, 5}}},        // 6to4, RFC 3056
	{netip.MustParsePrefix("64:ff9b:1::/48"), [][4]int{ // NAT64 of a site, RFC 8215: prefixes of 48 to 96 bits, RFC 6052 section 2.2
		{6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}, {12, 13, 14, 15},
	}},
}

// embedded are the IPv4 addresses that an address may stand for.
func embedded(ip netip.Addr) (all []netip.Addr) {
	b := ip.As16()
	for _, f := range forms {
		if !f.prefix.Contains(ip) {
			continue
		}
		for _, at := range f.at {
			all = append(all, netip.AddrFrom4([4]byte{b[at[0]], b[at[1]], b[at[2]], b[at[3]]}))
		}
	}
	return all
}
