package enrich

import (
	"bytes"
	"compress/gzip"
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

func TestAttribution(t *testing.T) {
	if Attribution("DBIP-Country-Lite (compat=Country)") != FreeAttribution || Attribution("GeoLite2-City") != "" {
		t.Error("another attribution")
	}
}
