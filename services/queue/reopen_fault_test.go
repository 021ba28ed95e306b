package queue_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

// seen returns the sequence numbers that a log shows.
func seen(t *testing.T, q *queue.Disk) (all []uint64) {
	t.Helper()
	for _, r := range readAll(t, q, 0).records {
		all = append(all, r.Seq)
	}
	return all
}

// TestKillReopenCut kills the log at its sync, opens it again and cuts the power
// after that: what the second process has shown, and its readers have promised
// to remember, is on the disk.
func TestKillReopenCut(t *testing.T) {
	f := func(name string, want []uint64, fault func(c *queue.PageCache)) {
		t.Helper()
		dir, c := t.TempDir(), &queue.PageCache{}
		q, err := queue.OpenCached(dir, queue.Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 100)); err != nil {
			t.Fatal(err)
		}
		fault(c)
		if _, err := q.Append(t.Context(), queuetest.Records("a", 2, 1, 100)); err == nil {
			t.Fatalf("%s: a record whose sync failed was acknowledged", name)
		}
		c.Kill()
		_ = q.Close() // of a dead process
		q, err = queue.OpenCached(dir, queue.Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		shown := seen(t, q)
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		c.Kill()
		_ = q.Close() // of a dead process
		if err := c.Cut(dir); err != nil {
			t.Fatal(err)
		}
		inv := survey(t, dir, queue.Config{})
		var left []uint64
		for _, r := range inv.records {
			left = append(left, r.Seq)
		}
		if diff := cmp.Diff(shown, left); diff != "" {
			t.Errorf("%s: what was shown before the cut and what is left: %s", name, diff)
		}
		if len(inv.gaps) > 0 {
			t.Errorf("%s: gaps %v", name, inv.gaps)
		}
	}
	f("killed before the sync", []uint64{1, 2}, (*queue.PageCache).KillAtSync)
	f("killed after a failed sync", []uint64{1}, (*queue.PageCache).FailSync)
}

// TestReopenFailsWithoutSync lets the syncs of a start fail: nothing is shown.
func TestReopenFailsWithoutSync(t *testing.T) {
	dir, c := t.TempDir(), &queue.PageCache{}
	q, err := queue.OpenCached(dir, queue.Config{}, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 100)); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	_ = q.Close() // of a dead process
	c.FailSync()
	if q, err := queue.OpenCached(dir, queue.Config{}, c); err == nil {
		t.Errorf("a log that can't be synced was opened, and shows %v", seen(t, q))
	}
}

// TestCommitsAreDurable cuts the power after commits of consumers: what was
// committed is still there.
func TestCommitsAreDurable(t *testing.T) {
	dir, c := t.TempDir(), &queue.PageCache{}
	q, err := queue.OpenCached(dir, queue.Config{}, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 9, 100)); err != nil {
		t.Fatal(err)
	}
	for _, at := range []queue.Offset{2, 5, 7} {
		if err := q.Commit(t.Context(), "store", at); err != nil {
			t.Fatal(err)
		}
	}
	c.Kill()
	_ = q.Close() // of a dead process
	if err := c.Cut(dir); err != nil {
		t.Fatal(err)
	}
	q, err = queue.OpenCached(dir, queue.Config{}, &queue.PageCache{})
	if err != nil {
		t.Fatal(err)
	}
	if at := q.Committed("store"); at != 7 {
		t.Errorf("committed offset after the cut is %d, want 7", at)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}
