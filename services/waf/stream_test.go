package waf

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// startStream sends a spool to a server until the end of the test.
func startStream(t testing.TB, s *Spool, target string) (stop func()) {
	t.Helper()
	st := &stream{
		target: target, node: "node1", spool: s, metrics: newMetrics(prometheus.NewRegistry()), log: quiet,
		status: func() *gatewatchv1.NodeStatus { return &gatewatchv1.NodeStatus{} },
		least:  5 * time.Millisecond, most: 100 * time.Millisecond,
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- st.run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stream: %v", err)
		}
	}
}

// checkOnce wants the records 1 to n, each once and in order.
func checkOnce(t testing.TB, c *collector, n int) {
	t.Helper()
	for i, r := range c.await(t, n) {
		if want := fmt.Sprintf("record %d", i+1); string(r) != want || c.sent[i] != uint64(i+1) {
			t.Fatalf("record %d is %d: %s", i, c.sent[i], r)
		}
	}
	if len(c.records) != n {
		t.Fatalf("%d records, want %d", len(c.records), n)
	}
}

func TestStreamDelivers(t *testing.T) {
	f := func(name string, prepare func(*collector)) {
		t.Run(name, func(t *testing.T) {
			c := newCollector()
			prepare(c)
			address, _ := c.start(t, "")
			s := openTestSpool(t, SpoolConfig{Dir: t.TempDir()})
			defer startStream(t, s, address)()
			for i := 1; i <= 2000; i += 100 {
				put(s, i, i+99)
				flush(t, s)
			}
			checkOnce(t, c, 2000)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := s.Drained(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	f("whole", func(*collector) {})
	f("window of one record", func(c *collector) { c.window = 1 })
	f("cut off before the acknowledgement", func(c *collector) {
		c.breakOff = func(batch int) bool { return batch%3 == 0 }
	})
}

// TestStreamAfterRollback gives the server more than the spool ever wrote, as
// after the node's disk was set back: a new epoch sends what there is.
func TestStreamAfterRollback(t *testing.T) {
	c := newCollector()
	c.ackAhead = 1000
	address, _ := c.start(t, "")
	s := openTestSpool(t, SpoolConfig{Dir: t.TempDir()})
	before := s.Epoch()
	put(s, 1, 10)
	flush(t, s)
	defer startStream(t, s, address)()
	checkOnce(t, c, 10)
	if s.Epoch() == before {
		t.Error("the epoch is the old one")
	}
}

func TestStreamLargeRecords(t *testing.T) {
	c := newCollector()
	address, _ := c.start(t, "")
	s := openTestSpool(t, SpoolConfig{Dir: t.TempDir()})
	defer startStream(t, s, address)()
	big := bytes.Repeat([]byte("x"), 2<<20)
	for range 5 {
		if !s.Put(big) {
			flush(t, s)
			s.Put(big)
		}
		flush(t, s)
	}
	for _, r := range c.await(t, 5) {
		if len(r) != len(big) {
			t.Errorf("record of %d bytes", len(r))
		}
	}
}

// away is how long the server is away in TestServerAway; the figure is
// taken with -away 10m.
var away = flag.Duration("away", time.Second, "how long the server is away")

// TestServerAway takes the server away while requests come all the time: none
// fails, and when it is back it gets the event of each of them once.
func TestServerAway(t *testing.T) {
	c := newCollector()
	address, stop := c.start(t, "")
	config := testConfig(t, echo(t).URL)
	config.Server.Address = address
	n := startNode(t, config)
	served := 0
	get := func() {
		t.Helper()
		if resp := request(t, "GET", fmt.Sprintf("%s/%d", n.url, served), ""); resp.StatusCode != http.StatusOK {
			t.Fatalf("request %d: status %d", served, resp.StatusCode)
		}
		served++
	}
	for range 50 {
		get()
	}
	c.await(t, served)
	stop()
	before := served
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for late := time.Now().Add(*away); time.Now().Before(late) || served < before+150; <-pace.C {
		get()
	}
	flush(t, n.spool)
	if records := n.spool.Stats().Records; records < uint64(served-before) {
		t.Errorf("%d records in the spool, %d requests while the server was away", records, served-before)
	}
	c.start(t, address)
	records := c.await(t, served)
	if refused := n.spool.Stats().Refused; refused > 0 || len(records) != served {
		t.Fatalf("%d requests, %d records, %d refused by the spool", served, len(records), refused)
	}
	for i, r := range records {
		if want := fmt.Sprintf(`"url.path":"/%d"`, i); c.sent[i] != uint64(i+1) || !bytes.Contains(r, []byte(want)) {
			t.Fatalf("record %d has sequence %d and is %s", i, c.sent[i], r)
		}
	}
	t.Logf("server was away for %s: %d requests served, %d events arrived once", *away, served, len(records))
}
