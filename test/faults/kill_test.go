package faults

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	mrand "math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

var kills = flag.Int("kills", 5, "how often the server is killed")

// TestKill ends the server with signal 9 at random moments under load. What it
// acknowledged is found, once; without a kill the same check finds no loss.
func TestKill(t *testing.T) {
	t.Run("control", func(t *testing.T) { underLoad(t, 0) })
	t.Run("killed", func(t *testing.T) { underLoad(t, *kills) })
}

func underLoad(t *testing.T, kills int) {
	data := t.TempDir()
	s := server.Start(t, data, "--store.flush_age", "1s")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := &acked{ids: map[string]bool{}}
	var running sync.WaitGroup
	for i := range 2 {
		running.Go(func() { bulk(ctx, s.Addr.Ingest, i, a) })
	}
	n := &node{name: "edge", epoch: make([]byte, 16)}
	rand.Read(n.epoch)
	grpcAddr := s.Addr.GRPC
	running.Go(func() { n.run(ctx, grpcAddr) })
	for range kills {
		server.Pause(time.Duration(100+mrand.IntN(900)) * time.Millisecond)
		s.Kill()
		s.Restart(t)
	}
	server.Pause(time.Second)
	cancel()
	running.Wait()
	if kills > 0 {
		s.Kill()
		s.Restart(t)
	}
	if a.len() < 100 || n.acks < 100 {
		t.Fatalf("load did not run: %d and %d records acknowledged", a.len(), n.acks)
	}
	wait(t, s, a, n)
}

// wait gives the server ten seconds to store what it holds, then compares.
func wait(t *testing.T, s *server.Server, a *acked, n *node) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		lost, doubled := compare(t, s, a, n)
		if len(lost) == 0 && len(doubled) == 0 {
			t.Logf("%d records acknowledged to _bulk and %d to the node stream: none lost, none doubled", a.len(), n.acks)
			return
		}
		if time.Now().After(deadline) || len(doubled) > 0 {
			t.Fatalf("of %d acknowledged records %d are lost and %d doubled: %.5v %.5v; log: %s",
				a.len()+int(n.acks), len(lost), len(doubled), lost, doubled, s.Log())
		}
		server.Pause(200 * time.Millisecond)
	}
}

func compare(t *testing.T, s *server.Server, a *acked, n *node) (lost, doubled []string) {
	found := ids(t, s, "gatewatch.source: bulk* or gatewatch.source: edge")
	for id := range a.ids {
		if found[id] == 0 {
			lost = append(lost, id)
		}
	}
	for seq := range n.acks {
		if id := fmt.Sprintf("%s-%d", hex.EncodeToString(n.epoch), seq+1); found[id] == 0 {
			lost = append(lost, id)
		}
	}
	for id, count := range found {
		if count > 1 {
			doubled = append(doubled, id)
		}
	}
	return lost, doubled
}

// ids counts the events of each id.
func ids(t *testing.T, s *server.Server, query string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, e := range s.Find(t, query+" | keep event.id, message") {
		found[e.Text("event.id")]++
	}
	return found
}
