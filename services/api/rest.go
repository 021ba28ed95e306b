package api

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	gatewatchproto "github.com/gatewatch/gatewatch/proto"
	"github.com/gatewatch/gatewatch/services/access"
)

// Bounds of one HTTP connection.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	// answerTime is added to the time that a call may take, for its answer to
	// be read.
	answerTime = 30 * time.Second
)

// HTTP returns a server of the REST routes, probes, metrics and the OpenAPI
// document behind a gate. A loopback listener answers to its own names only, so
// that a web page cannot reach it by a name of its own. The caller sets Addr
// and TLSConfig where wanted, serves and stops it.
func (a *API) HTTP(gate *access.Gate, loopback bool) (*http.Server, error) {
	g := a.guard(gate)
	gateway, err := a.gateway(g)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", gateway)
	nothing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		newProblem(http.StatusNotFound, "there is nothing at this path; see /api/openapi.json").write(w)
	})
	rest := http.Handler(nothing) // what nothing else has
	for route, handler := range a.routes() {
		handler = g.route(route, handler)
		switch {
		case route != home:
			mux.Handle(route, handler)
		case a.parts.Pages != nil:
			rest = reads(handler, nothing)
		default:
			mux.Handle("GET /{$}", handler)
		}
	}
	mux.Handle("/", rest)
	return &http.Server{
		Handler:           a.front(mux, loopback),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		WriteTimeout:      max(a.config.CallTimeout, a.config.SearchTimeout) + answerTime,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.parts.Log.Handler(), slog.LevelDebug),
	}, nil
}

// home is the page at the root; with a console, at all paths that nothing else has.
const home = "GET /"

// routes returns what is no method of a service, by verb and path.
func (a *API) routes() map[string]http.Handler {
	routes := map[string]http.Handler{
		"GET /healthz":          http.HandlerFunc(healthz),
		"GET /readyz":           http.HandlerFunc(a.readyz),
		"GET /metrics":          promhttp.HandlerFor(a.parts.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: a.config.CallTimeout}),
		"GET /api/openapi.json": document("application/json", gatewatchproto.OpenAPI),
		home:                    document("text/html; charset=utf-8", homePage),
	}
	maps.Copy(routes, a.parts.Pages)
	return routes
}

// reads lets a handler answer what reads, and another one all else.
func reads(handler, other http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			handler.ServeHTTP(w, r)
			return
		}
		other.ServeHTTP(w, r)
	})
}

// front is what every request passes first.
func (a *API) front(next http.Handler, loopback bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // a sentinel of panics
					panic(p)
				}
				problemOf(a.panicked(r.Method, p, debug.Stack())).write(w)
			}
		}()
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Under no-referrer browsers send forms of our own pages with the origin null.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if err := checkHost(r, loopback); err != nil {
			newProblem(http.StatusMisdirectedRequest, err.Error()).write(w)
			return
		}
		if err := checkOrigin(r); err != nil {
			newProblem(http.StatusForbidden, err.Error()).write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(withPeer(r)))
	})
}

// checkHost refuses names that are not those of this machine: a web page may
// give its own name the address 127.0.0.1 after it was loaded.
func checkHost(r *http.Request, loopback bool) error {
	if !loopback {
		return nil
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("host %q is not a name of this listener: use localhost, 127.0.0.1 or [::1]", r.Host)
}

// checkOrigin refuses requests that a page of another site makes.
func checkOrigin(r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		if r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			return fmt.Errorf("requests from pages of other sites are refused")
		}
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin) // https behind a proxy may be http here
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
		return fmt.Errorf("origin %q is not this server", origin)
	}
	return nil
}

// withPeer returns the context of a request with what a guard asks for.
func withPeer(r *http.Request) context.Context {
	p := &peer.Peer{}
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.Addr = net.TCPAddrFromAddrPort(ap)
	}
	if r.TLS != nil {
		p.AuthInfo = credentials.TLSInfo{State: *r.TLS}
	}
	ctx := withSession(peer.NewContext(r.Context(), p), r)
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return context.WithValue(ctx, forwardedKey{}, true)
		}
	}
	return ctx
}

// unaskedHeader comes with calls that a page makes while nobody touches it: they do
// not keep its session from ending.
const unaskedHeader = "X-Gatewatch-Unasked"

// withSession adds the sessions of a browser: of a person, and of a wall screen.
func withSession(ctx context.Context, r *http.Request) context.Context {
	c := cookieCaller{
		csrf: r.Header.Get("X-CSRF-Token"), readOnly: r.Method == http.MethodGet || r.Method == http.MethodHead,
		unasked: r.Header.Get(unaskedHeader) != "",
	}
	if k, err := r.Cookie(access.SessionCookie(r.TLS != nil)); err == nil {
		c.id = k.Value
	}
	if k, err := r.Cookie(access.KioskCookie(r.TLS != nil)); err == nil {
		c.screen = k.Value
	}
	if c.id == "" && c.screen == "" {
		return ctx
	}
	return context.WithValue(ctx, sessionKey{}, c)
}

// route guards a handler that is no method of a service.
func (g *guard) route(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := metadata.NewIncomingContext(r.Context(), metadata.Pairs(authorizationOf(r)...))
		ctx, err := g.admit(ctx, name)
		if err != nil {
			problemOf(g.api.status(name, err)).write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
}

// readyz answers 200 also while records are refused for want of space: searches
// work, and a server that is taken out of service for it would free none.
func (a *API) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := a.parts.Ready(); err != nil {
		newProblem(http.StatusServiceUnavailable, "not ready: "+err.Error()).write(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ready\n"))
	if a.parts.Notice == nil {
		return
	}
	if notice := a.parts.Notice(); notice != "" {
		w.Write([]byte(notice + "\n"))
	}
}

// document serves a constant text.
func document(kind string, text []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Write(text)
	})
}

// homePage stands at the root of a server without a console.
var homePage = []byte(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Gatewatch</title></head>
<body>
<h1>Gatewatch</h1>
<p>The server is running. Its REST interface is under <code>/api/v1/</code> and
described by <a href="/api/openapi.json">/api/openapi.json</a>.</p>
<pre>gatewatch query 'waf.decision: block | stats n = count() by source.ip | sort n desc'</pre>
</body>
</html>
`)
