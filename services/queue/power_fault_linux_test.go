package queue_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
)

var cuts = flag.Int("faults.cuts", 3, "how often to cut the power of a disk that is appended to")

// TestPowerCut drops what a disk's cache holds while a process appends.
func TestPowerCut(t *testing.T) {
	disk := newDisk(t, 256<<20)
	rnd := rand.New(rand.NewPCG(7, 8))
	trial := func(name string, noSync, cut bool) (lost, acked uint64) {
		t.Helper()
		dir := filepath.Join(disk.mount(), "queue-"+name)
		c := startChild(t, dir, "0", noSync, 1+rnd.Uint64N(8000))
		if cut {
			c.freeze()
			disk.cut()
			c.kill(t)
		} else {
			c.stop(t)
		}
		disk.unmount()
		disk.mount()
		lost, acked = verify(t, dir, c), c.total()
		disk.unmount()
		return lost, acked
	}
	if lost, acked := trial("control", false, false); lost != 0 {
		t.Errorf("control without a cut: %d of %d acknowledged records lost", lost, acked)
	}
	if lost, acked := trial("nosync", true, true); lost == 0 {
		t.Errorf("control without fsync: none of %d acknowledged records lost, so the cut has no teeth", acked)
	} else {
		t.Logf("control without fsync: %d of %d acknowledged records lost", lost, acked)
	}
	var total uint64
	for i := range *cuts {
		lost, acked := trial("real"+strconv.Itoa(i%2), false, true)
		if lost != 0 {
			t.Errorf("cut %d: %d of %d acknowledged records lost", i, lost, acked)
		}
		total += acked
	}
	t.Logf("%d cuts, %d records acknowledged", *cuts, total)
}
