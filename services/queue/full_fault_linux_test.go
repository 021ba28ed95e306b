package queue_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

// fillUp appends until the queue errs and returns that error; all counts the
// acknowledged records.
func fillUp(t *testing.T, q *queue.Disk, all *uint64) error {
	t.Helper()
	for {
		if _, err := q.Append(t.Context(), queuetest.Records("a", *all, 10, 10<<10)); err != nil {
			return err
		}
		if *all += 10; *all > 100_000 {
			t.Fatal("1 GB went onto a small disk")
		}
	}
}

func checkAll(t *testing.T, dir string, want uint64) {
	t.Helper()
	inv := survey(t, dir, queue.Config{})
	seen := map[uint64]bool{}
	for _, r := range inv.records {
		seen[r.Seq] = true
	}
	for seq := range want {
		if !seen[seq] {
			t.Fatalf("acknowledged record %d of %d is lost", seq, want)
		}
	}
}

func TestFullDisk(t *testing.T) {
	disk := newDisk(t, 64<<20)
	dir := filepath.Join(disk.mount(), "queue")
	q, err := queue.Open(dir, queue.Config{MaxBytes: 1 << 30}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var acked uint64
	release := disk.fill(16 << 20)
	if err := fillUp(t, q, &acked); !errors.Is(err, queue.ErrFull) {
		t.Fatalf("append to a nearly full disk = %v, want %v", err, queue.ErrFull)
	}
	if acked == 0 {
		t.Error("nothing was taken though 16 MiB were free")
	}
	// The default low-water mark is 5 % of the disk.
	if free := disk.free(); free < 2<<20 || free > 5<<20 {
		t.Errorf("input was refused with %d bytes free", free)
	}
	if err := q.Commit(t.Context(), "store", 1); err != nil {
		t.Errorf("commit on a nearly full disk: %v", err)
	}
	release()
	before := acked
	release = disk.fill(0)
	if free := disk.free(); free > 64<<10 {
		t.Fatalf("the filler left %d bytes", free)
	}
	if err := fillUp(t, q, &acked); !errors.Is(err, queue.ErrFull) || acked != before {
		t.Errorf("append to a full disk = %v after %d records, want %v", err, acked-before, queue.ErrFull)
	}
	if err := q.Commit(t.Context(), "store", 2); err != nil {
		t.Errorf("commit on a full disk: %v", err)
	}
	release()
	if err := fillUp(t, q, &acked); !errors.Is(err, queue.ErrFull) || acked == before {
		t.Errorf("after space came back: %v, %d records taken", err, acked-before)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	checkAll(t, dir, acked)
}

// TestNoSpaceLeft takes the low-water mark away, so that writes fail.
func TestNoSpaceLeft(t *testing.T) {
	disk := newDisk(t, 64<<20)
	dir := filepath.Join(disk.mount(), "queue")
	q, err := queue.OpenFaulty(dir, queue.Config{MaxBytes: 1 << 30, MinFreeBytes: 1}, &queue.Faults{BlindToSpace: true})
	if err != nil {
		t.Fatal(err)
	}
	var acked uint64
	release := disk.fill(8 << 20)
	if err := fillUp(t, q, &acked); err == nil || errors.Is(err, queue.ErrFull) {
		t.Fatalf("append without space = %v, want the error of the write", err)
	}
	if free := disk.free(); free > 1<<20 {
		t.Fatalf("a write failed with %d bytes free", free)
	}
	before := acked
	release()
	if err := fillUp(t, q, &acked); err == nil || acked == before {
		t.Errorf("after space came back: %v, %d records taken", err, acked-before)
	}
	if err := q.Close(); err != nil {
		t.Logf("close on a full disk: %v", err)
	}
	checkAll(t, dir, acked)
}
