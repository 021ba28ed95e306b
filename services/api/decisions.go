package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/triage"
)

// decisionServer is DecisionService over the desk of triage.
type decisionServer struct {
	gatewatchv1.UnimplementedDecisionServiceServer
	api *API
}

// Bounds of pages of decisions.
const (
	maxDecisionPage = 1000
	defaultScopes   = 10
)

// ListDecisions implements DecisionService.
func (s decisionServer) ListDecisions(ctx context.Context, req *gatewatchv1.ListDecisionsRequest) (*gatewatchv1.ListDecisionsResponse, error) {
	size, now, place, err := s.page(req)
	if err != nil {
		return nil, err
	}
	list := triage.List{Order: triage.Order(req.GetOrderBy()), Labelled: labelled(req), Drawn: req.GetDrawn(), Size: size}
	if list.Order == "" {
		list.Order = triage.Newest
	}
	if list.Selection, err = selection(req, now); err != nil {
		return nil, err
	}
	if list.Order == triage.Newest {
		list.After, err = decisionPlace(place)
	} else {
		list.Skip, err = skipOf(place)
	}
	if err != nil {
		return nil, err
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	page, err := s.api.parts.Triage.Decisions(ctx, list)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ListDecisionsResponse{Warnings: page.Partial}
	for i := range page.Decisions {
		resp.Decisions = append(resp.Decisions, newProtoDecision(&page.Decisions[i]))
	}
	switch n := len(page.Decisions); {
	case !page.More || n == 0:
	case list.Order == triage.Newest:
		last := &page.Decisions[n-1]
		resp.NextPageToken = newPageToken(strings.Join([]string{strconv.FormatInt(last.Time.UnixNano(), 10), last.Source, last.ID}, "\x00"), now)
	default:
		resp.NextPageToken = newPageToken(strconv.Itoa(list.Skip+n), now)
	}
	return resp, nil
}

// labelled reads what becomes of labelled decisions.
func labelled(req interface {
	GetUnlabelled() bool
	GetLabelled() string
},
) triage.Labelled {
	if req.GetUnlabelled() && req.GetLabelled() == "" {
		return triage.LabelledOut
	}
	return triage.Labelled(req.GetLabelled())
}

// pagedRequest is a request for a page of a selection of decisions.
type pagedRequest interface {
	selectionRequest
	GetPageSize() int32
	GetPageToken() string
}

// selectionRequest names decisions.
type selectionRequest interface {
	GetFilter() string
	GetFrom() string
	GetTo() string
}

// page reads the size of a page, the moment that "now" means on all pages, and
// where the page begins.
func (s decisionServer) page(req pagedRequest) (size int, now time.Time, place string, err error) {
	if size, err = pageSize(req.GetPageSize()); err != nil {
		return 0, now, "", err
	}
	now, place, err = parsePageToken(req.GetPageToken(), s.api.parts.Now())
	return min(size, maxDecisionPage), now, place, err
}

func selection(req selectionRequest, now time.Time) (triage.Selection, error) {
	q, from, to, err := parse(req.GetFilter(), req.GetFrom(), req.GetTo(), now)
	if err != nil {
		return triage.Selection{}, err
	}
	if len(q.Pipes) > 0 {
		return triage.Selection{}, &badField{"filter", errors.New("has a pipe: a list only filters")}
	}
	return triage.Selection{Filter: q.Filter, From: from, To: to}, nil
}

var errForeignToken = &badField{"page_token", errors.New("is not one of this list")}

// decisionPlace reads the place of the last decision of the page before.
func decisionPlace(text string) (triage.Place, error) {
	if text == "" {
		return triage.Place{}, nil
	}
	parts := strings.SplitN(text, "\x00", 3)
	if len(parts) != 3 {
		return triage.Place{}, errForeignToken
	}
	ns, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return triage.Place{}, errForeignToken
	}
	return triage.Place{Time: time.Unix(0, ns).UTC(), Ref: triage.Ref{ID: parts[2], Source: parts[1]}}, nil
}

func skipOf(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1<<20 {
		return 0, errForeignToken
	}
	return n, nil
}

// GetDecision implements DecisionService.
func (s decisionServer) GetDecision(ctx context.Context, req *gatewatchv1.GetDecisionRequest) (*gatewatchv1.GetDecisionResponse, error) {
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	x, err := s.api.parts.Triage.Describe(ctx, triage.Ref{ID: req.GetId(), Source: req.GetSource()})
	if err != nil {
		return nil, decisionError(req.GetId(), err)
	}
	return &gatewatchv1.GetDecisionResponse{Decision: newProtoDescription(x)}, nil
}

// decisionError says which decision there is none of.
func decisionError(id string, err error) error {
	if errors.Is(err, triage.ErrNotFound) {
		return &notFound{"decision", id}
	}
	return err
}

// ListDecisionGroups implements DecisionService.
func (s decisionServer) ListDecisionGroups(ctx context.Context, req *gatewatchv1.ListDecisionGroupsRequest) (*gatewatchv1.ListDecisionGroupsResponse, error) {
	size, now, place, err := s.page(req)
	if err != nil {
		return nil, err
	}
	list := triage.GroupList{
		Order: triage.GroupOrder(req.GetOrderBy()), Kind: verdict.Kind(req.GetKind()), Labelled: labelled(req), Size: size,
	}
	if list.Selection, err = selection(req, now); err != nil {
		return nil, err
	}
	if list.Skip, err = skipOf(place); err != nil {
		return nil, err
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	page, err := s.api.parts.Triage.Groups(ctx, list)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ListDecisionGroupsResponse{
		Decisions: int64(page.Decisions), Blocks: int64(page.Blocks), Unjudged: int64(page.Unjudged), Warnings: page.Partial,
	}
	for i := range page.Groups {
		resp.Groups = append(resp.Groups, newProtoDecisionGroup(&page.Groups[i]))
	}
	if page.Other != nil {
		resp.Other = newProtoDecisionGroup(page.Other)
	}
	if page.More {
		resp.NextPageToken = newPageToken(strconv.Itoa(list.Skip+size), now)
	}
	return resp, nil
}

// EstimateRates implements DecisionService.
func (s decisionServer) EstimateRates(ctx context.Context, req *gatewatchv1.EstimateRatesRequest) (*gatewatchv1.EstimateRatesResponse, error) {
	list := triage.RateList{By: req.GetBy(), Size: int(req.GetLimit())}
	var err error
	if list.Selection, err = selection(req, s.api.parts.Now()); err != nil {
		return nil, err
	}
	switch {
	case list.Size < 0:
		return nil, &badField{"limit", errors.New("must not be negative")}
	case list.Size == 0:
		list.Size = defaultScopes
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	page, err := s.api.parts.Triage.Rates(ctx, list)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.EstimateRatesResponse{
		Decisions: int64(page.Decisions), Unjudged: int64(page.Unjudged), ScopesLeftOut: int64(page.LeftOut), Warnings: page.Partial,
	}
	for i := range page.Scopes {
		for j := range page.Scopes[i].Rates {
			resp.Rates = append(resp.Rates, newProtoRate(&page.Scopes[i].Rates[j]))
		}
	}
	return resp, nil
}

// LabelDecision implements DecisionService.
func (s decisionServer) LabelDecision(ctx context.Context, req *gatewatchv1.LabelDecisionRequest) (*gatewatchv1.LabelDecisionResponse, error) {
	id, _ := access.FromContext(ctx)
	x, err := s.api.parts.Triage.Label(ctx, triage.Ref{ID: req.GetId(), Source: req.GetSource()}, req.GetLabel(), req.GetReason(), id.String())
	if err != nil {
		return nil, decisionError(req.GetId(), err)
	}
	return &gatewatchv1.LabelDecisionResponse{Decision: newProtoDetail(x)}, nil
}

// UndoLabel implements DecisionService.
func (s decisionServer) UndoLabel(ctx context.Context, req *gatewatchv1.UndoLabelRequest) (*gatewatchv1.UndoLabelResponse, error) {
	id, _ := access.FromContext(ctx)
	x, err := s.api.parts.Triage.Undo(ctx, triage.Ref{ID: req.GetId(), Source: req.GetSource()}, req.GetLabelId(), req.GetReason(), id.String())
	if err != nil {
		return nil, decisionError(req.GetId(), err)
	}
	return &gatewatchv1.UndoLabelResponse{Decision: newProtoDetail(x)}, nil
}

// SampleDecisions implements DecisionService.
func (s decisionServer) SampleDecisions(ctx context.Context, req *gatewatchv1.SampleDecisionsRequest) (*gatewatchv1.SampleDecisionsResponse, error) {
	id, _ := access.FromContext(ctx)
	draw := triage.Draw{Budget: int(req.GetBudget()), Seed: req.GetSeed(), Actor: id.String()}
	var err error
	if draw.Selection, err = selection(req, s.api.parts.Now()); err != nil {
		return nil, err
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	drawn, candidates, err := s.api.parts.Triage.Sample(ctx, draw)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.SampleDecisionsResponse{Candidates: int64(candidates)}
	for _, w := range drawn {
		resp.Drawn = append(resp.Drawn, &gatewatchv1.DrawnDecision{Id: w.ID, Source: w.Source, SampleProbability: w.Probability})
	}
	return resp, nil
}
