package api

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/alert"
)

// errNoNotifier means that this process tells nobody of findings.
var errNoNotifier = status.Error(codes.Unimplemented, "this process tells nobody of findings")

// GetNotifications implements AlertService.
func (s alertServer) GetNotifications(ctx context.Context, _ *gatewatchv1.GetNotificationsRequest) (*gatewatchv1.GetNotificationsResponse, error) {
	if s.api.parts.Notifier == nil {
		return nil, errNoNotifier
	}
	n, err := s.api.parts.Notifier.Status(ctx)
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.GetNotificationsResponse{
		Enabled: n.On, Host: n.Host, Secrets: int32(n.Secrets), Pending: uint64(n.Pending), Held: uint64(n.Held),
		Delivered: uint64(n.Delivered), Dead: uint64(n.NoticeCounts.Dead), LastDeliveryTime: optionalTime(n.LastDelivery), LastError: n.LastReason,
	}
	for i := range n.Dead {
		x := &n.Dead[i]
		resp.DeadNotifications = append(resp.DeadNotifications, &gatewatchv1.DeadNotification{
			Id: x.ID, Kind: string(x.Kind), AlertId: x.AlertID, RuleId: x.RuleID, RuleName: x.RuleName,
			CreateTime: optionalTime(x.Created), EndTime: optionalTime(x.Done), Tries: int32(x.Tries), Error: x.Reason,
		})
	}
	return resp, nil
}

// TestNotification implements AlertService. What the receiver answered is told: it
// is no fault of the server.
func (s alertServer) TestNotification(ctx context.Context, _ *gatewatchv1.TestNotificationRequest) (*gatewatchv1.TestNotificationResponse, error) {
	if s.api.parts.Notifier == nil {
		return nil, errNoNotifier
	}
	by, _ := access.FromContext(ctx)
	id, err := s.api.parts.Notifier.Test(ctx)
	s.api.parts.Log.Info("test message about findings sent", "id", id, "by", by.String(), "error", err)
	switch {
	case errors.Is(err, alert.ErrOff):
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, alert.ErrTesting):
		return nil, status.Error(codes.ResourceExhausted, err.Error())
	case err != nil:
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return &gatewatchv1.TestNotificationResponse{Id: id}, nil
}
