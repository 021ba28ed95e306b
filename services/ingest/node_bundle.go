package ingest

import (
	"log/slog"
	"time"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// enrolled tells whether the node of a stream is one that has a token or certificate
// of its own. Only such nodes are given rule sets, on loopback too.
func (s *nodeStream) enrolled() bool {
	id, _ := access.FromContext(s.stream.Context())
	return s.fleet != nil && id.Name == s.node && (id.Kind == access.KindNode || id.Kind == access.KindCertificate)
}

// attach makes an enrolled node part of the fleet.
func (s *nodeStream) attach(status *gatewatchv1.NodeStatus) {
	s.detach = func() {}
	if !s.enrolled() {
		return
	}
	s.detach = s.fleet.Attach(s.node, func() { wake(s.offers) })
	s.fleet.Status(s.node, status)
	wake(s.offers)
}

// describe hands on what an enrolled node says about itself.
func (s *nodeStream) describe(status *gatewatchv1.NodeStatus) {
	if s.enrolled() {
		s.fleet.Status(s.node, status)
	}
}

// answered hands on what an enrolled node says about an offer.
func (s *nodeStream) answered(r *gatewatchv1.BundleReport) {
	if s.enrolled() {
		r.Reason = clip(r.GetReason())
		s.fleet.Report(s.node, r)
	}
}

// sendOffer sends the node what it is to use, if that is something else. A node that
// does not read it is treated as one that does not read its acks.
func (s *nodeStream) sendOffer() {
	offer, err := s.fleet.Offer(s.ctx, s.node)
	if err != nil {
		s.log.Error("offer bundles", slog.String("node", s.node), slog.Any("error", err))
		return
	}
	if offer == nil {
		return
	}
	late := time.AfterFunc(s.cfg.AckTimeout, func() { wake(s.unread) })
	defer late.Stop()
	if err := s.stream.Send(&gatewatchv1.StreamResponse{Message: &gatewatchv1.StreamResponse_Offer{Offer: offer}}); err != nil {
		s.log.Debug("send offer", slog.String("node", s.node), slog.Any("error", err)) // the receiver learns why
	}
}
