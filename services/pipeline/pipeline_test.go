package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// parts are a real queue and a real store in a folder.
type parts struct {
	queue *queue.Disk
	store *store.Columnar
}

func open(t *testing.T, dir string) parts {
	t.Helper()
	q, err := queue.Open(dir+"/queue", queue.Config{MinFreeBytes: 1}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(dir+"/store", store.Config{MinFreeBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	return parts{q, s}
}

func (p parts) close(t *testing.T) {
	t.Helper()
	if err := errors.Join(p.store.Close(), p.queue.Close()); err != nil {
		t.Error(err)
	}
}

func (p parts) pipeline(t *testing.T, cfg Config) *Pipeline {
	t.Helper()
	line, err := New(cfg, Options{Queue: p.queue, Store: p.store, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func (p parts) search(t *testing.T, text string) []*event.Event {
	t.Helper()
	q, err := query.Parse(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var all []*event.Event
	if _, err := p.store.Search(t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
		all = append(all, e.Clone())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

const received = 1_795_000_000_000_000_000

func group(source, format string, lines ...string) queue.Group {
	g := queue.Group{Source: source, Format: format, Peer: "192.0.2.1", Epoch: queue.Epoch{1}}
	for i, l := range lines {
		g.Records = append(g.Records, queue.Record{Seq: uint64(i + 1), Received: received, Raw: []byte(l)})
	}
	return g
}

// line is a record of nginx at 02:00 in a zone that it does not name.
const line = `2026/11/21 02:00:00 [error] 7#7: *1 something broke, client: 203.0.113.9, server: shop, request: "GET / HTTP/1.1", host: "shop"`

func TestFromQueueToStore(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	groups := []queue.Group{
		group("gateway", "nginx.error", line, "no log line at all"),
		{Source: "bulk", Format: "json", Records: []queue.Record{{ID: "mine", Received: received, Raw: []byte(`{"message":"hello"}`)}}},
	}
	next, err := p.queue.Append(t.Context(), groups)
	if err != nil {
		t.Fatal(err)
	}
	pl := p.pipeline(t, Config{BatchEvents: 2, Sources: map[string]SourceConfig{"gateway": {Zone: "Asia/Shanghai"}}})
	if err := pl.RunTo(t.Context(), next+3); err != nil {
		t.Fatal(err)
	}

	got := p.search(t, `gatewatch.source: gateway and source.ip: 203.0.113.9`)
	if len(got) != 1 || got[0].Time != time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC).UnixNano() {
		t.Errorf("zone of the source is not applied: %v", got)
	}
	if got := p.search(t, `error.message: * and "no log line"`); len(got) != 1 || string(got[0].Raw) != "no log line at all" || got[0].Time != received {
		t.Errorf("record that no parser knows is not found: %v", got)
	}
	if got := p.search(t, `event.id: mine`); len(got) != 1 || got[0].Source != "bulk" {
		t.Errorf("id of the client is not kept: %v", got)
	}
	want := map[string]SourceCount{
		"gateway": {Name: "gateway", Parsed: 1, Failed: 1, Stored: 2},
		"bulk":    {Name: "bulk", Parsed: 1, Stored: 1},
	}
	counts := map[string]SourceCount{}
	for _, s := range pl.Sources() {
		counts[s.Name] = s
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
}

// TestReplay stops without closing the store, as a crash does, and starts again:
// each event is there once, under the same id.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	for i := range 5 {
		g := group("s", "json", fmt.Sprintf(`{"n":%d}`, i))
		g.Records[0].Seq = uint64(i + 1)
		if _, err := p.queue.Append(t.Context(), []queue.Group{g}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.pipeline(t, Config{}).RunTo(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	p.close(t)

	p = open(t, dir)
	defer p.close(t)
	pl := p.pipeline(t, Config{})
	for range 2 {
		if err := pl.RunTo(t.Context(), 6); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for _, e := range p.search(t, "*") {
		seen[e.ID]++
	}
	if len(seen) != 5 {
		t.Fatalf("have events %v, want 5", seen)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("event %s is stored %d times", id, n)
		}
	}
}

// TestLongID: an id that no page token could hold is not taken.
func TestLongID(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	long := strings.Repeat("i", 513)
	next, err := p.queue.Append(t.Context(), []queue.Group{group("s", "ecs", `{"event.id":"`+long+`"}`, `{"event.id":"`+long[1:]+`"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.pipeline(t, Config{}).RunTo(t.Context(), next+2); err != nil {
		t.Fatal(err)
	}
	for _, e := range p.search(t, "*") {
		if len(e.ID) > 512 {
			t.Errorf("event has an id of %d bytes", len(e.ID))
		}
	}
	if n := len(p.search(t, "event.id: "+long[1:])); n != 1 {
		t.Errorf("%d events have the id of 512 bytes", n)
	}
}

// TestEmptyQueue: there is nothing to wait for.
func TestEmptyQueue(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	pl := p.pipeline(t, Config{})
	_, end := p.queue.Bounds()
	if err := pl.RunTo(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pl.Run(ctx) }()
	if err := pl.Wait(t.Context(), end); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// fullStore refuses the first writes.
type fullStore struct {
	refuse int
	events int
}

func (f *fullStore) Applied() uint64 { return 1 }
func (f *fullStore) Write(_ context.Context, b store.Batch) error {
	if f.refuse--; f.refuse >= 0 {
		return store.ErrFull
	}
	f.events += len(b.Events)
	return nil
}

func TestFullStore(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	if _, err := p.queue.Append(t.Context(), []queue.Group{group("s", "json", `{"a":1}`)}); err != nil {
		t.Fatal(err)
	}
	full := &fullStore{refuse: 2}
	pl, err := New(Config{}, Options{Queue: p.queue, Store: full, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := pl.RunTo(t.Context(), 2); err != nil || full.events != 1 {
		t.Errorf("error %v, %d events stored, want 1", err, full.events)
	}
	if err := pl.Stuck(); err != nil {
		t.Errorf("stuck after all was stored: %v", err)
	}
	if pl, err = New(Config{}, Options{Queue: p.queue, Store: full, Log: slog.New(slog.DiscardHandler), Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	full.refuse = 1 << 30
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- pl.RunTo(ctx, 2) }()
	if err := pl.Wait(t.Context(), 99); !errors.Is(err, store.ErrFull) {
		t.Errorf("Wait for what there is no room for: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("a pipeline that is stopped while it waits fails: %v", err)
	}
	if err := pl.Stuck(); !errors.Is(err, store.ErrFull) {
		t.Errorf("stuck for want of room: %v", err)
	}
	if err := pl.Wait(t.Context(), 99); !errors.Is(err, ErrEnded) {
		t.Errorf("Wait on a pipeline that ended: %v", err)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	f := func(cfg Config, want string) {
		t.Helper()
		if _, err := New(cfg, Options{}); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	f(Config{Zone: "Mars/Base"}, "pipeline.zone: unknown time zone Mars/Base")
	f(Config{BatchEvents: -1}, "pipeline.batch_events: want a positive number")
	f(Config{Sources: map[string]SourceConfig{"a": {Format: "nginx"}}}, `pipeline.sources.a.format: unknown format "nginx"`)
	f(Config{TrustedProxies: []string{"x"}}, `pipeline.trusted_proxies: read trusted proxy "x": want an address or a prefix such as 10.0.0.0/8`)
}
