package ingest

import "testing"

// TestGrownBody grows a body up to a limit: quickly while it is small, and by no
// more than as much again when it is large.
func TestGrownBody(t *testing.T) {
	const most = 64<<20 + 1
	steps := 0
	for size := firstBody; size < most; steps++ {
		next := grownBody(size, most)
		if next <= size || next > most {
			t.Fatalf("%d bytes grow to %d", size, next)
		}
		if size >= freeGrowth && next > 2*size {
			t.Errorf("%d bytes grow to %d", size, next)
		}
		size = next
	}
	if steps > 8 {
		t.Errorf("%d steps to %d bytes", steps, most)
	}
	if got := grownBody(firstBody, 100); got != 100 {
		t.Errorf("a limit of 100 bytes gives %d", got)
	}
}
