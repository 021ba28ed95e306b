package waf

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pattern is an endless body that is easy to check and no attack.
type pattern struct{ at int }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxy\n"[(p.at+i)%26]
	}
	p.at += len(b)
	return len(b), nil
}

// TestLargeUpload sends 100 MB that reach the upstream unchanged while the node
// holds a bounded part of them.
func TestLargeUpload(t *testing.T) {
	const size = 100 << 20
	var got []byte
	var peak uint64
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		buf := make([]byte, 1<<20)
		for n := 0; ; n++ {
			k, err := io.ReadFull(r.Body, buf)
			sum.Write(buf[:k])
			if n%16 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
			if err != nil {
				break
			}
		}
		got = sum.Sum(nil)
	}))
	defer upstream.Close()
	n := startNode(t, testConfig(t, upstream.URL))
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)

	const boundary = "xXx"
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n"
	foot := "\r\n--" + boundary + "--\r\n"
	whole := func() io.Reader {
		return io.MultiReader(strings.NewReader(head), io.LimitReader(&pattern{}, size), strings.NewReader(foot))
	}
	want := sha256.New()
	if _, err := io.Copy(want, whole()); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", n.url+"/upload", whole())
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example"
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	resp := do(t, http.DefaultTransport, r)
	e := n.event(t)
	if resp.StatusCode != 200 || !bytes.Equal(got, want.Sum(nil)) {
		t.Errorf("status %d, body arrived unchanged: %t, event %v", resp.StatusCode, bytes.Equal(got, want.Sum(nil)), e)
	}
	if e["http.request.body.bytes"] != float64(size+len(head)+len(foot)) {
		t.Errorf("event has %v bytes", e["http.request.body.bytes"])
	}
	if grown := int64(peak) - int64(before.HeapInuse); grown > 48<<20 {
		t.Errorf("heap grew by %d MiB during an upload of 100 MiB", grown>>20)
	}
}

func TestOverLimit(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Sites[0].Rules.RequestBodyBytes, c.Sites[0].OverLimit = 4096, overPartial
	c.Sites = append(c.Sites,
		SiteConfig{Name: "strict", Hosts: []string{"strict.example"}, Upstreams: c.Sites[0].Upstreams, OverLimit: overReject, Rules: Settings{RequestBodyBytes: 4096}},
		SiteConfig{Name: "plain", Hosts: []string{"plain.example"}, Upstreams: c.Sites[0].Upstreams, Rules: Settings{RequestBodyBytes: 4096}},
		SiteConfig{Name: "small", Hosts: []string{"small.example"}, Upstreams: c.Sites[0].Upstreams, MaxBodyBytes: 5000, Rules: Settings{RequestBodyBytes: 4096}})
	n := startNode(t, c)
	f := func(host, body, contentType string, code int, reason any) {
		t.Helper()
		resp := requestTo(t, n.url, host, "POST", "/", body, contentType)
		e := n.event(t)
		if resp.StatusCode != code || e["waf.reason"] != reason {
			t.Errorf("%s, %d bytes of %s: status %d, reason %v, rules %v", host, len(body), contentType, resp.StatusCode, e["waf.reason"], e["rule.id"])
		}
		if code == 200 && text(t, resp) != body {
			t.Errorf("%s: body was changed", host)
		}
	}
	long := strings.Repeat("b", 5000)
	const form, json = "application/x-www-form-urlencoded", "application/json"
	f("shop.example", "a="+long[:4094], form, 200, nil)
	f("shop.example", "a="+long, form, 200, reasonOverLimit)
	f("shop.example", `{"a":["`+long+`"]}`, json, 200, reasonOverLimit)
	f("shop.example", "<a><b>"+long+"</b></a>", "text/xml", 200, reasonOverLimit)
	f("shop.example", "a=1' or '1'='1&b="+long, form, 403, reasonOverLimit)
	f("shop.example", `{"q":"1' or '1'='1","a":["`+long+`"]}`, json, 403, reasonOverLimit)
	f("shop.example", `{"q":`, json, 400, nil)
	f("strict.example", "a="+long[:4094], form, 200, nil)
	f("strict.example", "a="+long, form, 413, reasonOverLimit)
	const file = "--X\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n"
	f("plain.example", "a="+long, form, 413, reasonOverLimit)
	f("plain.example", file+long+"\r\n--X--\r\n", "multipart/form-data; boundary=X", 200, reasonOverLimit)
	f("small.example", "a="+long[:4990], form, 413, reasonOverLimit)
	f("small.example", "a="+long, form, 413, reasonTooLarge)
}

func TestChunkedTooLarge(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Sites[0].MaxBodyBytes, c.Sites[0].OverLimit = 64<<10, overPartial
	for _, judged := range []int64{4096, 1 << 20} {
		c.Sites[0].Rules.RequestBodyBytes = judged
		c.Spool.Dir = t.TempDir()
		n := startNode(t, c)
		r, err := http.NewRequest("POST", n.url+"/", io.MultiReader(strings.NewReader("a="), io.LimitReader(&pattern{}, 200<<10)))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example"
		r.Header.Set("User-Agent", "Mozilla/5.0")
		r.Header.Set("Accept", "*/*")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if resp := do(t, http.DefaultTransport, r); resp.StatusCode != 413 {
			t.Errorf("judged %d: status %d, want 413", judged, resp.StatusCode)
		}
		if e := n.event(t); e["waf.reason"] != reasonTooLarge || e["waf.action"] != "block" {
			t.Errorf("judged %d: event %v", judged, e)
		}
		n.stop()
	}
}

func TestTooManyArguments(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	body := strings.Repeat("a=1&", 1100)
	resp := request(t, "POST", n.url+"/", body, "Content-Type", "application/x-www-form-urlencoded")
	if e := n.event(t); resp.StatusCode != 400 || list(e["rule.id"])[0] != "9990003" {
		t.Errorf("status %d, rules %v", resp.StatusCode, e["rule.id"])
	}
}

func TestGzipBodyIsPassedUnchanged(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Sites[0].Mode = ModeDetect // CRS refuses Content-Encoding at paranoia 1
	n := startNode(t, c)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, `{"a":"b"}`)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	resp := request(t, "POST", n.url+"/", packed.String(), "Content-Type", "application/json", "Content-Encoding", "gzip")
	e := n.event(t)
	if text(t, resp) != packed.String() || e["waf.decision"] != "block" || e["waf.action"] != "allow" {
		t.Errorf("status %d, event %v", resp.StatusCode, e)
	}
}

func TestChunkedWithTrailer(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	r, err := http.NewRequest("POST", n.url+"/", struct{ io.Reader }{strings.NewReader("a=1&b=2")})
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example"
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Trailer = http.Header{"X-Sum": {"42"}}
	resp := do(t, http.DefaultTransport, r)
	if text(t, resp) != "a=1&b=2" || resp.Header.Get("X-Seen-Trailer") != "" || resp.Header.Get("X-Seen-Length") != "-1" {
		t.Errorf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
}

func TestContinue(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Sites[0].Mode = ModeDetect // CRS refuses Expect at paranoia 1
	n := startNode(t, c)
	line := raw(t, n.Address().String(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	if line != "HTTP/1.1 100 Continue" {
		t.Errorf("answer %q", line)
	}
}

func TestServerSentEvents(t *testing.T) {
	next := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	}))
	defer upstream.Close()
	c := testConfig(t, upstream.URL)
	c.Sites[0].Rules.InspectResponses = true
	n := startNode(t, c)
	resp, err := http.Get(n.url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for i := range 3 { // each arrives before the next is sent
		line, err := lines.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q, %v", line, err)
		}
		if i == 0 {
			n.event(t) // does not wait for the end
		}
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
}

// TestWebSocket upgrades (RFC 6455) and sends bytes both ways.
func TestWebSocket(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]))
		_ = rw.Flush()
		_, _ = io.Copy(conn, rw)
	}))
	defer upstream.Close()
	n := startNode(t, testConfig(t, upstream.URL))
	conn, err := net.Dial("tcp", n.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(conn, "GET /chat HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("response %v, %v", resp, err)
	}
	if e := n.event(t); e["http.response.status_code"] != 101.0 || e["waf.action"] != "allow" {
		t.Errorf("event %v", e)
	}
	frame := []byte{0x81, 0x85, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4, 'o' ^ 1}
	for range 3 {
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(frame))
		if _, err := io.ReadFull(br, got); err != nil || !bytes.Equal(got, frame) {
			t.Fatalf("echo %x, %v", got, err)
		}
	}
}

func TestResponseInspection(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/leak" {
			fmt.Fprint(w, "<b>Warning</b>: mysql_fetch_array(): You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version")
			return
		}
		_, _ = io.Copy(w, io.LimitReader(&pattern{}, 2<<20))
	}))
	defer upstream.Close()
	c := testConfig(t, upstream.URL)
	c.Limits.EvaluationTime = time.Minute // the race detector makes the rules slow
	c.Sites[0].Rules.InspectResponses = true
	n := startNode(t, c)
	resp := request(t, "GET", n.url+"/leak", "")
	e := n.event(t)
	if resp.StatusCode != 403 || strings.Contains(text(t, resp), "SQL") || e["waf.decision"] != "block" || e["waf.outbound_anomaly_score"].(float64) < 4 {
		t.Errorf("status %d, event %v", resp.StatusCode, e)
	}
	resp = request(t, "GET", n.url+"/long", "")
	if got := len(text(t, resp)); got != 2<<20 {
		t.Errorf("%d bytes of a long response arrived", got)
	}
}

func TestH2C(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.H2C = true
	n := startNode(t, c)
	tr := &http.Transport{Protocols: &http.Protocols{}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(context.Background(), "POST", n.url+"/x", strings.NewReader("a=1"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example"
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp := do(t, tr, r)
	if e := n.event(t); resp.ProtoMajor != 2 || resp.StatusCode != 200 || text(t, resp) != "a=1" || e["http.version"] != "2" {
		t.Errorf("%s %d, event %v", resp.Proto, resp.StatusCode, e)
	}
}
