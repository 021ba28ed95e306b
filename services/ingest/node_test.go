package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/queue"
)

// nodePeer is a gRPC server with both services and a client of it.
type nodePeer struct {
	nodes  *NodeServer
	node   gatewatchv1.NodeServiceClient
	ingest gatewatchv1.IngestServiceClient
}

func listenGRPC(t *testing.T, s *Sink, cfg NodeConfig, auth Authenticator) nodePeer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(MaxMessage), grpc.WaitForHandlers(true))
	n := NewNodeServer(s, cfg, auth, nil)
	gatewatchv1.RegisterNodeServiceServer(server, n)
	gatewatchv1.RegisterIngestServiceServer(server, NewBatchServer(s, auth))
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	// A window that does not grow, so that it is known how soon a stream that
	// nobody reads is full.
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStaticStreamWindowSize(64<<10),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		n.Stop()
		server.Stop()
		n.Wait()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return nodePeer{n, gatewatchv1.NewNodeServiceClient(conn), gatewatchv1.NewIngestServiceClient(conn)}
}

// nodeClient is one stream of a node.
type nodeClient struct {
	t      *testing.T
	stream grpc.BidiStreamingClient[gatewatchv1.StreamRequest, gatewatchv1.StreamResponse]
}

func (p nodePeer) stream(t *testing.T) nodeClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	stream, err := p.node.Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return nodeClient{t, stream}
}

// hello says hello and returns the sequence of the welcome.
func (c nodeClient) hello(node string, epoch byte) uint64 {
	c.t.Helper()
	e := queue.Epoch{epoch}
	c.say(&gatewatchv1.Hello{Node: node, Epoch: e[:], Status: &gatewatchv1.NodeStatus{Version: "1.2", Sites: []string{"shop"}}})
	m, err := c.stream.Recv()
	if err != nil || m.GetWelcome() == nil {
		c.t.Fatalf("welcome: %v, %v", m, err)
	}
	if m.GetWelcome().GetWindowBytes() == 0 {
		c.t.Error("welcome without a window")
	}
	return m.GetWelcome().GetSequence()
}

func (c nodeClient) say(h *gatewatchv1.Hello) {
	c.t.Helper()
	c.send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Hello{Hello: h}})
}

func (c nodeClient) send(m *gatewatchv1.StreamRequest) {
	c.t.Helper()
	if err := c.stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
}

// batch sends n records from a sequence number on.
func (c nodeClient) batch(first uint64, n int) {
	c.t.Helper()
	b := &gatewatchv1.Batch{FirstSequence: first, Format: "syslog"}
	for i := range n {
		b.Records = append(b.Records, fmt.Append(nil, first+uint64(i)))
	}
	c.send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{Batch: b}})
}

// acked waits for the ack of a sequence number.
func (c nodeClient) acked(sequence uint64) {
	c.t.Helper()
	for {
		m, err := c.stream.Recv()
		if err != nil {
			c.t.Fatalf("wait for ack %d: %v", sequence, err)
		}
		switch got := m.GetAck().GetSequence(); {
		case got == sequence:
			return
		case got > sequence:
			c.t.Fatalf("ack %d, want %d", got, sequence)
		}
	}
}

// ends waits for the end of the stream.
func (c nodeClient) ends(code codes.Code) {
	c.t.Helper()
	for {
		_, err := c.stream.Recv()
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if got := status.Code(err); got != code {
			c.t.Errorf("stream ended with %v (%v), want %v", got, err, code)
		}
		return
	}
}

func TestNodeStreamIsStoredOnce(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	p := listenGRPC(t, s, NodeConfig{}, nil)
	c := p.stream(t)
	if got := c.hello("edge-1", 1); got != 0 {
		t.Errorf("welcome %d, want 0", got)
	}
	for i := range 20 { // many on the way at once
		c.batch(uint64(i*10+1), 10)
	}
	c.acked(200)
	c.batch(191, 15) // ten of them again
	c.acked(205)
	c.batch(5, 3) // all of it again
	c.acked(205)
	c.batch(300, 1) // the node lost 206 to 299
	c.acked(300)
	if err := c.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	c.ends(codes.OK)

	again := p.stream(t)
	if got := again.hello("edge-1", 1); got != 300 {
		t.Errorf("welcome after reconnect %d, want 300", got)
	}
	other := p.stream(t)
	if got := other.hello("edge-1", 2); got != 0 {
		t.Errorf("welcome of another epoch %d, want 0", got)
	}
	var want []string
	for i := range 205 {
		want = append(want, fmt.Sprint(i+1))
	}
	if diff := cmp.Diff(append(want, "300"), lines(log.all())); diff != "" {
		t.Error(diff)
	}
	if n := counts(t, s, "edge-1"); n.Duplicates != 13 || n.Missing != 94 || n.Received != 206 {
		t.Errorf("counts: %+v", n)
	}
	got := p.nodes.Nodes()
	if len(got) != 1 || got[0].Name != "edge-1" || !got[0].Connected || got[0].Version != "1.2" || got[0].Peer != "127.0.0.1" {
		t.Errorf("nodes: %+v", got)
	}
}

// TestNodeTellsOfItself keeps what a node says of its spool and bundles, within
// bounds.
func TestNodeTellsOfItself(t *testing.T) {
	n := newNodes()
	at := time.Unix(1769860800, 0)
	n.connect("edge-1", "127.0.0.1", at)
	f := func(status *gatewatchv1.NodeStatus, want Node) {
		t.Helper()
		want.Name, want.Connected, want.Peer, want.LastSeen = "edge-1", true, "127.0.0.1", at
		n.seen("edge-1", status, at)
		if diff := cmp.Diff([]Node{want}, n.all()); diff != "" {
			t.Errorf("node differs (-want +got):\n%s", diff)
		}
	}
	f(&gatewatchv1.NodeStatus{SpoolRecords: 7, SpoolAgeMs: 61_500, StableBundle: "b1", CandidateBundle: "b2"},
		Node{Spooled: 7, Lag: 61_500 * time.Millisecond, Bundle: "b1", Candidate: "b2"})
	f(nil, Node{Spooled: 7, Lag: 61_500 * time.Millisecond, Bundle: "b1", Candidate: "b2"})
	f(&gatewatchv1.NodeStatus{SpoolAgeMs: 1<<64 - 1, StableBundle: strings.Repeat("b", 1000)},
		Node{Lag: maxLag * time.Millisecond, Bundle: strings.Repeat("b", maxNodeText)})
}

func TestNodeStreamRefusesNonsense(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{})
	p := listenGRPC(t, s, NodeConfig{}, nil)
	listenGRPC(t, s, NodeConfig{HelloTimeout: 100 * time.Millisecond}, nil).stream(t).ends(codes.DeadlineExceeded)
	f := func(code codes.Code, say func(c nodeClient)) {
		t.Helper()
		c := p.stream(t)
		say(c)
		c.ends(code)
	}
	epoch := make([]byte, 16)
	epoch[0] = 1
	f(codes.InvalidArgument, func(c nodeClient) { c.batch(1, 1) })
	f(codes.InvalidArgument, func(c nodeClient) { c.say(&gatewatchv1.Hello{Node: "a", Epoch: epoch[:15]}) })
	f(codes.InvalidArgument, func(c nodeClient) { c.say(&gatewatchv1.Hello{Node: "a", Epoch: make([]byte, 16)}) })
	f(codes.InvalidArgument, func(c nodeClient) { c.say(&gatewatchv1.Hello{Node: "../a", Epoch: epoch}) })
	f(codes.InvalidArgument, func(c nodeClient) { c.say(&gatewatchv1.Hello{Node: "a\x00b", Epoch: epoch}) })
	f(codes.InvalidArgument, func(c nodeClient) { c.say(&gatewatchv1.Hello{Node: strings.Repeat("a", 129), Epoch: epoch}) })
	f(codes.InvalidArgument, func(c nodeClient) { c.hello("a", 1); c.say(&gatewatchv1.Hello{Node: "a", Epoch: epoch}) })
	f(codes.InvalidArgument, func(c nodeClient) { c.hello("a", 1); c.batch(0, 1) })
	f(codes.InvalidArgument, func(c nodeClient) { c.hello("a", 1); c.batch(1<<64-1, 1) })
	f(codes.InvalidArgument, func(c nodeClient) { c.hello("a", 1); c.batch(MaxSequence, 2) })
	f(codes.InvalidArgument, func(c nodeClient) {
		c.hello("a", 1)
		c.send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{
			Batch: &gatewatchv1.Batch{FirstSequence: 1, Format: "nope", Records: [][]byte{nil}},
		}})
	})
	f(codes.ResourceExhausted, func(c nodeClient) {
		c.hello("a", 1)
		c.send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{
			Batch: &gatewatchv1.Batch{FirstSequence: 1, Records: [][]byte{make([]byte, 63<<20)}},
		}})
	})
	// What came before the nonsense is stored and acknowledged.
	c := p.stream(t)
	c.hello("a", 1)
	c.batch(1, 5)
	c.batch(0, 1)
	c.acked(5)
	c.ends(codes.InvalidArgument)
}

// TestNamesOfTokensAreKept shows that the records of a node are not lost when
// somebody on the same machine sends in its name, with its epoch.
func TestNamesOfTokensAreKept(t *testing.T) {
	tokens, err := access.OpenTokens(t.TempDir(), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, bearer, err := tokens.Create(access.Grant{Kind: access.KindNode, Name: "edge-1"})
	if err != nil {
		t.Fatal(err)
	}
	gate := access.NewGate(tokens, access.NewFailures(time.Now), true, slog.New(slog.DiscardHandler))
	s := openSink(t, newMemoryLog(), Config{})
	p := listenGRPC(t, s, NodeConfig{}, gate.Sender)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+bearer)
	stream, err := p.node.Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	node, epoch := nodeClient{t, stream}, queue.Epoch{1}
	node.hello("edge-1", 1)
	node.batch(1, 1)
	node.acked(1)

	forged := &gatewatchv1.IngestRequest{
		Source: "edge-1", Format: "json", Epoch: epoch.String(),
		Records: []*gatewatchv1.RawRecord{{Sequence: MaxSequence, Raw: []byte("x")}},
	}
	if _, err := p.ingest.Ingest(t.Context(), forged); status.Code(err) != codes.PermissionDenied {
		t.Errorf("anonymous in the name of a token: %v", err)
	}
	stranger := p.stream(t)
	stranger.say(&gatewatchv1.Hello{Node: "edge-1", Epoch: epoch[:]})
	stranger.ends(codes.PermissionDenied)
	// Not even the node itself can lose its records so.
	answer, err := p.ingest.Ingest(ctx, forged)
	if err != nil || answer.GetAccepted() != 0 || len(answer.GetErrors()) != 1 || answer.GetErrors()[0].GetReason() != string(ReasonSequence) {
		t.Errorf("jump: %v, %v", answer, err)
	}
	node.batch(2, 4)
	node.acked(5)
	for _, source := range s.Sources() {
		if source.Name == "edge-1" && source.Received != 5 {
			t.Errorf("%+v, want 5 records", source)
		}
	}
}

func TestNodeHasTheNameOfItsToken(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{})
	auth := func(context.Context, string, net.Addr, *tls.ConnectionState) (access.Sender, error) {
		return access.Sender{Name: "edge-1"}, nil
	}
	p := listenGRPC(t, s, NodeConfig{}, auth)
	p.stream(t).hello("edge-1", 1)
	c := p.stream(t)
	epoch := queue.Epoch{1}
	c.say(&gatewatchv1.Hello{Node: "edge-2", Epoch: epoch[:]})
	c.ends(codes.PermissionDenied)

	stranger := func(context.Context, string, net.Addr, *tls.ConnectionState) (access.Sender, error) {
		return access.Sender{}, ErrUnauthorized
	}
	listenGRPC(t, s, NodeConfig{}, stranger).stream(t).ends(codes.Unauthenticated)
}

func TestNodeWaitsWhileTheQueueIsFull(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	p := listenGRPC(t, s, NodeConfig{RetryEvery: time.Millisecond}, nil)
	c := p.stream(t)
	c.hello("edge-1", 1)
	log.setFail(queue.ErrFull)
	c.batch(1, 3)
	m, err := c.stream.Recv()
	if err != nil || m.GetAck().GetSequence() != 0 || m.GetAck().GetWindowBytes() != 0 {
		t.Fatalf("ack while the queue is full: %v, %v", m, err)
	}
	log.setFail(nil)
	c.acked(3)

	log.setFail(errors.New("disk is broken"))
	c.batch(4, 1)
	c.ends(codes.Unavailable)
	log.setFail(nil)
	again := p.stream(t)
	if got := again.hello("edge-1", 1); got != 3 {
		t.Errorf("welcome %d, want 3", got)
	}
}

func TestNodeWindowBoundsMemory(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	p := listenGRPC(t, s, NodeConfig{}, nil)
	entered, open := log.hold()
	c := p.stream(t)
	c.hello("edge-1", 1)
	const batches = 40 // of 1 MiB
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range batches {
			c.send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{Batch: &gatewatchv1.Batch{
				FirstSequence: uint64(i + 1), Format: "syslog", Records: [][]byte{make([]byte, 1<<20)},
			}}})
		}
	}()
	<-entered
	until(t, func() bool { return s.memory.inUse() >= 3<<20 })
	if n := s.memory.inUse(); n > windowBytes {
		t.Errorf("%d bytes in flight, window is %d", n, windowBytes)
	}
	open()
	c.acked(batches)
	<-sent
	until(t, func() bool { return s.memory.inUse() == 0 })
}

func TestStopAcknowledgesWhatIsDurable(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	p := listenGRPC(t, s, NodeConfig{}, nil)
	entered, open := log.hold()
	c := p.stream(t)
	c.hello("edge-1", 1)
	c.batch(1, 3)
	<-entered
	p.nodes.Stop()
	open()
	c.acked(3)
	c.ends(codes.Unavailable)
}

func TestStreamsOfOnePeerAreBounded(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{})
	auth := func(_ context.Context, bearer string, _ net.Addr, _ *tls.ConnectionState) (access.Sender, error) {
		return access.Sender{Name: bearer}, nil
	}
	p := listenGRPC(t, s, NodeConfig{HelloTimeout: time.Hour}, auth)
	for i := range maxStreamsEach {
		p.stream(t).hello("edge-1", byte(i+1))
	}
	p.stream(t).ends(codes.ResourceExhausted)
	// A node with a token has places of its own.
	stream, err := p.node.Stream(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer edge-9"))
	if err != nil {
		t.Fatal(err)
	}
	nodeClient{t, stream}.hello("edge-9", 1)
}

func TestSilentStreamEnds(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{})
	p := listenGRPC(t, s, NodeConfig{IdleTimeout: 50 * time.Millisecond}, nil)
	c := p.stream(t)
	c.hello("edge-1", 1)
	c.ends(codes.Unavailable)
}

// TestNodeThatNeverReadsAcks has the server send acks until they find no room on
// their way, which takes some ten thousand of them: the stream ends, and nothing
// of it is left.
func TestNodeThatNeverReadsAcks(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	p := listenGRPC(t, s, NodeConfig{RetryEvery: time.Microsecond, AckTimeout: 50 * time.Millisecond}, nil)
	c := p.stream(t)
	c.hello("edge-1", 1)
	log.setFail(queue.ErrFull) // each try is acknowledged with an empty window
	c.batch(1, 1)
	until(t, func() bool { log.mu.Lock(); defer log.mu.Unlock(); return log.appends > 0 })
	until(t, func() bool { return s.memory.inUse() == 0 && !p.nodes.Nodes()[0].Connected })
	c.ends(codes.Unavailable)
}

func TestIngestService(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	p := listenGRPC(t, s, NodeConfig{}, nil)
	epoch := queue.Epoch{7}
	record := func(id string, seq uint64, raw string) *gatewatchv1.RawRecord {
		return &gatewatchv1.RawRecord{Id: id, Sequence: seq, Raw: []byte(raw)}
	}
	f := func(req *gatewatchv1.IngestRequest, want string, code codes.Code) {
		t.Helper()
		resp, err := p.ingest.Ingest(t.Context(), req)
		if status.Code(err) != code {
			t.Errorf("%v: %v, want %v", req, err, code)
			return
		}
		got := fmt.Sprint(resp.GetAccepted(), resp.GetDuplicates())
		for _, e := range resp.GetErrors() {
			got += fmt.Sprintf(" %d:%s", e.GetIndex(), e.GetReason())
		}
		if err == nil && got != want {
			t.Errorf("%v: %s, want %s", req, got, want)
		}
	}
	f(&gatewatchv1.IngestRequest{Records: []*gatewatchv1.RawRecord{record("", 0, "a"), record("x", 0, "b"), record("x", 0, "b"), record("", 3, "c")}},
		"2 1 3:sequence without an epoch", codes.OK)
	f(&gatewatchv1.IngestRequest{Source: "file", Epoch: epoch.String(), Records: []*gatewatchv1.RawRecord{record("", 10, "a"), record("", 20, "b")}}, "2 0", codes.OK)
	f(&gatewatchv1.IngestRequest{Source: "file", Epoch: epoch.String(), Records: []*gatewatchv1.RawRecord{
		record("", 20, "b"), record("", 0, "z"), record("", 1<<63, "z"), record("id", 1, "z"), record("", 30, "c"),
	}}, "1 1 1:sequence is not between 1 and 2^63-1 2:sequence is not between 1 and 2^63-1 3:record has both an id and a position", codes.OK)
	f(&gatewatchv1.IngestRequest{Source: "disorder", Epoch: epoch.String(), Records: []*gatewatchv1.RawRecord{
		record("", 5, "a"), record("", 3, "b"), record("", 9, "c"), record("", 7, "d"),
	}}, "2 0 1:bad_sequence 3:bad_sequence", codes.OK)
	f(&gatewatchv1.IngestRequest{Format: "nope", Records: []*gatewatchv1.RawRecord{record("", 0, "a")}}, "", codes.InvalidArgument)
	f(&gatewatchv1.IngestRequest{Source: "../x"}, "", codes.InvalidArgument)
	f(&gatewatchv1.IngestRequest{Epoch: "xyz"}, "", codes.InvalidArgument)
	f(&gatewatchv1.IngestRequest{Header: strings.Repeat("h", maxHeader+1)}, "", codes.InvalidArgument)
	log.setFail(queue.ErrFull)
	f(&gatewatchv1.IngestRequest{Records: []*gatewatchv1.RawRecord{record("", 0, "a")}}, "", codes.ResourceExhausted)
	log.setFail(nil)

	pos, err := p.ingest.GetPosition(t.Context(), &gatewatchv1.GetPositionRequest{Source: "file", Epoch: epoch.String()})
	if err != nil || pos.GetSequence() != 30 {
		t.Errorf("position %v, %v, want 30", pos, err)
	}
	if diff := cmp.Diff([]string{"a", "b", "a", "b", "c", "a", "c"}, lines(log.all())); diff != "" {
		t.Error(diff)
	}
}
