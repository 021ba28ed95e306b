package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// proposalServer is ProposalService over a keeper.
type proposalServer struct {
	gatewatchv1.UnimplementedProposalServiceServer
	api *API
}

// Bounds of what may be asked for.
const (
	maxProposalPage  = 500
	maxProposalLimit = 1000
	maxGuard         = 20_000 // attacks
)

// ProposeChanges implements ProposalService.
func (s proposalServer) ProposeChanges(ctx context.Context, req *gatewatchv1.ProposeChangesRequest) (*gatewatchv1.ProposeChangesResponse, error) {
	q, err := s.question(req)
	if err != nil {
		return nil, err
	}
	id, _ := access.FromContext(ctx)
	if err := s.api.parts.Proposals.Propose(ctx, id.String(), q); err != nil {
		return nil, err
	}
	return &gatewatchv1.ProposeChangesResponse{Job: newProtoJob(s.api.parts.Proposals.Job())}, nil
}

// question reads what a job is asked for.
func (s proposalServer) question(req *gatewatchv1.ProposeChangesRequest) (q proposals.Question, err error) {
	if len(req.GetFilter()) > maxRequestFilter {
		return q, &badField{"filter", fmt.Errorf("has more than %d bytes", maxRequestFilter)}
	}
	chosen, err := selection(req, s.api.parts.Now())
	if err != nil {
		return q, err
	}
	q.Ask = tuning.Ask{
		Config: tuning.Config{
			Scope: tuning.Scope(req.GetScope()), Limit: int(req.GetLimit()), GuardLoss: req.GetGuardLoss(), Suspect: req.GetSuspect(),
		},
		Selection: tuning.Selection{
			Filter: chosen.Filter, From: chosen.From, To: chosen.To, Group: triage.Ref{ID: req.GetGroupId(), Source: req.GetGroupSource()},
		},
	}
	q.Filter, q.From, q.To = req.GetFilter(), req.GetFrom(), req.GetTo()
	q.Kind, q.MaxCost = req.GetKind(), req.GetMaxCost()
	promotion := q.Kind == proposals.Promotion
	switch {
	case q.Kind != "" && q.Kind != proposals.Exclusion && !promotion:
		return q, &badField{"kind", fmt.Errorf("%.20q is neither exclusion nor promotion", q.Kind)}
	case promotion && (q.Scope != "" || q.GuardLoss != 0 || q.Suspect != 0 || req.GetGuard() != "" || q.Group.ID != ""):
		return q, &badField{"kind", errors.New("a promotion has no scope, guard_loss, suspect, guard or group_id")}
	case !(q.MaxCost >= 0 && q.MaxCost <= 1) || q.MaxCost != 0 && !promotion:
		return q, &badField{"max_cost", errors.New("is not between 0 and 1, or the kind is not promotion")}
	case q.Scope != "" && q.Scope != tuning.Path && q.Scope != tuning.Site:
		return q, &badField{"scope", fmt.Errorf("%.20q is neither path nor site", q.Scope)}
	case q.Limit < 0 || q.Limit > maxProposalLimit:
		return q, &badField{"limit", fmt.Errorf("is not between 0 and %d", maxProposalLimit)}
	case !(q.GuardLoss >= 0 && q.GuardLoss <= 1):
		return q, &badField{"guard_loss", errors.New("is not between 0 and 1")}
	case !(q.Suspect >= 0 && q.Suspect <= tuning.MaxSuspect):
		return q, &badField{"suspect", fmt.Errorf("is not between 0 and %v", tuning.MaxSuspect)}
	}
	q.Guard, err = readGuard(req.GetGuard())
	return q, err
}

// readGuard reads requests of a corpus.
func readGuard(text string) (all []*verdict.Request, err error) {
	scanner := bufio.NewScanner(strings.NewReader(text))
	scanner.Buffer(nil, maxMessage)
	for n := 1; scanner.Scan(); n++ {
		if strings.TrimSpace(scanner.Text()) == "" {
			continue
		}
		if len(all) == maxGuard {
			return nil, &badField{"guard", fmt.Errorf("has more than %d requests", maxGuard)}
		}
		r := &verdict.Request{}
		if err := verdict.ReadRequest(scanner.Bytes(), r); err != nil {
			return nil, &badField{"guard", fmt.Errorf("line %d: %w", n, err)}
		}
		all = append(all, r)
	}
	return all, nil
}

// GetProposalJob implements ProposalService.
func (s proposalServer) GetProposalJob(context.Context, *gatewatchv1.GetProposalJobRequest) (*gatewatchv1.GetProposalJobResponse, error) {
	return &gatewatchv1.GetProposalJobResponse{Job: newProtoJob(s.api.parts.Proposals.Job())}, nil
}

// ListProposals implements ProposalService.
func (s proposalServer) ListProposals(ctx context.Context, req *gatewatchv1.ListProposalsRequest) (*gatewatchv1.ListProposalsResponse, error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	size = min(size, maxProposalPage)
	now, place, err := parsePageToken(req.GetPageToken(), s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	after := int64(0)
	if place != "" {
		if after, err = strconv.ParseInt(place, 10, 64); err != nil {
			return nil, errForeignToken
		}
	}
	all, err := s.api.parts.Proposals.List(ctx, state.ProposalStatus(req.GetStatus()), after, size)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ListProposalsResponse{}
	for _, p := range all {
		resp.Proposals = append(resp.Proposals, newProtoProposal(p))
	}
	if len(all) == size {
		resp.NextPageToken = newPageToken(strconv.FormatInt(all[size-1].ID, 10), now)
	}
	return resp, nil
}

// GetProposal implements ProposalService.
func (s proposalServer) GetProposal(ctx context.Context, req *gatewatchv1.GetProposalRequest) (*gatewatchv1.GetProposalResponse, error) {
	p, err := s.api.parts.Proposals.Get(ctx, req.GetId())
	if err != nil {
		return nil, proposalError(err, req.GetId())
	}
	return &gatewatchv1.GetProposalResponse{Proposal: newProtoProposal(p)}, nil
}

// ApplyProposal implements ProposalService.
func (s proposalServer) ApplyProposal(ctx context.Context, req *gatewatchv1.ApplyProposalRequest) (*gatewatchv1.ApplyProposalResponse, error) {
	expires, err := bound("expires", req.GetExpires(), s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	id, _ := access.FromContext(ctx)
	p, err := s.api.parts.Proposals.Apply(ctx, id.String(), req.GetId(), proposals.Plan{
		Owner: req.GetOwner(), Reason: req.GetReason(), Expires: expires,
		Stage: bundle.Stage(req.GetStage()), Share: int(min(req.GetSharePercent(), 1000)), Nodes: req.GetNodes(),
	})
	if err != nil {
		return nil, proposalError(err, req.GetId())
	}
	return &gatewatchv1.ApplyProposalResponse{Proposal: newProtoProposal(p)}, nil
}

// RetireProposal implements ProposalService.
func (s proposalServer) RetireProposal(ctx context.Context, req *gatewatchv1.RetireProposalRequest) (*gatewatchv1.RetireProposalResponse, error) {
	id, _ := access.FromContext(ctx)
	p, err := s.api.parts.Proposals.Retire(ctx, id.String(), req.GetId(), req.GetReason())
	if err != nil {
		return nil, proposalError(err, req.GetId())
	}
	return &gatewatchv1.RetireProposalResponse{Proposal: newProtoProposal(p)}, nil
}

// RollBackProposal implements ProposalService.
func (s proposalServer) RollBackProposal(ctx context.Context, req *gatewatchv1.RollBackProposalRequest) (*gatewatchv1.RollBackProposalResponse, error) {
	id, _ := access.FromContext(ctx)
	p, err := s.api.parts.Proposals.RollBack(ctx, id.String(), req.GetId(), req.GetReason())
	if err != nil {
		return nil, proposalError(err, req.GetId())
	}
	return &gatewatchv1.RollBackProposalResponse{Proposal: newProtoProposal(p)}, nil
}

// proposalError names what a caller got wrong.
func proposalError(err error, id int64) error {
	switch {
	case errors.Is(err, state.ErrNotFound):
		return &notFound{"proposal", strconv.FormatInt(id, 10)}
	case errors.Is(err, bundle.ErrInvalid), errors.Is(err, fleet.ErrInvalid), errors.Is(err, proposals.ErrInvalid):
		return &badField{"proposal", err}
	}
	return err
}

func newProtoProposal(p *proposals.Proposal) *gatewatchv1.Proposal {
	m := &gatewatchv1.Proposal{
		Id: p.ID, Kind: p.Kind, Site: plainText(p.Site), Path: plainText(p.Path), Directive: plainText(p.Directive), Modsecurity: plainText(p.Portable),
		Unblocks: plainTexts(p.Unblocks), Released: plainTexts(p.Released), GuardLost: plainTexts(p.Guard),
		Status: string(p.Status), Stage: string(p.Stage), Bundle: p.Bundle, Owner: p.Owner, Reason: plainText(p.Reason),
		ExpireTime: optionalTime(p.Expires), CreateTime: optionalTime(p.Created), UpdateTime: optionalTime(p.Updated),
		Hits: p.Hits.Total, LastHitTime: optionalTime(p.Hits.Last), Retire: p.Retire,
	}
	m.Catches, m.Blocks = plainTexts(p.Catches), plainTexts(p.Blocks)
	if p.Cost != nil {
		m.Cost, m.CostLo, m.CostHi = &p.Cost[0], &p.Cost[1], &p.Cost[2]
	}
	for _, id := range p.Rules {
		m.Rules = append(m.Rules, int64(id))
	}
	for _, e := range p.Evidence {
		m.Evidence = append(m.Evidence, &gatewatchv1.ProposalEvidence{Name: e.Name, Weight: e.Weight, Detail: plainText(e.Detail)})
	}
	return m
}

func plainTexts(all []string) []string {
	plain := make([]string, len(all))
	for i, s := range all {
		plain[i] = plainText(s)
	}
	return plain
}

// optionalTime is a time in wire form, nil for the zero time.
func optionalTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func newProtoJob(j *proposals.Job) *gatewatchv1.ProposalJob {
	if j == nil {
		return nil
	}
	m := &gatewatchv1.ProposalJob{
		Actor: j.Actor, Kind: j.Kind, Missed: int64(j.Missed), Legitimate: int64(j.Legitimate), StartTime: optionalTime(j.Began), EndTime: optionalTime(j.Ended),
		Stage: j.Progress.Stage, Done: int64(j.Progress.Done), Total: int64(j.Progress.Total), Proposals: j.IDs,
		Wrong: int64(j.Wrong), Nowhere: int64(j.Nowhere), Guard: int64(j.Guard), Guarded: int64(j.Guarded), Judged: int64(j.Judged),
		LeftOut: j.Left.String(), Warnings: plainTexts(j.Partial), Error: plainText(j.Error),
	}
	for _, u := range j.Unanswered {
		m.Unanswered = append(m.Unanswered, &gatewatchv1.UnansweredAttack{Id: plainText(u.ID), Site: plainText(u.Site), Why: plainText(u.Why)})
	}
	return m
}
