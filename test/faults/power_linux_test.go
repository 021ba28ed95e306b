package faults

import (
	"flag"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

var cuts = flag.Int("cuts", 5, "how often the power of the server's disk is cut")

// TestPowerCut cuts the power of the server's disk while records of all senders
// are under way: what was not synced is gone. What was acknowledged or counted is
// found. The control is the same server whose syncs do nothing; of what that has
// acknowledged some must be lost.
func TestPowerCut(t *testing.T) {
	rnd := random(t)
	f := func(t *testing.T, unsynced bool) loss {
		t.Helper()
		d := newDisk(t, 512<<20)
		l := startLoad(t, d.at+"/data")
		if unsynced {
			dropSyncs(t, l.s.Pid())
		}
		before, acks := l.bulk.len(), l.node.acks.Load()
		server.Poll(t, server.Patience, "all senders get on", func() bool {
			return l.bulk.len() >= before+100 && l.node.acks.Load() >= acks+100
		})
		server.Pause(time.Duration(rnd.IntN(1000)) * time.Millisecond)
		l.cutPower(t, d)
		l.stop()
		l.s.Restart(t)
		settle(t, l.s)
		acknowledged, counted := l.total(t)
		out := l.compare(t)
		t.Logf("of %d acknowledged and %d counted records: %+v", acknowledged, counted, out)
		return out
	}
	for i := range *cuts {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if lost := f(t, false); lost.any() {
				t.Errorf("lost or doubled: %+v", lost)
			}
		})
	}
	t.Run("without sync", func(t *testing.T) {
		if lost := f(t, true); lost.acked == 0 {
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
	server.Poll(t, server.Patience, "strace follows the server", func() bool { return traced(t, pid) })
}

// traced tells whether another process follows this one.
func traced(t *testing.T, pid int) bool {
	t.Helper()
	return procStatus(t, pid, "TracerPid") > 0
}
