package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Full names of the methods that REST serves without the gateway.
const (
	methodSearch    = gatewatchv1.SearchService_Search_FullMethodName
	methodAggregate = gatewatchv1.SearchService_Aggregate_FullMethodName
	methodTail      = gatewatchv1.SearchService_Tail_FullMethodName
)

// Bounds of one page.
const (
	defaultPage  = 100
	maxPage      = 10_000
	maxPageToken = 4 << 10
	// maxPageBytes of events are sent over gRPC, whose clients take 4 MiB unless
	// told otherwise. A page that would be larger has fewer events.
	maxPageBytes = 3 << 20
)

// searchServer is SearchService over a store.
type searchServer struct {
	gatewatchv1.UnimplementedSearchServiceServer
	api *API
}

// Search implements SearchService.
func (s searchServer) Search(ctx context.Context, req *gatewatchv1.SearchRequest) (*gatewatchv1.SearchResponse, error) {
	resp := &gatewatchv1.SearchResponse{}
	sink := pageSink{
		reset: func() { resp.Events = nil },
		add: func(e *event.Event) int {
			converted := newProtoEvent(e)
			resp.Events = append(resp.Events, converted)
			return proto.Size(converted)
		},
	}
	next, stats, err := s.api.search(ctx, req, maxPageBytes, sink)
	if err != nil {
		return nil, err
	}
	resp.NextPageToken, resp.Stats = next, newProtoStats(stats)
	return resp, nil
}

// Aggregate implements SearchService.
func (s searchServer) Aggregate(ctx context.Context, req *gatewatchv1.AggregateRequest) (*gatewatchv1.AggregateResponse, error) {
	result, stats, err := s.api.aggregate(ctx, req)
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.AggregateResponse{
		Columns: result.Columns,
		Rows:    newProtoRows(result.Rows),
		Stats:   newProtoStats(stats),
	}, nil
}

// Tail implements SearchService.
func (s searchServer) Tail(req *gatewatchv1.TailRequest, stream grpc.ServerStreamingServer[gatewatchv1.TailResponse]) error {
	return s.api.tail(stream.Context(), req, protoTail{stream})
}

// protoTail sends a tail over gRPC, whose keepalive notices a reader that has gone.
type protoTail struct {
	stream grpc.ServerStreamingServer[gatewatchv1.TailResponse]
}

func (t protoTail) begin(context.Context, context.CancelCauseFunc) (wait func(), err error) {
	return func() {}, t.stream.SendHeader(nil)
}

func (t protoTail) send(e *event.Event, missed int) error {
	return t.stream.Send(&gatewatchv1.TailResponse{Event: newProtoEvent(e), Missed: uint64(missed)})
}

// pageSink takes the events of a page. An event is valid during add only, which
// returns its size in bytes; reset drops all that were added.
type pageSink struct {
	add   func(*event.Event) int
	reset func()
}

var errPageFull = errors.New("page is full")

// search reads one page into a sink: at most the events asked for, at most
// maxBytes of them but at least one.
func (a *API) search(ctx context.Context, req *gatewatchv1.SearchRequest, maxBytes int, sink pageSink) (next string, stats store.Stats, err error) {
	now, storeToken, err := parsePageToken(req.GetPageToken(), a.parts.Now())
	if err != nil {
		return "", stats, err
	}
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return "", stats, err
	}
	q, from, to, err := parse(req.GetQuery(), req.GetFrom(), req.GetTo(), now)
	if err != nil {
		return "", stats, err
	}
	if q.IsAggregation() {
		return "", stats, &badField{"query", errors.New("ends in a table: use aggregate")}
	}
	release, err := turn(ctx, a.searches)
	if err != nil {
		return "", stats, err
	}
	defer release()
	for {
		n, bytes := 0, 0
		page, err := a.parts.Store.Search(ctx, store.SearchRequest{Query: q, From: from, To: to, PageSize: size, PageToken: storeToken}, func(e *event.Event) error {
			bytes += sink.add(e)
			if n++; bytes > maxBytes && n > 1 {
				return errPageFull
			}
			return nil
		})
		switch {
		case errors.Is(err, errPageFull):
			// Only the store can name the place where a page ends, so it is asked
			// again for a page that ends before the event that was too much.
			size = n - 1
			sink.reset()
		case err != nil:
			return "", stats, fmt.Errorf("search: %w", err)
		default:
			return newPageToken(page.NextToken, now), page.Stats, nil
		}
	}
}

// tailReader is who reads a tail.
type tailReader interface {
	// begin tells the reader that the tail was accepted. What it starts ends
	// with ctx, and wait waits for that; cancel ends the tail early.
	begin(ctx context.Context, cancel context.CancelCauseFunc) (wait func(), err error)
	// send hands over one event, which is valid during the call only.
	send(e *event.Event, missed int) error
}

// tail sends events as they are stored, until ctx ends.
func (a *API) tail(ctx context.Context, req *gatewatchv1.TailRequest, reader tailReader) error {
	q, err := query.Parse(req.GetQuery(), a.parts.Now())
	if err != nil {
		return err
	}
	if len(q.Pipes) > 0 {
		return &badField{"query", errors.New("has a pipe: a tail only filters")}
	}
	select {
	case a.tails <- struct{}{}:
		defer func() { <-a.tails }()
	default:
		return errBusy
	}
	follow := a.parts.Store.Tail(q) // what is stored once the reader was told is not missed
	ctx, cancel := context.WithCancelCause(ctx)
	wait, err := reader.begin(ctx, cancel)
	if err != nil {
		cancel(nil)
		return fmt.Errorf("begin tail: %w", err)
	}
	err = follow(ctx, reader.send)
	cancel(nil)
	wait()
	if err != nil {
		return fmt.Errorf("tail: %w", err)
	}
	return nil
}

// turn waits for one of the places.
func turn(ctx context.Context, places chan struct{}) (release func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, errBusy
	}
}

func parse(text, from, to string, now time.Time) (q *query.Query, fromTime, toTime time.Time, err error) {
	if q, err = query.Parse(text, now); err != nil {
		return nil, fromTime, toTime, err
	}
	if fromTime, err = bound("from", from, now); err != nil {
		return nil, fromTime, toTime, err
	}
	if toTime, err = bound("to", to, now); err != nil {
		return nil, fromTime, toTime, err
	}
	if !fromTime.IsZero() && !toTime.IsZero() && fromTime.After(toTime) {
		return nil, fromTime, toTime, &badField{"from", errors.New("is after to")}
	}
	return q, fromTime, toTime, nil
}

// bound reads one end of a time range; none is the zero time.
func bound(field, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	ns, err := query.ParseTime(text, now)
	if err != nil {
		return time.Time{}, &badField{field, err}
	}
	return time.Unix(0, ns).UTC(), nil
}

// pageSize reads the number of rows of a page. More than there may be is the
// largest page, as AIP-158 has it.
func pageSize(n int32) (int, error) {
	switch {
	case n < 0:
		return 0, &badField{"page_size", errors.New("must not be negative")}
	case n == 0:
		return defaultPage, nil
	}
	return min(int(n), maxPage), nil
}

// newPageToken wraps the token of a store with the moment that "now" means in
// the query, so that all pages have the same range.
func newPageToken(storeToken string, now time.Time) string {
	if storeToken == "" {
		return ""
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano()))
	return base64.RawURLEncoding.EncodeToString(append(b, storeToken...))
}

func parsePageToken(token string, now time.Time) (then time.Time, storeToken string, err error) {
	if token == "" {
		return now, "", nil
	}
	if len(token) <= maxPageToken {
		if b, err := base64.RawURLEncoding.DecodeString(token); err == nil && len(b) > 8 {
			return time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC(), string(b[8:]), nil
		}
	}
	return now, "", &badField{"page_token", store.ErrPageToken}
}

func newProtoStats(s store.Stats) *gatewatchv1.SearchStats {
	return &gatewatchv1.SearchStats{
		RowsMatched: uint64(s.RowsMatched),
		RowsRead:    uint64(s.RowsRead),
		BytesRead:   uint64(s.BytesRead),
		Took:        durationpb.New(s.Duration),
		Partial:     len(s.Partial) > 0,
		Warnings:    slices.Concat(s.Partial, s.Notes),
	}
}
