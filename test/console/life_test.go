package console

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/test/server"
)

// TestLife takes an exclusion and a promotion through their lives in the console, of
// which a real node makes something: proposed, tried out, used by all, counted, and
// rolled back.
func TestLife(t *testing.T) {
	s := server.Start(t, t.TempDir())
	node := wafNode(t, s)
	for _, title := range []string{"one", "two", "three"} {
		want(t, node, http.MethodPost, "/blog/save", url.Values{"title": {title}, "html": {editorsText}}, http.StatusForbidden)
	}
	want(t, node, http.MethodGet, templateInjection, nil, http.StatusOK)
	for _, name := range []string{"ann", "bob", "eve"} {
		want(t, node, http.MethodGet, "/p?name="+name, nil, http.StatusOK)
	}
	server.Poll(t, server.Patience, "all requests are kept and judged", func() bool {
		return len(lines(t, s, "waf", "requests", "list", "-o", "ndjson")) == 7 && decisions(t, s) == 7
	})
	for _, line := range lines(t, s, "waf", "decisions", "--limit", "0", "-o", "ndjson") {
		var d struct {
			ID       string
			Decision string
			Path     string
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		label := "benign"
		switch {
		case d.Decision == "block":
			label = "false_positive"
		case d.Path == "/t":
			label = "true_positive"
		}
		if _, errs, err := s.Run("waf", "label", d.ID, label); err != nil {
			t.Fatalf("label: %v: %s", err, errs)
		}
	}
	look(t, s, "life.mjs", node)
}

// What editors of the sample site save, which CRS takes for an attack; and an attack that
// it lets pass below paranoia level 2.
const (
	editorsText       = `<h2>News</h2><p>Our <a href="https://shop.example/item/7" onclick="track('news')">new lamp</a> is here.</p><iframe src="https://video.example/embed/9"></iframe>`
	templateInjection = "/t?name=%7B%7B7*7%7D%7D"
)

// wafNode runs a node of the server before a site, until the test ends.
func wafNode(t *testing.T, s *server.Server) (address string) {
	t.Helper()
	ask := func(args ...string) string {
		out, errs, err := s.Run(args...)
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, errs)
		}
		return strings.TrimSpace(out)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(site.Close)
	n, err := waf.NewNode(waf.Config{
		Node: "edge-1", Listen: "127.0.0.1:0", Server: waf.ServerConfig{Address: s.Addr.GRPC, Token: ask("token", "create", "--node", "edge-1")},
		Bundles: waf.BundleConfig{TrustedKeys: []string{ask("waf", "bundle", "key")}},
		Spool:   waf.SpoolConfig{Dir: t.TempDir()},
		Sites:   []waf.SiteConfig{{Name: "shop", Upstreams: []string{site.URL}, Replay: waf.ReplayConfig{Sample: 1}}},
	}, waf.Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run node: %v", err)
		}
	})
	return "http://" + n.Address().String()
}

// want sends a request of a browser through the node, and wants a status.
func want(t *testing.T, node, method, path string, form url.Values, status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, node+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.example"
	req.Header.Set("User-Agent", "Mozilla/5.0")
	req.Header.Set("Accept", "*/*")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d", method, path, res.Status, status)
	}
}

// lines are those that a command prints.
func lines(t *testing.T, s *server.Server, args ...string) (all []string) {
	t.Helper()
	out, errs, err := s.Run(args...)
	if err != nil {
		t.Fatalf("%v: %v: %s", args, err, errs)
	}
	for line := range strings.Lines(out) {
		all = append(all, line)
	}
	return all
}
