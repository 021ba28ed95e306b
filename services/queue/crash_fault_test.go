package queue_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
)

var kills = flag.Int("faults.kills", 10, "how often to kill -9 a process that appends")

// verify opens the log after a crash, compares it with what the child was
// acknowledged, commits all of it, and returns how many records are lost.
func verify(t *testing.T, dir string, c *child) uint64 {
	t.Helper()
	q, err := queue.Open(dir, queue.Config{SegmentBytes: childSegment, RetainBytes: -1}, nil, nil)
	if err != nil {
		t.Fatalf("open after the crash: %v", err)
	}
	inv := readAll(t, q, q.Committed("verify"))
	lost := c.lost(t, inv)
	if err := q.Commit(t.Context(), "verify", inv.next); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return lost
}

// TestKill kills a process that appends, again and again on the same log.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	rnd := rand.New(rand.NewPCG(5, 6))
	var acked uint64
	for i := range *kills {
		c := startChild(t, dir, strconv.Itoa(i), false, 1+rnd.Uint64N(8000))
		c.kill(t)
		if lost := verify(t, dir, c); lost != 0 {
			t.Errorf("kill %d: %d of %d acknowledged records lost", i, lost, c.total())
		}
		acked += c.total()
	}
	c := startChild(t, dir, "control", false, 1000)
	c.stop(t)
	if lost := verify(t, dir, c); lost != 0 {
		t.Errorf("control without a kill: %d of %d acknowledged records lost", lost, c.total())
	}
	t.Logf("%d kills, %d records acknowledged", *kills, acked)
}
