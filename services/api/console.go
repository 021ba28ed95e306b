package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/state"
)

// consoleServer is ConsoleService over the state.
type consoleServer struct {
	gatewatchv1.UnimplementedConsoleServiceServer
	api *API
}

// actorOf names who makes a call, for what belongs to that one.
func actorOf(ctx context.Context) string {
	id, _ := access.FromContext(ctx)
	return string(id.Kind) + " " + id.Name
}

var preferenceName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// GetPreferences implements ConsoleService.
func (s consoleServer) GetPreferences(ctx context.Context, _ *gatewatchv1.GetPreferencesRequest) (*gatewatchv1.GetPreferencesResponse, error) {
	set, err := s.api.parts.Alerts.Preferences(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.GetPreferencesResponse{Preferences: newProtoPreferences(set)}, nil
}

// SavePreferences implements ConsoleService.
func (s consoleServer) SavePreferences(ctx context.Context, req *gatewatchv1.SavePreferencesRequest) (*gatewatchv1.SavePreferencesResponse, error) {
	changed := map[string]string{}
	for _, p := range req.GetPreferences() {
		if !preferenceName.MatchString(p.GetName()) {
			return nil, &badField{"preferences", fmt.Errorf("name %.80q: want 1 to 64 letters, digits, '.', '_' and '-'", p.GetName())}
		}
		changed[p.GetName()] = p.GetValue()
	}
	set, err := s.api.parts.Alerts.SetPreferences(ctx, actorOf(ctx), changed)
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.SavePreferencesResponse{Preferences: newProtoPreferences(set)}, nil
}

func newProtoPreferences(set map[string]string) []*gatewatchv1.Preference {
	var all []*gatewatchv1.Preference
	for _, name := range slices.Sorted(maps.Keys(set)) {
		all = append(all, &gatewatchv1.Preference{Name: name, Value: set[name]})
	}
	return all
}

// ListSavedSearches implements ConsoleService.
func (s consoleServer) ListSavedSearches(ctx context.Context, req *gatewatchv1.ListSavedSearchesRequest) (*gatewatchv1.ListSavedSearchesResponse, error) {
	rows, err := s.api.parts.Alerts.SavedSearches(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	all := make([]*gatewatchv1.SavedSearch, len(rows))
	for i := range rows {
		all[i] = newProtoSearch(&rows[i], actorOf(ctx))
	}
	page, next, err := pageOf(all, req, func(s *gatewatchv1.SavedSearch) string { return s.GetName() + "\x00" + s.GetId() })
	return &gatewatchv1.ListSavedSearchesResponse{Searches: page, NextPageToken: next}, err
}

func newProtoSearch(s *state.SavedSearch, caller string) *gatewatchv1.SavedSearch {
	return &gatewatchv1.SavedSearch{
		Id: s.ID, Name: s.Name, Query: s.Content.Query, From: s.Content.From, To: s.Content.To, Columns: s.Content.Columns,
		Shared: s.Shared, Owner: s.Owner, Mine: s.Owner == caller,
		CreateTime: timestamppb.New(s.Created), UpdateTime: timestamppb.New(s.Updated),
	}
}

// SaveSearch implements ConsoleService. A query with a mistake is refused.
func (s consoleServer) SaveSearch(ctx context.Context, req *gatewatchv1.SaveSearchRequest) (*gatewatchv1.SaveSearchResponse, error) {
	in := req.GetSearch()
	if _, _, _, err := parse(in.GetQuery(), in.GetFrom(), in.GetTo(), s.api.parts.Now()); err != nil {
		return nil, err
	}
	row := state.SavedSearch{
		ID: in.GetId(), Owner: actorOf(ctx), Name: in.GetName(), Shared: in.GetShared(),
		Content: state.SearchContent{Query: in.GetQuery(), From: in.GetFrom(), To: in.GetTo(), Columns: in.GetColumns()},
	}
	fresh := row.ID == ""
	if fresh {
		row.ID = rand.Text()
	}
	row, err := s.api.parts.Alerts.SaveSearch(ctx, row, fresh)
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.SaveSearchResponse{Search: newProtoSearch(&row, actorOf(ctx))}, nil
}

// DeleteSavedSearch implements ConsoleService.
func (s consoleServer) DeleteSavedSearch(ctx context.Context, req *gatewatchv1.DeleteSavedSearchRequest) (*gatewatchv1.DeleteSavedSearchResponse, error) {
	owner := actorOf(ctx)
	if id, _ := access.FromContext(ctx); id.Role == access.Administrator {
		owner = ""
	}
	if err := s.api.parts.Alerts.DeleteSearch(ctx, req.GetId(), owner); err != nil {
		return nil, err
	}
	return &gatewatchv1.DeleteSavedSearchResponse{}, nil
}
