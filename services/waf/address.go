package waf

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/pires/go-proxyproto"

	"github.com/gatewatch/gatewatch/detection/parse"
)

// peerKey is the key of the address that a connection really comes from, where
// the PROXY protocol names another.
type peerKey struct{}

// keepPeer is the ConnContext of a listener with the PROXY protocol.
func keepPeer(ctx context.Context, c net.Conn) context.Context {
	for {
		switch t := c.(type) {
		case *proxyproto.Conn:
			return context.WithValue(ctx, peerKey{}, addrPort(t.Raw().RemoteAddr()))
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		default:
			return ctx
		}
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// locate finds the two ends of a request: the peer of the connection, and the
// client as far as trusted proxies say who it is.
func (x *exchange) locate(r *http.Request, trusted *parse.Trusted) {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		x.local = addrPort(a)
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err == nil {
		from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
	}
	x.peer, x.client, x.hop = from, from, from.Addr()
	if raw, ok := r.Context().Value(peerKey{}).(netip.AddrPort); ok {
		x.peer = raw
	}
	if !trusted.Has(x.hop) {
		return
	}
	forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	if forwarded == "" {
		forwarded = parse.ForwardedFor(strings.Join(r.Header.Values("Forwarded"), ","))
	}
	if client := trusted.Client(x.hop, forwarded); client != x.hop {
		x.client = netip.AddrPortFrom(client, 0)
	}
}

// maxRequestID bounds an id that is taken over.
const maxRequestID = 128

// name gives the request its id: that of a trusted proxy, else a new one.
func (x *exchange) name(r *http.Request, trusted *parse.Trusted) {
	if id := r.Header.Get("X-Request-Id"); id != "" && trusted.Has(x.hop) && isRequestID(id) {
		x.id = id
		return
	}
	var b [16]byte
	hi, lo := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		b[i], b[8+i] = byte(hi>>(8*i)), byte(lo>>(8*i))
	}
	x.id = hex.EncodeToString(b[:])
}

func isRequestID(id string) bool {
	if len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("-_.:/=+", c) < 0 {
			return false
		}
	}
	return true
}

// forward sets what an upstream is told about the client. What an untrusted
// peer claims is removed.
func (x *exchange) forward(in *http.Request, out http.Header, trusted *parse.Trusted) {
	scheme := "http"
	if in.TLS != nil {
		scheme = "https"
	}
	host := in.Host
	hops := in.Header.Values("X-Forwarded-For")
	if trusted.Has(x.hop) {
		if v := in.Header.Get("X-Forwarded-Proto"); v != "" {
			scheme = v
		}
		if v := in.Header.Get("X-Forwarded-Host"); v != "" {
			host = v
		}
	} else {
		hops = nil
	}
	if len(hops) == 0 && x.client.Addr() != x.hop {
		hops = []string{x.client.Addr().String()}
	}
	out.Del("Forwarded")
	out.Del("X-Real-Ip")
	out.Set("X-Forwarded-For", strings.Join(append(hops[:len(hops):len(hops)], x.hop.String()), ", "))
	out.Set("X-Forwarded-Proto", scheme)
	out.Set("X-Forwarded-Host", host)
	out.Set("X-Real-Ip", x.client.Addr().String())
	out.Set("X-Request-Id", x.id)
}
