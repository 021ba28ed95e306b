package waf

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustAddr(t *testing.T, s string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mirror answers with the headers that reached it, trailers as Trailer-NAME.
func mirror(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		for name, v := range r.Trailer {
			r.Header["Trailer-"+name] = v
		}
		_ = json.NewEncoder(w).Encode(r.Header)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// exchangeRaw sends bytes and returns the headers that the upstream saw.
func exchangeRaw(t *testing.T, n *running, bytes string) map[string][]string {
	t.Helper()
	c, err := net.Dial("tcp", n.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var seen map[string][]string
	if err := json.NewDecoder(resp.Body).Decode(&seen); err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return seen
}

// TestUpgrade asks for other protocols than WebSocket: the upstream is not told.
func TestUpgrade(t *testing.T) {
	n := startNode(t, testConfig(t, mirror(t)))
	const socket = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	f := func(line, headers string, passes bool) {
		t.Helper()
		seen := exchangeRaw(t, n, line+" HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\nConnection: close, Upgrade, HTTP2-Settings\r\n"+headers+"\r\n")
		e := n.event(t)
		if got := len(seen["Upgrade"]) > 0; got != passes {
			t.Errorf("%s %q: upstream saw %v", line, headers, seen)
		}
		if want := map[bool]any{true: nil, false: reasonUpgrade}[passes]; e["waf.reason"] != want {
			t.Errorf("%s %q: reason %v", line, headers, e["waf.reason"])
		}
		if len(seen["Http2-Settings"]) > 0 {
			t.Errorf("%q: settings reached the upstream", headers)
		}
	}
	f("GET /", "Upgrade: websocket\r\n"+socket, true)
	f("GET /", "Upgrade: WebSocket\r\n"+socket, true)
	f("GET /", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n", false)
	f("GET /", "Upgrade: h2c\r\n"+socket, false)
	f("GET /", "Upgrade: websocket, h2c\r\n"+socket, false)
	f("GET /", "Upgrade: websocket\r\nUpgrade: h2c\r\n"+socket, false)
	f("GET /", "Upgrade: websocket\r\n", false)
	f("GET /", "Upgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 8\r\n", false)
	f("OPTIONS /", "Upgrade: websocket\r\n"+socket, false)
}

// TestTrailers sends trailers, which no rule sees.
func TestTrailers(t *testing.T) {
	const bytes = "POST / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\nConnection: close\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Forwarded-For, X_Real_Ip\r\n\r\n" +
		"3\r\na=1\r\n0\r\nX-Sum: 42\r\nX-Forwarded-For: 10.0.0.1\r\nX_Real_Ip: 10.0.0.1\r\n\r\n"
	for _, passed := range []bool{false, true} {
		c := testConfig(t, mirror(t))
		c.Sites[0].Request.ClientTrailers = passed
		n := startNode(t, c)
		var got []string
		for name, v := range exchangeRaw(t, n, bytes) {
			if strings.HasPrefix(name, "Trailer") {
				got = append(got, name+" "+strings.Join(v, ","))
			}
		}
		var want []string
		if passed {
			want = []string{"Trailer-X-Sum 42"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("passed %t: %s", passed, diff)
		}
		n.stop()
	}
}

// TestClaims sends all that a client may say about itself.
func TestClaims(t *testing.T) {
	const bytes = "GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\nConnection: close\r\n" +
		"X-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /x\r\nTrue-Client-IP: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.1\r\nX_real-IP: 10.0.0.1\r\n" +
		"X_Request_Id: 1\r\nX-Real-IP: 10.0.0.1\r\nX-Own_name: kept\r\n\r\n"
	f := func(trusted []string, want ...string) {
		t.Helper()
		c := testConfig(t, mirror(t))
		c.TrustedProxies = trusted
		n := startNode(t, c)
		seen := exchangeRaw(t, n, bytes)
		var got []string
		for _, name := range []string{"X-Forwarded-Port", "X-Forwarded-Prefix", "True-Client-Ip", "X_forwarded_for", "X_real-Ip", "X_request_id", "X-Own_name"} {
			if len(seen[name]) > 0 {
				got = append(got, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", trusted, diff)
		}
		if ip := seen["X-Real-Ip"]; len(ip) != 1 || ip[0] != "127.0.0.1" {
			t.Errorf("X-Real-Ip %v", ip)
		}
		n.stop()
	}
	f(nil, "X-Own_name")
	f([]string{"127.0.0.1"}, "X-Forwarded-Port", "X-Forwarded-Prefix", "True-Client-Ip", "X-Own_name")
}

// TestOptionsOfTheServer is judged and told of like all others.
func TestOptionsOfTheServer(t *testing.T) {
	n := startNode(t, testConfig(t, mirror(t)))
	raw(t, n.Address().String(), "OPTIONS * HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\nConnection: close\r\n\r\n")
	if e := n.event(t); e["http.request.method"] != "OPTIONS" || e["waf.decision"] == nil {
		t.Errorf("event %v", e)
	}
}
