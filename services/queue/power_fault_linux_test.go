package queue_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
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

// TestPowerCutAfterReopen opens a log that a process has written and not synced,
// as one that is killed between the two leaves it, and cuts the power then: what
// the log has shown is still there.
func TestPowerCutAfterReopen(t *testing.T) {
	disk := newDisk(t, 64<<20)
	trial := func(name string, reopen func(dir string) (*queue.Disk, error)) (shown, left []uint64) {
		t.Helper()
		dir := filepath.Join(disk.mount(), name)
		q, err := queue.OpenFaulty(dir, queue.Config{}, &queue.Faults{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		for seq := range uint64(50) {
			if _, err := q.Append(t.Context(), queuetest.Records("a", seq, 1, childRecord)); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if q, err = reopen(dir); err != nil {
			t.Fatal(err)
		}
		shown = seen(t, q)
		disk.cut()
		_ = q.Close() // its disk is gone
		disk.unmount()
		disk.mount()
		for _, r := range survey(t, dir, queue.Config{}).records {
			left = append(left, r.Seq)
		}
		return shown, left
	}
	shown, left := trial("real", func(dir string) (*queue.Disk, error) { return queue.Open(dir, queue.Config{}, nil, nil) })
	if len(shown) != 50 {
		t.Fatalf("%d records are shown before the cut, want 50", len(shown))
	}
	if diff := cmp.Diff(shown, left); diff != "" {
		t.Errorf("what was shown before the cut and what is left: %s", diff)
	}
	shown, left = trial("nosync", func(dir string) (*queue.Disk, error) {
		return queue.OpenFaulty(dir, queue.Config{}, &queue.Faults{NoSync: true})
	})
	if len(shown) != 50 || len(left) == 50 {
		t.Errorf("control without fsync: %d records before the cut and %d after it, so the cut has no teeth", len(shown), len(left))
	}
}
