package api

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
)

const pageA = "44444444-4444-4444-8444-444444444444"

// json calls REST as a viewer and returns the status and the answer.
func (s *server) json(method, path, body string) (int, map[string]any) {
	s.Helper()
	resp := s.do(method, path, s.bearer["viewer"], body)
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, answer
}

// storeFindings stores six events, of which three match the rule, a finding of the
// rule, and one of the correlation, and returns the ids of both.
func (s *server) storeFindings() (ofRule, ofCorrelation string) {
	s.Helper()
	s.fill(6)
	last := &event.Event{ID: "id-5", Source: "edge-1", Dataset: "nginx.access", Time: started.Add(-time.Second).UnixNano()}
	last.AddIP(event.SourceIP, "203.0.113.7")
	findings := make([]event.Event, 2)
	rule := detection.Finding{Rule: &detection.Rule{ID: pageA, Name: "Page a", Severity: 30}, Event: last}
	rule.Write(&findings[0])
	many := detection.Finding{
		Rule: &detection.Rule{ID: "many", Name: "Many of page a", Severity: 50}, Event: last, Count: 2,
		Group: []detection.Member{{Field: "source.ip", Value: "203.0.113.7"}},
		Start: started.Add(-3 * time.Second).UnixNano(), End: started.Add(-time.Second).UnixNano(),
	}
	many.Write(&findings[1])
	ofRule, ofCorrelation = findings[0].ID, findings[1].ID
	if err := s.store.Write(s.Context(), store.Batch{Events: findings}); err != nil {
		s.Fatal(err)
	}
	return ofRule, ofCorrelation
}

// TestExplainFinding goes from findings to the values that matched.
func TestExplainFinding(t *testing.T) {
	s := newServer(t, Config{}, true)
	ofRule, ofCorrelation := s.storeFindings()
	for _, id := range []string{ofRule, "id-5", ofCorrelation} { // also the last event of the correlation's
		code, got := s.json(http.MethodPost, "/api/v1/rules/"+pageA+"/explain", `{"event_id":"`+id+`"}`)
		if code != http.StatusOK || got["matched"] != true || got["event_id"] != "id-5" || got["source"] != "edge-1" {
			t.Errorf("%s: %d %v", id, code, got)
		}
	}
	for _, id := range []string{ofCorrelation, "id-5"} {
		code, got := s.json(http.MethodPost, "/api/v1/rules/many/explain", `{"event_id":"`+id+`"}`)
		c, _ := got["contributions"].(map[string]any)
		if code != http.StatusOK || got["matched"] != true || got["event_id"] != "id-5" || c == nil {
			t.Fatalf("%s: %d %v", id, code, got)
		}
		want := map[string]any{
			"finding_id": ofCorrelation, "query": `event.id: ("id-5" or "id-3")`, "more": false,
			"from_time": "2026-01-31T11:59:57Z", "to_time": "2026-01-31T11:59:59.001Z",
			"events": []any{
				map[string]any{"rule": pageA, "event_id": "id-5", "source": "edge-1", "time": "2026-01-31T11:59:59Z"},
				map[string]any{"rule": pageA, "event_id": "id-3", "source": "edge-1", "time": "2026-01-31T11:59:57Z"},
			},
		}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Error(diff)
		}
		if code, found := s.json(http.MethodPost, "/api/v1/search", `{"query":`+quoted(c["query"])+`,"from":"2026-01-31T11:59:57Z","to":"2026-01-31T11:59:59.001Z"}`); code != http.StatusOK || len(found["events"].([]any)) != 2 {
			t.Errorf("the query finds %d %v", code, found)
		}
	}
	if code, got := s.json(http.MethodPost, "/api/v1/rules/many/explain", `{"event_id":"id-3"}`); code != http.StatusNotFound {
		t.Errorf("an event that completed nothing: %d %v", code, got)
	}
}

func quoted(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// TestRules: names are as good as ids, and a rule says who refers to whom.
func TestRules(t *testing.T) {
	s := newServer(t, Config{}, true)
	for _, name := range []string{pageA, "page_a", "Page%20a"} {
		code, got := s.json(http.MethodGet, "/api/v1/rules/"+name, "")
		rule, _ := got["rule"].(map[string]any)
		if code != http.StatusOK || rule["id"] != pageA || rule["name"] != "page_a" || !cmp.Equal(rule["referred_by"], []any{"many"}) || rule["silent"] != true {
			t.Errorf("%s: %d %v", name, code, got)
		}
	}
	_, got := s.json(http.MethodGet, "/api/v1/rules/many", "")
	rule, _ := got["rule"].(map[string]any)
	if !cmp.Equal(rule["refers"], []any{pageA}) || rule["level"] != "medium" || rule["silent"] != false {
		t.Errorf("the correlation is %v", rule)
	}
	if code, _ := s.json(http.MethodGet, "/api/v1/rules/nobody", ""); code != http.StatusNotFound {
		t.Errorf("a rule that is not there: %d", code)
	}
	if _, got := s.json(http.MethodGet, "/api/v1/rules", ""); len(got["rejected"].([]any)) != 1 || len(got["warnings"].([]any)) != 0 {
		t.Errorf("the list has %v", got)
	}
}

func TestCandidates(t *testing.T) {
	s := newServer(t, Config{}, true)
	set, err := s.api.parts.Rules()
	if err != nil {
		t.Fatal(err)
	}
	d, _ := set.Document("many")
	f := func(field, value, want string) {
		t.Helper()
		ways, err := d.Contributions([]detection.Member{{Field: field, Value: value}})
		if err != nil {
			t.Fatal(err)
		}
		if got := candidates(ways); got != want {
			t.Errorf("have %s, want %s", got, want)
		}
	}
	const others = `not event.dataset: "gatewatch.finding"`
	f("source.ip", `a"b`, `(source.ip: "a\"b") and `+others)
	f("odd field", "a", others)
	f("source.ip", string(make([]byte, 256)), others)
}
