package ingest

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/detection/parse"
	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/queue"
)

const (
	maxID     = 512      // bytes of a client id, as in Elasticsearch
	maxHeader = 16 << 10 // bytes of a header line

	fileSource = "file" // of records with a position whose sender has no name
)

// BatchServer implements IngestService.
type BatchServer struct {
	gatewatchv1.UnimplementedIngestServiceServer
	sink *Sink
	auth Authenticator
}

// NewBatchServer makes the server. A nil auth is [LoopbackOnly].
func NewBatchServer(sink *Sink, auth Authenticator) *BatchServer {
	return &BatchServer{sink: sink, auth: orLoopback(auth)}
}

// Ingest implements IngestService. A call that can't be understood as a whole
// is refused as a whole; single records are refused in the answer.
func (b *BatchServer) Ingest(ctx context.Context, req *gatewatchv1.IngestRequest) (*gatewatchv1.IngestResponse, error) {
	g, from, err := b.envelope(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.IngestResponse{}
	kept, size := b.records(&g, req.GetRecords(), resp)
	if len(g.Records) == 0 {
		return resp, nil
	}
	release, err := b.sink.reserve(ctx, from, size)
	if err != nil {
		return nil, status.FromContextError(err).Err()
	}
	defer release()
	var errs []error
	if g.Epoch != (queue.Epoch{}) {
		errs = b.sink.PutAt(ctx, g)
	} else {
		errs = b.sink.Put(ctx, []queue.Group{g})
	}
	return b.answer(g.Source, resp, kept, errs)
}

// envelope checks all of a request but its records, and says where it is from.
func (b *BatchServer) envelope(ctx context.Context, req *gatewatchv1.IngestRequest) (g queue.Group, from origin, err error) {
	sender, peer, err := grpcSender(ctx, b.auth)
	if err != nil {
		b.sink.Refuse("grpc", ReasonAuth, len(req.GetRecords()))
		return g, from, status.Error(codes.Unauthenticated, "a source token or client certificate is needed")
	}
	unnamed := "grpc"
	if req.GetEpoch() != "" {
		unnamed = fileSource
	}
	source, err := sender.Source(req.GetSource(), unnamed)
	if err != nil {
		b.sink.Refuse("grpc", ReasonName, len(req.GetRecords()))
		return g, from, badSource(err)
	}
	from = originOf("grpc", sender, peer)
	g = queue.Group{Source: source, Format: req.GetFormat(), Peer: peerText(peer), Header: req.GetHeader()}
	if g.Format == "" {
		g.Format = "auto"
	}
	if _, ok := parse.Lookup(g.Format); !ok {
		b.sink.Refuse(source, ReasonUnknown, len(req.GetRecords()))
		return g, from, status.Errorf(codes.InvalidArgument, "unknown format %q", clip(g.Format))
	}
	if len(g.Header) > maxHeader {
		return g, from, status.Errorf(codes.InvalidArgument, "header has %d bytes, more than %d", len(g.Header), maxHeader)
	}
	if req.GetEpoch() != "" {
		if g.Epoch, err = queue.ParseEpoch(req.GetEpoch()); err != nil || g.Epoch == (queue.Epoch{}) {
			return g, from, status.Error(codes.InvalidArgument, "epoch is not 32 hexadecimal digits with one that is not 0")
		}
	}
	return g, from, nil
}

// badSource says that a sender can't have the name that it asks for.
func badSource(err error) error {
	if errors.Is(err, access.ErrForbidden) {
		return status.Error(codes.PermissionDenied, err.Error())
	}
	return status.Error(codes.InvalidArgument, err.Error())
}

// records fills the group with the records that can be taken and the response
// with the others. It returns the indices of the former and their memory.
func (b *BatchServer) records(g *queue.Group, in []*gatewatchv1.RawRecord, resp *gatewatchv1.IngestResponse) (kept []uint32, size int) {
	now := b.sink.now().UnixNano()
	for i, r := range in {
		if reason, why := checkRecord(r, g.Epoch != (queue.Epoch{})); why != "" {
			b.sink.Refuse(g.Source, reason, 1)
			resp.Errors = append(resp.Errors, &gatewatchv1.RecordError{Index: uint32(i), Reason: why})
			continue
		}
		g.Records = append(g.Records, queue.Record{ID: r.GetId(), Seq: r.GetSequence(), Received: now, Raw: r.GetRaw(), Cut: r.GetCut()})
		kept = append(kept, uint32(i))
		size += len(r.GetRaw()) + 64
	}
	return kept, size
}

// checkRecord says why a record can't be taken, "" if it can.
func checkRecord(r *gatewatchv1.RawRecord, positioned bool) (Reason, string) {
	switch {
	case len(r.GetRaw()) > parse.MaxRecord:
		return ReasonTooLarge, "record is larger than 1 MiB"
	case positioned && r.GetId() != "":
		return ReasonName, "record has both an id and a position"
	case positioned && (r.GetSequence() == 0 || r.GetSequence() > MaxSequence):
		return ReasonSequence, "sequence is not between 1 and 2^63-1"
	case !positioned && r.GetSequence() != 0:
		return ReasonSequence, "sequence without an epoch"
	case len(r.GetId()) > maxID:
		return ReasonName, "id is longer than 512 bytes"
	}
	return "", ""
}

// answer counts the outcomes. If nothing was stored for want of room the whole
// call fails, so that simple clients try it again.
func (b *BatchServer) answer(source string, resp *gatewatchv1.IngestResponse, kept []uint32, errs []error) (*gatewatchv1.IngestResponse, error) {
	if errs == nil {
		resp.Accepted = uint64(len(kept))
		return resp, nil
	}
	var last error
	for i, err := range errs {
		switch {
		case err == nil:
			resp.Accepted++
		case errors.Is(err, ErrDuplicate), errors.Is(err, ErrConflict):
			resp.Duplicates++
		default:
			if !errors.Is(err, ErrSequence) {
				last = err
			}
			b.sink.Refuse(source, reasonOf(err), 1)
			resp.Errors = append(resp.Errors, &gatewatchv1.RecordError{Index: kept[i], Reason: string(reasonOf(err))})
		}
	}
	if last == nil || resp.Accepted+resp.Duplicates > 0 {
		return resp, nil
	}
	switch reasonOf(last) {
	case ReasonFull, ReasonBusy:
		return nil, status.Error(codes.ResourceExhausted, laterText(last))
	case ReasonTooLarge:
		return nil, status.Error(codes.InvalidArgument, "the batch is too large")
	}
	return nil, status.Error(codes.Unavailable, "the batch could not be stored")
}

// GetPosition implements IngestService.
func (b *BatchServer) GetPosition(ctx context.Context, req *gatewatchv1.GetPositionRequest) (*gatewatchv1.GetPositionResponse, error) {
	sender, _, err := grpcSender(ctx, b.auth)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, "a source token or client certificate is needed")
	}
	source, err := sender.Source(req.GetSource(), fileSource)
	if err != nil {
		return nil, badSource(err)
	}
	epoch, err := queue.ParseEpoch(req.GetEpoch())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "epoch is not 32 hexadecimal digits")
	}
	return &gatewatchv1.GetPositionResponse{Sequence: b.sink.Position(source, epoch)}, nil
}
