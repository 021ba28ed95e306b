package api

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// openFleet makes the fleet of a server, whose bundles compile unless they are for
// CRS 9.
func (s *server) openFleet(db *state.DB) *fleet.Fleet {
	s.Helper()
	f, err := fleet.Open(s.Context(), fleet.Options{
		State: db, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
		Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
			s.leaves = append(s.leaves, l)
			return 0, s.audit
		},
		Compile: func(b *bundle.Bundle) error {
			if b.CRS == "9.0.0" {
				return errors.New("there is no such CRS")
			}
			return nil
		},
		Record: func(context.Context, []byte) error { return nil },
		Now:    time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.Fatal(err)
	}
	return f
}

// TestBundles goes through the life of a bundle over REST.
func TestBundles(t *testing.T) {
	s := newServer(t, Config{}, true)
	f := func(verb, path, body string, code int) map[string]any {
		t.Helper()
		resp := s.do(verb, path, s.bearer["administrator"], body)
		defer resp.Body.Close()
		var got map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != code {
			t.Fatalf("%s %s: %d, want %d: %v, %v", verb, path, resp.StatusCode, code, got, err)
		}
		return got
	}
	post := func(path string, body map[string]any, code int) map[string]any {
		t.Helper()
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return f("POST", path, string(b), code)
	}
	first := post("/api/v1/bundles", map[string]any{"text": ` {"crs": "4.25.0", "version": 1} `}, http.StatusOK)["bundle"].(map[string]any)["name"].(string)
	second := post("/api/v1/bundles", map[string]any{"text": `{"version":1,"crs":"4.25.0","sites":[{"name":"*","paranoia":2}]}`}, http.StatusOK)["bundle"].(map[string]any)["name"].(string)
	post("/api/v1/bundles", map[string]any{"text": `{"version":1,"crs":"9.0.0"}`}, http.StatusBadRequest)
	post("/api/v1/bundles", map[string]any{"text": `{`}, http.StatusBadRequest)
	if got := f("GET", "/api/v1/bundles/"+first, "", http.StatusOK)["text"]; got != `{"version":1,"crs":"4.25.0"}`+"\n" {
		t.Errorf("text %q", got)
	}
	f("GET", "/api/v1/bundles/x", "", http.StatusNotFound)
	if all := f("GET", "/api/v1/bundles?page_size=1", "", http.StatusOK); len(all["bundles"].([]any)) != 1 || all["next_page_token"] == "" {
		t.Errorf("bundles %v", all)
	}
	missing := strings.Repeat("0", 64)
	post("/api/v1/rollouts:rollback", map[string]any{}, http.StatusBadRequest)
	post("/api/v1/bundles/"+missing+"/rollouts", map[string]any{"stage": "all"}, http.StatusNotFound)
	post("/api/v1/bundles/"+first+"/rollouts", map[string]any{"stage": "some"}, http.StatusBadRequest)
	post("/api/v1/bundles/"+first+"/rollouts", map[string]any{"stage": "shadow"}, http.StatusBadRequest)
	post("/api/v1/bundles/"+first+"/rollouts", map[string]any{"stage": "all"}, http.StatusOK)
	post("/api/v1/bundles/"+second+"/rollouts", map[string]any{"stage": "canary", "share_percent": 10, "reason": "try"}, http.StatusOK)
	want := func(stable, candidate string) {
		t.Helper()
		r := f("GET", "/api/v1/rollouts/current", "", http.StatusOK)["rollout"].(map[string]any)
		if r["stable"] != stable || r["candidate"] != candidate {
			t.Errorf("rollout %v", r)
		}
	}
	want(first, second)
	post("/api/v1/rollouts:rollback", map[string]any{"reason": "no"}, http.StatusOK)
	want(first, "")
	post("/api/v1/rollouts:rollback", map[string]any{}, http.StatusOK)
	want("", "")
	acts := map[string]int{}
	for _, l := range s.leaves {
		acts[l.Act]++
	}
	if acts[audit.ActBundle] != 2 || acts[audit.ActRollOut] != 4 {
		t.Errorf("leaves %v", acts)
	}
	s.audit = errors.New("disk is gone")
	post("/api/v1/bundles/"+second+"/rollouts", map[string]any{"stage": "all"}, http.StatusInternalServerError)
	s.audit = nil
	want("", "")
}
