package faults

import (
	"context"
	"flag"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

var cuts = flag.Int("cuts", 5, "how often the power of the server's disk is cut")

// TestPowerCut cuts the power of the server's disk under load: what was not
// synced is gone. What was acknowledged is found. The control is the same server
// whose syncs do nothing; of what that has acknowledged some must be lost.
func TestPowerCut(t *testing.T) {
	f := func(t *testing.T, unsynced bool) int {
		t.Helper()
		d := newDisk(t, 512<<20)
		s := server.Start(t, d.at+"/data")
		if unsynced {
			dropSyncs(t, s.Pid())
		}
		a := &acked{ids: map[string]bool{}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var senders sync.WaitGroup
		for i := range 2 {
			senders.Go(func() { bulk(ctx, s.Addr.Ingest, i, a) })
		}
		server.Pause(time.Duration(500+rand.IntN(500)) * time.Millisecond)
		cancel()
		senders.Wait()
		d.powerCycle(s)
		s.Restart(t)
		settle(t, s)
		found := map[string]bool{}
		each(t, s, allBulk, func(id, _ string) { found[id] = true })
		lost := 0
		for id := range a.ids {
			if !found[id] {
				lost++
			}
		}
		if a.len() < 100 {
			t.Fatalf("load did not run: %d records acknowledged", a.len())
		}
		t.Logf("of %d acknowledged records %d are lost", a.len(), lost)
		return lost
	}
	for i := range *cuts {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if lost := f(t, false); lost > 0 {
				t.Errorf("%d acknowledged records are lost", lost)
			}
		})
	}
	t.Run("without sync", func(t *testing.T) {
		if lost := f(t, true); lost == 0 {
			t.Error("nothing is lost without syncs, so this test proves nothing")
		}
	})
}

// dropSyncs makes the syncs of a process succeed without doing anything.
func dropSyncs(t *testing.T, pid int) {
	t.Helper()
	trace := exec.Command("strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range", "-e", "inject=fsync,fdatasync,sync_file_range:retval=0",
		"-o", "/dev/null", "-p", strconv.Itoa(pid))
	if err := trace.Start(); err != nil {
		t.Fatalf("strace: %v", err)
	}
	t.Cleanup(func() {
		_ = trace.Process.Kill() // it ends with the process it follows
		_ = trace.Wait()
	})
	server.Poll(t, 10*time.Second, "strace follows the server", func() bool { return traced(t, pid) })
}

// traced tells whether another process follows this one.
func traced(t *testing.T, pid int) bool {
	t.Helper()
	return procStatus(t, pid, "TracerPid") > 0
}
