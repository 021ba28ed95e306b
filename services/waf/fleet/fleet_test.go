package fleet_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/ingest"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// nodeCount is how many nodes TestFleet has; the figure of BENCHMARKS.md is taken
// with -nodes 50.
var nodeCount = flag.Int("nodes", 4, "how many nodes the fleet has")

var quiet = slog.New(slog.DiscardHandler)

// control is a server with its fleet, without an API.
type control struct {
	*testing.T
	fleet   *fleet.Fleet
	address string
	mu      sync.Mutex
	notices []string
	leaves  []audit.Leaf
	now     atomic.Int64 // seconds that the clock of the fleet is ahead
}

// identified is a stream of a caller who has a token, which is its name here.
type identified struct {
	grpc.ServerStream
	ctx context.Context
}

func (s identified) Context() context.Context { return s.ctx }

func identify(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := ss.Context()
	md, _ := metadata.FromIncomingContext(ctx)
	if tokens := md.Get("authorization"); len(tokens) > 0 {
		ctx = access.NewContext(ctx, access.Identity{Kind: access.KindNode, Name: access.Bearer(tokens[0])})
	}
	return handler(srv, identified{ss, ctx})
}

func newControl(t *testing.T) *control {
	t.Helper()
	dir := t.TempDir()
	c := &control{T: t}
	db, err := state.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := bundle.OpenKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	c.fleet, err = fleet.Open(t.Context(), fleet.Options{
		State: db, Key: key, Log: quiet,
		Now: func() time.Time { return time.Now().Add(time.Duration(c.now.Load()) * time.Second) },
		Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.leaves = append(c.leaves, l)
			return int64(len(c.leaves) - 1), nil
		},
		Compile: func(b *bundle.Bundle) error {
			engine, err := waf.CompileBundle(waf.Settings{}, b, "", time.Now())
			if err != nil {
				return err
			}
			return engine.Close()
		},
		Record: func(_ context.Context, raw []byte) error {
			var e map[string]any
			if err := json.Unmarshal(raw, &e); err != nil {
				return err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.notices = append(c.notices, fmt.Sprint(e["event.action"]))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	log, err := queue.Open(filepath.Join(dir, "queue"), queue.Config{}, quiet, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	sink, err := ingest.Open(t.Context(), filepath.Join(dir, "ingest"), log, ingest.Config{}, quiet, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := access.OpenTokens(dir, time.Now, quiet)
	if err != nil {
		t.Fatal(err)
	}
	gate := access.NewGate(tokens, access.NewFailures(time.Now), true, quiet)
	nodes := ingest.NewNodeServer(sink, ingest.NodeConfig{}, gate.Sender, quiet)
	nodes.OfferBundles(c.fleet)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.ChainStreamInterceptor(identify), grpc.MaxRecvMsgSize(ingest.MaxMessage))
	gatewatchv1.RegisterNodeServiceServer(s, nodes)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c.address = l.Addr().String()
	t.Cleanup(func() {
		nodes.Stop()
		s.Stop()
		nodes.Wait()
		if err := errors.Join(<-served, sink.Close(), log.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// node starts a WAF node of the fleet and returns its URL.
func (c *control) node(i int, upstream string, token bool) string {
	c.Helper()
	config := waf.Config{
		Node: fmt.Sprintf("node-%02d", i), Listen: "127.0.0.1:0",
		Server:         waf.ServerConfig{Address: c.address},
		Spool:          waf.SpoolConfig{Dir: c.TempDir()},
		Limits:         waf.Limits{EvaluationTime: time.Minute, EvaluationWait: time.Minute}, // no clock decides
		Bundles:        waf.BundleConfig{Dir: c.TempDir(), TrustedKeys: []string{c.fleet.PublicKey()}},
		Sites:          []waf.SiteConfig{{Name: "shop", Upstreams: []string{upstream}, Verdicts: "off"}},
		TrustedProxies: []string{"127.0.0.0/8"},
	}
	if token {
		config.Server.Token = config.Node
	}
	n, err := waf.NewNode(config, waf.Options{Log: quiet})
	if err != nil {
		c.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	c.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			c.Error(err)
		}
	})
	return "http://" + n.Address().String()
}

// await waits until the fleet is as it should be.
func (c *control) await(what string, is func([]fleet.Member) bool) {
	c.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(5 * time.Minute); ; {
		if is(c.fleet.Members()) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			c.Fatalf("%s: %v", what, c.fleet.Members())
		}
	}
}

// all tells whether so many nodes have given an answer to the rollout in force.
func (c *control) all(n int, result gatewatchv1.BundleResult) func([]fleet.Member) bool {
	serial := c.fleet.Rollout().Serial
	return func(members []fleet.Member) bool {
		have := 0
		for _, m := range members {
			if m.Report.GetSerial() == serial && m.Report.GetResult() == result {
				have++
			}
		}
		return have == n
	}
}

func (c *control) create(b *bundle.Bundle) string {
	c.Helper()
	text, err := b.Encode()
	if err != nil {
		c.Fatal(err)
	}
	name, _, err := c.fleet.Create(c.Context(), "ann", text)
	if err != nil {
		c.Fatal(err)
	}
	return name
}

func (c *control) rollOut(p fleet.Plan) {
	c.Helper()
	if _, err := c.fleet.RollOut(c.Context(), "ann", p); err != nil {
		c.Fatal(err)
	}
}

func bundleWith(directive string) *bundle.Bundle {
	return &bundle.Bundle{Version: bundle.Version, CRS: waf.CRSVersion, Exclusions: []bundle.Exclusion{{ID: "a", Owner: "ann", Reason: "a test", Directive: directive}}}
}

const (
	applied = gatewatchv1.BundleResult_BUNDLE_RESULT_APPLIED
	script  = "/search?q=%3Cscript%3Ealert(1)%3C/script%3E"
	allowQ  = `SecRule REQUEST_FILENAME "@streq /search" "id:9900000,phase:1,pass,nolog,ctl:ruleRemoveById=941000-942999"`
	harm    = `SecRule REQUEST_FILENAME "@beginsWith /cart" "id:9900001,phase:2,block,log,setvar:tx.inbound_anomaly_score_pl1=+5"`
)

// get asks as a client and returns the status.
func get(t testing.TB, url, client string) int {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("X-Forwarded-For", client)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func upstream(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	t.Cleanup(s.Close)
	return s.URL
}

// TestFleet rolls a bundle out to all nodes while they serve requests: each applies
// it, and no request fails. Then a canary does harm, and is taken back everywhere.
func TestFleet(t *testing.T) {
	c := newControl(t)
	up := upstream(t)
	urls := make([]string, *nodeCount)
	for i := range urls {
		urls[i] = c.node(i, up, true)
	}
	c.await("nodes connect", func(all []fleet.Member) bool { return len(all) == len(urls) })
	good := c.create(bundleWith(allowQ))
	if got := get(t, urls[0]+script, "198.51.100.1"); got != 403 {
		t.Errorf("before: status %d", got)
	}
	var stop atomic.Bool
	var served atomic.Int64
	var load sync.WaitGroup
	defer load.Wait()
	defer stop.Store(true)
	load.Go(func() {
		for i := 0; !stop.Load(); i++ {
			if got := get(t, urls[i%len(urls)]+"/page", "198.51.100.2"); got != 200 {
				t.Errorf("while bundles change: status %d", got)
			}
			served.Add(1)
		}
	})
	began := time.Now()
	c.rollOut(fleet.Plan{Bundle: good, Stage: bundle.StageAll, Reason: "search"})
	c.await("bundle is applied", c.all(len(urls), applied))
	t.Logf("%d nodes applied a bundle in %s, %d requests meanwhile", len(urls), time.Since(began).Round(time.Millisecond), served.Load())
	stop.Store(true)
	load.Wait()
	for _, url := range urls {
		if got := get(t, url+script, "198.51.100.1"); got != 200 {
			t.Errorf("after: status %d", got)
		}
	}

	bad := c.create(bundleWith(harm))
	c.rollOut(fleet.Plan{Bundle: bad, Stage: bundle.StageCanary, Share: 50})
	c.await("canary is applied", c.all(len(urls), applied))
	began = time.Now()
	canary := c.fleet.Rollout().Serial
	for i := 0; c.fleet.Rollout().Serial == canary && time.Since(began) < 5*time.Minute; i++ {
		get(t, urls[0]+"/cart", fmt.Sprintf("198.51.%d.%d", i/250%250, 1+i%250))
	}
	t.Logf("a canary was taken back after %s", time.Since(began).Round(time.Millisecond))
	if r := c.fleet.Rollout(); r.Stable != good || r.Candidate != "" || r.Actor != audit.Server || !strings.Contains(r.Reason, "block rate rose") {
		t.Errorf("rollout %+v", r)
	}
	c.await("roll-back is applied", c.all(len(urls), applied))
	for i := range 20 {
		if got := get(t, urls[i%len(urls)]+"/cart", fmt.Sprintf("203.0.113.%d", i)); got != 200 {
			t.Errorf("after the roll-back: status %d", got)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.leaves) != 5 || c.leaves[4].Act != audit.ActRollOut || c.leaves[4].Actor != audit.Server {
		t.Errorf("leaves %v", c.leaves)
	}
}

// TestOnlyEnrolled has a node without a token of its own: it is offered nothing.
func TestOnlyEnrolled(t *testing.T) {
	c := newControl(t)
	up := upstream(t)
	c.rollOut(fleet.Plan{Bundle: c.create(bundleWith(allowQ)), Stage: bundle.StageAll})
	own, other := c.node(1, up, false), c.node(2, up, true)
	c.await("bundle is applied", c.all(1, applied))
	if got := get(t, other+script, "198.51.100.1"); got != 200 {
		t.Errorf("enrolled: status %d", got)
	}
	if got := get(t, own+script, "198.51.100.1"); got != 403 || len(c.fleet.Members()) != 1 {
		t.Errorf("not enrolled: status %d, members %v", got, c.fleet.Members())
	}
}

// TestDrift has nodes say what they run, and wants to be told of those that run
// something else.
func TestDrift(t *testing.T) {
	c := newControl(t)
	b := c.create(bundleWith(allowQ))
	c.rollOut(fleet.Plan{Bundle: b, Stage: bundle.StageAll})
	status := func(ruleset, mode string) *gatewatchv1.NodeStatus {
		return &gatewatchv1.NodeStatus{
			BundleSerial: c.fleet.Rollout().Serial, StableBundle: b,
			SiteStatus: []*gatewatchv1.SiteStatus{{Site: "shop", Mode: mode, Ruleset: ruleset}},
		}
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		defer c.fleet.Attach(name, func() {})()
		c.fleet.Status(name, status("x", "block"))
	}
	f := func(name, want string) {
		t.Helper()
		for _, m := range c.fleet.Members() {
			if m.Name == name && (want == "" && m.Drift != "" || !strings.Contains(m.Drift, want)) {
				t.Errorf("%s: drift %q, want %q", name, m.Drift, want)
			}
		}
	}
	c.fleet.Status("b", status("y", "block"))
	c.fleet.Status("c", status("x", "detect"))
	c.fleet.Status("d", &gatewatchv1.NodeStatus{})
	c.fleet.Status("e", &gatewatchv1.NodeStatus{})
	c.fleet.Report("e", &gatewatchv1.BundleReport{Serial: c.fleet.Rollout().Serial, Result: gatewatchv1.BundleResult_BUNDLE_RESULT_REFUSED, Reason: "no room"})
	f("a", "")
	f("b", "judges site shop by y in mode block")
	f("c", "in mode detect")
	f("d", "runs rollout 0")
	f("e", "has refused rollout")
	c.fleet.Status("a", &gatewatchv1.NodeStatus{ // that also counts rules which are none of a bundle
		BundleSerial: c.fleet.Rollout().Serial, StableBundle: b, SiteStatus: status("x", "block").GetSiteStatus(),
		ExclusionHits: []*gatewatchv1.RuleHits{{Rule: bundle.FirstRule, Hits: 3}, {Rule: bundle.FirstRule, Hits: 1}, {Rule: 942100, Hits: 9}},
	})
	if hits, err := c.fleet.State.Hits(t.Context(), time.Time{}); err != nil || len(hits) != 1 || hits[bundle.FirstRule].Total != 4 {
		t.Errorf("hits %v, %v", hits, err)
	}
	flood := make([]*gatewatchv1.RuleHits, 4096)
	for i := range flood {
		flood[i] = &gatewatchv1.RuleHits{Rule: bundle.FirstRule, Hits: math.MaxUint64}
	}
	c.fleet.Status("a", &gatewatchv1.NodeStatus{ExclusionHits: flood})
	if hits, err := c.fleet.State.Hits(t.Context(), time.Time{}); err != nil || hits[bundle.FirstRule].Total != 4+1e9 {
		t.Errorf("hits of a message that has more than there can be: %v, %v", hits, err)
	}
	watch := func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c.fleet.Watch(ctx)
		c.fleet.TellDrift()
	}
	watch()
	c.now.Store(61)
	watch()
	watch()
	got := map[string]int{}
	for _, n := range c.notices {
		got[n]++
	}
	if got["ruleset-drift"] != 4 || got["mode-changed"] != 1 || got["bundle-refused"] != 1 {
		t.Errorf("notices %v", got)
	}
}

// TestGoingBack goes back further than one step, over a start of the server.
func TestGoingBack(t *testing.T) {
	dir := t.TempDir()
	db, err := state.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	open := func() *fleet.Fleet {
		f, err := fleet.Open(t.Context(), fleet.Options{
			State: db, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Now: time.Now, Log: quiet,
			Compile: func(*bundle.Bundle) error { return nil }, Record: func(context.Context, []byte) error { return nil },
			Audit: func(context.Context, audit.Leaf) (int64, error) { return 0, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open()
	var names []string
	for _, paranoia := range []int{1, 2, 3} {
		b := &bundle.Bundle{Version: 1, CRS: "4.25.0", Sites: []bundle.Site{{Name: "*", Paranoia: paranoia}}}
		text, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		name, _, err := f.Create(t.Context(), "ann", text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.RollOut(t.Context(), "ann", fleet.Plan{Bundle: name, Stage: bundle.StageAll}); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	last := f.Rollout().Serial
	for _, want := range []string{names[1], names[0], ""} {
		r, err := open().RollBack(t.Context(), "ann", "back")
		if err != nil || r.Stable != want || r.Serial <= last {
			t.Fatalf("rollout %+v, %v, want %q", r, err, want)
		}
		last = r.Serial
	}
	if _, err := open().RollBack(t.Context(), "ann", "back"); !errors.Is(err, fleet.ErrNothing) {
		t.Errorf("nothing before: %v", err)
	}
}
