package api

import (
	"context"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// sessionServer is SessionService over the accounts.
type sessionServer struct {
	gatewatchv1.UnimplementedSessionServiceServer
	api *API
}

// GetSession implements SessionService.
func (s sessionServer) GetSession(ctx context.Context, _ *gatewatchv1.GetSessionRequest) (*gatewatchv1.GetSessionResponse, error) {
	id, _ := access.FromContext(ctx)
	resp := &gatewatchv1.GetSessionResponse{User: newProtoUser(id), Version: s.api.parts.Version}
	c, ok := ctx.Value(sessionKey{}).(cookieCaller)
	if id.Session == "" || !ok {
		return resp, nil
	}
	held := c.id
	if id.Kind == access.KindKiosk {
		held = c.screen
	}
	session, err := s.api.parts.People.Look(ctx, held)
	if err != nil {
		return nil, err
	}
	resp.Csrf, resp.ExpiresAt = session.CSRF, timestamppb.New(session.Expires)
	if id.Kind == access.KindUser {
		resp.IdleSeconds = int64(s.api.parts.People.Idle() / time.Second)
	}
	return resp, nil
}

func newProtoUser(id access.Identity) *gatewatchv1.User {
	u := &gatewatchv1.User{Name: id.Name, Role: string(id.Role)}
	if id.Kind == access.KindKiosk {
		u.Role = string(access.KindKiosk)
	}
	return u
}

// ListSessions implements SessionService.
func (s sessionServer) ListSessions(ctx context.Context, req *gatewatchv1.ListSessionsRequest) (*gatewatchv1.ListSessionsResponse, error) {
	id, _ := access.FromContext(ctx)
	account, ok := sessionsOf(id)
	if !ok {
		return &gatewatchv1.ListSessionsResponse{}, nil
	}
	all, err := s.api.parts.People.Sessions(ctx, account)
	if err != nil {
		return nil, err
	}
	list := make([]*gatewatchv1.Session, len(all))
	for i, x := range all {
		list[i] = &gatewatchv1.Session{
			Id: x.ID, User: newProtoUser(x.Identity), Peer: x.Peer, Agent: x.Agent, Current: x.ID == id.Session,
			CreateTime: timestamppb.New(x.Created), SeenTime: timestamppb.New(x.Seen), ExpireTime: timestamppb.New(x.Expires),
		}
	}
	page, next, err := pageOf(list, req, newestFirst)
	return &gatewatchv1.ListSessionsResponse{Sessions: page, NextPageToken: next}, err
}

// newestFirst is a key whose order is that of a list of sessions.
func newestFirst(s *gatewatchv1.Session) string {
	return fmt.Sprintf("%019d", math.MaxInt64-s.GetCreateTime().AsTime().UnixNano()) + s.GetId()
}

// sessionsOf returns whose sessions a caller may see and end, "" for everyone's.
func sessionsOf(id access.Identity) (account string, ok bool) {
	switch {
	case id.Role == access.Administrator:
		return "", true
	case id.Kind == access.KindUser:
		return id.Name, true
	}
	return "", false
}

// EndSession implements SessionService.
func (s sessionServer) EndSession(ctx context.Context, req *gatewatchv1.EndSessionRequest) (*gatewatchv1.EndSessionResponse, error) {
	id, _ := access.FromContext(ctx)
	account, ok := sessionsOf(id)
	if !ok {
		return nil, &notFound{"session", req.GetId()}
	}
	if err := s.api.parts.People.EndSession(ctx, req.GetId(), account, id.String()); err != nil {
		return nil, err
	}
	return &gatewatchv1.EndSessionResponse{}, nil
}
