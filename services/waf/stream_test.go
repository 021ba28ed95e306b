package waf

import (
	"bytes"
	"context"
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
		status: func() *gatewatchv1.NodeStatus { return &gatewatchv1.NodeStatus{} }, backoff: 5 * time.Millisecond,
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
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
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

// serverAway serves requests while the server is away for as long as the
// function between takes, and checks that all events arrive once.
func serverAway(t *testing.T, between func(n *running)) {
	c := newCollector()
	address, stop := c.start(t, "")
	config := testConfig(t, echo(t).URL)
	config.Server.Address = address
	n := startNode(t, config)
	get := func(i int) {
		if resp := request(t, "GET", fmt.Sprintf("%s/%d", n.url, i), ""); resp.StatusCode != http.StatusOK {
			t.Fatalf("request %d: status %d", i, resp.StatusCode)
		}
	}
	for i := range 50 {
		get(i)
	}
	c.await(t, 50)
	stop()
	between(n)
	for i := range 150 {
		get(50 + i)
	}
	flush(t, n.spool)
	if records := n.spool.Stats().Records; records < 150 {
		t.Errorf("%d records in the spool", records)
	}
	c.start(t, address)
	served := int(n.spool.Stats().Last)
	records := c.await(t, served)
	for i, seq := range c.sent {
		if seq != uint64(i+1) {
			t.Fatalf("record %d has sequence %d", i, seq)
		}
	}
	if len(records) != served {
		t.Errorf("%d records of %d", len(records), served)
	}
}

func TestServerAway(t *testing.T) {
	serverAway(t, func(*running) {})
}
