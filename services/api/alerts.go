package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// alertServer is AlertService over the state.
type alertServer struct {
	gatewatchv1.UnimplementedAlertServiceServer
	api *API
}

// ListAlerts implements AlertService.
func (s alertServer) ListAlerts(ctx context.Context, req *gatewatchv1.ListAlertsRequest) (*gatewatchv1.ListAlertsResponse, error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	now, at, err := parsePageToken(req.GetPageToken(), s.api.parts.Now())
	if err != nil {
		return nil, err
	}
	after, err := alertPlace(at)
	if err != nil {
		return nil, err
	}
	matches, err := alertFilter(req.GetFilter(), now)
	if err != nil {
		return nil, err
	}
	p := alertPage{size: size, most: maxAlertScan, matches: matches, began: s.api.parts.Now(), now: s.api.parts.Now}
	if err := s.api.parts.Alerts.Alerts(ctx, after, p.take); err != nil {
		return nil, err
	}
	resp := &gatewatchv1.ListAlertsResponse{Alerts: p.alerts}
	if p.more {
		resp.NextPageToken = newPageToken(strconv.FormatInt(p.last.Found.UnixNano(), 10)+" "+p.last.ID, now)
	}
	return resp, nil
}

// One call looks at so many alerts for those that match its filter, and for so
// long. Its page may have few or none of them, and a token to go on.
const (
	maxAlertScan  = 50_000
	alertScanTime = 2 * time.Second
)

// alertPage gathers the alerts of a page.
type alertPage struct {
	size, most int // alerts on the page, and looked at for it
	matches    func(*state.Alert) bool
	began      time.Time
	now        func() time.Time

	alerts []*gatewatchv1.Alert
	seen   int
	last   state.Place // that was looked at
	more   bool        // there are others behind it
}

// take looks at an alert and tells whether it wants the next one.
func (p *alertPage) take(a state.Alert) bool {
	late := p.seen > 0 && p.now().Sub(p.began) > alertScanTime
	matches := !late && p.seen < p.most && p.matches(&a)
	if late || p.seen == p.most || matches && len(p.alerts) == p.size {
		p.more = true
		return false
	}
	p.seen, p.last = p.seen+1, state.Place{Found: a.Found, ID: a.ID}
	if matches {
		p.alerts = append(p.alerts, newProtoAlert(&a))
	}
	return true
}

// alertPlace reads the place in a page token: when the last alert of the page
// before was found, and its id.
func alertPlace(text string) (state.Place, error) {
	if text == "" {
		return state.Place{}, nil
	}
	at, id, _ := strings.Cut(text, " ")
	ns, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" {
		return state.Place{}, &badField{"page_token", errors.New("is not one of this list")}
	}
	return state.Place{Found: time.Unix(0, ns), ID: id}, nil
}

// alertFilter makes a test of a filter. An empty one takes all alerts.
func alertFilter(text string, now time.Time) (func(*state.Alert) bool, error) {
	if text == "" {
		return func(*state.Alert) bool { return true }, nil
	}
	q, err := query.Parse(text, now)
	if err != nil {
		return nil, err
	}
	if len(q.Pipes) > 0 {
		return nil, &badField{"filter", errors.New("has a pipe: a list only filters")}
	}
	var e event.Event
	m := query.NewMatcher(q.Filter)
	return func(a *state.Alert) bool {
		a.WriteEvent(&e)
		return m.Match(query.EventRow{Event: &e})
	}, nil
}

// GetAlert implements AlertService.
func (s alertServer) GetAlert(ctx context.Context, req *gatewatchv1.GetAlertRequest) (*gatewatchv1.GetAlertResponse, error) {
	a, history, err := s.api.parts.Alerts.Alert(ctx, req.GetId())
	if errors.Is(err, state.ErrNotFound) {
		return nil, &notFound{"alert", req.GetId()}
	}
	if err != nil {
		return nil, err
	}
	resp := &gatewatchv1.GetAlertResponse{Alert: newProtoAlert(&a)}
	for _, c := range history {
		resp.History = append(resp.History, &gatewatchv1.AlertChange{
			Revision: c.Revision, Time: timestamppb.New(c.Time), Actor: c.Actor, Status: newProtoStatus(c.Status),
			Assignee: c.Assignee, Note: c.Note,
		})
	}
	return resp, nil
}

// UpdateAlert implements AlertService. The leaf of the audit log comes first: if
// it cannot be written nothing changes. If the change then fails another leaf takes
// it back.
func (s alertServer) UpdateAlert(ctx context.Context, req *gatewatchv1.UpdateAlertRequest) (*gatewatchv1.UpdateAlertResponse, error) {
	id, _ := access.FromContext(ctx)
	u := state.Update{ID: req.GetId(), Revision: req.GetRevision(), Assignee: req.Assignee, Note: req.GetNote(), Actor: id.String()}
	if p := req.GetStatus(); p != gatewatchv1.AlertStatus_ALERT_STATUS_UNSPECIFIED {
		status := state.Status(strings.ToLower(strings.TrimPrefix(p.String(), statusPrefix)))
		u.Status = &status
	}
	a, err := s.api.parts.Alerts.UpdateAlert(ctx, u, func(old, changed state.Alert) (func(error), error) {
		_, err := s.api.parts.Audit(ctx, alertLeaf(u, old, changed))
		return func(failed error) { s.withdraw(context.WithoutCancel(ctx), u, changed, failed) }, err
	})
	if errors.Is(err, state.ErrNotFound) {
		return nil, &notFound{"alert", req.GetId()}
	}
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.UpdateAlertResponse{Alert: newProtoAlert(&a)}, nil
}

// withdraw says that an update did not come about, of which there is a leaf.
func (s alertServer) withdraw(ctx context.Context, u state.Update, changed state.Alert, failed error) {
	why := "failure"
	if errors.Is(failed, state.ErrConflict) {
		why = "conflict"
	}
	_, err := s.api.parts.Audit(ctx, audit.Leaf{Actor: u.Actor, Act: audit.ActUnalert, Object: u.ID, Detail: map[string]string{
		"revision": strconv.FormatUint(changed.Revision, 10), audit.DetailWhy: why,
	}})
	if err != nil {
		s.api.parts.Log.Error("audit log tells of an update of an alert that was not made", "alert", u.ID, "actor", u.Actor, "error", err)
	}
}

func alertLeaf(u state.Update, old, changed state.Alert) audit.Leaf {
	l := audit.Leaf{Actor: u.Actor, Act: audit.ActAlert, Object: u.ID, Detail: map[string]string{
		"from": string(old.Status), "to": string(changed.Status), "revision": strconv.FormatUint(changed.Revision, 10),
	}}
	if old.Assignee != changed.Assignee {
		l.Detail["assignee"] = changed.Assignee
	}
	if u.Note != "" {
		l.Detail["note"] = u.Note
	}
	return l
}

const statusPrefix = "ALERT_STATUS_"

func newProtoStatus(s state.Status) gatewatchv1.AlertStatus {
	return gatewatchv1.AlertStatus(gatewatchv1.AlertStatus_value[statusPrefix+strings.ToUpper(string(s))])
}

func newProtoAlert(a *state.Alert) *gatewatchv1.Alert {
	return &gatewatchv1.Alert{
		Id: a.ID, Status: newProtoStatus(a.Status), Assignee: a.Assignee, Note: a.Note, Revision: a.Revision,
		RuleId: a.RuleID, RuleName: a.RuleName, Severity: int32(a.Severity), Dataset: a.Dataset, Source: a.Source,
		SourceIp: a.SourceIP, UserName: a.User, HostName: a.Host, UrlDomain: a.Domain, UrlPath: a.Path, EventIds: a.EventIDs,
		EventTime: timestamppb.New(a.Time), FoundTime: timestamppb.New(a.Found), UpdateTime: timestamppb.New(a.LastUpdate),
	}
}
