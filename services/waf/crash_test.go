//go:build unix

package waf

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// crashes is how often TestCrash kills a node; CI has a few.
var crashes = flag.Int("crashes", 5, "how often the node is killed")

// TestCrash kills a node with signal 9 under load, again and again. What its
// spool had written when it died arrives once and in order; what was answered
// later than the writer's last turn may be missing, and nothing else.
func TestCrash(t *testing.T) {
	c := newCollector()
	address, _ := c.start(t, "")
	config := testConfig(t, echo(t).URL)
	config.Server.Address = address
	served := 0
	rounds := *crashes
	if testing.Short() {
		rounds = min(rounds, 2)
	}
	for round := range rounds {
		served += crashRound(t, childTask{Variant: variantNode, Config: config}, round)
	}
	s := openTestSpool(t, config.Spool) // as the next start would
	defer startStream(t, s, address)()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Drained(ctx); err != nil {
		t.Fatal(err)
	}
	records := c.await(t, int(s.Stats().Last))
	seen := map[string]bool{}
	for i, r := range records {
		var e map[string]any
		if err := json.Unmarshal(r, &e); err != nil {
			t.Fatal(err)
		}
		path := e["url.path"].(string)
		if seen[path] || c.sent[i] != uint64(i+1) {
			t.Fatalf("record %d has sequence %d and is of %s", i, c.sent[i], path)
		}
		seen[path] = true
	}
	// At each death at most the requests of the last moment are on their way.
	if lost := served - len(seen); lost > 20*rounds {
		t.Errorf("%d requests served, %d events", served, len(seen))
	}
}

// crashRound starts a node, sends requests, kills it, and returns how many were
// answered.
func crashRound(t *testing.T, task childTask, round int) int {
	t.Helper()
	child, url := startChild(t, task)
	client := &http.Client{Timeout: 10 * time.Second}
	served := 0
	for i := range 60 + 17*round {
		resp, err := client.Get(fmt.Sprintf("%s/%d/%d", url, round, i))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		served++
	}
	child.kill()
	return served
}
