//go:build unix

package waf

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"testing"
)

// crashes is how often TestCrash kills a node; CI has a few.
var crashes = flag.Int("crashes", 5, "how often the node is killed")

// TestCrash kills a node with signal 9 under load, again and again. The records
// that its spool called durable arrive once and in order. Of those that came
// later the last ones may be missing, which were in memory when it died.
func TestCrash(t *testing.T) {
	c := newCollector()
	address, _ := c.start(t, "")
	config := testConfig(t, echo(t).URL)
	config.Server.Address = address
	rounds := *crashes
	if testing.Short() {
		rounds = min(rounds, 2)
	}
	var all []crashed
	for round := range rounds {
		all = append(all, crashRound(t, childTask{Variant: variantNode, Config: config}, round))
	}
	s := openTestSpool(t, config.Spool) // as the next start would
	defer startStream(t, s, address)()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Drained(ctx); err != nil {
		t.Fatal(err)
	}
	records := c.await(t, int(s.Stats().Last))
	for round, r := range all {
		n := 0
		for n < len(records) && n < r.served && crashedPath(t, records[n]) == fmt.Sprintf("/%d/%d", round, n) {
			n++
		}
		if n < r.durable {
			t.Errorf("round %d: %d of %d durable records arrived in order", round, n, r.durable)
		}
		records = records[n:]
	}
	for _, r := range records {
		t.Errorf("record of %s is in no round's order", crashedPath(t, r))
	}
	for i, sequence := range c.sent {
		if sequence != uint64(i+1) {
			t.Fatalf("record %d has sequence %d", i+1, sequence)
		}
	}
}

func crashedPath(t *testing.T, record []byte) string {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(record, &e); err != nil {
		t.Fatal(err)
	}
	return e["url.path"].(string)
}

// crashed is one life of a node.
type crashed struct {
	served  int // requests that were answered
	durable int // the first of them, whose records the spool had called durable
}

// crashRound starts a node, sends requests, of which the first half becomes
// durable, and kills it.
func crashRound(t *testing.T, task childTask, round int) crashed {
	t.Helper()
	child, url := startChild(t, task)
	client := &http.Client{Timeout: patience}
	before := child.ask(t, askSync)
	r := crashed{served: 60 + 17*round}
	for i := range r.served {
		resp, err := client.Get(fmt.Sprintf("%s/%d/%d", url, round, i))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if i+1 == r.served/2 {
			r.durable = int(child.ask(t, askSync) - before)
		}
	}
	child.kill()
	if r.durable != r.served/2 {
		t.Errorf("round %d: %d records are durable after %d requests", round, r.durable, r.served/2)
	}
	return r
}
