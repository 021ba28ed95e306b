package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/vault"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// openProposals makes the keeper of a server.
func (s *server) openProposals(db *state.DB, desk *triage.Desk, nodes *fleet.Fleet) *proposals.Keeper {
	k := proposals.New(proposals.Options{
		State: db, Fleet: nodes, Now: func() time.Time { return started }, Log: slog.New(slog.DiscardHandler), Config: proposals.Config{}.WithDefaults(),
		Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
			s.leaves = append(s.leaves, l)
			return 0, s.audit
		},
		Live: tuning.Live{Desk: desk, Copies: &kept.Library{Find: s.kept.Requests, Ring: func() (*vault.Ring, error) { return s.ring, nil }}},
	})
	s.Cleanup(k.Close)
	return k
}

// TestProposals goes through the life of a proposal over REST.
func TestProposals(t *testing.T) {
	s := newServer(t, Config{}, true)
	directive := `SecRule REQUEST_FILENAME "@streq /a" "id:%d,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetById=942100;ARGS:q"`
	rows := []state.Proposal{}
	for id := int64(proposals.FirstID); id < proposals.FirstID+3; id++ {
		rows = append(rows, state.Proposal{
			ID: id, Kind: proposals.Exclusion, Name: fmt.Sprint(id), Site: "shop", Path: "/a", Directive: fmt.Sprintf(directive, id),
			Content: `{"rules":[942100],"unblocks":["e1"],"released":[],"guard_lost":[],"evidence":[{"Name":"change","Weight":1,"Detail":"rule 942100 no longer looks at ARGS:q"}]}`,
		})
	}
	if err := s.state.AddProposals(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	f := func(verb, path, role, body string, code int) map[string]any {
		t.Helper()
		resp := s.do(verb, path, s.bearer[role], body)
		defer resp.Body.Close()
		var got map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != code {
			t.Fatalf("%s %s: %d, want %d: %v, %v", verb, path, resp.StatusCode, code, got, err)
		}
		return got
	}
	post := func(path, body string, code int) map[string]any {
		t.Helper()
		return f("POST", path, "administrator", body, code)
	}
	page := f("GET", "/api/v1/proposals?page_size=2", "viewer", "", http.StatusOK)
	if n := len(page["proposals"].([]any)); n != 2 {
		t.Fatalf("%d proposals on a page", n)
	}
	page = f("GET", "/api/v1/proposals?page_size=2&page_token="+page["next_page_token"].(string), "viewer", "", http.StatusOK)
	if n := len(page["proposals"].([]any)); n != 1 || page["next_page_token"] != "" {
		t.Errorf("%d proposals on the last page", n)
	}
	first := fmt.Sprintf("/api/v1/proposals/%d", proposals.FirstID)
	p := f("GET", first, "viewer", "", http.StatusOK)["proposal"].(map[string]any)
	if p["status"] != "proposed" || p["site"] != "shop" || p["unblocks"].([]any)[0] != "e1" {
		t.Errorf("proposal %v", p)
	}
	f("GET", "/api/v1/proposals/7", "viewer", "", http.StatusNotFound)
	f("POST", first+":apply", "examiner", `{"stage":"all"}`, http.StatusForbidden)
	post(first+":apply", `{"stage":"some"}`, http.StatusBadRequest)
	post(first+":apply", `{"stage":"all","expires":"2020-01-01"}`, http.StatusBadRequest)
	p = post(first+":apply", `{"stage":"all","reason":"search","owner":"ann","expires":"now+30d"}`, http.StatusOK)["proposal"].(map[string]any)
	if p["status"] != "applied" || p["stage"] != "all" || p["owner"] != "ann" || p["expire_time"] != "2026-03-02T12:00:00Z" {
		t.Errorf("applied %v", p)
	}
	post(first+":apply", `{"stage":"all"}`, http.StatusBadRequest)
	if p = post(first+":rollback", `{"reason":"no"}`, http.StatusOK)["proposal"].(map[string]any); p["status"] != "rolled_back" {
		t.Errorf("rolled back %v", p)
	}
	post(first+":rollback", `{}`, http.StatusBadRequest)
	if p = post(first+":retire", `{}`, http.StatusOK)["proposal"].(map[string]any); p["status"] != "retired" {
		t.Errorf("retired %v", p)
	}
	for _, bad := range []string{`{"scope":"fleet"}`, `{"limit":-1}`, `{"suspect":2}`, `{"guard_loss":-1}`, `{"guard":"x"}`, `{"filter":"a: b | limit 1"}`, `{"kind":"rule"}`, `{"max_cost":0.1}`, `{"kind":"promotion","max_cost":2}`, `{"kind":"promotion","scope":"site"}`} {
		post("/api/v1/proposals:propose", bad, http.StatusBadRequest)
	}
	f("POST", "/api/v1/proposals:propose", "analyst", `{}`, http.StatusForbidden)
	if got := f("GET", "/api/v1/proposals:job", "viewer", "", http.StatusOK); got["job"] != nil {
		t.Errorf("a job before the first: %v", got)
	}
	post("/api/v1/proposals:propose", `{"from":"now-1h","guard":"{\"id\":\"g\",\"method\":\"GET\",\"uri\":\"/\",\"proto\":\"HTTP/1.1\",\"headers\":[],\"body\":\"\"}\n"}`, http.StatusOK)
	s.api.parts.Proposals.Wait()
	job := f("GET", "/api/v1/proposals:job", "viewer", "", http.StatusOK)["job"].(map[string]any)
	if job["end_time"] == nil || job["actor"] != `administrator "administrator"` || job["error"] != "" {
		t.Errorf("job %v", job)
	}
	post("/api/v1/proposals:propose", `{"kind":"promotion","max_cost":0.01}`, http.StatusOK)
	s.api.parts.Proposals.Wait()
	if job = f("GET", "/api/v1/proposals:job", "viewer", "", http.StatusOK)["job"].(map[string]any); job["kind"] != "promotion" || job["error"] != "" {
		t.Errorf("job for promotions %v", job)
	}
	promoted := state.Proposal{
		ID: proposals.FirstID + 9, Kind: proposals.Promotion, Name: "p", Site: "shop", Path: "*", Directive: "x",
		Content: `{"rules":[941380],"evidence":[],"catches":["m1"],"blocks":["l1"],"cost":[0.1,0.05,0.2]}`,
	}
	if err := s.state.AddProposals(t.Context(), []state.Proposal{promoted}, nil, nil); err != nil {
		t.Fatal(err)
	}
	p = f("GET", fmt.Sprintf("/api/v1/proposals/%d", promoted.ID), "viewer", "", http.StatusOK)["proposal"].(map[string]any)
	if p["kind"] != "promotion" || p["catches"].([]any)[0] != "m1" || p["blocks"].([]any)[0] != "l1" || p["cost"] != 0.1 || p["cost_lo"] != 0.05 || p["cost_hi"] != 0.2 {
		t.Errorf("promotion %v", p)
	}
	acts := map[string]int{}
	for _, l := range s.leaves {
		acts[l.Act]++
	}
	if acts[audit.ActPropose] != 2 || acts[audit.ActApply] != 1 || acts[audit.ActTakeOut] != 1 || acts[audit.ActRetire] != 1 {
		t.Errorf("leaves %v", acts)
	}
}
