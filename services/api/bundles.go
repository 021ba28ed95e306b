package api

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// bundleServer is BundleService over the fleet.
type bundleServer struct {
	gatewatchv1.UnimplementedBundleServiceServer
	api *API
}

// bundleError names the field of what a caller got wrong.
func bundleError(err error, field, name string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, state.ErrNotFound):
		return &notFound{"bundle", name}
	case errors.Is(err, bundle.ErrInvalid), errors.Is(err, fleet.ErrInvalid), errors.Is(err, fleet.ErrNothing):
		return &badField{field, err}
	}
	return err
}

// CreateBundle implements BundleService.
func (s bundleServer) CreateBundle(ctx context.Context, req *gatewatchv1.CreateBundleRequest) (*gatewatchv1.CreateBundleResponse, error) {
	id, _ := access.FromContext(ctx)
	name, text, err := s.api.parts.Fleet.Create(ctx, id.String(), []byte(req.GetText()))
	if err != nil {
		return nil, bundleError(err, "text", "")
	}
	made, err := s.describe(ctx, state.Bundle{Sum: name, Bytes: int64(len(text)), Time: s.api.parts.Now()})
	return &gatewatchv1.CreateBundleResponse{Bundle: made}, err
}

// ListBundles implements BundleService.
func (s bundleServer) ListBundles(ctx context.Context, req *gatewatchv1.ListBundlesRequest) (*gatewatchv1.ListBundlesResponse, error) {
	const most = 100 // each is read
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	before, at, err := parsePageToken(req.GetPageToken(), time.Time{})
	if err != nil {
		return nil, err
	}
	if at != "" {
		ns, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, &badField{"page_token", errors.New("is not one of this list")}
		}
		before = time.Unix(0, ns)
	}
	size = min(size, most)
	rows, err := s.api.parts.Fleet.Bundles(ctx, before, size)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ListBundlesResponse{}
	for _, row := range rows {
		b, err := s.describe(ctx, row)
		if err != nil {
			return nil, err
		}
		resp.Bundles = append(resp.Bundles, b)
	}
	if len(rows) == size {
		resp.NextPageToken = newPageToken(strconv.FormatInt(rows[size-1].Time.UnixNano(), 10), time.Unix(0, 0))
	}
	return resp, nil
}

func (s bundleServer) describe(ctx context.Context, row state.Bundle) (*gatewatchv1.Bundle, error) {
	b, _, err := s.api.parts.Fleet.Bundle(ctx, row.Sum)
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.Bundle{
		Name: row.Sum, CreateTime: timestamppb.New(row.Time), Crs: b.CRS, Exclusions: uint32(len(b.Exclusions)), Bytes: uint64(row.Bytes),
	}, nil
}

// GetBundle implements BundleService.
func (s bundleServer) GetBundle(ctx context.Context, req *gatewatchv1.GetBundleRequest) (*gatewatchv1.GetBundleResponse, error) {
	b, text, err := s.api.parts.Fleet.Bundle(ctx, req.GetName())
	if err != nil {
		return nil, bundleError(err, "name", req.GetName())
	}
	return &gatewatchv1.GetBundleResponse{Text: string(text), Bundle: &gatewatchv1.Bundle{
		Name: req.GetName(), Crs: b.CRS, Exclusions: uint32(len(b.Exclusions)), Bytes: uint64(len(text)),
	}}, nil
}

// RollOutBundle implements BundleService.
func (s bundleServer) RollOutBundle(ctx context.Context, req *gatewatchv1.RollOutBundleRequest) (*gatewatchv1.RollOutBundleResponse, error) {
	id, _ := access.FromContext(ctx)
	r, err := s.api.parts.Fleet.RollOut(ctx, id.String(), fleet.Plan{
		Bundle: req.GetName(), Stage: bundle.Stage(req.GetStage()), Share: int(min(req.GetSharePercent(), 1000)),
		Nodes: req.GetNodes(), Reason: req.GetReason(),
	})
	if err != nil {
		return nil, bundleError(err, "rollout", req.GetName())
	}
	return &gatewatchv1.RollOutBundleResponse{Rollout: newProtoRollout(r)}, nil
}

// RollBackBundle implements BundleService.
func (s bundleServer) RollBackBundle(ctx context.Context, req *gatewatchv1.RollBackBundleRequest) (*gatewatchv1.RollBackBundleResponse, error) {
	id, _ := access.FromContext(ctx)
	r, err := s.api.parts.Fleet.RollBack(ctx, id.String(), req.GetReason())
	if err != nil {
		return nil, bundleError(err, "rollout", "")
	}
	return &gatewatchv1.RollBackBundleResponse{Rollout: newProtoRollout(r)}, nil
}

// historyLength is how many rollouts GetRollout shows.
const historyLength = 20

// GetRollout implements BundleService.
func (s bundleServer) GetRollout(ctx context.Context, _ *gatewatchv1.GetRolloutRequest) (*gatewatchv1.GetRolloutResponse, error) {
	f := s.api.parts.Fleet
	history, err := f.History(ctx, historyLength)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.GetRolloutResponse{PublicKey: f.PublicKey()}
	if r := f.Rollout(); r != nil {
		resp.Rollout = newProtoRollout(r)
	}
	for _, r := range history {
		resp.History = append(resp.History, newProtoRollout(r))
	}
	for _, m := range f.Members() {
		n := &gatewatchv1.NodeRollout{
			Node: m.Name, Connected: m.Connected, Serial: m.Report.GetSerial(), Result: m.Report.GetResult(), Reason: m.Report.GetReason(),
			Status: m.Status, Drift: m.Drift,
		}
		if !m.Reported.IsZero() {
			n.ReportTime = timestamppb.New(m.Reported)
		}
		resp.Nodes = append(resp.Nodes, n)
	}
	return resp, nil
}

func newProtoRollout(r *fleet.Rollout) *gatewatchv1.Rollout {
	return &gatewatchv1.Rollout{
		Serial: r.Serial, Stable: r.Stable, Candidate: r.Candidate, Stage: string(r.Stage), SharePercent: uint32(r.Share), Nodes: r.Nodes,
		Actor: r.Actor, Reason: r.Reason, CreateTime: timestamppb.New(r.Time),
	}
}
