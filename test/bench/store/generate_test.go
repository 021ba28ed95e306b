package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTruth compares the answers that come with generated events with those that
// the events themselves give.
func TestTruth(t *testing.T) {
	t.Run("lines", func(t *testing.T) { testTruth(t, false) })
	t.Run("prose", func(t *testing.T) { testTruth(t, true) })
}

func testTruth(t *testing.T, told bool) {
	const n = 5000
	to := time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC)
	var out, again bytes.Buffer
	want, err := generate(&out, n, to, 7, told)
	if err != nil {
		t.Fatal(err)
	}
	got := truth{From: want.From, To: to, Day: to.Add(-24 * time.Hour), Substring: "union%20select", Site: want.Site, Rule: "942100", Bytes: int64(out.Len())}
	clients, traces := map[string]int{}, []string{}
	scored, perSite := map[string]int{}, map[[2]string]bool{}
	for line := range bytes.Lines(out.Bytes()) {
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if len(e) != 32 {
			t.Fatalf("%d fields: %s", len(e), line)
		}
		at, err := time.Parse(time.RFC3339Nano, e["@timestamp"].(string))
		if err != nil || at.Before(want.From) || !at.Before(to) {
			t.Fatalf("time %v: %v", e["@timestamp"], err)
		}
		ip, site := e["source.ip"].(string), e["site"].(string)
		got.Events++
		clients[ip]++
		traces = append(traces, e["trace.id"].(string))
		perSite[[2]string{ip, site}] = true
		if !at.Before(got.Day) {
			got.LastDay++
		}
		query := strings.ToLower(e["url.query"].(string))
		if strings.Contains(query, got.Substring) || strings.Contains(strings.ToLower(e["message"].(string)), got.Substring) {
			got.Holding++
		}
		if e["waf.anomaly_score"].(float64) >= 5 {
			scored[ip]++
			got.TopHits = max(got.TopHits, scored[ip])
		}
		if message := e["message"].(string); strings.Contains(message, e["url.path"].(string)) == told {
			t.Fatalf("message %s", message)
		}
		rules, _ := json.Marshal(e["waf.rule_ids"])
		if site == got.Site && e["http.response.status_code"].(float64) == 403 && strings.Contains(string(rules), got.Rule) {
			got.Denied++
		}
	}
	got.Distinct = len(perSite)
	got.Traces = []string{traces[n/10], traces[n/2], traces[n*9/10]}
	for i, c := range want.Client {
		got.Client[i] = client{c.Address, clients[c.Address]}
	}
	if diff := cmp.Diff(&got, want); diff != "" {
		t.Errorf("answers (-events +file):\n%s", diff)
	}
	if _, err := generate(&again, n, to, 7, told); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Errorf("the same arguments give other bytes: %v", err)
	}
}

func TestBatches(t *testing.T) {
	file := t.TempDir() + "/lines"
	if err := os.WriteFile(file, []byte("1\n2\n3\n4\n5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(n, limit int, want ...string) {
		t.Helper()
		var got []string
		if _, err := batches(file, n, limit, func(lines []byte) error { got = append(got, string(lines)); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d lines a batch up to %d:\n%s", n, limit, diff)
		}
	}
	f(2, -1, "1\n2\n", "3\n4\n", "5\n")
	f(5, -1, "1\n2\n3\n4\n5\n")
	f(2, 3, "1\n2\n", "3\n")
	f(9, 3, "1\n2\n3\n")
}
