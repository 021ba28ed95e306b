package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/store"
)

// ListGroups implements RuleService.
func (s ruleServer) ListGroups(_ context.Context, req *gatewatchv1.ListGroupsRequest) (*gatewatchv1.ListGroupsResponse, error) {
	d, err := s.document(req.GetId())
	if err != nil {
		return nil, err
	}
	if !d.Correlation {
		return nil, &badField{"id", errors.New("is not a correlation: it has no groups")}
	}
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	_, token, err := parsePageToken(req.GetPageToken(), time.Time{})
	if err != nil {
		return nil, err
	}
	skip := 0
	if token != "" {
		if skip, err = strconv.Atoi(token); err != nil || skip < 0 {
			return nil, &badField{"page_token", store.ErrPageToken}
		}
	}
	page, err := s.api.parts.Groups(d.ID, skip, size)
	if errors.Is(err, rules.ErrNoCorrelation) { // put in use a moment ago
		err = nil
	}
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ListGroupsResponse{Held: int32(page.Held)}
	if page.Next > 0 {
		resp.NextPageToken = newPageToken(strconv.Itoa(page.Next), time.Unix(0, 0))
	}
	for i := range page.Groups {
		resp.Groups = append(resp.Groups, newProtoGroup(&page.Groups[i]))
	}
	return resp, nil
}

func newProtoGroup(g *rules.Group) *gatewatchv1.RuleGroup {
	p := &gatewatchv1.RuleGroup{
		Value: g.Value, Holds: g.Holds, Events: int32(g.Events),
		FirstTime: timestamppb.New(g.First), LastTime: timestamppb.New(g.Last),
	}
	if !g.Fired.IsZero() {
		p.FiredTime = timestamppb.New(g.Fired)
	}
	for _, m := range g.Members {
		p.Members = append(p.Members, &gatewatchv1.RuleGroupMember{Field: m.Field, Value: strings.ToValidUTF8(m.Value, "\ufffd")})
	}
	return p
}
