package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/vault"
	"github.com/gatewatch/gatewatch/services/wall"
)

// breakable is a store that fails when told to.
type breakable struct {
	store.Store
	fail   error  // what searches answer
	panics string // what searches panic with

	failAfter int // events of a search before it fails; 0 never
}

func (b *breakable) Search(ctx context.Context, r store.SearchRequest, yield func(*event.Event) error) (store.Page, error) {
	switch {
	case b.panics != "":
		panic(b.panics)
	case b.fail != nil:
		return store.Page{}, b.fail
	}
	if b.failAfter > 0 {
		n, give := 0, yield
		yield = func(e *event.Event) error {
			if n++; n > b.failAfter {
				return errors.New("disk is gone")
			}
			return give(e)
		}
	}
	page, err := b.Store.Search(ctx, r, yield)
	page.Stats.Duration, page.Stats.BytesRead = 1500*time.Microsecond, 0 // not the same each time
	return page, err
}

func (b *breakable) Aggregate(ctx context.Context, r store.AggregateRequest) (*query.Table, store.Stats, error) {
	table, stats, err := b.Store.Aggregate(ctx, r)
	stats.Duration, stats.BytesRead = 0, 0
	stats.Partial = append(stats.Partial, "one block is damaged")
	return table, stats, err
}

// explorer leaves out what is not the same each time.
type explorer struct{ *store.Columnar }

func (x explorer) Explain(ctx context.Context, r store.ExplainRequest) (*store.Explanation, error) {
	e, err := x.Columnar.Explain(ctx, r)
	if err == nil {
		e.Stats.Duration, e.Stats.BytesRead, e.Plan.Cores = 0, 0, 2
		for i := range e.Stages {
			e.Stages[i].Time = time.Millisecond
		}
	}
	return e, err
}

func (x explorer) Fields(ctx context.Context, r store.FieldsRequest) (*store.FieldList, error) {
	l, err := x.Columnar.Fields(ctx, r)
	if err == nil {
		l.Stats.Duration, l.Stats.BytesRead = 0, 0
	}
	return l, err
}

// ingestFake takes records for whoever the guard names.
type ingestFake struct {
	gatewatchv1.UnimplementedIngestServiceServer
	gate *access.Gate
	got  []*gatewatchv1.IngestRequest
}

func (f *ingestFake) Ingest(ctx context.Context, req *gatewatchv1.IngestRequest) (*gatewatchv1.IngestResponse, error) {
	sender, err := f.gate.Sender(ctx, "", nil, nil)
	if err != nil {
		return nil, err
	}
	if req.Source == "" {
		req.Source = sender.Name
	}
	f.got = append(f.got, req)
	return &gatewatchv1.IngestResponse{
		Accepted: uint64(len(req.GetRecords())),
		Errors:   []*gatewatchv1.RecordError{{Index: 1, Reason: "too long"}},
	}, nil
}

func (f *ingestFake) GetPosition(_ context.Context, req *gatewatchv1.GetPositionRequest) (*gatewatchv1.GetPositionResponse, error) {
	return &gatewatchv1.GetPositionResponse{Sequence: uint64(len(req.GetSource() + req.GetEpoch()))}, nil
}

// nodeFake ends streams at once.
type nodeFake struct {
	gatewatchv1.UnimplementedNodeServiceServer
}

func (nodeFake) Stream(grpc.BidiStreamingServer[gatewatchv1.StreamRequest, gatewatchv1.StreamResponse]) error {
	return nil
}

// server is a running API with a token for everyone.
type server struct {
	*testing.T
	api    *API
	store  *breakable
	ingest *ingestFake
	tokens *access.Tokens
	people *access.Accounts
	bearer map[string]string // by role or kind
	http   string            // URL
	grpc   string            // address
	log    *strings.Builder
	ready  error
	leaves []audit.Leaf // of acts
	audit  error        // what the audit log answers
	state  *state.DB
	kept   *store.Columnar // the store itself
	ring   *vault.Ring     // keys of requests
	notice string
}

// ruleText is the rule in use.
const ruleText = `title: Page a
id: 44444444-4444-4444-8444-444444444444
name: page_a
level: low
author: A. Nalyst
license: DRL-1.1
tags: [attack.t1190]
logsource: {category: webserver}
detection:
  path: {url.path|startswith: /A}
  refused: {http.response.status_code: 403}
  condition: path and refused
---
title: Many of page a
name: many
correlation: {type: event_count, rules: [page_a], group-by: [source.ip], timespan: 1m, condition: {gte: 2}}
`

// groupsFake is the groups of the correlation.
func groupsFake(_ string, skip, size int) (rules.Groups, error) {
	all := []rules.Group{
		{Members: []detection.Member{{Field: "source.ip", Value: "192.0.2.2"}}, Value: 2, Holds: true, Events: 3, First: started, Last: started.Add(time.Second), Fired: started},
		{Members: []detection.Member{{Field: "source.ip", Value: "\xff<b>"}}, Value: 1, Events: 1, First: started, Last: started},
	}
	page := rules.Groups{Held: 2, Groups: all[min(skip, 2):min(skip+size, 2)]}
	if skip+size < 2 {
		page.Next = skip + size
	}
	return page, nil
}

var started = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// newServer serves on loopback until the test ends.
func newServer(t *testing.T, config Config, open bool) *server {
	t.Helper()
	s := &server{T: t, bearer: map[string]string{"": ""}, log: &strings.Builder{}}
	logger := slog.New(slog.NewTextHandler(&lockedWriter{to: s.log}, nil))
	embedded, err := store.Open(t.TempDir(), store.Config{RetainAge: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := embedded.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	s.store, s.kept = &breakable{Store: embedded}, embedded
	s.ring = s.openRing()
	if s.tokens, err = access.OpenTokens(t.TempDir(), time.Now, logger); err != nil {
		t.Fatal(err)
	}
	for _, g := range []access.Grant{
		{Kind: access.KindRole, Role: access.Viewer},
		{Kind: access.KindRole, Role: access.Analyst},
		{Kind: access.KindRole, Role: access.Examiner},
		{Kind: access.KindRole, Role: access.Administrator},
		{Kind: access.KindSource, Name: "edge-1"},
		{Kind: access.KindNode, Name: "waf-1"},
		{Kind: access.KindKiosk, Name: "wall", Lifetime: time.Hour},
	} {
		_, bearer, err := s.tokens.Create(g)
		if err != nil {
			t.Fatal(err)
		}
		s.bearer[cmp.Or(string(g.Role), string(g.Kind))] = bearer
	}
	inUse, err := rules.Compile(fstest.MapFS{"a.yml": {Data: []byte(ruleText)}, "bad.yml": {Data: []byte("title: x\nlogsource: 7\n")}})
	if err != nil {
		t.Fatal(err)
	}
	gate := access.NewGate(s.tokens, access.NewFailures(time.Now), open, logger)
	s.ingest = &ingestFake{gate: gate}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "gatewatch_test_total", Help: "A test."}))
	alerts := s.openAlerts()
	s.people = access.NewAccounts(access.SessionConfig{}, alerts, s.tokens, func() time.Time { return started }, logger)
	desk, nodes := s.openDesk(alerts), s.openFleet(alerts)
	tuner := s.openProposals(alerts, desk, nodes)
	s.api, err = New(config, Parts{
		Board:  s.openBoard(),
		People: s.people, Version: "v1",
		Store: s.store, Explorer: explorer{embedded}, Tokens: s.tokens, Ingest: s.ingest, Node: nodeFake{},
		Sources: func() []*gatewatchv1.Source {
			return []*gatewatchv1.Source{
				{Name: "edge-1", Received: 1 << 60, LastReceivedTime: timestamppb.New(started), Formats: []string{"nginx.access"}},
				{Name: "edge-2"},
				{Name: "edge-3"},
			}
		},
		Nodes:     func() []*gatewatchv1.Node { return []*gatewatchv1.Node{{Name: "waf-1", Connected: true}} },
		Rules:     func() (*rules.Set, error) { return inUse, nil },
		Alerts:    alerts,
		Notifier:  s.openNotifier(alerts),
		Triage:    desk,
		Fleet:     nodes,
		Proposals: tuner,
		WhatIf:    s.openWhatIf(tuner),
		Requests: &kept.Library{
			Find: embedded.Requests, Ring: func() (*vault.Ring, error) { return s.ring, nil },
		},
		Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
			s.leaves = append(s.leaves, l)
			return 0, s.audit
		},
		Groups:  groupsFake,
		Ready:   func() error { return s.ready },
		Notice:  func() string { return s.notice },
		Metrics: registry, Now: func() time.Time { return started }, Log: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.serve(gate.WithSessions(s.people))
	return s
}

func (s *server) openBoard() *wall.Board {
	b := wall.New(wall.Options{Events: s.kept, Now: func() time.Time { return started }, Log: slog.New(slog.DiscardHandler)})
	s.Cleanup(b.Close)
	return b
}

func (s *server) serve(gate *access.Gate) {
	s.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Fatal(err)
		}
		return l
	}
	rpc, web := listen(), listen()
	grpcServer := s.api.GRPC(gate, nil)
	httpServer, err := s.api.HTTP(gate, true)
	if err != nil {
		s.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := grpcServer.Serve(rpc); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // a short test stops it before it began
			s.Errorf("serve grpc: %v", err)
		}
	})
	wg.Go(func() {
		if err := httpServer.Serve(web); !errors.Is(err, http.ErrServerClosed) {
			s.Errorf("serve http: %v", err)
		}
	})
	s.Cleanup(func() {
		grpcServer.Stop()
		if err := httpServer.Close(); err != nil {
			s.Errorf("close http: %v", err)
		}
		wg.Wait()
	})
	s.http, s.grpc = "http://"+web.Addr().String(), rpc.Addr().String()
}

// dial returns a plain gRPC connection.
func (s *server) dial() *grpc.ClientConn {
	s.Helper()
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

// fill stores n events of a second each, the last one with everything an event can have.
func (s *server) fill(n int) {
	s.Helper()
	events := make([]event.Event, n)
	for i := range events {
		e := &events[i]
		e.ID, e.Source, e.Dataset = fmt.Sprint("id-", i), "edge-1", "nginx.access"
		e.Time = started.Add(time.Duration(i-n) * time.Second).UnixNano()
		e.Raw = []byte(`GET /a?q=<script> "x"`)
		e.AddText(event.URLPath, "/a")
		e.AddIP(event.SourceIP, "203.0.113.7")
		e.AddInt(event.HTTPResponseStatusCode, int64(200+i%2*203))
	}
	if n > 0 {
		decorate(&events[n-1])
	}
	if err := s.store.Write(s.Context(), store.Batch{Events: events}); err != nil {
		s.Fatal(err)
	}
}

// decorate adds a value of every kind.
func decorate(e *event.Event) {
	e.Raw = []byte("bad \xff\x00 byte\u2028")
	e.Received = started.UnixNano() + 1
	e.AddIP(event.DestinationIP, "2001:db8::1")
	e.AddInt(event.Intern("big"), 1<<62+1)
	e.Add(event.Intern("ratio"), event.Float(3))
	e.Add(event.Intern("ok"), event.Bool(true))
	e.Add(event.Intern("when"), event.Time(started.UnixNano()))
	e.Add(event.Intern("latin"), event.String("caf\xe9"))
	e.AddList(event.Intern("one"), event.Int(1))
	e.Add(event.Intern("two"), event.String("a"))
	e.AddText(event.Message, "between the elements of a list")
	e.Add(event.Intern("two"), event.String("\xfe"))
}

type lockedWriter struct {
	mu sync.Mutex
	to *strings.Builder
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}
