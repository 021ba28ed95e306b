package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// adminServer is AdminService over the tokens, sources and nodes.
type adminServer struct {
	gatewatchv1.UnimplementedAdminServiceServer
	api *API
}

// CreateToken implements AdminService.
func (s adminServer) CreateToken(ctx context.Context, req *gatewatchv1.CreateTokenRequest) (*gatewatchv1.CreateTokenResponse, error) {
	id, _ := access.FromContext(ctx)
	grant := access.Grant{Name: req.GetName(), Role: access.Role(req.GetRole()), By: id.String()}
	switch req.GetKind() {
	case gatewatchv1.TokenKind_TOKEN_KIND_SOURCE:
		grant.Kind = access.KindSource
	case gatewatchv1.TokenKind_TOKEN_KIND_NODE:
		grant.Kind = access.KindNode
	case gatewatchv1.TokenKind_TOKEN_KIND_ROLE:
		grant.Kind = access.KindRole
	case gatewatchv1.TokenKind_TOKEN_KIND_KIOSK:
		grant.Kind = access.KindKiosk
	}
	const maxSeconds = 1 << 33 // more than any lifetime that is taken, less than overflows
	seconds := req.GetLifetimeSeconds()
	if seconds < 0 || seconds > maxSeconds {
		return nil, &badField{"lifetime_seconds", errors.New("is out of range")}
	}
	grant.Lifetime = time.Duration(seconds) * time.Second
	token, bearer, err := s.api.parts.Tokens.Create(grant)
	if err != nil {
		return nil, err
	}
	s.api.parts.Log.Info("token created", "id", token.ID, "kind", token.Kind, "name", token.Name, "role", token.Role, "by", id.String())
	return &gatewatchv1.CreateTokenResponse{Token: newProtoToken(token), Secret: bearer}, nil
}

// ListTokens implements AdminService.
func (s adminServer) ListTokens(_ context.Context, req *gatewatchv1.ListTokensRequest) (*gatewatchv1.ListTokensResponse, error) {
	tokens, err := s.api.parts.Tokens.List()
	if err != nil {
		return nil, err
	}
	all := make([]*gatewatchv1.Token, len(tokens))
	for i := range tokens {
		all[i] = newProtoToken(tokens[i])
	}
	page, next, err := pageOf(all, req, func(t *gatewatchv1.Token) string {
		return t.GetCreateTime().AsTime().Format(sortableTime) + t.GetId()
	})
	return &gatewatchv1.ListTokensResponse{Tokens: page, NextPageToken: next}, err
}

// sortableTime is a form of times whose order is that of the texts.
const sortableTime = "2006-01-02T15:04:05.000Z"

// RevokeToken implements AdminService.
func (s adminServer) RevokeToken(ctx context.Context, req *gatewatchv1.RevokeTokenRequest) (*gatewatchv1.RevokeTokenResponse, error) {
	id, _ := access.FromContext(ctx)
	if err := s.api.parts.Tokens.Revoke(req.GetId(), id.String()); err != nil {
		return nil, err
	}
	s.api.parts.Log.Info("token revoked", "id", req.GetId(), "by", id.String())
	return &gatewatchv1.RevokeTokenResponse{}, nil
}

// ListSources implements AdminService.
func (s adminServer) ListSources(_ context.Context, req *gatewatchv1.ListSourcesRequest) (*gatewatchv1.ListSourcesResponse, error) {
	page, next, err := pageOf(s.api.parts.Sources(), req, (*gatewatchv1.Source).GetName)
	return &gatewatchv1.ListSourcesResponse{Sources: page, NextPageToken: next}, err
}

// ListNodes implements AdminService.
func (s adminServer) ListNodes(_ context.Context, req *gatewatchv1.ListNodesRequest) (*gatewatchv1.ListNodesResponse, error) {
	page, next, err := pageOf(s.api.parts.Nodes(), req, (*gatewatchv1.Node).GetName)
	return &gatewatchv1.ListNodesResponse{Nodes: page, NextPageToken: next}, err
}

// pageRequest is what the requests of lists have in common.
type pageRequest interface {
	GetPageSize() int32
	GetPageToken() string
}

// pageOf cuts a page out of a list in order of its keys. The token of the next
// page is the last key of this one, so what comes and goes in between moves
// nothing.
func pageOf[T any](all []T, req pageRequest, key func(T) string) (page []T, next string, err error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, "", err
	}
	_, after, err := parsePageToken(req.GetPageToken(), time.Time{})
	if err != nil {
		return nil, "", err
	}
	for i, item := range all {
		if after != "" && strings.Compare(key(item), after) <= 0 {
			continue
		}
		if page = append(page, item); len(page) == size {
			if i < len(all)-1 {
				next = newPageToken(key(item), time.Unix(0, 0))
			}
			break
		}
	}
	return page, next, nil
}

func newProtoToken(t access.Token) *gatewatchv1.Token {
	p := &gatewatchv1.Token{
		Id:         t.ID,
		Kind:       gatewatchv1.TokenKind(gatewatchv1.TokenKind_value["TOKEN_KIND_"+strings.ToUpper(string(t.Kind))]),
		Name:       t.Name,
		Role:       string(t.Role),
		CreateTime: timestamppb.New(t.Created),
	}
	if !t.Expires.IsZero() {
		p.ExpireTime = timestamppb.New(t.Expires)
	}
	return p
}
