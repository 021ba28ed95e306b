package waf

import (
	"context"
	"encoding/hex"
	"log/slog"
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

// The headers in which proxies name a client.
const (
	headerForwardedFor = "X-Forwarded-For"
	headerForwarded    = "Forwarded" // RFC 7239
)

// locate finds the two ends of a request: the peer of the connection, and the
// client as far as trusted proxies say who it is.
func (x *exchange) locate(r *http.Request, st *state) {
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
	if !st.trusted.Has(x.hop) {
		return // and x.hops stays empty
	}
	if client := x.named(r, st); client != x.hop {
		x.client = netip.AddrPortFrom(client, 0)
	}
}

// named returns the client that the trusted proxies name, the hop itself if
// none, and keeps the list of hops that it was taken from.
func (x *exchange) named(r *http.Request, st *state) netip.Addr {
	hops := r.Header.Values(headerForwardedFor)
	list, forwarded := strings.Join(hops, ","), strings.Join(r.Header.Values(headerForwarded), ",")
	switch {
	case strings.EqualFold(st.config.ClientHeader, headerForwardedFor):
		forwarded = ""
	case strings.EqualFold(st.config.ClientHeader, headerForwarded):
		hops, list = nil, ""
	}
	client, ok := st.trusted.Agreed(x.hop, list, forwarded)
	if !ok {
		if x.node.disagree.due(x.node.now()) {
			x.node.log.Warn("trusted proxy sent X-Forwarded-For and Forwarded that name different clients: client_header says which one it writes",
				slog.String("proxy", x.hop.String()))
		}
		return x.hop
	}
	x.hops = hops
	if len(hops) == 0 && client != x.hop {
		x.hops = []string{client.String()}
	}
	return client
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
	if trusted.Has(x.hop) {
		if v := in.Header.Get("X-Forwarded-Proto"); v != "" {
			scheme = v
		}
		if v := in.Header.Get("X-Forwarded-Host"); v != "" {
			host = v
		}
	}
	out.Del(headerForwarded)
	out.Set(headerForwardedFor, strings.Join(append(x.hops[:len(x.hops):len(x.hops)], x.hop.String()), ", "))
	out.Set("X-Forwarded-Proto", scheme)
	out.Set("X-Forwarded-Host", host)
	out.Set("X-Real-Ip", x.client.Addr().String())
	out.Set("X-Request-Id", x.id)
}
