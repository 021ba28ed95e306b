package ingest

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/detection/parse"
	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// MaxMessage is the largest gRPC message of a sender in bytes. The gRPC server
// must be made with it: grpc.MaxRecvMsgSize(ingest.MaxMessage).
const MaxMessage = 8 << 20

// windowBytes is how much a node may have under way; a node that sends more is
// not read until what it sent is durable.
const windowBytes = 4 << 20

// decisions is the format of what a node sends unless it says another. The queue
// holds it as [parse.NodeFormat], which tells it from a log of the same form.
const decisions = "coraza.waf"

const (
	maxStreams = 4096
	// maxStreamsEach is how many streams a node may have; nodes without a token
	// share it by their address. Each may be sending a message of MaxMessage.
	maxStreamsEach = 32
)

// NodeConfig bounds the streams of nodes. The zero value is the default.
type NodeConfig struct {
	HelloTimeout time.Duration `help:"how long the stream of a node may take to say hello"`
	// IdleTimeout ends a stream; a node that was silent connects again.
	IdleTimeout time.Duration `help:"how long a stream may stay without a whole message"`
	AckTimeout  time.Duration `help:"how long an ack may wait for a node that does not read, before its stream ends"`
	RetryEvery  time.Duration `help:"how often a full queue is tried again"`
}

// WithDefaults fills in zero fields.
func (c NodeConfig) WithDefaults() NodeConfig {
	orInt(&c.HelloTimeout, 10*time.Second)
	orInt(&c.IdleTimeout, 15*time.Minute)
	orInt(&c.AckTimeout, 30*time.Second)
	orInt(&c.RetryEvery, time.Second)
	return c
}

// NodeServer implements NodeService.
type NodeServer struct {
	gatewatchv1.UnimplementedNodeServiceServer
	sink  *Sink
	cfg   NodeConfig
	auth  Authenticator
	log   *slog.Logger
	nodes *nodes
	fleet *fleet.Fleet // nil: nodes are offered no bundles

	seal     Seal // nil: copies of requests are refused
	streams  *admission[origin]
	stop     chan struct{}
	stopOnce sync.Once
	running  sync.WaitGroup
}

// NewNodeServer makes the server. A nil auth is [LoopbackOnly], a nil log
// discards.
func NewNodeServer(sink *Sink, cfg NodeConfig, auth Authenticator, log *slog.Logger) *NodeServer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &NodeServer{
		sink: sink, cfg: cfg.WithDefaults(), auth: orLoopback(auth), log: log,
		nodes: newNodes(), streams: newAdmission[origin](maxStreams, maxStreamsEach), stop: make(chan struct{}),
	}
}

// OfferBundles offers the rule-set bundles of a fleet to enrolled nodes. It must be
// called before the first stream.
func (n *NodeServer) OfferBundles(f *fleet.Fleet) { n.fleet = f }

// Nodes returns the nodes seen since the server started, in order of their
// names.
func (n *NodeServer) Nodes() []Node { return n.nodes.all() }

// Stop ends all streams once what they sent is durable and acknowledged. Call
// it before GracefulStop of the gRPC server.
func (n *NodeServer) Stop() { n.stopOnce.Do(func() { close(n.stop) }) }

// Wait returns when nothing of the streams is left. Call it after the gRPC
// server was stopped.
func (n *NodeServer) Wait() { n.running.Wait() }

// nodeStream is one stream of one node. Four goroutines share it: the receiver
// reads messages, the appender makes batches durable, the acker sends acks, and
// the handler waits for them. A node that doesn't read its acks holds up its own
// acker alone, and that no longer than AckTimeout.
type nodeStream struct {
	*NodeServer
	stream grpc.BidiStreamingServer[gatewatchv1.StreamRequest, gatewatchv1.StreamResponse]
	ctx    context.Context // ends with the stream
	cancel context.CancelFunc
	node   string
	detach func() // from the fleet
	peer   netip.Addr
	origin origin
	epoch  queue.Epoch
	next   uint64 // expected sequence number; of the receiver once welcomed

	welcomed chan struct{}       // closed when the fields above are set
	window   *semaphore.Weighted // bytes that the node may have under way

	mu      sync.Mutex
	changed chan struct{} // has room for one wake-up of the appender
	batches []nodeBatch
	ended   bool
	err     error // why the receiver ended, nil for the end of the stream

	acks    chan struct{} // has room for one wake-up of the acker
	durable uint64
	full    bool
	offers  chan struct{} // has room for one word that there may be another offer
	unread  chan struct{} // gets one word when an ack has waited for too long
	drained chan struct{} // closed when the appender has ended
	failed  error         // of the appender; read after drained
}

type nodeBatch struct {
	group   queue.Group
	release func() // of its memory and its part of the window
}

// Stream implements NodeService.
func (n *NodeServer) Stream(stream grpc.BidiStreamingServer[gatewatchv1.StreamRequest, gatewatchv1.StreamResponse]) error {
	sender, from, err := grpcSender(stream.Context(), n.auth)
	if err != nil {
		n.log.Debug("node refused", "peer", from, "err", err)
		n.sink.Refuse("node", ReasonAuth, 1)
		return status.Error(codes.Unauthenticated, "a token or certificate of an enrolled node is needed")
	}
	o := originOf("node", sender, from)
	if !n.streams.enter(o) {
		return status.Error(codes.ResourceExhausted, "too many streams")
	}
	defer n.streams.leave(o)

	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	s := &nodeStream{
		NodeServer: n, stream: stream, ctx: ctx, cancel: cancel, peer: from, origin: o,
		changed: make(chan struct{}, 1), acks: make(chan struct{}, 1), unread: make(chan struct{}, 1), offers: make(chan struct{}, 1),
		drained: make(chan struct{}), welcomed: make(chan struct{}), window: semaphore.NewWeighted(windowBytes),
	}
	hello := make(chan *gatewatchv1.Hello, 1)
	ended := make(chan struct{})
	n.running.Go(func() {
		defer close(ended)
		s.receive(hello)
	})
	return s.serve(sender, hello, ended)
}

// serve is the handler: hello, welcome, then it waits for the stream to end. gRPC
// ends a Send that waits for the node only when the handler returns.
func (s *nodeStream) serve(sender access.Sender, hello <-chan *gatewatchv1.Hello, ended <-chan struct{}) error {
	timeout := time.NewTimer(s.cfg.HelloTimeout)
	defer timeout.Stop()
	select {
	case h := <-hello:
		if err := s.accept(sender, h); err != nil {
			return err
		}
	case <-ended:
		return s.reason()
	case <-timeout.C:
		return status.Error(codes.DeadlineExceeded, "no hello")
	case <-s.stop:
		return status.Error(codes.Unavailable, "server is shutting down")
	}
	defer func() { s.nodes.disconnect(s.node, s.sink.now()) }()
	defer s.detach()
	go s.append()
	acked := make(chan error, 1)
	s.running.Go(func() { acked <- s.acknowledge() })
	select {
	case err := <-acked:
		return err
	case <-s.unread:
		err := status.Errorf(codes.Unavailable, "acks were not read for %s", s.cfg.AckTimeout)
		s.log.Warn("node does not read acks", "node", s.node, "peer", s.peer)
		s.close(err)
		s.cancel()
		<-s.drained
		return err
	}
}

// accept checks the hello and answers it.
func (s *nodeStream) accept(sender access.Sender, h *gatewatchv1.Hello) error {
	if len(h.GetEpoch()) != len(s.epoch) || queue.Epoch(h.GetEpoch()) == (queue.Epoch{}) {
		return status.Errorf(codes.InvalidArgument, "epoch has %d bytes or is zero, want 16 random bytes", len(h.GetEpoch()))
	}
	if err := access.CheckName(h.GetNode()); err != nil {
		return status.Error(codes.InvalidArgument, "node: "+err.Error())
	}
	if _, err := sender.Source(h.GetNode(), ""); err != nil {
		s.log.Warn("node claims the name of another", "peer", s.peer, "bound", sender.Name, "claimed", h.GetNode())
		s.sink.Refuse(cmp.Or(sender.Name, "node"), ReasonAuth, 1)
		return status.Error(codes.PermissionDenied, "the node's name is not that of its token or certificate")
	}
	s.node, s.epoch = h.GetNode(), queue.Epoch(h.GetEpoch())
	s.durable = s.sink.Position(s.node, s.epoch)
	s.next = s.durable + 1
	welcome := &gatewatchv1.Welcome{Sequence: s.durable, WindowBytes: windowBytes}
	if err := s.stream.Send(&gatewatchv1.StreamResponse{Message: &gatewatchv1.StreamResponse_Welcome{Welcome: welcome}}); err != nil {
		return err
	}
	s.nodes.connect(s.node, peerText(s.peer), s.sink.now())
	s.nodes.seen(s.node, h.GetStatus(), s.sink.now())
	s.attach(h.GetStatus())
	close(s.welcomed)
	return nil
}

// acknowledge sends the newest ack whenever there is one, until everything that
// was received is durable after the end of the stream or of the server.
func (s *nodeStream) acknowledge() error {
	stop := s.stop
	for {
		select {
		case <-s.acks:
			if err := s.ack(); err != nil {
				s.close(err)
				s.cancel()
				<-s.drained
				return err
			}
		case <-s.offers:
			s.sendOffer()
		case <-stop:
			stop = nil
			s.close(status.Error(codes.Unavailable, "server is shutting down"))
		case <-s.drained:
			if err := s.ack(); err != nil {
				return err
			}
			if s.failed != nil {
				return s.failed
			}
			return s.reason()
		}
	}
}

// ack sends the newest ack. When that takes too long the handler is told.
func (s *nodeStream) ack() error {
	s.mu.Lock()
	ack := &gatewatchv1.Ack{Sequence: s.durable, WindowBytes: windowBytes}
	if s.full {
		ack.WindowBytes = 0
	}
	s.mu.Unlock()
	late := time.AfterFunc(s.cfg.AckTimeout, func() { wake(s.unread) })
	defer late.Stop()
	return s.stream.Send(&gatewatchv1.StreamResponse{Message: &gatewatchv1.StreamResponse_Ack{Ack: ack}})
}

// close makes the stream end with err once what was received is durable.
func (s *nodeStream) close(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended, s.err = true, err
	}
	wake(s.changed)
}

func (s *nodeStream) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// wake leaves a wake-up in a channel that has room for one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// group makes the queue group of a batch and checks it.
func (s *nodeStream) group(b *gatewatchv1.Batch) (queue.Group, int, error) {
	format := cmp.Or(b.GetFormat(), decisions)
	if _, ok := parse.Lookup(format); !ok && (format != kept.Format || s.seal == nil) {
		s.sink.Refuse(s.node, ReasonUnknown, len(b.GetRecords()))
		return queue.Group{}, 0, status.Errorf(codes.InvalidArgument, "unknown format %q", clip(format))
	}
	first, n := b.GetFirstSequence(), uint64(len(b.GetRecords()))
	if first == 0 || first > MaxSequence || n > MaxSequence-first {
		s.sink.Refuse(s.node, ReasonSequence, int(n))
		return queue.Group{}, 0, status.Errorf(codes.InvalidArgument, "first sequence %d is not between 1 and 2^63-1", first)
	}
	if last := s.next - 1; first > last && !follows(first, last) {
		s.sink.Refuse(s.node, ReasonSequence, int(n))
		return queue.Group{}, 0, status.Errorf(codes.InvalidArgument, "first sequence %d is more than %d after the last one", first, MaxJump)
	}
	g := queue.Group{
		Source: s.node, Format: format, Peer: peerText(s.peer), Epoch: s.epoch,
		Records: make([]queue.Record, n),
	}
	records := b.GetRecords()
	switch format {
	case decisions:
		g.Format = parse.NodeFormat
	case kept.Format:
		var err error
		if records, err = s.sealed(records); err != nil {
			return queue.Group{}, 0, err
		}
	}
	now, size := s.sink.now().UnixNano(), 0
	for i, raw := range records {
		g.Records[i] = queue.Record{Seq: first + uint64(i), Received: now, Raw: raw}
		size += len(raw) + 64
	}
	// What the stream has sent before is on its way already, so that the records
	// of batches that are stored together rise.
	if known := min(n, max(s.next, first)-first); known > 0 {
		g.Records = g.Records[known:]
		s.sink.sources.of(s.node).duplicates.Add(known)
	}
	return g, size, nil
}
