package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/triage/whatif"
	"github.com/gatewatch/gatewatch/services/waf"
)

// openWhatIf makes the runner of a server.
func (s *server) openWhatIf(k *proposals.Keeper) *whatif.Runner {
	r := whatif.New(whatif.Options{
		Live: k.Live, Now: func() time.Time { return started }, Log: slog.New(slog.DiscardHandler),
		Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
			s.leaves = append(s.leaves, l)
			return 0, s.audit
		},
	})
	s.Cleanup(r.Close)
	return r
}

// TestWhatIf asks over REST.
func TestWhatIf(t *testing.T) {
	s := newServer(t, Config{}, true)
	f := func(verb, role, body string, code int) map[string]any {
		t.Helper()
		role, parameters, _ := strings.Cut(role, "?")
		resp := s.do(verb, "/api/v1/tuning:whatif?"+parameters, s.bearer[role], body)
		defer resp.Body.Close()
		var got map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != code {
			t.Fatalf("%s: %d, want %d: %v, %v", verb, resp.StatusCode, code, got, err)
		}
		return got
	}
	if got := f("GET", "viewer", "", http.StatusOK); got["job"] != nil {
		t.Errorf("a job before the first: %v", got)
	}
	for _, bad := range []string{
		`{"thresholds":[0]}`, `{"limit":-1}`, `{"limit":50001}`, `{"from":"soon"}`, `{"to":"soon"}`, `{"site":"` + strings.Repeat("x", maxSiteName+1) + `"}`, `{"sites":"x"}`,
	} {
		f("POST", "analyst", bad, http.StatusBadRequest)
	}
	f("POST", "viewer", `{}`, http.StatusForbidden)
	f("DELETE", "viewer", "", http.StatusForbidden)
	if len(s.leaves) > 0 {
		t.Errorf("leaves of what was refused: %+v", s.leaves)
	}
	job := f("POST", "analyst", `{"site":"none","from":"now-1h","thresholds":[5,9]}`, http.StatusOK)["job"].(map[string]any)
	if job["site"] != "none" || job["from"] != "now-1h" || job["actor"] != `analyst "analyst"` || len(job["thresholds"].([]any)) != 2 {
		t.Errorf("job %v", job)
	}
	s.api.parts.WhatIf.Wait()
	job = f("GET", "viewer", "", http.StatusOK)["job"].(map[string]any)
	if job["end_time"] == nil || job["error"] != "" {
		t.Errorf("job %v", job)
	}
	f("DELETE", "analyst", "", http.StatusOK)
	f("DELETE", "analyst?start_time=2026-01-31T12:00:00Z", "", http.StatusOK)
	f("DELETE", "analyst?start_time=soon", "", http.StatusBadRequest)
	if len(s.leaves) != 1 || s.leaves[0].Act != audit.ActRequests || s.leaves[0].Object != "what-if" {
		t.Errorf("leaves %+v", s.leaves)
	}
}

// TestWhatIfCurve says what is known of a point and why the rest is not.
func TestWhatIfCurve(t *testing.T) {
	rate := tuning.LabelledShare{Estimate: verdict.Estimate{Enough: true, Value: 0.5, Low: 0.25, High: 0.75, Labels: 7}, N: 15, Effective: 10.5}
	unknown := tuning.LabelledShare{Estimate: verdict.Estimate{Value: 9, Why: "not enough labels"}, N: 15}
	m := newProtoWhatIf(&whatif.Job{
		Question: whatif.Question{WhatIf: tuning.WhatIf{Thresholds: []int{5}}}, Actor: "ann", Began: started, Ended: started, Progress: tuning.Progress{Stage: "judge", Done: 15, Total: 15},
		Found: &tuning.LiveCurves{LeftOut: tuning.LeftOut{Unfaithful: 1}, Sites: []tuning.SiteCurve{
			{Site: "blog", Requests: 3, Why: "no random sample"},
			{Site: "shop", N: 15, Requests: 205, Settings: waf.Settings{Paranoia: 1, InboundThreshold: 5}, Points: []tuning.Point{
				{Paranoia: 2, Threshold: 5, Blocked: tuning.Share{Value: 0.125, Low: 0.0625, High: 0.25, N: 15, Effective: 10.5}, FalsePositive: rate, Missed: unknown},
			}},
		}},
	})
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"actor": "ann", "start_time": "2026-01-31T12:00:00Z", "end_time": "2026-01-31T12:00:00Z", "thresholds": [5], "stage": "judge", "done": "15", "total": "15",
		"left_out": "1 whose copies are masked where the rules look", "curves": [
		{"site": "blog", "n_requests": "3", "why": "no random sample"},
		{"site": "shop", "paranoia": 1, "threshold": 5, "n": "15", "n_requests": "205", "points": [{"paranoia": 2, "threshold": 5,
			"blocked": {"estimate": 0.125, "lo": 0.0625, "hi": 0.25, "n": "15", "n_effective": 10.5},
			"false_positive": {"estimate": 0.5, "lo": 0.25, "hi": 0.75, "n": "15", "n_effective": 10.5, "n_labels": "7"},
			"missed": {"n": "15", "why": "not enough labels"}}]}]}`
	var a, b any
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b, a); d != "" {
		t.Error(d)
	}
}
