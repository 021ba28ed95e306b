package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/store"
)

// Explorer is a store that says how it answers, and what its events hold.
type Explorer interface {
	Explain(ctx context.Context, r store.ExplainRequest) (*store.Explanation, error)
	Fields(ctx context.Context, r store.FieldsRequest) (*store.FieldList, error)
}

// Explain implements SearchService.
func (s searchServer) Explain(ctx context.Context, req *gatewatchv1.ExplainRequest) (*gatewatchv1.ExplainResponse, error) {
	if s.api.parts.Explorer == nil {
		return nil, errNoExplorer
	}
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	q, from, to, err := parse(req.GetQuery(), req.GetFrom(), req.GetTo(), s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	x, err := s.api.parts.Explorer.Explain(ctx, store.ExplainRequest{Query: q, From: from, To: to, PageSize: size})
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return NewExplainResponse(x), nil
}

// NewExplainResponse returns an explanation in wire form.
func NewExplainResponse(x *store.Explanation) *gatewatchv1.ExplainResponse {
	resp := &gatewatchv1.ExplainResponse{
		Plan: &gatewatchv1.QueryPlan{
			Filter: x.Plan.Filter, Pipes: x.Plan.Pipes, FromTime: newProtoBound(x.Plan.From), ToTime: newProtoBound(x.Plan.To),
			Strategy: x.Plan.Strategy, Fields: x.Plan.Fields, Cores: int32(x.Plan.Cores),
		},
		Segments: newReadCount(x.Segments),
		Blocks:   newReadCount(x.Blocks),
		Memory: &gatewatchv1.MemoryPart{
			Blocks: uint64(x.Memory.Blocks), Rows: uint64(x.Memory.Rows), LookedAt: uint64(x.Memory.Looked),
			AppliedOffset: x.Memory.Applied, WrittenOffset: x.Memory.Written,
		},
		Stats: newProtoStats(x.Stats),
	}
	for _, s := range x.Skipped {
		resp.Skipped = append(resp.Skipped, &gatewatchv1.SkippedBlocks{
			Reason: s.Reason, Segments: uint64(s.Segments), Blocks: uint64(s.Blocks), Rows: uint64(s.Rows), LookedAt: s.Read,
		})
	}
	for _, p := range x.Parts {
		resp.Columns = append(resp.Columns, &gatewatchv1.ColumnReads{
			Name: p.Name, Blocks: uint64(p.Blocks), CacheHits: uint64(p.Hits), CacheMisses: uint64(p.Misses),
			BytesRead: uint64(p.Read), BytesDecoded: uint64(p.Decoded),
		})
	}
	for _, s := range x.Stages {
		resp.Stages = append(resp.Stages, &gatewatchv1.StageTime{Stage: s.Name, Time: durationpb.New(s.Time)})
	}
	return resp
}

func newReadCount(p store.Places) *gatewatchv1.ReadCount {
	return &gatewatchv1.ReadCount{
		All: uint64(p.All), LookedAt: uint64(p.Looked), Matched: uint64(p.Matched),
		Rows: uint64(p.RowsAll), LookedRows: uint64(p.RowsInUse),
	}
}

// newProtoBound returns one end of a time range, nil for none.
func newProtoBound(ns int64) *timestamppb.Timestamp {
	if store.Unbounded(ns) {
		return nil
	}
	return timestamppb.New(time.Unix(0, ns))
}

// JSON returns a message as REST shows it.
func JSON(m proto.Message) []byte { return appendMessage(nil, m.ProtoReflect()) }
