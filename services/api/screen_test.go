package api

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/wall"
)

// block stores a decision to block.
func (s *server) block(client string) {
	s.Helper()
	e := event.Event{ID: "block", Source: "waf-1", Dataset: "coraza.waf", Time: started.UnixNano()}
	e.AddText(event.GatewatchWAF, event.WAFByNode)
	e.AddText(event.WAFDecision, "block")
	e.AddText(event.WAFSite, "<script>")
	e.AddText(event.URLPath, "/a")
	e.AddIP(event.ClientIP, client)
	if err := s.store.Write(s.Context(), store.Batch{Events: []event.Event{e}}); err != nil {
		s.Fatal(err)
	}
}

func TestScreen(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.block("203.0.113.7")
	f := func(path, role string, code int, want string) {
		t.Helper()
		resp := s.do(http.MethodGet, path, s.bearer[role], "")
		if got := text(resp); resp.StatusCode != code || !strings.Contains(got, want) {
			t.Errorf("%s by %s: %d %s, want %d with %s", path, role, resp.StatusCode, got, code, want)
		}
	}
	f("/api/v1/screen", "kiosk", http.StatusOK, `"attackers":[{"name":"203.0.113.*"`)
	f("/api/v1/screen", "analyst", http.StatusOK, `"masked":true`)
	f("/api/v1/screen?unmasked=true", "analyst", http.StatusOK, `"attackers":[{"name":"203.0.113.7"`)
	f("/api/v1/screen?unmasked=true", "kiosk", http.StatusForbidden, "masked addresses alone")
	f("/api/v1/screen/stream?unmasked=true", "kiosk", http.StatusForbidden, "masked addresses alone")
	f("/api/v1/screen/stream?x=1", "viewer", http.StatusBadRequest, "unmasked=true")
	f("/api/v1/screen", "kiosk", http.StatusOK, `"nodes":[{"name":"waf-1","connected":true`)
	for _, path := range []string{"/api/v1/search", "/api/v1/aggregate", "/api/v1/tail"} {
		if resp := s.do(http.MethodPost, path, s.bearer["kiosk"], "{}"); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s by a wall screen: %d", path, resp.StatusCode)
		}
	}
}

func TestScreenStream(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.block("203.0.113.7")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http+"/api/v1/screen/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.bearer["kiosk"])
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("content type is %q", kind)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), `data: {"time":"2026-01-31T12:00:00Z"`) || !strings.Contains(lines.Text(), `"blocked":1`) {
		t.Errorf("first line is %q, %v", lines.Text(), lines.Err())
	}
}

// TestScreenRates estimates rates for one who looks; another one sees the state
// meanwhile, and the rates once they are there.
func TestScreenRates(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	calls := 0
	a := &API{
		config: Config{}.WithDefaults(), searches: make(chan struct{}, 1),
		parts: Parts{
			Now: func() time.Time { return started }, Log: slog.New(slog.DiscardHandler),
			Nodes: func() []*gatewatchv1.Node { return nil },
		},
	}
	a.screens.estimate = func(context.Context, time.Time) ([]*gatewatchv1.ScreenRate, error) {
		calls++
		close(begun)
		<-release
		return []*gatewatchv1.ScreenRate{{Rate: "missed", N: 7}}, nil
	}
	s := &wall.State{Time: started}
	a.searches <- struct{}{} // another search
	if got := a.screen(t.Context(), s, true); len(got.GetRates()) != 0 || calls != 0 {
		t.Errorf("estimated %d times while there is no place for it", calls)
	}
	<-a.searches
	first := make(chan *gatewatchv1.ScreenState)
	go func() { first <- a.screen(t.Context(), s, true) }()
	<-begun
	if got := a.screen(t.Context(), s, true); len(got.GetRates()) != 0 {
		t.Errorf("rates before they are estimated: %v", got.GetRates())
	}
	close(release)
	for _, got := range []*gatewatchv1.ScreenState{<-first, a.screen(t.Context(), s, true)} {
		if len(got.GetRates()) != 1 || got.GetRates()[0].GetN() != 7 {
			t.Errorf("rates are %v", got.GetRates())
		}
	}
	if calls != 1 {
		t.Errorf("estimated %d times", calls)
	}
	if len(a.searches) != 0 {
		t.Error("the place of a search is kept")
	}
}

func TestMaskAddress(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := maskAddress(in); got != want {
			t.Errorf("maskAddress(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("203.0.113.7", "203.0.113.*")
	f("::ffff:203.0.113.7", "203.0.113.*")
	f("2001:db8:1:2::3", "2001:db8:1:*")
	f("2001:db8::3", "2001:db8:*")
	f("fe80::1%eth0", "fe80:*")
	f("ann@example.com", "*")
}
