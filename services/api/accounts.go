package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// accountServer is AccountService over the accounts.
type accountServer struct {
	gatewatchv1.UnimplementedAccountServiceServer
	api *API
}

// ListAccounts implements AccountService.
func (s accountServer) ListAccounts(ctx context.Context, req *gatewatchv1.ListAccountsRequest) (*gatewatchv1.ListAccountsResponse, error) {
	rows, err := s.api.parts.People.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]*gatewatchv1.Account, len(rows))
	for i := range rows {
		all[i] = newProtoAccount(rows[i])
	}
	page, next, err := pageOf(all, req, (*gatewatchv1.Account).GetName)
	return &gatewatchv1.ListAccountsResponse{Accounts: page, NextPageToken: next}, err
}

func newProtoAccount(a access.Account) *gatewatchv1.Account {
	p := &gatewatchv1.Account{
		Name: a.Name, Role: string(a.Role), Disabled: a.Disabled, NoPassword: a.NoPassword, CreateTime: timestamppb.New(a.Created),
	}
	if !a.LastSignIn.IsZero() {
		p.SigninTime = timestamppb.New(a.LastSignIn)
	}
	return p
}

// CreateAccount implements AccountService.
func (s accountServer) CreateAccount(ctx context.Context, req *gatewatchv1.CreateAccountRequest) (*gatewatchv1.CreateAccountResponse, error) {
	id, _ := access.FromContext(ctx)
	a, err := s.api.parts.People.Add(ctx, req.GetName(), access.Role(req.GetRole()), id.String())
	if err != nil {
		return nil, err
	}
	link, err := s.link(ctx, a.Name)
	return &gatewatchv1.CreateAccountResponse{Account: newProtoAccount(a), Link: link}, err
}

// link makes a link with which the password of an account is chosen.
func (s accountServer) link(ctx context.Context, name string) (*gatewatchv1.Link, error) {
	id, _ := access.FromContext(ctx)
	secret, until, err := s.api.parts.People.NewLink(ctx, name, id.String())
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.Link{Path: access.LinkPath(secret), ExpireTime: timestamppb.New(until)}, nil
}

// UpdateAccount implements AccountService.
func (s accountServer) UpdateAccount(ctx context.Context, req *gatewatchv1.UpdateAccountRequest) (*gatewatchv1.UpdateAccountResponse, error) {
	id, _ := access.FromContext(ctx)
	var role *access.Role
	if r := access.Role(req.GetRole()); r != "" {
		role = &r
	}
	a, err := s.api.parts.People.Change(ctx, req.GetName(), role, req.Disabled, id.String())
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.UpdateAccountResponse{Account: newProtoAccount(a)}, nil
}

// CreateLink implements AccountService.
func (s accountServer) CreateLink(ctx context.Context, req *gatewatchv1.CreateLinkRequest) (*gatewatchv1.CreateLinkResponse, error) {
	if req.GetName() == "" {
		return nil, &notFound{"account", ""}
	}
	link, err := s.link(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.CreateLinkResponse{Link: link}, nil
}
