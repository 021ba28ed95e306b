package enrich

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDownload(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(countryFile("DE")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	answers := map[string][]byte{
		"/plain": countryFile("FR"), "/gz-2026-09.gz": packed.Bytes(), "/torn": packed.Bytes()[:packed.Len()/2],
		"/page": []byte("<html>"), "/empty": {}, "/text.gz": nil,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://example.com/plain", http.StatusFound)
			return
		}
		b, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b) // the client may have gone
	}))
	defer s.Close()
	path := filepath.Join(t.TempDir(), "geoip", "a.mmdb")
	now := time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC)
	f := func(from, want string) {
		t.Helper()
		before, _ := os.ReadFile(path) // not there at first
		info, err := Download(t.Context(), from, path, now)
		after, _ := os.ReadFile(path)
		if want == "" {
			if err != nil || !info.Geo || info.Path != path || bytes.Equal(before, after) {
				t.Errorf("%s: %+v, %v", from, info, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", from, err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("%s: the file is another one", from)
		}
	}
	f(s.URL+"/page", "invalid MaxMind DB file")
	f(s.URL+"/plain", "")
	f(s.URL+"/gz-{month}.gz", "") // that of the month before
	f(s.URL+"/torn", "unexpected EOF")
	f(s.URL+"/page", "invalid MaxMind DB file")
	f(s.URL+"/empty", "read answer: EOF")
	f(s.URL+"/none-{month}", "the answer is 404 Not Found")
	f(s.URL+"/away", "want a URL that begins with https://")
	f("http://192.0.2.1/x", "want a URL that begins with https://")
	f("file:///etc/passwd", "want a URL that begins with https://")
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}

// TestDownloadRedirect: from https nothing leads to plain http, not even on this
// machine.
func TestDownloadRedirect(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(countryFile("DE")) }))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/plain":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/file":
			_, _ = w.Write(countryFile("DE"))
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			http.Redirect(w, r, "/file", http.StatusFound)
		}
	}))
	defer secure.Close()
	c := newGetter(time.Minute, time.Minute)
	defer c.CloseIdleConnections()
	c.Transport.(*http.Transport).TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
	path := filepath.Join(t.TempDir(), "a.mmdb")
	f := func(from, want string) {
		t.Helper()
		_, err := c.latest(t.Context(), secure.URL+from, path, time.Now())
		if text := fmt.Sprint(err); !strings.Contains(text, want) {
			t.Errorf("%s: %s", from, text)
		}
	}
	f("/plain", "redirect from https to http://127.0.0.1:")
	f("/round", "more than 5 redirects")
	f("/other", "<nil>")
}

// TestDownloadBounds: a server that does not answer, does not end or says too
// much ends the download.
func TestDownloadBounds(t *testing.T) {
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/head":
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeaders))
		case "/body":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush() // the client may have gone
			<-end
		default:
			<-end
		}
	}))
	defer s.Close()
	defer close(end)
	f := func(c getter, from, want string) {
		t.Helper()
		defer c.CloseIdleConnections()
		_, err := c.latest(t.Context(), s.URL+from, filepath.Join(t.TempDir(), "a.mmdb"), time.Now())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", from, err)
		}
	}
	f(newGetter(time.Minute, time.Minute), "/head", "server response headers exceeded")
	f(newGetter(time.Millisecond, time.Minute), "/none", "timeout awaiting response headers")
	f(newGetter(time.Minute, 100*time.Millisecond), "/body", "Client.Timeout")
}

func TestAttribution(t *testing.T) {
	if Attribution("DBIP-Country-Lite (compat=Country)") != FreeAttribution || Attribution("GeoLite2-City") != "" {
		t.Error("another attribution")
	}
}
