package waf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// backends are the upstreams of a site. They are taken in turn; one that can
// not be reached is left out for a while, unless no other is left.
type backends struct {
	list      []*backend
	turn      atomic.Uint64
	transport *http.Transport
	now       func() time.Time
	failed    func(upstream string)
}

type backend struct {
	url     *url.URL
	address string // host:port
	down    atomic.Int64
}

// downTime is how long a backend that could not be reached is left out.
const downTime = 5 * time.Second

// newBackends makes the upstreams of a site. stall is how long one may take
// nothing of a request; failed is told of each request that one did not answer.
func newBackends(c SiteConfig, stall time.Duration, now func() time.Time, failed func(string)) (*backends, error) {
	b := &backends{now: now, failed: failed}
	for _, raw := range c.Upstreams {
		u, err := parseUpstream(raw)
		if err != nil {
			return nil, err
		}
		address := u.Host
		if u.Port() == "" {
			address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		}
		b.list = append(b.list, &backend{url: u, address: address})
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.UpstreamCA != "" {
		pool, err := readPool(c.UpstreamCA)
		if err != nil {
			return nil, fmt.Errorf("upstream_ca: %w", err)
		}
		trust.RootCAs = pool
	}
	b.transport = &http.Transport{
		DialContext:           dialer(stall),
		TLSClientConfig:       trust,
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: c.UpstreamTimeout,
		WriteBufferSize:       32 << 10,
		ReadBufferSize:        32 << 10,
	}
	return b, nil
}

// dialer makes connections whose writes have a deadline.
func dialer(stall time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := plain.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatient{Conn: c, stall: stall}, nil
	}
}

// impatient is a connection that fails when the other end takes nothing.
type impatient struct {
	net.Conn
	stall time.Duration
}

func (c *impatient) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// readPool reads the certificates of authorities.
func readPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authorities %s: no certificate in it", file)
	}
	return pool, nil
}

// RoundTrip asks one backend, and the next if that can not be reached: then
// nothing of the request has been sent.
func (b *backends) RoundTrip(r *http.Request) (*http.Response, error) {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	kept := r.Body
	if kept != nil {
		defer kept.Close() // the server closes the client's body in any case
	}
	turn := b.turn.Add(1)
	target := *r.URL
	var err error
	for try := range len(b.list) {
		backend := b.list[(turn+uint64(try))%uint64(len(b.list))]
		if b.isDown(backend) && try < len(b.list)-1 && b.anyUp() {
			continue
		}
		r.URL = joinURL(backend.url, &target)
		if x != nil {
			x.backend = backend.address
		}
		if kept != nil && kept != http.NoBody {
			r.Body = io.NopCloser(kept)
		}
		var resp *http.Response
		if resp, err = b.transport.RoundTrip(r); err == nil {
			backend.down.Store(0)
			return resp, nil
		}
		b.failed(backend.address)
		if !isDialError(err) || r.Context().Err() != nil {
			return nil, err
		}
		backend.down.Store(b.now().Add(downTime).UnixNano())
	}
	return nil, err
}

func (b *backends) isDown(k *backend) bool { return k.down.Load() > b.now().UnixNano() }

func (b *backends) anyUp() bool {
	for _, k := range b.list {
		if !b.isDown(k) {
			return true
		}
	}
	return false
}

func isDialError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// close lets go of idle connections.
func (b *backends) close() { b.transport.CloseIdleConnections() }

// joinURL returns the URL of a request's target at an upstream. The path stays
// as the client wrote it, behind that of the upstream's URL.
func joinURL(base, target *url.URL) *url.URL {
	u := *target
	u.Scheme, u.Host = base.Scheme, base.Host
	if prefix := strings.TrimSuffix(base.EscapedPath(), "/"); prefix != "" {
		raw := prefix + target.EscapedPath()
		if path, err := url.PathUnescape(raw); err == nil {
			u.Path, u.RawPath = path, raw
		}
	}
	return &u
}

// exchangeKey is the key of the exchange in the context of a request to an
// upstream.
type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}
