package faults

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/test/server"
)

var reloadKills = flag.Int("reload-kills", 5, "how often the server is killed while its rules change")

const reloadRules = `title: Denied
id: 0d4a8f8e-5a0e-4a7b-9a57-2f5f0f3b8e01
taxonomy: ecs
logsource: {category: application}
detection: {denied: {gate.result: denied}, condition: denied}
---
title: Denied again and again
id: 0d4a8f8e-5a0e-4a7b-9a57-2f5f0f3b8e02
taxonomy: ecs
correlation:
  type: event_count
  rules: [0d4a8f8e-5a0e-4a7b-9a57-2f5f0f3b8e01]
  group-by: [source.ip]
  timespan: 40s
  condition: {gte: 5}
  generate: true
`

// TestKillInReload kills the server with signal 9 while its rules change many times
// a second. Its findings are those of a server that nothing was done to: the same
// ids, each once.
func TestKillInReload(t *testing.T) {
	events := 120 * *reloadKills
	want := findings(t, events, 0)
	if n := len(want); n < events/2+events/30 {
		t.Fatalf("only %d findings in %d events", n, events)
	}
	got := findings(t, events, *reloadKills)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings by id, without and with kills: %s", diff)
	}
}

// findings sends events one by one to a new server, which is killed that often
// while its rules change, and returns how often each finding is there.
func findings(t *testing.T, events, kills int) map[string]int {
	t.Helper()
	rules := t.TempDir()
	writeFile(t, filepath.Join(rules, "denied.yml"), []byte(reloadRules))
	s := server.Start(t, t.TempDir(), "--rules.pack=false", "--rules.dirs", rules, "--rules.poll", "10ms", "--store.flush_age", "1s")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	if kills > 0 {
		running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				text := fmt.Appendf(nil, "title: Other\nid: other\nlogsource: {category: application}\ndetection: {s: {n: other %d}, condition: s}\n", n)
				if err := os.WriteFile(filepath.Join(rules, "other.yml"), text, 0o600); err != nil {
					t.Error(err)
				}
				server.Pause(20 * time.Millisecond)
			}
		})
	}
	sent, addr := make(chan struct{}), s.Addr.Ingest
	running.Go(func() {
		defer close(sent)
		client := &http.Client{Timeout: 5 * time.Second}
		start := time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
		for n := 0; n < events && ctx.Err() == nil; n++ {
			id := fmt.Sprint("r", n)
			result := [...]string{"granted", "denied", "denied", "denied"}[n%4]
			body := fmt.Appendf(nil, "{\"create\":{\"_id\":%q}}\n{\"@timestamp\":%q,\"event.dataset\":\"gate\",\"source.ip\":\"192.0.2.%d\",\"gate.result\":%q}\n",
				id, start.Add(time.Duration(n)*time.Second).Format(time.RFC3339), n%3, result)
			for ctx.Err() == nil && !sendBulk(ctx, client, addr, body, []string{id}, &acked{ids: map[string]bool{}}) {
				server.Pause(10 * time.Millisecond)
			}
		}
	})
	rnd := random(t)
	current := func() string {
		text, err := os.ReadFile(filepath.Join(s.Data, "rules", "current"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for range kills {
		before := current()
		server.Poll(t, server.Patience, "the rules change", func() bool { return current() != before })
		server.Pause(time.Duration(rnd.IntN(200)) * time.Millisecond)
		s.Kill()
		s.Restart(t)
	}
	<-sent
	cancel()
	running.Wait()
	settle(t, s)
	ids := map[string]int{}
	for _, e := range s.Find(t, "event.dataset: gatewatch.finding | keep event.id, rule.name") {
		ids[e.Text("rule.name")+" "+e.Text("event.id")]++
	}
	t.Logf("%d kills: %d findings", kills, len(ids))
	return ids
}
