package ingest

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/gatewatch/gatewatch/services/access"
)

// Authenticator says who sends, and with it under which names it may store
// records. bearer is the token it showed, "" if none; peer is its address; state
// is that of its TLS connection, nil if there is none. An error refuses the
// sender; its text is for the log and not for the sender.
type Authenticator func(ctx context.Context, bearer string, peer net.Addr, state *tls.ConnectionState) (access.Sender, error)

// ErrUnauthorized is what [LoopbackOnly] answers to senders from elsewhere.
var ErrUnauthorized = errors.New("sender needs a source token or a client certificate")

// LoopbackOnly lets anonymous senders of this machine in and nobody else. It is
// what inputs do without an Authenticator.
func LoopbackOnly(_ context.Context, bearer string, peer net.Addr, _ *tls.ConnectionState) (access.Sender, error) {
	if addr := access.PeerAddr(peer); bearer == "" && addr.IsValid() && addr.IsLoopback() {
		return access.Sender{}, nil
	}
	return access.Sender{}, ErrUnauthorized
}

// orLoopback replaces a missing Authenticator.
func orLoopback(auth Authenticator) Authenticator {
	if auth == nil {
		return LoopbackOnly
	}
	return auth
}

// peerText returns the address of a peer as records name it, "" if it has none.
func peerText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// grpcSender returns the caller of a gRPC method and its address.
func grpcSender(ctx context.Context, auth Authenticator) (sender access.Sender, from netip.Addr, err error) {
	var addr net.Addr
	var state *tls.ConnectionState
	if p, ok := peer.FromContext(ctx); ok {
		addr = p.Addr
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			state = &info.State
		}
	}
	var bearer string
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		if v := md.Get("authorization"); len(v) > 0 {
			bearer = tokenOf(v[0])
		}
	}
	sender, err = auth(ctx, bearer, addr, state)
	return sender, access.PeerAddr(addr), err
}

// httpSender returns the sender of an HTTP request and its address.
func httpSender(r *http.Request, auth Authenticator) (sender access.Sender, from netip.Addr, err error) {
	var addr net.Addr
	if ap, perr := netip.ParseAddrPort(r.RemoteAddr); perr == nil {
		addr = net.TCPAddrFromAddrPort(ap)
	}
	sender, err = auth(r.Context(), tokenOf(r.Header.Get("Authorization")), addr, r.TLS)
	return sender, access.PeerAddr(addr), err
}

// tokenOf returns the token in an Authorization header: after Bearer; after
// ApiKey, where shippers of Elasticsearch put base64 of "id:key" and the key is
// the token; or the password after Basic. Anything else is returned as it is, so
// that it is refused and not taken for none.
func tokenOf(header string) string {
	scheme, value, found := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	if !found {
		return header
	}
	switch strings.ToLower(scheme) {
	case "bearer":
		return value
	case "apikey", "basic":
		pair, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return value
		}
		if _, secret, ok := strings.Cut(string(pair), ":"); ok {
			return secret
		}
		return string(pair)
	}
	return header
}
