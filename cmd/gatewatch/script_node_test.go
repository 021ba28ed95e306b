package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatewatch/gatewatch/services/waf"
)

// startNode starts a WAF node of the script's server before a site.
func startNode(ts *testscript.TestScript, _ bool, _ []string) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	ts.Defer(site.Close)
	n, err := waf.NewNode(waf.Config{
		Node: "edge", Listen: "127.0.0.1:0", Server: waf.ServerConfig{Address: ts.Getenv("GRPC")},
		Spool:  waf.SpoolConfig{Dir: ts.MkAbs("spool")},
		Limits: waf.Limits{EvaluationTime: time.Minute, EvaluationWait: time.Minute}, // no clock decides
		Sites:  []waf.SiteConfig{{Name: "shop", Upstreams: []string{site.URL}, Replay: waf.ReplayConfig{Sample: 1}}},
	}, waf.Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	ts.Defer(func() {
		cancel()
		if err := <-done; err != nil {
			ts.Logf("run node: %v", err)
		}
	})
	ts.Setenv("NODE", "http://"+n.Address().String())
}

// sendRequest sends a request of a browser through the node and wants a status.
func sendRequest(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: request CODE METHOD PATH [FORM]")
	}
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(args[3])
	}
	req, err := http.NewRequestWithContext(context.Background(), args[1], ts.Getenv("NODE")+args[2], body)
	ts.Check(err)
	req.Host = "shop.example"
	for name, value := range map[string]string{"User-Agent": "Mozilla/5.0", "Accept": "*/*", "Cookie": "sid=SECRET"} {
		req.Header.Set(name, value)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	ts.Check(err)
	ts.Check(resp.Body.Close())
	if strconv.Itoa(resp.StatusCode) != args[0] {
		ts.Fatalf("%s %s: status %d, want %s", args[1], args[2], resp.StatusCode, args[0])
	}
}
