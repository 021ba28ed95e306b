package parse

import (
	"fmt"
	"net/netip"
	"strings"
)

// Trusted is a list of proxies whose word about the client's address is taken.
// The nil *Trusted trusts nobody.
type Trusted struct {
	prefixes []netip.Prefix
}

// NewTrusted reads addresses and CIDR prefixes.
func NewTrusted(list []string) (*Trusted, error) {
	t := &Trusted{}
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, aerr := netip.ParseAddr(s)
			if aerr != nil {
				return nil, fmt.Errorf("read trusted proxy %q: want an address or a prefix such as 10.0.0.0/8", s)
			}
			a = a.Unmap().WithZone("")
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 { // addresses are compared unmapped
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		t.prefixes = append(t.prefixes, p.Masked())
	}
	return t, nil
}

// Has tells whether an address is that of a trusted proxy.
func (t *Trusted) Has(a netip.Addr) bool {
	if t == nil {
		return false
	}
	a = a.Unmap().WithZone("")
	for _, p := range t.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// maxHops bounds how many addresses of a forwarding header are looked at.
const maxHops = 64

// Client finds the address of the client of a request. peer is the address of
// the connection; forwarded holds the values of the X-Forwarded-For header, or
// the addresses of the for parameters of Forwarded (RFC 7239, see
// [ForwardedFor]), joined by commas, the nearest hop last. The list is walked
// from its end as long as the hop that wrote it is trusted: what an untrusted
// peer claims is never taken. An element that is no address ends the walk.
func (t *Trusted) Client(peer netip.Addr, forwarded string) netip.Addr {
	client := peer
	for range maxHops {
		if !t.Has(client) || forwarded == "" {
			return client
		}
		hop := forwarded
		if i := strings.LastIndexByte(forwarded, ','); i >= 0 {
			forwarded, hop = forwarded[:i], forwarded[i+1:]
		} else {
			forwarded = ""
		}
		a, ok := hopAddr(strings.TrimSpace(hop))
		if !ok {
			return client
		}
		client = a
	}
	return client
}

// Agreed finds the address of the client where both X-Forwarded-For and
// Forwarded may be there, "" if not, and nothing says which of them the proxies
// write: a proxy that writes one lets the other through as the client sent it.
// Where they name different clients the answer is the peer, and ok is false.
func (t *Trusted) Agreed(peer netip.Addr, forwardedFor, forwarded string) (client netip.Addr, ok bool) {
	switch {
	case !t.Has(peer):
		return peer, true
	case forwarded == "":
		return t.Client(peer, forwardedFor), true
	}
	client = t.Client(peer, ForwardedFor(forwarded))
	if forwardedFor != "" && t.Client(peer, forwardedFor) != client {
		return peer, false
	}
	return client, true
}

// hopAddr reads an address as proxies write it: bare, or with a port, an IPv6
// address in brackets where it has one.
func hopAddr(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		if a, err := netip.ParseAddr(s[1 : len(s)-1]); err == nil {
			return a.Unmap().WithZone(""), true
		}
	}
	return netip.Addr{}, false
}

// ForwardedFor returns the for parameters of a Forwarded header (RFC 7239) as a
// comma-separated list, in order. An obfuscated or unknown hop stays in the
// list, where it ends the walk of [Trusted.Client].
func ForwardedFor(header string) string {
	var out []string
	for _, element := range splitQuoted(header, ',') {
		hop := "unknown"
		for _, pair := range splitQuoted(element, ';') {
			name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if ok && strings.EqualFold(strings.TrimSpace(name), "for") {
				hop = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
		out = append(out, strings.ReplaceAll(hop, ",", ""))
		if len(out) > maxHops {
			out = out[1:] // the nearest hops are last
		}
	}
	return strings.Join(out, ",")
}

// splitQuoted splits at a separator outside double quotes.
func splitQuoted(s string, sep byte) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++ // the escaped byte
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
