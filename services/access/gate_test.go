package access

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

func peer(addr string) net.Addr { return net.TCPAddrFromAddrPort(mustAddrPort(addr)) }

func TestGateSender(t *testing.T) {
	c := newClock()
	tokens := openTokens(t, t.TempDir(), c)
	bearer := func(g Grant) string {
		t.Helper()
		_, b, err := tokens.Create(g)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	source := bearer(Grant{Kind: KindSource, Name: "edge"})
	node := bearer(Grant{Kind: KindNode, Name: "waf-1"})
	viewer := bearer(Grant{Kind: KindRole, Role: Viewer})
	admin := bearer(Grant{Kind: KindRole, Role: Administrator})

	f := func(open bool, bearer, wantName string, want error) {
		t.Helper()
		g := NewGate(tokens, NewFailures(c.now), open, slog.New(slog.DiscardHandler))
		sender, err := g.Sender(context.Background(), bearer, peer("127.0.0.1:5"), nil)
		if sender.Name != wantName || !errors.Is(err, want) {
			t.Errorf("open %v, %.16q: %q, %v, want %q, %v", open, bearer, sender.Name, err, wantName, want)
		}
	}
	for _, open := range []bool{true, false} {
		f(open, source, "edge", nil)
		f(open, node, "waf-1", nil)
		f(open, admin, "", nil)
		f(open, viewer, "", ErrForbidden)
		f(open, "gwt_x", "", ErrUnauthenticated)
	}
	f(true, "", "", nil)
	f(false, "", "", ErrUnauthenticated)

	open := NewGate(tokens, NewFailures(c.now), true, slog.New(slog.DiscardHandler))
	ask := func(bearer, name string, want error) {
		t.Helper()
		sender, err := open.Sender(context.Background(), bearer, peer("127.0.0.1:5"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sender.Source(name, "file"); !errors.Is(err, want) || err == nil && got != name {
			t.Errorf("%.16q asks for %q: %q, %v, want %v", bearer, name, got, err, want)
		}
	}
	ask("", "other", nil)
	ask("", "edge", ErrForbidden)
	ask("", "waf-1", ErrForbidden)
	ask("", "admin", nil) // no records have that name
	ask(admin, "waf-1", nil)
	ask(source, "edge", nil)
	file := bearer(Grant{Kind: KindSource, Name: "file"})
	ask(file, "file", nil)
	anonymous, err := open.Sender(context.Background(), "", peer("127.0.0.1:5"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := anonymous.Source("", "file"); !errors.Is(err, ErrForbidden) {
		t.Errorf("default name that a token has: %v", err)
	}
}

func TestGateLocal(t *testing.T) {
	c := newClock()
	g := NewGate(openTokens(t, t.TempDir(), c), NewFailures(c.now), true, slog.New(slog.DiscardHandler))
	f := func(method string, call Caller, want error) {
		t.Helper()
		if _, err := g.Admit(method, call); !errors.Is(err, want) {
			t.Errorf("%s from %v: %v, want %v", method, call.Peer, err, want)
		}
	}
	f("GET /metrics", Caller{Peer: peer("127.0.0.1:5")}, nil)
	f("GET /metrics", Caller{Peer: peer("[::1]:5")}, nil)
	f("GET /metrics", Caller{Peer: peer("127.0.0.1:5"), Forwarded: true}, ErrUnauthenticated)
	f("GET /metrics", Caller{Peer: peer("192.0.2.1:5")}, ErrUnauthenticated)
	f("GET /metrics", Caller{}, ErrUnauthenticated)
	f("GET /healthz", Caller{}, nil)
	f("/gatewatch.v1.SearchService/Search", Caller{Peer: peer("127.0.0.1:5")}, ErrUnauthenticated)
	f("/gatewatch.v1.SearchService/Unheard", Caller{Peer: peer("127.0.0.1:5")}, ErrUnauthenticated)
}

// TestDenyByDefault shows that what the table does not know is denied to all.
func TestDenyByDefault(t *testing.T) {
	c := newClock()
	tokens := openTokens(t, t.TempDir(), c)
	_, admin, err := tokens.Create(Grant{Kind: KindRole, Role: Administrator})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGate(tokens, NewFailures(c.now), true, slog.New(slog.DiscardHandler))
	for _, method := range []string{"", "/gatewatch.v1.NewService/New", "GET /debug/pprof/"} {
		if _, err := g.Admit(method, Caller{Bearer: admin}); !errors.Is(err, ErrForbidden) {
			t.Errorf("%q: %v", method, err)
		}
	}
}

func TestFailuresAreLimitedAndLockNobodyOut(t *testing.T) {
	c := newClock()
	tokens := openTokens(t, t.TempDir(), c)
	_, good, err := tokens.Create(Grant{Kind: KindRole, Role: Viewer})
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	fails := NewFailures(c.now)
	g := NewGate(tokens, fails, true, slog.New(slog.NewTextHandler(&lines, nil)))
	const method = "/gatewatch.v1.SearchService/Search"
	bad := good[:len(good)-1] + "-"
	try := func(bearer, from string) error {
		_, err := g.Admit(method, Caller{Bearer: bearer, Peer: peer(from)})
		return err
	}
	for i := range 1000 {
		want := ErrUnauthenticated
		if i >= maxFailures {
			want = ErrTooManyFailures
		}
		if err := try(bad, "192.0.2.1:5"); !errors.Is(err, want) {
			t.Fatalf("failure %d: %v, want %v", i, err, want)
		}
	}
	if n := strings.Count(lines.String(), "\n"); n != 2 {
		t.Errorf("%d log lines, want 2", n)
	}
	if strings.Contains(lines.String(), bad) {
		t.Error("the log holds the token")
	}
	if err := try(good, "192.0.2.1:5"); err != nil {
		t.Errorf("valid token behind the flood: %v", err)
	}
	if err := try(bad, "192.0.2.2:5"); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("other peer: %v", err)
	}
	c.advance(failureWindow)
	if err := try(bad, "192.0.2.1:5"); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("next window: %v", err)
	}
	if fails.Total() != 1002 {
		t.Errorf("total is %d", fails.Total())
	}
}

func TestFailuresAreBounded(t *testing.T) {
	f := NewFailures(func() time.Time { return time.Unix(0, 0) })
	for i := range 2 * maxPeers {
		f.add(&net.TCPAddr{IP: net.IPv4(10, byte(i>>16), byte(i>>8), byte(i))})
	}
	if len(f.counts) > maxPeers+1 {
		t.Errorf("%d peers are kept", len(f.counts))
	}
}

func TestBearer(t *testing.T) {
	f := func(header, want string) {
		t.Helper()
		if got := Bearer(header); got != want {
			t.Errorf("Bearer(%q) = %q, want %q", header, got, want)
		}
	}
	f("Bearer gwt_a", "gwt_a")
	f("bearer  gwt_a ", "gwt_a")
	f("Basic gwt_a", "")
	f("gwt_a", "")
	f("", "")
}

func TestListener(t *testing.T) {
	files := TLSFiles{Cert: "c", Key: "k"}
	f := func(l Listener, want Exposure, wantErr string) {
		t.Helper()
		l.Name = "http"
		got, err := l.Check()
		if got != want || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%+v: %+v, %v, want %+v, %q", l, got, err, want, wantErr)
		}
	}
	f(Listener{Address: "127.0.0.1:8080"}, Exposure{Loopback: true}, "")
	f(Listener{Address: "127.8.9.1:0"}, Exposure{Loopback: true}, "")
	f(Listener{Address: "[::1]:8080", TLS: files}, Exposure{Loopback: true}, "")
	f(Listener{Address: "[::ffff:127.0.0.1]:8080"}, Exposure{Loopback: true}, "")
	f(Listener{Address: "localhost:8080"}, Exposure{Loopback: true}, "")
	f(Listener{Address: "0.0.0.0:8080", TLS: files}, Exposure{TLS: true}, "")
	f(Listener{Address: "siem.example:8080", Insecure: true}, Exposure{}, "")
	f(Listener{Address: ":8080"}, Exposure{}, "listen.http: :8080 can be reached from the network: set tls.cert and tls.key, or insecure: true")
	f(Listener{Address: "[::]:8080"}, Exposure{}, "tls.cert")
	f(Listener{Address: "localhost.attacker.example:8080"}, Exposure{}, "tls.cert")
	f(Listener{Address: "127.0.0.1"}, Exposure{}, "listen.http: ")
	f(Listener{Address: "127.0.0.1:http"}, Exposure{}, "listen.http: port")
	f(Listener{Address: ":1", TLS: TLSFiles{Cert: "c"}}, Exposure{}, "tls.key")
	f(Listener{Address: ":1", TLS: TLSFiles{Key: "c"}}, Exposure{}, "tls.cert")
	f(Listener{Address: ":1", TLS: TLSFiles{ClientCA: "c"}}, Exposure{}, "tls.client_ca")
}
