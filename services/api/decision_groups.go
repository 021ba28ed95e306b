package api

import (
	"context"
	"errors"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/triage"
)

// LabelDecisionGroup implements DecisionService.
func (s decisionServer) LabelDecisionGroup(ctx context.Context, req *gatewatchv1.LabelDecisionGroupRequest) (*gatewatchv1.LabelDecisionGroupResponse, error) {
	id, _ := access.FromContext(ctx)
	taken, err := selection(req, s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := s.api.parts.Triage.LabelGroup(ctx, triage.GroupLabel{
		Selection: taken, Like: triage.Ref{ID: req.GetLikeId(), Source: req.GetLikeSource()},
		Label: req.GetLabel(), Reason: req.GetReason(), Actor: id.String(), Preview: req.GetPreview(), Covers: req.GetCovers(), All: req.GetAll(),
	})
	if err != nil {
		return nil, decisionError(req.GetLikeId(), err)
	}
	return &gatewatchv1.LabelDecisionGroupResponse{Group: newProtoLabelledGroup(c)}, nil
}

// UndoLabelAct implements DecisionService.
func (s decisionServer) UndoLabelAct(ctx context.Context, req *gatewatchv1.UndoLabelActRequest) (*gatewatchv1.UndoLabelActResponse, error) {
	id, _ := access.FromContext(ctx)
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := s.undo(ctx, req, id.String())
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.UndoLabelActResponse{Group: newProtoLabelledGroup(c)}, nil
}

// undo takes back the labels of an act, or those that somebody gave.
func (s decisionServer) undo(ctx context.Context, req *gatewatchv1.UndoLabelActRequest, actor string) (*triage.Covered, error) {
	who := req.GetLabelsOf()
	switch {
	case who == "" && req.GetSince() != "":
		return nil, &badField{"since", errors.New("goes with labels_of")}
	case who == "":
		return s.api.parts.Triage.UndoAct(ctx, req.GetAct(), req.GetReason(), actor)
	case req.GetAct() != 0:
		return nil, &badField{"labels_of", errors.New("stands in place of act")}
	}
	since, err := bound("since", req.GetSince(), s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	return s.api.parts.Triage.UndoBy(ctx, who, since, req.GetReason(), actor)
}
