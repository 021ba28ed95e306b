package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/alert"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// openAlerts opens a state with five alerts, the last one of severity 90.
func (s *server) openAlerts() *state.DB {
	s.Helper()
	d, err := state.Open(s.Context(), s.TempDir(), func() time.Time { return started })
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := d.Close(); err != nil {
			s.Errorf("close state: %v", err)
		}
	})
	var found []*event.Event
	for i := range 5 {
		e := &event.Event{ID: fmt.Sprint("f-", i), Time: started.UnixNano(), Received: started.Add(time.Duration(i/2) * time.Second).UnixNano()}
		e.AddText(event.RuleName, "A rule")
		e.AddInt(event.EventSeverity, int64(50+i/4*40))
		e.AddIP(event.SourceIP, "203.0.113.7")
		found = append(found, e)
	}
	if err := d.Write(s.Context(), found, 1); err != nil {
		s.Fatal(err)
	}
	s.state = d
	return d
}

func TestAlerts(t *testing.T) {
	s := newServer(t, Config{}, false)
	c := gatewatchv1.NewAlertServiceClient(s.dial())
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.bearer["analyst"])

	list := func(size int32, filter, want string) {
		t.Helper()
		var got []string
		req := &gatewatchv1.ListAlertsRequest{PageSize: size, Filter: filter}
		for {
			resp, err := c.ListAlerts(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range resp.GetAlerts() {
				got = append(got, a.GetId())
			}
			if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
				break
			}
			got = append(got, "|")
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("filter %q: %s, want %s", filter, text, want)
		}
	}
	list(0, "", "f-4 f-3 f-2 f-1 f-0")
	list(2, "", "f-4 f-3 | f-2 f-1 | f-0")
	list(5, "", "f-4 f-3 f-2 f-1 f-0")
	list(2, "source.ip: 203.0.113.0/24 and event.severity < 70", "f-3 f-2 | f-1 f-0")

	assignee := "ann"
	resp, err := c.UpdateAlert(ctx, &gatewatchv1.UpdateAlertRequest{
		Id: "f-2", Status: gatewatchv1.AlertStatus_ALERT_STATUS_ACKNOWLEDGED, Assignee: &assignee, Note: "looking", Revision: 1,
	})
	if err != nil || resp.GetAlert().GetRevision() != 2 {
		t.Fatal(resp, err)
	}
	list(0, "alert.status: acknowledged", "f-2")
	list(0, "alert.assignee: ANN and not alert.status: new", "f-2")
	got, err := c.GetAlert(ctx, &gatewatchv1.GetAlertRequest{Id: "f-2"})
	if err != nil || len(got.GetHistory()) != 1 || got.GetHistory()[0].GetActor() != `analyst "analyst"` || got.GetAlert().GetNote() != "looking" {
		t.Error(got, err)
	}
	if len(s.leaves) != 1 || s.leaves[0].Object != "f-2" || s.leaves[0].Actor != `analyst "analyst"` ||
		fmt.Sprint(s.leaves[0].Detail) != "map[assignee:ann from:new note:looking revision:2 to:acknowledged]" {
		t.Errorf("leaves: %+v", s.leaves)
	}

	refused := func(want codes.Code, req *gatewatchv1.UpdateAlertRequest) {
		t.Helper()
		if _, err := c.UpdateAlert(ctx, req); status.Code(err) != want {
			t.Errorf("%v: %v, want %v", req, err, want)
		}
	}
	closed := gatewatchv1.AlertStatus_ALERT_STATUS_CLOSED
	refused(codes.Aborted, &gatewatchv1.UpdateAlertRequest{Id: "f-2", Status: closed, Revision: 1})
	refused(codes.NotFound, &gatewatchv1.UpdateAlertRequest{Id: "none", Status: closed})
	refused(codes.InvalidArgument, &gatewatchv1.UpdateAlertRequest{Id: "f-2"})
	refused(codes.InvalidArgument, &gatewatchv1.UpdateAlertRequest{Id: "f-2", Status: 99})
	s.audit = errors.New("no audit log")
	refused(codes.Internal, &gatewatchv1.UpdateAlertRequest{Id: "f-2", Status: closed})
	list(0, "alert.status: closed", "")

	for _, req := range []*gatewatchv1.ListAlertsRequest{
		{Filter: "a: b | limit 3"}, {Filter: "("}, {PageToken: "x"}, {PageToken: newPageToken("7", started)}, {PageSize: -1},
	} {
		if _, err := c.ListAlerts(ctx, req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
	if _, err := c.GetAlert(ctx, &gatewatchv1.GetAlertRequest{Id: "none"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown alert: %v", err)
	}
}

// TestUpdateAlertWithdrawn: an update that fails after its leaf is taken back by
// another one.
func TestUpdateAlertWithdrawn(t *testing.T) {
	dir := t.TempDir()
	open := func() *state.DB {
		d, err := state.Open(t.Context(), dir, func() time.Time { return started })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Errorf("close state: %v", err)
			}
		})
		return d
	}
	d, other := open(), open()
	if err := d.Write(t.Context(), []*event.Event{{ID: "f", Time: 1, Received: 1}}, 1); err != nil {
		t.Fatal(err)
	}
	var acts []string
	s := alertServer{api: &API{parts: Parts{Alerts: d, Audit: func(ctx context.Context, l audit.Leaf) (int64, error) {
		acts = append(acts, fmt.Sprint(l.Act, l.Detail))
		if l.Act != audit.ActAlert {
			return 0, nil
		}
		_, err := other.UpdateAlert(ctx, state.Update{ID: l.Object, Note: "faster", Actor: "bo"}, nil)
		return 0, err
	}}}}
	_, err := s.UpdateAlert(t.Context(), &gatewatchv1.UpdateAlertRequest{Id: "f", Status: gatewatchv1.AlertStatus_ALERT_STATUS_CLOSED})
	if !errors.Is(err, state.ErrConflict) {
		t.Error(err)
	}
	want := []string{"alert.updatemap[from:new revision:2 to:closed]", "alert.withdrawmap[revision:2 why:conflict]"}
	if diff := cmp.Diff(want, acts); diff != "" {
		t.Error(diff)
	}
	if a, _, err := d.Alert(t.Context(), "f"); err != nil || a.Status != state.StatusNew || a.Note != "faster" {
		t.Error(a, err)
	}
}

// TestAlertPageBounds: a filter that matches little ends a call with a place to
// go on from, and never without one step ahead.
func TestAlertPageBounds(t *testing.T) {
	s := newServer(t, Config{}, false)
	f := func(want string, size, most int, step time.Duration) {
		t.Helper()
		now := started
		matches, err := alertFilter("event.severity: 90", now)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for after, calls := (state.Place{}), 0; ; calls++ {
			p := alertPage{size: size, most: most, matches: matches, began: now, now: func() time.Time {
				now = now.Add(step)
				return now
			}}
			if err := s.state.Alerts(t.Context(), after, p.take); err != nil {
				t.Fatal(err)
			}
			for _, a := range p.alerts {
				got = append(got, a.GetId())
			}
			if after = p.last; !p.more || calls > 9 {
				break
			}
			got = append(got, "|")
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%d of %d, %v each: %s, want %s", size, most, step, text, want)
		}
	}
	f("f-4", 9, 9, 0)
	f("f-4 | |", 9, 2, 0)
	f("f-4 | | | |", 9, 9, time.Minute)
}

func TestAlertsOverREST(t *testing.T) {
	s := newServer(t, Config{}, false)
	call := func(method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.http+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.bearer["analyst"])
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if code, body := call("GET", "/api/v1/alerts?page_size=1&filter=event.severity:90", ""); code != 200 ||
		!strings.Contains(body, `"id":"f-4"`) || !strings.Contains(body, `"status":"ALERT_STATUS_NEW"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := call("POST", "/api/v1/alerts/f-4", `{"status":"ALERT_STATUS_CLOSED","assignee":""}`); code != 200 || !strings.Contains(body, `"revision":2`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := call("POST", "/api/v1/alerts/f-4", `{"status":"ALERT_STATUS_NEW","revision":1}`); code != 409 {
		t.Errorf("%d %s", code, body)
	}
}

// openNotifier makes one that tells nobody.
func (s *server) openNotifier(db *state.DB) *alert.Notifier {
	s.Helper()
	n, err := alert.Open(alert.Config{}, alert.Options{State: db, Now: func() time.Time { return started }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// TestNotifications tells what the webhook does, and that there is none to test.
func TestNotifications(t *testing.T) {
	s := newServer(t, Config{}, true)
	f := func(verb, path string, code int, want string) {
		t.Helper()
		resp := s.do(verb, path, s.bearer["administrator"], "{}")
		if got := text(resp); resp.StatusCode != code || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s, want %d with %s", path, resp.StatusCode, got, code, want)
		}
	}
	f(http.MethodGet, "/api/v1/notifications", http.StatusOK, `"enabled":false`)
	f(http.MethodPost, "/api/v1/notifications:test", http.StatusBadRequest, "no webhook is configured")
}
