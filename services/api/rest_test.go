package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gatewatch/gatewatch/services/store"
)

var update = flag.Bool("update", false, "write golden files anew")

// do makes a request and reads the whole answer.
func (s *server) do(verb, path, bearer, body string, headers ...string) *http.Response {
	s.Helper()
	var reader io.Reader
	if verb == http.MethodPost {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.Context(), verb, s.http+path, reader)
	if err != nil {
		s.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		s.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp
}

func text(resp *http.Response) string {
	var b strings.Builder
	_, _ = io.Copy(&b, resp.Body) // in memory
	return b.String()
}

// TestREST runs the requests of testdata: the comment is a line "VERB PATH
// ROLE" with the body below it, the file answer is what comes back.
func TestREST(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			s := newServer(t, Config{}, true)
			s.fill(3)
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range archive.Files {
				request, _, _ := strings.Cut(string(f.Data), "\n---\n")
				line, body, _ := strings.Cut(strings.TrimSuffix(request, "\n"), "\n")
				words := strings.Fields(line)
				if len(words) != 3 {
					t.Fatalf("%s: %q is not VERB PATH ROLE", f.Name, line)
				}
				resp := s.do(words[0], words[1], s.bearer[strings.TrimPrefix(words[2], "nobody")], body)
				got := fmt.Sprintf("%s\n---\n%d %s\n%s\n", strings.TrimSuffix(request, "\n"), resp.StatusCode, resp.Header.Get("Content-Type"), pretty(text(resp)))
				if *update {
					archive.Files[i].Data = []byte(got)
				} else if got != string(f.Data) {
					t.Errorf("%s: got\n%s\nwant\n%s", f.Name, got, f.Data)
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// pretty indents JSON and sorts its names; numbers stay as they were written.
// Page tokens are opaque: only whether there is one is shown.
func pretty(s string) string {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return s
	}
	if object, ok := v.(map[string]any); ok && object["next_page_token"] != nil && object["next_page_token"] != "" {
		object["next_page_token"] = "(there is one)"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(v) != nil {
		return s
	}
	return strings.TrimSpace(b.String())
}

func TestHostAndOrigin(t *testing.T) {
	s := newServer(t, Config{}, true)
	port := s.http[strings.LastIndexByte(s.http, ':'):]
	f := func(want int, headers ...string) {
		t.Helper()
		if resp := s.do(http.MethodPost, "/api/v1/search", s.bearer["viewer"], "{}", headers...); resp.StatusCode != want {
			t.Errorf("%q: %d %s, want %d", headers, resp.StatusCode, text(resp), want)
		}
	}
	f(200)
	f(200, "Host", "localhost"+port)
	f(200, "Host", "LOCALHOST")
	f(200, "Host", "[::1]"+port)
	f(200, "Host", "127.9.9.9"+port)
	f(421, "Host", "attacker.example"+port)
	f(421, "Host", "localhost.attacker.example"+port)
	f(421, "Host", "127.0.0.1.attacker.example")
	f(421, "Host", "192.0.2.1"+port)
	f(421, "Host", "0.0.0.0"+port)
	f(200, "Origin", s.http)
	f(403, "Origin", "http://attacker.example")
	f(403, "Origin", "http://localhost:1")
	f(403, "Origin", "null")
	f(403, "Sec-Fetch-Site", "cross-site")
	f(200, "Sec-Fetch-Site", "same-origin")
}

func TestBodies(t *testing.T) {
	s := newServer(t, Config{MaxRequestBytes: 1 << 20}, true)
	admin := s.bearer["administrator"]
	f := func(path, bearer, body string, want int, headers ...string) {
		t.Helper()
		resp := s.do(http.MethodPost, path, bearer, body, headers...)
		if resp.StatusCode != want || want >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.40q %q: %d %s, want %d", path, body, headers, resp.StatusCode, text(resp), want)
		}
	}
	f("/api/v1/search", admin, `{}`, 200, "Content-Type", "application/json; charset=utf-8")
	f("/api/v1/search", admin, `{}`, 200, "Content-Type", "application/x-www-form-urlencoded")
	f("/api/v1/search", admin, ``, 200)
	f("/api/v1/search", admin, `{}`, 415, "Content-Type", "text/plain")
	f("/api/v1/search", admin, `{}`, 415, "Content-Type", ";")
	f("/api/v1/search", admin, `{}`, 415, "Content-Encoding", "gzip")
	f("/api/v1/search", admin, `{"query":"`+strings.Repeat("a", maxQueryBody)+`"}`, 413)
	f("/api/v1/search", admin, strings.Repeat(`[`, 100_000), 400)
	f("/api/v1/search", admin, `{"query":`+strings.Repeat(`{"a":`, 90_000), 400)
	f("/api/v1/search", admin, `{} {}`, 400)
	f("/api/v1/search", admin, `{"page_size":2147483648}`, 400)
	f("/api/v1/search", admin, `{"page_size":2147483647}`, 200)
	f("/api/v1/search", admin, `{"page_size":-1}`, 400)
	f("/api/v1/search", admin, `{"query":"a","query":"b"}`, 400)
	f("/api/v1/search", admin, "{\"query\":\"\xff\"}", 400)
	f("/api/v1/search?query=a", admin, `{}`, 400)
	f("/api/v1/ingest", "", `{"records":[{"raw":"`+strings.Repeat("AAAA", 1<<19)+`"}]}`, 413)
	// Without a right, no body is read: the answer is not about it.
	f("/api/v1/search", "", `{"query":"`+strings.Repeat("a", maxQueryBody)+`"}`, 401)
	f("/api/v1/tokens", s.bearer["viewer"], `nonsense`, 403)
}

func TestOtherPaths(t *testing.T) {
	s := newServer(t, Config{}, true)
	f := func(verb, path, bearer string, want int, wantText string, headers ...string) {
		t.Helper()
		resp := s.do(verb, path, bearer, "", headers...)
		if got := text(resp); resp.StatusCode != want || !strings.Contains(got, wantText) {
			t.Errorf("%s %s: %d %s, want %d %q", verb, path, resp.StatusCode, got, want, wantText)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: headers are %v", verb, path, resp.Header)
		}
	}
	f("GET", "/healthz", "", 200, "ok")
	f("GET", "/readyz", "", 200, "ready")
	f("GET", "/", "", 200, "<!doctype html>")
	f("GET", "/api/openapi.json", "", 200, `"openapi": "3.1.0"`)
	f("GET", "/metrics", "", 200, "gatewatch_test_total")
	f("GET", "/metrics", "", 401, "authentication", "X-Forwarded-For", "192.0.2.1")
	f("GET", "/metrics", s.bearer["viewer"], 200, "gatewatch_test_total", "X-Forwarded-For", "192.0.2.1")
	f("GET", "/metrics", s.bearer["source"], 403, "source")
	f("GET", "/metrics", "gwt_wrong", 401, "not valid")
	f("GET", "/nothing", "", 404, "nothing at this path")
	f("GET", "/api/v1/nothing", "", 404, "nothing at this path")
	f("GET", "/debug/pprof/", s.bearer["administrator"], 404, "nothing at this path")
	f("PUT", "/api/v1/search", s.bearer["administrator"], 405, "PUT is not offered")
	f("POST", "/api/v1/tokens/x", s.bearer["administrator"], 405, "POST is not offered", "X-HTTP-Method-Override", "DELETE")
	f("POST", "/api/v1/ingest", "", 401, "authentication", "X-Forwarded-For", "192.0.2.1")
	s.notice = "records are refused"
	f("GET", "/readyz", "", 200, "ready\nrecords are refused")
	s.ready = fmt.Errorf("store: replaying")
	f("GET", "/readyz", "", 503, "not ready: store: replaying")
	f("GET", "/healthz", "", 200, "ok")
}

func TestInternalErrorsHideDetails(t *testing.T) {
	s := newServer(t, Config{}, true)
	f := func(want int, logged string) {
		t.Helper()
		resp := s.do(http.MethodPost, "/api/v1/search", s.bearer["viewer"], "{}")
		body := text(resp)
		if resp.StatusCode != want || strings.Contains(body, "secret") {
			t.Errorf("%d %s, want %d", resp.StatusCode, body, want)
		}
		_, id, ok := strings.Cut(body, "under id ")
		if !ok || !strings.Contains(s.log.String(), id[:12]) || !strings.Contains(s.log.String(), logged) {
			t.Errorf("the log does not explain %s", body)
		}
	}
	s.store.fail = fmt.Errorf("read secret/path: broken")
	f(500, "secret/path")
	s.store.panics = "secret state"
	f(500, "secret state")
	s.store.panics = ""
	s.store.fail = store.ErrClosed
	if resp := s.do(http.MethodPost, "/api/v1/search", s.bearer["viewer"], "{}"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("closed store: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestFloodOfBadTokens(t *testing.T) {
	s := newServer(t, Config{}, true)
	limited := 0
	for range 100 {
		resp := s.do(http.MethodPost, "/api/v1/search", "gwt_wrong", "{}")
		switch resp.StatusCode {
		case http.StatusUnauthorized:
			if resp.Header.Get("WWW-Authenticate") == "" {
				t.Error("401 without a challenge")
			}
		case http.StatusTooManyRequests:
			limited++
			if resp.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		default:
			t.Fatalf("%d %s", resp.StatusCode, text(resp))
		}
	}
	if limited < 50 {
		t.Errorf("%d of 100 were limited", limited)
	}
	if resp := s.do(http.MethodPost, "/api/v1/search", s.bearer["viewer"], "{}"); resp.StatusCode != http.StatusOK {
		t.Errorf("valid token behind the flood: %d", resp.StatusCode)
	}
}

// TestHalfARequest shows that a request that ends early is answered or dropped,
// and the server goes on.
func TestHalfARequest(t *testing.T) {
	s := newServer(t, Config{}, true)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.http, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", s.bearer["viewer"])
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400") {
		t.Errorf("answer is %q, %v", answer, err)
	}
	conn.Close()
	if resp := s.do(http.MethodPost, "/api/v1/search", s.bearer["viewer"], "{}"); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}
