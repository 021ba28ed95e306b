package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/triage/whatif"
)

// tuningServer is TuningService over a runner.
type tuningServer struct {
	gatewatchv1.UnimplementedTuningServiceServer
	api *API
}

// maxSiteName bounds the name of a site that is asked for.
const maxSiteName = 2048

// StartWhatIf implements TuningService.
func (s tuningServer) StartWhatIf(ctx context.Context, req *gatewatchv1.StartWhatIfRequest) (*gatewatchv1.StartWhatIfResponse, error) {
	if len(req.GetSite()) > maxSiteName {
		return nil, &badField{"site", fmt.Errorf("has more than %d bytes", maxSiteName)}
	}
	now := s.api.parts.Now()
	q := whatif.Question{
		WhatIf: tuning.WhatIf{Site: req.GetSite(), Limit: int(req.GetLimit())}, FromText: req.GetFrom(), ToText: req.GetTo(),
	}
	var err error
	if q.From, err = bound("from", req.GetFrom(), now); err != nil {
		return nil, err
	}
	if q.To, err = bound("to", req.GetTo(), now); err != nil {
		return nil, err
	}
	for _, n := range req.GetThresholds() {
		q.Thresholds = append(q.Thresholds, int(n))
	}
	id, _ := access.FromContext(ctx)
	if err := s.api.parts.WhatIf.Start(ctx, id.String(), q); errors.Is(err, whatif.ErrInvalid) {
		return nil, &badField{"what-if", err}
	} else if err != nil {
		return nil, err
	}
	return &gatewatchv1.StartWhatIfResponse{Job: newProtoWhatIf(s.api.parts.WhatIf.Job())}, nil
}

// GetWhatIf implements TuningService.
func (s tuningServer) GetWhatIf(context.Context, *gatewatchv1.GetWhatIfRequest) (*gatewatchv1.GetWhatIfResponse, error) {
	return &gatewatchv1.GetWhatIfResponse{Job: newProtoWhatIf(s.api.parts.WhatIf.Job())}, nil
}

// StopWhatIf implements TuningService.
func (s tuningServer) StopWhatIf(_ context.Context, req *gatewatchv1.StopWhatIfRequest) (*gatewatchv1.StopWhatIfResponse, error) {
	var began time.Time
	if at := req.GetStartTime(); at != nil {
		if err := at.CheckValid(); err != nil {
			return nil, &badField{"start_time", err}
		}
		began = at.AsTime()
	}
	s.api.parts.WhatIf.Stop(began)
	return &gatewatchv1.StopWhatIfResponse{Job: newProtoWhatIf(s.api.parts.WhatIf.Job())}, nil
}

func newProtoWhatIf(j *whatif.Job) *gatewatchv1.WhatIfJob {
	if j == nil {
		return nil
	}
	m := &gatewatchv1.WhatIfJob{
		Actor: j.Actor, StartTime: optionalTime(j.Began), EndTime: optionalTime(j.Ended),
		Site: plainText(j.Site), From: plainText(j.FromText), To: plainText(j.ToText), Thresholds: make([]int32, len(j.Thresholds)),
		Stage: j.Progress.Stage, Done: int64(j.Progress.Done), Total: int64(j.Progress.Total), Error: plainText(j.Error),
	}
	for i, n := range j.Thresholds {
		m.Thresholds[i] = int32(n) // bounded
	}
	if j.Found == nil {
		return m
	}
	m.LeftOut, m.Warnings = j.Found.LeftOut.String(), plainTexts(j.Found.Partial)
	for i := range j.Found.Sites {
		m.Curves = append(m.Curves, newProtoCurve(&j.Found.Sites[i]))
	}
	return m
}

func newProtoCurve(c *tuning.SiteCurve) *gatewatchv1.WhatIfCurve {
	m := &gatewatchv1.WhatIfCurve{
		Site: plainText(c.Site), Paranoia: int32(c.Settings.Paranoia), Threshold: int32(c.Settings.InboundThreshold),
		N: int64(c.N), NRequests: int64(c.Requests), Why: c.Why,
	}
	for i := range c.Points {
		p := &c.Points[i]
		b := &p.Blocked
		m.Points = append(m.Points, &gatewatchv1.WhatIfPoint{
			Paranoia: int32(p.Paranoia), Threshold: int32(p.Threshold),
			Blocked:       &gatewatchv1.WhatIfRate{Estimate: &b.Value, Lo: &b.Low, Hi: &b.High, N: int64(b.N), NEffective: b.Effective},
			FalsePositive: newProtoLabelled(&p.FalsePositive), Missed: newProtoLabelled(&p.Missed),
		})
	}
	return m
}

func newProtoLabelled(x *tuning.LabelledShare) *gatewatchv1.WhatIfRate {
	m := &gatewatchv1.WhatIfRate{N: int64(x.N), NEffective: x.Effective, NLabels: int64(x.Labels), Why: x.Why}
	if x.Enough {
		m.Estimate, m.Lo, m.Hi = &x.Value, &x.Low, &x.High
	}
	return m
}
