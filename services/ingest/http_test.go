package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/queue"
)

// web is the HTTP inputs with a Sink of their own.
type web struct {
	t    *testing.T
	log  *memoryLog
	sink *Sink
	http *HTTP
}

func newWeb(t *testing.T, cfg HTTPConfig, auth Authenticator) web {
	t.Helper()
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	h, err := NewHTTP(s, cfg, auth, nil)
	if err != nil {
		t.Fatal(err)
	}
	return web{t, log, s, h}
}

const ndjson = "application/x-ndjson"

// do sends a request; headers are name and value in turn.
func (w web) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:4242"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	if rec.Header().Get("X-Elastic-Product") != "Elasticsearch" {
		w.t.Errorf("%s %s: no product header", method, path)
	}
	return rec
}

// bulk sends a bulk request and returns the status of the whole and those of the
// items as text.
func (w web) bulk(path, body string, headers ...string) (int, string) {
	w.t.Helper()
	rec := w.do("POST", path, body, append([]string{"Content-Type", ndjson}, headers...)...)
	var answer struct {
		Errors bool
		Items  []map[string]struct {
			Index  string          `json:"_index"`
			ID     string          `json:"_id"`
			Status int             `json:"status"`
			Result string          `json:"result"`
			Error  json.RawMessage `json:"error"`
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		w.t.Errorf("answer %q: %v", rec.Body, err)
	}
	var items []string
	failed := false
	for _, item := range answer.Items {
		for op, it := range item {
			items = append(items, strings.TrimSpace(fmt.Sprintf("%s %d %s", op, it.Status, it.Result)))
			failed = failed || it.Status >= 300
			if (it.Error != nil) != (it.Status >= 300) {
				w.t.Errorf("item %+v: error and status disagree", it)
			}
		}
	}
	if failed != answer.Errors {
		w.t.Errorf("errors is %v: %s", answer.Errors, rec.Body)
	}
	return rec.Code, strings.Join(items, "; ")
}

func compressed(t *testing.T, encoding string, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	var z io.WriteCloser
	switch encoding {
	case "gzip":
		z = gzip.NewWriter(&b)
	case "deflate":
		z = zlib.NewWriter(&b)
	case "zstd":
		var err error
		if z, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestContentEncodings(t *testing.T) {
	w := newWeb(t, HTTPConfig{MaxBodyBytes: 6 << 20}, nil)
	f := func(encoding, body string, code int) {
		t.Helper()
		rec := w.do("POST", "/web/_bulk", body, "Content-Type", ndjson, "Content-Encoding", encoding)
		if rec.Code != code {
			t.Errorf("%s: %d %s, want %d", encoding, rec.Code, rec.Body, code)
		}
	}
	doc := []byte(`{"create":{}}` + "\n" + `{"a":1}` + "\n")
	for _, encoding := range []string{"gzip", "deflate", "zstd"} {
		f(encoding, compressed(t, encoding, doc), 200)
		f(encoding, string(doc), 400)
		whole := compressed(t, encoding, doc)
		f(encoding, whole[:len(whole)-3], 400)
		f(encoding, compressed(t, encoding, make([]byte, 5<<20)), 413) // believed by nobody
		f(encoding, compressed(t, encoding, make([]byte, 20<<20)), 413)
	}
	f("identity", string(doc), 200)
	f("gzip, gzip", compressed(t, "gzip", []byte(compressed(t, "gzip", doc))), 415)
	f("br", "x", 415)
	if n := w.sink.memory.inUse(); n != 0 {
		t.Errorf("%d bytes are still reserved", n)
	}
}

func TestContentTypes(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	f := func(path, mime string, code int) {
		t.Helper()
		body := `{"create":{}}` + "\n" + `{"a":1}` + "\n"
		if rec := w.do("POST", path, body, "Content-Type", mime); rec.Code != code {
			t.Errorf("%s %q: %d %s, want %d", path, mime, rec.Code, rec.Body, code)
		}
	}
	f("/_bulk", "application/json", 200)
	f("/_bulk", "application/json; charset=UTF-8", 200)
	f("/_bulk", "application/vnd.elasticsearch+json; compatible-with=8", 200)
	f("/_bulk", "application/vnd.elasticsearch+x-ndjson;compatible-with=8", 200)
	f("/_bulk", "", 415)
	f("/_bulk", "text/plain", 415)
	f("/_bulk", "application/x-www-form-urlencoded", 415)
	f("/_bulk", "application/json; charset=utf-16", 415)
	f("/_bulk", "application/json; ;;=", 415)
	f("/raw/syslog", "text/plain; charset=utf-8", 200)
	f("/raw/syslog", "", 200)
	f("/raw/syslog", "application/x-www-form-urlencoded", 200)
	f("/raw/syslog", "image/png", 415)
	if c := counts(t, w.sink, "bulk"); c.Refused[ReasonType] != 5 {
		t.Errorf("counts: %+v", c)
	}
}

func TestRaw(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	f := func(path, body string, code int, want string) {
		t.Helper()
		rec := w.do("POST", path, body)
		if got := strings.TrimSpace(rec.Body.String()); rec.Code != code || code == 200 && got != want || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s; want %d %s", path, rec.Code, got, code, want)
		}
	}
	f("/raw/syslog", "one\r\n\ntwo\x00\xff\nthree", 200, `{"accepted":3,"duplicates":0,"cut":0,"refused":[]}`)
	f("/raw/syslog?source=edge", "four\n", 200, `{"accepted":1,"duplicates":0,"cut":0,"refused":[]}`)
	f("/raw/syslog?framing=none", "five\nsix\n", 200, `{"accepted":1,"duplicates":0,"cut":0,"refused":[]}`)
	f("/raw/syslog", "", 200, `{"accepted":0,"duplicates":0,"cut":0,"refused":[]}`)
	f("/raw/syslog", strings.Repeat("x", 3<<20)+"\nafter\n", 200, `{"accepted":2,"duplicates":0,"cut":1,"refused":[]}`)
	f("/raw/nope", "x\n", 404, "formats: ")
	f("/raw/syslog?source=../x", "x\n", 400, "name")
	f("/raw/syslog?framing=odd", "x\n", 400, "framing")
	w.log.setFail(queue.ErrFull)
	f("/raw/syslog", "x\n", 429, `"refused":[{"index":0,"count":1,"reason":"queue_full"}]`)
	f("/raw/syslog", "x\n", 429, `the queue of the server is full`)
	w.log.setFail(queue.ErrNoSpace)
	f("/raw/syslog", "x\n", 429, `the disk of the server is short of free space`)
	w.log.setFail(nil)
	got := lines(w.log.all())
	if diff := cmp.Diff([]string{"one", "two\x00\xff", "three", "four", "five\nsix\n"}, got[:5]); diff != "" {
		t.Error(diff)
	}
	if len(got[5]) != 1<<20 || got[6] != "after" {
		t.Errorf("cut record has %d bytes, and after it comes %q", len(got[5]), got[6])
	}
	for _, g := range w.log.all() {
		for _, r := range g.Records {
			if want := len(r.Raw) > 100; r.Cut != want {
				t.Errorf("record of %d bytes is marked as cut: %t", len(r.Raw), r.Cut)
			}
		}
	}
	if c := counts(t, w.sink, "raw"); c.CutBytes != 2<<20 || c.Refused[ReasonFull] != 3 {
		t.Errorf("counts: %+v", c)
	}
}

func TestRawStoresLargeBodiesInParts(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	const n = chunkRecords*2 + 7
	rec := w.do("POST", "/raw/syslog", strings.Repeat("x\n", n))
	if want := fmt.Sprintf(`"accepted":%d,`, n); !strings.Contains(rec.Body.String(), want) {
		t.Errorf("answer %s, want %s", rec.Body, want)
	}
	if w.log.appends != 3 {
		t.Errorf("%d appends, want 3", w.log.appends)
	}
}

func TestHandshakeOfShippers(t *testing.T) {
	w := newWeb(t, HTTPConfig{ElasticVersion: "8.18.3"}, nil)
	f := func(method, path string, code int, want string) {
		t.Helper()
		rec := w.do(method, path, "")
		if rec.Code != code || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s %s: %d %s; want %d %s", method, path, rec.Code, rec.Body, code, want)
		}
		if strings.Contains(rec.Header().Get("Content-Type"), "json") && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s %s: not JSON: %s", method, path, rec.Body)
		}
	}
	f("GET", "/", 200, `"number":"8.18.3"`)
	f("HEAD", "/", 200, "")
	f("GET", "/_license?human=false", 200, `"status":"active"`)
	f("GET", "/_xpack", 200, `"license":{`)
	f("GET", "/_cluster/health", 200, `"status":"green"`)
	f("GET", "/_cat/health?pretty", 200, "green")
	f("GET", "/_nodes/http", 200, `"publish_address":"example.com"`)
	f("HEAD", "/_ilm/policy/logstash-policy", 200, "")
	f("PUT", "/_ilm/policy/logstash-policy", 200, `"acknowledged":true`)
	f("HEAD", "/_index_template/ecs-logstash", 200, "")
	f("PUT", "/_index_template/ecs-logstash", 200, `"acknowledged":true`)
	f("GET", "/_data_stream/filebeat", 200, `"name":"filebeat"`)
	f("PUT", "/_data_stream/filebeat", 200, `"acknowledged":true`)
	f("GET", "/_ingest/pipeline/x", 200, `{"x":{}}`)
	f("PUT", "/_ingest/pipeline/x", 200, `"acknowledged":true`)
	f("GET", "/healthz", 200, "ok")
	f("GET", "/_search", 404, "resource_not_found_exception")
	f("GET", "/a/b/c/d/e/f/g/h/i", 400, "too many parts")
	f("DELETE", "/_ilm/policy/x", 405, "method")
	f("POST", "/", 405, "method")
	f("GET", "/_bulk", 405, "POST")
	f("GET", "/raw/syslog", 405, "POST")
}

func TestSendersAreAuthenticated(t *testing.T) {
	auth := func(_ context.Context, bearer string, _ net.Addr, _ *tls.ConnectionState) (access.Sender, error) {
		if bearer == "secret" {
			return access.Sender{Name: "edge"}, nil
		}
		return access.Sender{}, ErrUnauthorized
	}
	w := newWeb(t, HTTPConfig{}, auth)
	f := func(code int, path string, headers ...string) {
		t.Helper()
		headers = append(headers, "Content-Type", ndjson)
		if rec := w.do("POST", path, `{"create":{}}`+"\n{}\n", headers...); rec.Code != code {
			t.Errorf("%s %v: %d %s, want %d", path, headers, rec.Code, rec.Body, code)
		}
	}
	pair := base64.StdEncoding.EncodeToString([]byte("user:secret"))
	f(200, "/web/_bulk", "Authorization", "Bearer secret")
	f(200, "/web/_bulk", "Authorization", "Basic "+pair)
	f(200, "/web/_bulk", "Authorization", "ApiKey "+pair)
	f(200, "/raw/syslog?source=edge", "Authorization", "Bearer secret")
	f(400, "/raw/syslog?source=other", "Authorization", "Bearer secret")
	f(401, "/web/_bulk", "Authorization", "Bearer wrong")
	f(401, "/web/_bulk", "Authorization", "Digest secret")
	f(401, "/web/_bulk")
	f(403, "/web/_bulk", "Authorization", "Bearer secret", "Origin", "https://evil.example")
	for _, g := range w.log.all() {
		if g.Source != "edge" {
			t.Errorf("source %q", g.Source)
		}
	}
	if rec := w.do("GET", "/healthz", ""); rec.Code != 200 {
		t.Errorf("healthz needs a token: %d", rec.Code)
	}
}

// serveHTTP serves on a port and returns its address.
func serveHTTP(t *testing.T, h *HTTP) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		if err := h.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); work.Wait() })
	return l.Addr().String()
}

func TestHostileHTTP(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	addr := serveHTTP(t, w.http)
	f := func(want string, request string) {
		t.Helper()
		c := dial(t, "tcp", addr)
		_, _ = io.WriteString(c, request) // who refuses it need not read all of it
		_ = c.(*net.TCPConn).CloseWrite() // nor wait for its end
		_ = c.SetReadDeadline(time.Now().Add(patience))
		answer, err := io.ReadAll(c)
		if err != nil && len(answer) == 0 {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(answer), want) {
			t.Errorf("%.120q: %.200s, want %s", request, answer, want)
		}
	}
	head := "POST /web/_bulk HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
	doc := `{"create":{}}` + "\n{}\n"
	f("HTTP/1.1 200", head+fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(doc), doc))
	f("HTTP/1.1 400", head+"Content-Length: 1000\r\n\r\n"+doc) // less than it says
	f("HTTP/1.1 413", head+"Content-Length: 99999999999\r\n\r\n"+doc)
	f("HTTP/1.1 400", head+"Content-Length: -1\r\n\r\n"+doc)
	f("HTTP/1.1 400", head+"Content-Length: 5\r\nContent-Length: 9\r\n\r\n"+doc)
	f("HTTP/1.1 400", head+"Transfer-Encoding: chunked\r\n\r\nzz\r\n"+doc)
	f("HTTP/1.1 431", "GET /"+strings.Repeat("x", 1<<20)+" HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := len(lines(w.log.all())); got != 1 {
		t.Errorf("%d records are stored, want 1", got)
	}
	until(t, func() bool { return w.sink.memory.inUse() == 0 })
}

func TestHTTPStopsWhenRequestsAreDone(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if err := w.http.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	entered, open := w.log.hold()
	work.Go(func() {
		resp, err := http.Post("http://"+l.Addr().String()+"/web/_bulk", ndjson, strings.NewReader(`{"create":{}}`+"\n{}\n"))
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("request under way was answered with %d", resp.StatusCode)
		}
	})
	<-entered
	cancel()
	open()
	work.Wait()
}

func FuzzHTTP(f *testing.F) {
	f.Add("/raw/syslog", "gzip", "text/plain", []byte("x\n"))
	f.Add("/web/_bulk", "zstd", ndjson, []byte("\x28\xb5\x2f\xfd\x04\x00"))
	f.Add("/..%2f/_bulk?filter_path=a", "deflate", "application/json;charset=\"", []byte("{}"))
	log := newMemoryLog()
	s := openSink(f, log, Config{})
	h, err := NewHTTP(s, HTTPConfig{MaxBodyBytes: 1 << 20}, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, encoding, mime string, body []byte) {
		r, err := http.NewRequest(http.MethodPost, "http://x"+path, bytes.NewReader(body))
		if err != nil {
			return
		}
		r.RemoteAddr = "127.0.0.1:1"
		r.Header = http.Header{"Content-Encoding": {encoding}, "Content-Type": {mime}}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if !json.Valid(rec.Body.Bytes()) {
			t.Fatalf("answer is not JSON: %d %s", rec.Code, rec.Body)
		}
		if n := s.memory.inUse(); n != 0 {
			t.Fatalf("%d bytes are still reserved", n)
		}
	})
}

func TestHTTPConnectionsOfOnePeerAreBounded(t *testing.T) {
	w := newWeb(t, HTTPConfig{MaxPerPeer: 2}, nil)
	addr := serveHTTP(t, w.http)
	ask := func(c net.Conn) error {
		send(t, c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err := c.Read(make([]byte, 4096))
		return err
	}
	a, b := dial(t, "tcp", addr), dial(t, "tcp", addr)
	for _, c := range []net.Conn{a, b, a} {
		if err := ask(c); err != nil {
			t.Error(err)
		}
	}
	refused := dial(t, "tcp", addr)
	_ = refused.SetReadDeadline(time.Now().Add(patience))
	if _, err := refused.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the third connection was taken")
	}
	if n := counts(t, w.sink, "http").Refused[ReasonOverload]; n != 1 {
		t.Errorf("%d connections are counted as refused, want 1", n)
	}
	a.Close()
	until(t, func() bool {
		c := dial(t, "tcp", addr)
		defer c.Close()
		_, werr := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		_, rerr := c.Read(make([]byte, 4096))
		return werr == nil && rerr == nil
	})
}
