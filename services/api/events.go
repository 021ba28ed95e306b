package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

const (
	// smallPage is the number of events above which a page over REST may have
	// more than smallPageBytes of JSON, up to largePageBytes. Only maxLarge of
	// such pages are in memory at once, until they have been read.
	smallPage      = 1000
	smallPageBytes = 4 << 20
	largePageBytes = 32 << 20
	maxLarge       = 2
	// keptBuffer is the largest buffer that is kept for the next request.
	keptBuffer = 1 << 20
	// heartbeat is sent to an event stream on which nothing happens, so that
	// proxies keep it and a peer that has gone is noticed.
	heartbeat = 15 * time.Second
	// writeTime is how long a reader of a tail may take for one event.
	writeTime = 30 * time.Second
)

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// restSearch is POST /api/v1/search. It writes what marshaler would write of a
// SearchResponse, without making one.
func (g *guard) restSearch(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	var req gatewatchv1.SearchRequest
	g.answer(w, r, methodSearch, &req, func(ctx context.Context, b []byte, send func([]byte)) error {
		maxBytes := smallPageBytes
		if req.GetPageSize() > smallPage {
			release, err := turn(ctx, g.api.large)
			if err != nil {
				return err
			}
			defer release()
			maxBytes = largePageBytes
		}
		body, err := g.api.searchJSON(ctx, b, &req, maxBytes)
		if err == nil {
			send(body)
		}
		return err
	})
}

// answer reads the request of a call, lets write append the answer in JSON to the
// bytes it is given, and sends that.
func (g *guard) answer(w http.ResponseWriter, r *http.Request, method string, req proto.Message, write func(ctx context.Context, b []byte, send func([]byte)) error) {
	if err := readRequest(r, req); err != nil {
		problemOf(err).write(w)
		return
	}
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= keptBuffer {
			buffers.Put(buf)
		}
	}()
	send := func(body []byte) {
		*buf = body
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime)) // WriteTimeout where there is none
		w.Write(body)
	}
	info := &grpc.UnaryServerInfo{FullMethod: method}
	_, err := g.unary(r.Context(), req, info, func(ctx context.Context, _ any) (any, error) {
		if g.api.parts.Store == nil {
			return nil, status.Error(codes.Unimplemented, "this process serves no events")
		}
		return nil, write(ctx, (*buf)[:0], send)
	})
	if err != nil {
		problemOf(err).write(w)
	}
}

// searchJSON appends a page of events as JSON.
func (a *API) searchJSON(ctx context.Context, b []byte, req *gatewatchv1.SearchRequest, maxBytes int) ([]byte, error) {
	b = append(b, `{"events":[`...)
	head := len(b)
	sink := pageSink{
		reset: func() { b = b[:head] },
		add: func(e *event.Event) int {
			before := len(b)
			if before > head {
				b = append(b, ',')
			}
			b = e.AppendJSON(b)
			return len(b) - before
		},
	}
	next, stats, err := a.search(ctx, req, maxBytes, sink)
	if err != nil {
		return nil, err
	}
	b = append(b, `],"next_page_token":`...)
	b = event.AppendQuoted(b, next)
	b = append(b, `,"stats":`...)
	b = appendMessage(b, newProtoStats(stats).ProtoReflect())
	return append(b, '}'), nil
}

func readRequest(r *http.Request, m proto.Message) error {
	err := marshaler{}.NewDecoder(r.Body).Decode(m)
	if err != nil && !errors.Is(err, io.EOF) {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return nil
}

// restTail is POST /api/v1/tail: a line of JSON for each event, or an event of
// server-sent events if these are asked for.
func (g *guard) restTail(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	var req gatewatchv1.TailRequest
	if err := readRequest(r, &req); err != nil {
		problemOf(err).write(w)
		return
	}
	out := newEventStream(w, acceptsEventStream(r))
	info := &grpc.StreamServerInfo{FullMethod: methodTail, IsServerStream: true}
	err := g.stream(nil, &httpStream{ctx: r.Context()}, info, func(_ any, ss grpc.ServerStream) error {
		if g.api.parts.Store == nil {
			return status.Error(codes.Unimplemented, "this process serves no events")
		}
		return g.api.tail(ss.Context(), &req, out)
	})
	out.end(err)
}

// httpStream is what the guard of streams needs of a stream.
type httpStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *httpStream) Context() context.Context     { return s.ctx }
func (s *httpStream) SetHeader(metadata.MD) error  { return nil }
func (s *httpStream) SendHeader(metadata.MD) error { return nil }
func (s *httpStream) SetTrailer(metadata.MD)       {}

func acceptsEventStream(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if t, _, err := mime.ParseMediaType(part); err == nil && t == "text/event-stream" {
			return true
		}
	}
	return false
}

// eventStream writes the events of a tail to one reader.
type eventStream struct {
	w    http.ResponseWriter
	conn *http.ResponseController
	sse  bool
	mu   sync.Mutex // heartbeats come between events
	open bool       // the header was written
	buf  []byte
}

func newEventStream(w http.ResponseWriter, sse bool) *eventStream {
	return &eventStream{w: w, conn: http.NewResponseController(w), sse: sse}
}

// begin sends the header and the first heartbeat, and further ones until the
// tail ends. A reader that does not take them ends it.
func (s *eventStream) begin(ctx context.Context, cancel context.CancelCauseFunc) (wait func(), err error) {
	if err := s.beat(); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := s.beat(); err != nil {
					cancel(err)
					return
				}
			}
		}
	})
	return wg.Wait, nil
}

// beat sends an empty line, in server-sent events a comment.
func (s *eventStream) beat() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sse {
		return s.write([]byte(":\n\n"))
	}
	return s.write([]byte("\n"))
}

// send writes one event and waits until it is on its way.
func (s *eventStream) send(e *event.Event, missed int) error {
	return s.append(func(b []byte) []byte {
		b = append(b, `{"event":`...)
		b = e.AppendJSON(b)
		b = append(b, `,"missed":`...)
		b = strconv.AppendInt(b, int64(missed), 10)
		return append(b, '}')
	})
}

// append writes the JSON that add appends as one event.
func (s *eventStream) append(add func([]byte) []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buf[:0]
	if s.sse {
		b = append(b, "data: "...)
	}
	b = append(add(b), '\n')
	if s.sse {
		b = append(b, '\n')
	}
	s.buf = b
	return s.write(b)
}

// write sends bytes, after the header if it was not sent yet.
func (s *eventStream) write(b []byte) error {
	if !s.open {
		s.open = true
		kind := "application/x-ndjson"
		if s.sse {
			kind = "text/event-stream"
		}
		s.w.Header().Set("Content-Type", kind)
		s.w.Header().Set("X-Accel-Buffering", "no") // nginx in between
		s.w.WriteHeader(http.StatusOK)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.conn.Flush()
}

// end tells the reader why the stream ends: as a problem if it has not begun,
// else as its last event.
func (s *eventStream) end(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := problemOf(err)
	if !s.open {
		p.write(s.w)
		return
	}
	_ = s.write(p.event(s.sse)) // the reader has gone if this fails
}
