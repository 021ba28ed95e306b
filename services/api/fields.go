package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Bounds of a list of fields.
const (
	maxFieldPage   = 200
	defaultTop     = 5
	maxTop         = 100
	maxFieldPrefix = event.MaxName
)

var errNoExplorer = status.Error(codes.Unimplemented, "this process does not say how it answers")

// ListFields implements SearchService.
func (s searchServer) ListFields(ctx context.Context, req *gatewatchv1.ListFieldsRequest) (*gatewatchv1.ListFieldsResponse, error) {
	if s.api.parts.Explorer == nil {
		return nil, errNoExplorer
	}
	now, place, err := parsePageToken(req.GetPageToken(), s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	r, err := fieldsRequest(req, place)
	if err != nil {
		return nil, err
	}
	if r.Query, r.From, r.To, err = parse(req.GetQuery(), req.GetFrom(), req.GetTo(), now); err != nil {
		return nil, err
	}
	for _, p := range r.Query.Pipes {
		if _, ok := p.(*query.Where); !ok {
			return nil, &badField{"query", errors.New("has a pipe: a list of fields only filters")}
		}
	}
	releaseSearch, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer releaseSearch()
	release, err := turn(ctx, s.api.large) // it takes as much memory
	if err != nil {
		return nil, err
	}
	defer release()
	list, err := s.api.parts.Explorer.Fields(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("list fields: %w", err)
	}
	resp := NewListFieldsResponse(list)
	if next := r.Skip + len(list.Fields); next < list.Total && len(list.Fields) > 0 {
		resp.NextPageToken = newPageToken(strconv.Itoa(next), now)
	}
	return resp, nil
}

// fieldsRequest checks the numbers and names of a request.
func fieldsRequest(req *gatewatchv1.ListFieldsRequest, place string) (store.FieldsRequest, error) {
	r := store.FieldsRequest{Prefix: req.GetPrefix(), Top: int(req.GetTop()), Size: int(req.GetPageSize())}
	switch {
	case r.Size < 0:
		return r, &badField{"page_size", errors.New("must not be negative")}
	case r.Top > maxTop:
		return r, &badField{"top", fmt.Errorf("is %d at most", maxTop)}
	case len(r.Prefix) > maxFieldPrefix:
		return r, &badField{"prefix", fmt.Errorf("has %d bytes at most", maxFieldPrefix)}
	}
	if r.Top == 0 {
		r.Top = defaultTop
	}
	if r.Size == 0 {
		r.Size = maxFieldPage
	}
	r.Size, r.Top = min(r.Size, maxFieldPage), max(r.Top, 0)
	if place == "" {
		return r, nil
	}
	skip, err := strconv.ParseUint(place, 10, 31)
	if err != nil {
		return r, errForeignToken
	}
	r.Skip = int(skip)
	return r, nil
}

// NewListFieldsResponse returns a list of fields in wire form, without a token.
func NewListFieldsResponse(l *store.FieldList) *gatewatchv1.ListFieldsResponse {
	resp := &gatewatchv1.ListFieldsResponse{
		Total: uint64(l.Total), Matched: uint64(l.Matched), Events: uint64(l.Events), Sampled: l.Sampled, Stats: newProtoStats(l.Stats),
	}
	for i := range l.Fields {
		resp.Fields = append(resp.Fields, newFieldSummary(&l.Fields[i], l.Events))
	}
	return resp
}

func newFieldSummary(f *store.FieldStats, events int64) *gatewatchv1.FieldSummary {
	out := &gatewatchv1.FieldSummary{
		Name: f.Name, Events: uint64(f.Events), Coverage: float64(f.Events) / float64(max(events, 1)),
		Distinct: uint64(f.Distinct), DistinctExact: f.DistinctExact, TopShort: uint64(f.Short),
	}
	for _, k := range f.Kinds {
		out.Types = append(out.Types, k.String())
	}
	for _, v := range f.Top {
		p := &gatewatchv1.FieldValue{Value: &gatewatchv1.Value{}, Count: uint64(v.Count), Cut: v.Cut}
		setProtoValue(p.Value, &gatewatchv1.Value_StringValue{}, v.Value)
		out.Top = append(out.Top, p)
	}
	return out
}
