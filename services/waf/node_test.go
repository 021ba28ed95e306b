package waf

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/kept"
)

// collector is a server of node streams that keeps what it is sent.
type collector struct {
	gatewatchv1.UnimplementedNodeServiceServer
	mu      sync.Mutex
	held    map[string]uint64 // by epoch
	records [][]byte
	copies  [][]byte // of requests, kept for replay
	sent    []uint64 // sequence numbers in the order they were kept
	hello   *gatewatchv1.Hello
	streams int
	changed chan struct{}

	window   uint64
	ackAhead uint64               // said in a welcome to a new epoch
	breakOff func(batch int) bool // ends a stream instead of an acknowledgement
	batches  int
}

func newCollector() *collector {
	return &collector{held: map[string]uint64{}, changed: make(chan struct{}), window: 1 << 20}
}

func (c *collector) Stream(rpc gatewatchv1.NodeService_StreamServer) error {
	first, err := rpc.Recv()
	if err != nil {
		return err
	}
	hello := first.GetHello()
	if hello == nil || len(hello.GetEpoch()) != 16 {
		return status.Error(codes.InvalidArgument, "no hello")
	}
	epoch := string(hello.GetEpoch())
	c.mu.Lock()
	c.hello = hello
	c.streams++
	if c.ackAhead > 0 {
		c.held[epoch], c.ackAhead = c.ackAhead, 0
	}
	welcome := &gatewatchv1.Welcome{Sequence: c.held[epoch], WindowBytes: c.window}
	c.mu.Unlock()
	if err := rpc.Send(&gatewatchv1.StreamResponse{Message: &gatewatchv1.StreamResponse_Welcome{Welcome: welcome}}); err != nil {
		return err
	}
	for {
		m, err := rpc.Recv()
		if err != nil {
			return err
		}
		if m.GetBatch() == nil {
			continue
		}
		ack, cut := c.keep(epoch, m.GetBatch())
		if cut {
			return status.Error(codes.Unavailable, "cut off")
		}
		if err := rpc.Send(&gatewatchv1.StreamResponse{Message: &gatewatchv1.StreamResponse_Ack{
			Ack: &gatewatchv1.Ack{Sequence: ack, WindowBytes: c.window},
		}}); err != nil {
			return err
		}
	}
}

// keep takes the records it does not hold yet.
func (c *collector) keep(epoch string, b *gatewatchv1.Batch) (ack uint64, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches++
	for i, r := range b.GetRecords() {
		seq := b.GetFirstSequence() + uint64(i)
		if seq <= c.held[epoch] {
			continue
		}
		c.held[epoch] = seq
		if b.GetFormat() == kept.Format {
			c.copies = append(c.copies, r)
			continue
		}
		c.records = append(c.records, r)
		c.sent = append(c.sent, seq)
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return c.held[epoch], c.breakOff != nil && c.breakOff(c.batches)
}

// await waits until n records are there and returns them.
func (c *collector) await(t testing.TB, n int) [][]byte {
	t.Helper()
	return c.awaitOf(t, n, func() [][]byte { return c.records })
}

// awaitCopies waits until n requests that were kept are there and returns them.
func (c *collector) awaitCopies(t testing.TB, n int) [][]byte {
	t.Helper()
	return c.awaitOf(t, n, func() [][]byte { return c.copies })
}

func (c *collector) awaitOf(t testing.TB, n int, of func() [][]byte) [][]byte {
	t.Helper()
	late := time.After(patience)
	for {
		c.mu.Lock()
		records, changed := of(), c.changed
		have := len(records)
		records = records[:have:have]
		c.mu.Unlock()
		if have >= n {
			return records
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("server has %d records, want %d", have, n)
		}
	}
}

// start serves on an address, "" for a free one, and returns it and a stop.
func (c *collector) start(t testing.TB, address string) (string, func()) {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	gatewatchv1.RegisterNodeServiceServer(s, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends by Stop
	}()
	stop := sync.OnceFunc(func() { s.Stop(); <-done })
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// patience bounds each wait of a test; reaching it is a failure. It is long because
// machines do twenty other things meanwhile.
const patience = 2 * time.Minute

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)

// freeAddress is an address at which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// testConfig is a node with one site before an upstream, whose server is away.
func testConfig(t testing.TB, upstream string) Config {
	return Config{
		Node: "node1", Listen: "127.0.0.1:0",
		Server: ServerConfig{Address: freeAddress(t)},
		Spool:  SpoolConfig{Dir: t.TempDir(), SyncInterval: 5 * time.Millisecond},
		Limits: Limits{ShutdownTimeout: 5 * time.Second, EvaluationTime: patience, EvaluationWait: patience}, // no clock decides
		Sites:  []SiteConfig{{Name: "shop", Upstreams: []string{upstream}, Replay: ReplayConfig{Keep: keepOff}}},
	}
}

// running is a node that serves until the end of the test.
type running struct {
	*Node
	url    string
	events chan map[string]any
	stop   func()
}

// startNode runs a node whose events are also given to the test.
func startNode(t testing.TB, c Config) *running {
	t.Helper()
	n, err := NewNode(c, Options{Version: "test", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	n.stream.least, n.stream.most = 10*time.Millisecond, 200*time.Millisecond
	r := &running{Node: n, url: "http://" + n.Address().String(), events: make(chan map[string]any, 4096)}
	put := n.sink
	n.sink = func(b []byte) {
		var e map[string]any
		if err := json.Unmarshal(b, &e); err != nil {
			t.Errorf("event %s: %v", b, err)
		}
		put(b)
		select {
		case r.events <- e:
		default:
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		// A server that stops waits for connections that were never used.
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run node: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// event returns the next event.
func (r *running) event(t testing.TB) map[string]any {
	t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-time.After(patience):
		t.Fatal("no event")
		return nil
	}
}

// echo answers with what it was asked.
func echo(t testing.TB) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("X-Seen-For", r.Header.Get("X-Forwarded-For"))
		w.Header().Set("X-Seen-Target", r.RequestURI)
		w.Header().Set("X-Seen-Length", fmt.Sprint(r.ContentLength))
		w.Header().Set("X-Seen-Trailer", r.Trailer.Get("X-Sum"))
		w.Header().Set("X-Seen-Headers", fmt.Sprint(len(r.Header)))
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}

// request sends a request as a browser would, headers given as pairs.
func request(t testing.TB, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0")
	r.Header.Set("Accept", "text/html,*/*")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return do(t, http.DefaultTransport, r)
}

// do sends a request and replaces the body of the response by one in memory.
func do(t testing.TB, rt http.RoundTripper, r *http.Request) *http.Response {
	t.Helper()
	resp, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(strings.NewReader(string(b)))
	return resp
}

func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// raw sends bytes as they are and returns the status line of the answer.
func raw(t testing.TB, address, bytes string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}
