package waf

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/kept"
)

// Bounds of the stream to the server.
const (
	batchBytes     = 256 << 10 // of one batch, unless a record is larger
	welcomeTimeout = 30 * time.Second
	statusInterval = 10 * time.Second
	minBackoff     = 250 * time.Millisecond
	maxBackoff     = 30 * time.Second
)

// stream sends the records of a spool to the server, for as long as run runs.
type stream struct {
	target  string
	tls     *tls.Config // nil for a plain connection
	token   string
	node    string
	spool   *Spool
	hits    *hits // nil counts none
	status  func() *gatewatchv1.NodeStatus
	offer   func(*gatewatchv1.BundleOffer)   // takes an offer and does not wait, nil to take none
	report  func() *gatewatchv1.BundleReport // the last answer to one, nil for none
	metrics *metrics
	log     *slog.Logger
	least   time.Duration // first wait before a new try; doubled for each
	most    time.Duration // longest wait

	connected atomic.Bool
	open      atomic.Pointer[speaker] // of the stream, nil without one
}

// bearer sends a token with each call (RFC 6750).
type bearer struct {
	token  string
	secure bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.secure }

func (st *stream) dial() (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if st.tls != nil {
		creds = credentials.NewTLS(st.tls)
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithUserAgent("gatewatch-waf"),
	}
	if st.token != "" {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer{st.token, st.tls != nil}))
	}
	conn, err := grpc.NewClient(st.target, opts...)
	if err != nil {
		return nil, fmt.Errorf("dial server %s: %w", st.target, err)
	}
	return conn, nil
}

// run keeps a stream open until the context ends. It returns an error only when
// the address of the server makes no sense.
func (st *stream) run(ctx context.Context) error {
	conn, err := st.dial()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is in it that the spool does not hold
	wait := st.least
	for {
		welcomed, err := st.once(ctx, conn)
		if ctx.Err() != nil {
			return nil
		}
		if welcomed {
			wait = st.least
		}
		st.metrics.streamErrors.Inc()
		st.log.Warn("stream ended", slog.String("server", st.target), slog.Any("error", err), slog.Duration("retry", wait))
		select {
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, st.most)
		conn.ResetConnectBackoff()
	}
}

// once runs one stream to its end and tells whether the server accepted it.
func (st *stream) once(ctx context.Context, conn *grpc.ClientConn) (welcomed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	raw, err := gatewatchv1.NewNodeServiceClient(conn).Stream(ctx)
	if err != nil {
		return false, fmt.Errorf("open stream: %w", err)
	}
	rpc := &speaker{NodeService_StreamClient: raw}
	epoch := st.spool.Epoch()
	hello := &gatewatchv1.Hello{Node: st.node, Epoch: epoch[:], Status: st.status()}
	// Where the server has ended the stream already, Recv tells why.
	if err := send(rpc, &gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Hello{Hello: hello}}); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	welcome, err := awaitWelcome(rpc, cancel)
	if err != nil {
		return false, err
	}
	if err := st.spool.Ack(welcome.GetSequence()); err != nil {
		st.log.Error("begin a new epoch", slog.Any("error", err), slog.Uint64("server", welcome.GetSequence()))
		return false, errors.Join(err, st.spool.Renew())
	}
	st.setConnected(true)
	defer st.setConnected(false)
	st.open.Store(rpc)
	defer st.open.Store(nil)
	st.tell()
	st.log.Info("stream connected", slog.String("server", st.target), slog.Uint64("server_holds", welcome.GetSequence()))
	flight := newFlight(welcome.GetWindowBytes())
	received := make(chan error, 1)
	go func() {
		received <- st.receive(rpc, flight)
		cancel()
	}()
	err = st.transmit(ctx, rpc, flight, max(welcome.GetSequence(), st.spool.Stats().Acked)+1)
	cancel()
	if why := <-received; errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) {
		err = why
	}
	return true, err
}

// awaitWelcome returns the server's answer to the hello; cancel ends the stream
// when it does not come.
func awaitWelcome(rpc gatewatchv1.NodeService_StreamClient, cancel context.CancelFunc) (*gatewatchv1.Welcome, error) {
	late := time.AfterFunc(welcomeTimeout, cancel)
	answer, err := rpc.Recv()
	switch {
	case !late.Stop():
		return nil, fmt.Errorf("await welcome: none came within %s", welcomeTimeout)
	case err != nil:
		return nil, fmt.Errorf("await welcome: %w", err)
	case answer.GetWelcome() == nil:
		return nil, errors.New("await welcome: server sent something else")
	}
	return answer.GetWelcome(), nil
}

func (st *stream) setConnected(yes bool) {
	st.connected.Store(yes)
	value := 0.0
	if yes {
		value = 1
	}
	st.metrics.streamConnected.Set(value)
}

// sender is what of a stream sends.
type sender interface {
	Send(*gatewatchv1.StreamRequest) error
}

// send sends one message. An error that is io.EOF says that the server has ended
// the stream; why is for the one goroutine that receives to find out, for gRPC
// allows no second one.
func send(rpc sender, m *gatewatchv1.StreamRequest) error {
	if err := rpc.Send(m); err != nil {
		return fmt.Errorf("send to server: %w", err)
	}
	return nil
}

// receive takes acknowledgements until the stream ends.
func (st *stream) receive(rpc gatewatchv1.NodeService_StreamClient, f *flight) error {
	for {
		m, err := rpc.Recv()
		if err != nil {
			return fmt.Errorf("receive acknowledgement: %w", err)
		}
		if o := m.GetOffer(); o != nil && st.offer != nil {
			st.offer(o)
		}
		ack := m.GetAck()
		if ack == nil {
			continue
		}
		if err := st.spool.Ack(ack.GetSequence()); err != nil {
			return fmt.Errorf("receive acknowledgement: %w", err)
		}
		st.metrics.streamAcked.Set(float64(ack.GetSequence()))
		f.acked(ack.GetSequence(), ack.GetWindowBytes())
	}
}

// transmit sends batches as the window allows, and the node's status between
// them every statusInterval, until the context ends.
func (st *stream) transmit(ctx context.Context, rpc gatewatchv1.NodeService_StreamClient, f *flight, from uint64) error {
	reader := st.spool.readFrom(from)
	defer reader.close()
	status := time.Now()
	for {
		room, err := f.await(ctx)
		if err != nil {
			return err
		}
		first, records, err := st.nextBatch(ctx, reader, min(room, batchBytes))
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if len(records) > 0 {
			f.sent(first+uint64(len(records))-1, records)
			if err := sendRecords(rpc, first, records); err != nil {
				return err
			}
		}
		if time.Since(status) >= statusInterval {
			status = time.Now()
			if err := st.tellStatus(rpc); err != nil {
				return err
			}
		}
	}
}

// sendRecords sends records as batches of one format each.
func sendRecords(rpc sender, first uint64, records [][]byte) error {
	for len(records) > 0 {
		format, n := formatOf(records[0]), 1
		for n < len(records) && formatOf(records[n]) == format {
			n++
		}
		batch := &gatewatchv1.Batch{FirstSequence: first, Format: format, Records: records[:n]}
		if err := send(rpc, &gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{Batch: batch}}); err != nil {
			return err
		}
		first, records = first+uint64(n), records[n:]
	}
	return nil
}

// formatOf is the format of a record of the spool.
func formatOf(record []byte) string {
	if kept.Is(record) {
		return kept.Format
	}
	return Format
}

// nextBatch waits for records, but no longer than until a status is due.
func (st *stream) nextBatch(ctx context.Context, r *spoolReader, limit int64) (uint64, [][]byte, error) {
	timed, cancel := context.WithTimeout(ctx, statusInterval)
	defer cancel()
	first, records, err := r.next(timed, limit)
	if ctx.Err() != nil {
		return 0, nil, ctx.Err()
	}
	return first, records, err
}

// flight counts the bytes that are sent and not acknowledged.
type flight struct {
	mu      sync.Mutex
	window  int64
	bytes   int64
	batches []sentBatch
	changed chan struct{}
}

type sentBatch struct {
	last  uint64
	bytes int64
}

func newFlight(window uint64) *flight {
	return &flight{window: clampWindow(window), changed: make(chan struct{}, 1)}
}

func clampWindow(window uint64) int64 { return int64(min(window, 1<<30)) }

// await waits for room in the window and returns how much there is. A window
// that is smaller than a record lets one go when nothing is under way.
func (f *flight) await(ctx context.Context) (int64, error) {
	for {
		f.mu.Lock()
		room := f.window - f.bytes
		f.mu.Unlock()
		if room > 0 {
			return room, nil
		}
		select {
		case <-f.changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (f *flight) sent(last uint64, records [][]byte) {
	var bytes int64
	for _, r := range records {
		bytes += int64(len(r))
	}
	f.mu.Lock()
	f.batches = append(f.batches, sentBatch{last, bytes})
	f.bytes += bytes
	f.mu.Unlock()
}

func (f *flight) acked(sequence, window uint64) {
	f.mu.Lock()
	n := 0
	for n < len(f.batches) && f.batches[n].last <= sequence {
		f.bytes -= f.batches[n].bytes
		n++
	}
	f.batches = append(f.batches[:0], f.batches[n:]...)
	f.window = clampWindow(window)
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
}
