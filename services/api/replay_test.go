package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// searched is a copy of a request that the rules block.
func searched(id, site string) kept.Copy {
	return kept.Copy{
		ID: id, Block: true, Score: 5, Rules: []int{942100}, Ruleset: "crs/4", Why: kept.Blocked, Probability: 1, Faithful: true,
		Model: "m1", PAttack: .75, Kind: verdict.KindPattern,
		Request: verdict.Request{
			ID: id, Site: site, Method: "GET", URI: "/search?q=1%27+OR+%271%27=%271", Proto: "HTTP/1.1",
			Headers: [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}},
		},
	}
}

// freeing is a bundle that lets such requests to the site shop pass.
func freeing(tb testing.TB) (text, name string) {
	tb.Helper()
	b := &bundle.Bundle{Version: bundle.Version, CRS: waf.CRSVersion, Exclusions: []bundle.Exclusion{{
		ID: "a", Site: "shop", Owner: "ann", Reason: "x",
		Directive: `SecRule REQUEST_URI "@beginsWith /search" "id:9900100,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetById=942100;ARGS:q"`,
	}}}
	canonical, err := b.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return string(canonical), bundle.Sum(canonical)
}

// replay asks over REST, and returns the lines of the answer.
func (s *server) replay(role string, code int, ask map[string]any) (lines []map[string]map[string]any) {
	s.Helper()
	body, err := json.Marshal(ask)
	if err != nil {
		s.Fatal(err)
	}
	resp := s.do(http.MethodPost, "/api/v1/tuning:replay", s.bearer[role], string(body))
	answer := text(resp)
	if resp.StatusCode != code {
		s.Fatalf("%.200s: %d, want %d: %s", body, resp.StatusCode, code, answer)
	}
	if code != http.StatusOK {
		return nil
	}
	if kind := resp.Header.Get("Content-Type"); kind != "application/x-ndjson" {
		s.Errorf("content type %s", kind)
	}
	for line := range strings.Lines(answer) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var one map[string]map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			s.Fatalf("%s: %v", line, err)
		}
		lines = append(lines, one)
	}
	return lines
}

// changes are what became of requests, the summary last.
func changes(lines []map[string]map[string]any) (all []string) {
	for _, l := range lines {
		if r := l["request"]; r != nil {
			all = append(all, fmt.Sprint(r["id"], " ", r["site"], " ", r["change"], " ", r["before"], " ", r["after"], " ", r["taken_for"]))
		}
		if x := l["summary"]; x != nil {
			all = append(all, fmt.Sprint(x["newly_allowed"], " allowed, ", x["allowed_attack"], " attacks, ", x["newly_blocked"], " blocked, ", x["unchanged"], " unchanged, ", x["unfaithful"], " unfaithful"))
		}
	}
	return all
}

// TestReplay replays a bundle over the copies of a store.
func TestReplay(t *testing.T) {
	s := newServer(t, Config{}, true)
	masked := searched("masked", "shop")
	masked.Faithful = false
	s.keep(searched("other", "blog"), masked, searched("freed\x1b\u202e", "shop"))
	written, name := freeing(t)
	want := []string{"freed\x1b\u202e shop newly_allowed block allow attack", "other blog unchanged block block attack", "1 allowed, 1 attacks, 0 blocked, 1 unchanged, 1 unfaithful"}
	if d := cmp.Diff(want, changes(s.replay("examiner", http.StatusOK, map[string]any{"text": written, "from": "now-1h"}))); d != "" {
		t.Error(d)
	}
	if len(s.leaves) != 1 || s.leaves[0].Act != audit.ActRequests || s.leaves[0].Object != "replay" || s.leaves[0].Hash != name ||
		s.leaves[0].Actor != `examiner "examiner"` || s.leaves[0].Detail["from"] == "" {
		t.Errorf("leaves %+v", s.leaves)
	}
	if _, _, err := s.api.parts.Fleet.Create(t.Context(), "ann", []byte(written)); err != nil {
		t.Fatal(err)
	}
	short := []string{want[0], want[2]}
	if d := cmp.Diff(short, changes(s.replay("administrator", http.StatusOK, map[string]any{"bundle": name, "changed": true}))); d != "" {
		t.Error(d)
	}
	if got := changes(s.replay("examiner", http.StatusOK, map[string]any{"bundle": name, "sites": []string{"blog"}})); len(got) != 2 || got[0] != want[1] {
		t.Errorf("one site: %q", got)
	}
	s.replay("examiner", http.StatusNotFound, map[string]any{"bundle": "stable"})
	if _, err := s.api.parts.Fleet.RollOut(t.Context(), "ann", fleet.Plan{Bundle: name, Stage: bundle.StageAll}); err != nil {
		t.Fatal(err)
	}
	s.replay("examiner", http.StatusNotFound, map[string]any{"bundle": "candidate"})
	if d := cmp.Diff(short, changes(s.replay("examiner", http.StatusOK, map[string]any{"bundle": "stable", "changed": true}))); d != "" {
		t.Error(d)
	}
}

// TestReplayOverGRPC tells the sums so far, too.
func TestReplayOverGRPC(t *testing.T) {
	s := newServer(t, Config{}, true)
	var all []kept.Copy
	for i := range progressEvery + 1 {
		all = append(all, searched(fmt.Sprint("r", i), "shop"))
	}
	s.keep(all...)
	written, _ := freeing(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.bearer["examiner"])
	stream, err := gatewatchv1.NewTuningServiceClient(s.dial()).Replay(ctx, &gatewatchv1.ReplayRequest{Text: written})
	if err != nil {
		t.Fatal(err)
	}
	var requests, progress int
	var last *gatewatchv1.ReplayResponse
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		last = m
		if m.GetRequest() != nil {
			requests++
		}
		if p := m.GetProgress(); p != nil {
			progress++
			if p.GetNewlyAllowed() != progressEvery {
				t.Errorf("progress %v", p)
			}
		}
	}
	if requests != len(all) || progress != 1 || last.GetSummary().GetNewlyAllowed() != int64(len(all)) {
		t.Errorf("%d requests, %d times progress, at last %v", requests, progress, last)
	}
}

// TestReplayRefused begins nothing that is out of range, or that the audit log cannot
// tell of.
func TestReplayRefused(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.keep(searched("one", "shop"))
	written, name := freeing(t)
	for _, bad := range []map[string]any{
		{},
		{"bundle": "x"},
		{"bundle": name, "text": written},
		{"text": "{"},
		{"text": `{"version":1,"crs":"4.0.0"}`},
		{"text": written, "limit": -1},
		{"text": written, "limit": tuning.MaxReplay + 1},
		{"text": written, "from": "soon"},
		{"text": written, "to": "soon"},
		{"text": written, "from": "now-1h", "to": "now-2h"},
		{"text": written, "sites": make([]string, tuning.MaxReplaySites+1)},
		{"text": written, "sites": []string{""}},
		{"text": written, "sites": []string{strings.Repeat("a", maxRequestFilter+1)}},
		{"text": written, "site": "shop"},
		{"text": strings.Repeat(" ", bundle.MaxBytes) + written},
	} {
		s.replay("examiner", http.StatusBadRequest, bad)
	}
	s.replay("analyst", http.StatusForbidden, map[string]any{"text": written})
	s.replay("examiner", http.StatusNotFound, map[string]any{"bundle": name})
	s.api.replays <- struct{}{}
	s.replay("examiner", http.StatusTooManyRequests, map[string]any{"text": written})
	<-s.api.replays
	if len(s.leaves) > 0 {
		t.Errorf("leaves of what was refused: %+v", s.leaves)
	}
	s.audit = errors.New("disk is gone")
	s.replay("examiner", http.StatusInternalServerError, map[string]any{"text": written})
}

// TestReplayThatFailsIsNotWhole has no summary where copies cannot be read.
func TestReplayThatFailsIsNotWhole(t *testing.T) {
	s := newServer(t, Config{}, true)
	written, _ := freeing(t)
	s.api.parts.Requests.Find = func(context.Context, kept.Query, func(*event.Event) error) (kept.Page, error) {
		return kept.Page{}, errors.New("disk is gone")
	}
	lines := s.replay("examiner", http.StatusOK, map[string]any{"text": written})
	if len(lines) != 1 || lines[0]["error"]["status"] != float64(http.StatusInternalServerError) {
		t.Errorf("%v", lines)
	}
}
