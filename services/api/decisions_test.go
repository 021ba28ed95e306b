package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
)

// openDesk makes the desk of triage over the store of the server.
func (s *server) openDesk(d *state.DB) *triage.Desk {
	s.Helper()
	q, err := queue.Open(s.TempDir(), queue.Config{MinFreeBytes: 1}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := q.Close(); err != nil {
			s.Errorf("close queue: %v", err)
		}
	})
	desk, err := triage.New(triage.Options{
		Events: s.store, State: d, Queue: q, Now: func() time.Time { return started },
		Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
			s.leaves = append(s.leaves, l)
			return 0, s.audit
		},
	})
	if err != nil {
		s.Fatal(err)
	}
	return desk
}

// fillDecisions stores n decisions of one second, half of them blocks.
func (s *server) fillDecisions(n int) {
	s.Helper()
	events := make([]event.Event, n)
	for i := range events {
		e := &events[i]
		e.ID, e.Source, e.Dataset, e.Time = fmt.Sprintf("d/%02d", i), "edge-1", "coraza.waf", started.Add(-time.Hour).UnixNano()
		e.AddText(event.WAFSite, "shop")
		e.AddText(event.GatewatchWAF, event.WAFByNode)
		e.AddText(event.WAFDecision, []string{"allow", "block"}[i%2])
		e.AddText(event.URLPath, fmt.Sprintf("/item/%d/\x1b[31m", i))
		e.AddText(event.ClientIP, fmt.Sprintf("192.0.2.%d", i))
		e.Add(event.VerdictPAttack, event.Float(float64(i)/float64(n)))
		e.AddText(event.HTTPRequestID, fmt.Sprint("r/", i))
		e.Add(event.WAFSampleProb, event.Float(0.5))
		e.AddText(event.VerdictKind, []string{"clean", "pattern"}[i%2])
		e.AddText(event.VerdictEvidence, "content|1.50|a <b> \xff|c")
		if i%2 == 1 {
			e.AddText(event.RuleID, "942100")
		}
	}
	if err := s.store.Write(s.Context(), store.Batch{Events: events}); err != nil {
		s.Fatal(err)
	}
}

func TestDecisions(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.fillDecisions(10)
	ask := func(verb, path, body string) (int, string) {
		t.Helper()
		resp := s.do(verb, path, s.bearer["analyst"], body)
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	want := func(verb, path, body string, code int, parts ...string) {
		t.Helper()
		got, text := ask(verb, path, body)
		if got != code {
			t.Errorf("%s %s: %d, want %d: %s", verb, path, got, code, text)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s %s: %q is not in %s", verb, path, part, text)
			}
		}
	}
	get := func(path string, code int, parts ...string) {
		t.Helper()
		want(http.MethodGet, path, "", code, parts...)
	}
	label := func(act, body string, code int, parts ...string) {
		t.Helper()
		want(http.MethodPost, "/api/v1/decisions/d%2F01:"+act, body, code, parts...)
	}

	get("/api/v1/decisions?order_by=false_positive&page_size=2", 200, `"decisions":[{"id":"d/01"`, `"p_attack":0.1,"p_wrong":0.9`, `"request_id":"r/1","kept_probability":0.5}`, `"next_page_token":"`)
	get("/api/v1/decisions?order_by=missed&page_size=1", 200, `"id":"d/08"`)
	get("/api/v1/decisions?filter=waf.decision:+block+or+source.ip:1&page_size=1", 200)
	get("/api/v1/decisions/d%2F01", 200, `"decision":{"decision":{"id":"d/01","source":"edge-1"`, `"evidence":[{"name":"content","weight":1.5,"detail":"a <b> �|c"`)
	get("/api/v1/decisions:groups", 200, `"path_template":"/item/{id}/�[31m","rule":"942100"`, `"n":5,"clients":5`, `"expected_wrong":2.5`, `"share_of_blocks":1`, `"decisions":10,"blocks":5`)
	get("/api/v1/decisions:rates?by=site", 200, `"scope":"site:shop","rate":"false_positive","n_labels":0,"n":10,"label_next":[],"n_drawn":0,"n_covered":0,"why":"not enough labels`)
	want(http.MethodPost, "/api/v1/decisions:sample", `{"budget":3,"seed":7}`, 200, `"sample_probability":`, `"candidates":10`)

	label("label", `{"label":"false_positive","reason":"a forum"}`, 200, `"p_attack":0.1,"p_wrong":1`, `"label":"false_positive"`, `"latest":{"revision":1,"p_attack":0`)
	get("/api/v1/decisions?unlabelled=true&order_by=false_positive&page_size=1", 200, `"id":"d/03"`)
	get("/api/v1/decisions:groups", 200, `"labels":[{"label":"false_positive","n":1}]`)
	label("undoLabel", `{}`, 200, `"label":""`, `"undoes":2`, `"latest":{"revision":2,"p_attack":0.1,`)
	if n := len(s.leaves); n != 3 || s.leaves[1].Act != audit.ActLabel || s.leaves[2].Act != audit.ActUnlabel {
		t.Errorf("leaves: %v", s.leaves)
	}
	s.audit = errors.New("no room")
	label("label", `{"label":"benign"}`, 500)
	s.audit = nil
	get("/api/v1/decisions/d%2F01", 200, `"label":"",`, `"revision":2`)

	group := func(act, body string, code int, parts ...string) {
		t.Helper()
		want(http.MethodPost, "/api/v1/decisions:"+act, body, code, parts...)
	}
	group("labelGroup", `{"like_id":"d/01","label":"benign","preview":true}`, 200, `"rule":"942100"`, `"decision":"block","act":0,"n":4,"labelled":0,"more":false`, `"kept_out":1,"least_p_attack":0.1,"most_p_attack":0.7`)
	group("labelGroup", `{"like_id":"d/01","label":"benign","covers":"x"}`, 409)
	group("labelGroup", `{"like_id":"d/01","label":"benign","reason":"a shop","all":true}`, 200, `"act":5,"n":5`)
	group("undoLabels", `{"act":5}`, 200, `"n":5`)
	group("undoLabels", `{"act":5}`, 404)
	group("labelGroup", `{"like_id":"none","label":"benign"}`, 404, `there is no decision \"none\"`)

	label("undoLabel", `{}`, 409, "label of the decision is undone already: no label holds")
	want(http.MethodPost, "/api/v1/decisions/d%2F02:undoLabel", `{}`, 404)
	label("undoLabel", `{"label_id":7}`, 404)
	label("label", `{"label":"wrong"}`, 400, "true_positive, false_positive, benign, unsure")
	label("label", `{"label":"benign","source":"other"}`, 404, `there is no decision \"d/01\"`)
	get("/api/v1/decisions/none", 404, `there is no decision \"none\"`)
	get("/api/v1/decisions/", 404)
	get("/api/v1/decisions/%00%22%5c", 404)
	get("/api/v1/decisions?order_by=best", 400, "want one of")
	get("/api/v1/decisions:groups?order_by=best", 400, "want one of")
	get("/api/v1/decisions:groups?kind=nope", 400, "want one of [pattern policy clean]")
	get("/api/v1/decisions?filter=a|limit+3", 400, "has a pipe")
	get("/api/v1/decisions?page_token=AAAA", 400, "page token")
	get("/api/v1/decisions:rates?by=x", 400, "want one of")
	get("/api/v1/decisions:rates?limit=-1", 400)
	want(http.MethodPost, "/api/v1/decisions:sample", `{"budget":0}`, 400, "want 1 to 10000")
}

// TestDecisionPages reads lists page by page: each decision comes once, also
// where all have one time.
func TestDecisionPages(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.fillDecisions(10)
	for _, order := range []string{"newest", "wrong", "uncertain"} {
		seen, token := map[string]int{}, ""
		for pages := 0; pages == 0 || token != ""; pages++ {
			if pages > 10 {
				t.Fatalf("%s: pages do not end", order)
			}
			page := s.decisions("order_by=" + order + "&page_size=3&page_token=" + token)
			for _, d := range page.Decisions {
				seen[d.ID]++
			}
			token = page.Next
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s: %s comes %d times", order, id, n)
			}
		}
		if len(seen) != 10 {
			t.Errorf("%s: %d decisions, want 10", order, len(seen))
		}
	}
}

// decisionList is a page of decisions as REST shows it.
type decisionList struct {
	Decisions []struct{ ID string }
	Next      string `json:"next_page_token"`
}

func (s *server) decisions(parameters string) (page decisionList) {
	s.Helper()
	resp := s.do(http.MethodGet, "/api/v1/decisions?"+parameters, s.bearer["viewer"], "")
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("list decisions: %d, %v", resp.StatusCode, err)
	}
	return page
}
