package queue_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

// small makes logs of a few segments of 64 KiB.
func small(t *testing.T, cfg queue.Config) (*queue.Disk, string) {
	t.Helper()
	dir := t.TempDir()
	cfg.SegmentBytes = 64 << 10
	cfg.TailBytes = -1
	q, err := queue.Open(dir, cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q, dir
}

// appendSmall appends n times 10 KiB, one record each.
func appendSmall(t *testing.T, q *queue.Disk, n int) {
	t.Helper()
	for range n {
		if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 10<<10)); err != nil {
			t.Fatal(err)
		}
	}
}

func commitAt(t *testing.T, q *queue.Disk, consumer string, next queue.Offset) {
	t.Helper()
	if err := q.Commit(t.Context(), consumer, next); err != nil {
		t.Fatal(err)
	}
}

func diskUse(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

func TestCutAtLowestOffset(t *testing.T) {
	q, dir := small(t, queue.Config{RetainBytes: -1, Consumers: []string{"store", "detect"}})
	appendSmall(t, q, 60)
	f := func(consumer string, next, lowest, highest queue.Offset) {
		t.Helper()
		commitAt(t, q, consumer, next)
		if oldest, _ := q.Bounds(); oldest < lowest || oldest > highest {
			t.Errorf("after %s committed %d the log begins at %d, want %d to %d", consumer, next, oldest, lowest, highest)
		}
	}
	f("other", 61, 1, 1)
	f("store", 61, 1, 1)
	f("detect", 31, 20, 31) // what a segment holds beside it stays
	f("detect", 61, 50, 61)
	if use := diskUse(t, dir); use > 64<<10 {
		t.Errorf("%d bytes are left after all was consumed", use)
	}
	inv := readAll(t, q, 0)
	if len(inv.gaps) != 0 {
		t.Errorf("the oldest record is not where reading begins: %v", inv.gaps)
	}
	if inv := readAll(t, q, 5); len(inv.gaps) != 1 || inv.gaps[0].From != 5 || inv.gaps[0].To != inv.oldest {
		t.Errorf("reading from 5: gaps %v", inv.gaps)
	}
}

func TestRetainBytes(t *testing.T) {
	q, dir := small(t, queue.Config{RetainBytes: 200 << 10})
	appendSmall(t, q, 60)
	commitAt(t, q, "store", 61)
	if use := diskUse(t, dir); use < 128<<10 || use > 264<<10 {
		t.Errorf("%d bytes are kept for replay, want about 200 KiB", use)
	}
}

func TestRetainAge(t *testing.T) {
	now := time.Now()
	q, dir := small(t, queue.Config{RetainAge: time.Hour})
	queue.SetClock(q, func() time.Time { return now })
	appendSmall(t, q, 60)
	commitAt(t, q, "store", 61)
	before := diskUse(t, dir)
	if before < 600<<10 {
		t.Errorf("%d bytes are kept, want all", before)
	}
	now = now.Add(time.Hour + time.Second)
	commitAt(t, q, "store", 61)
	if use := diskUse(t, dir); use > 64<<10 {
		t.Errorf("%d bytes are left after their time", use)
	}
}

func TestMaxBytes(t *testing.T) {
	const limit = 640 << 10
	q, dir := small(t, queue.Config{MaxBytes: limit})
	fill := func() (n int) {
		t.Helper()
		for {
			if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 10<<10)); errors.Is(err, queue.ErrFull) {
				return n
			} else if err != nil {
				t.Fatal(err)
			}
			if n++; n > 1000 {
				t.Fatal("the limit was ignored")
			}
		}
	}
	if n := fill(); n < 50 {
		t.Errorf("full after %d records", n)
	}
	if use := diskUse(t, dir); use > limit {
		t.Errorf("log takes %d bytes, want at most %d", use, limit)
	}
	// What is consumed is kept for replay only while there is room.
	commitAt(t, q, "store", 31)
	if n := fill(); n < 20 {
		t.Errorf("%d records were taken after 30 were consumed", n)
	}
	_, next := q.Bounds()
	commitAt(t, q, "store", next)
	if n := fill(); n < 50 {
		t.Errorf("%d records were taken after all were consumed, want the whole log", n)
	}
	if use := diskUse(t, dir); use > limit {
		t.Errorf("log takes %d bytes, want at most %d", use, limit)
	}
	if inv := readAll(t, q, 0); len(inv.gaps) != 0 {
		t.Errorf("gaps %v", inv.gaps)
	}
}

// TestMaxBytesInOneSegment checks that a log that is full of one consumed
// segment, the one being written, makes room too.
func TestMaxBytesInOneSegment(t *testing.T) {
	q, _ := small(t, queue.Config{MaxBytes: 640 << 10})
	for seq := range uint64(3) {
		if _, err := q.Append(t.Context(), queuetest.Records("a", seq, 1, 500<<10)); err != nil {
			t.Fatalf("append %d: %v", seq, err)
		}
		if _, err := q.Append(t.Context(), queuetest.Records("a", seq, 1, 500<<10)); !errors.Is(err, queue.ErrFull) {
			t.Fatalf("append over the limit = %v, want %v", err, queue.ErrFull)
		}
		commitAt(t, q, "store", queue.Offset(seq+2))
	}
}

// TestRefusing: who is refused, and who reads the log, learns what is short.
func TestRefusing(t *testing.T) {
	f := func(cfg queue.Config, short bool, said string) {
		t.Helper()
		var log bytes.Buffer
		q, err := queue.Open(t.TempDir(), cfg, slog.New(slog.NewTextHandler(&log, nil)), nil)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = q.Append(t.Context(), queuetest.Records("a", 1, 1, 100<<10))
		}
		if !errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrNoSpace) != short {
			t.Errorf("error %v", err)
		}
		if room := q.Refusing(); room == nil || errors.Is(room.Err(), queue.ErrNoSpace) != short {
			t.Errorf("room %+v", room)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), said) || strings.Count(log.String(), "refuse input") != 1 {
			t.Errorf("the log has no %q: %s", said, &log)
		}
	}
	f(queue.Config{MinFreeBytes: 1 << 60}, true, "min_free_bytes=1152921504606846976")
	f(queue.Config{MaxBytes: 512 << 10}, false, "max_bytes=524288")
}

// TestFloor checks that a log that was removed does not give out offsets again.
func TestFloor(t *testing.T) {
	q, _ := small(t, queue.Config{Floor: 1000})
	if at, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 10)); err != nil || at != 1000 {
		t.Errorf("append = %d, %v, want 1000", at, err)
	}
}

func TestConfig(t *testing.T) {
	f := func(cfg queue.Config) {
		t.Helper()
		if q, err := queue.Open(t.TempDir(), cfg, nil, nil); err == nil {
			t.Errorf("%+v was accepted", cfg)
			_ = q.Close()
		}
	}
	f(queue.Config{SegmentBytes: -1})
	f(queue.Config{MaxBytes: -1})
	f(queue.Config{MinFreeBytes: -1})
	f(queue.Config{MaxAppendBytes: -1})
	f(queue.Config{MaxAppendBytes: 65 << 20})
}
