package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

// TestWithdrawnAppend ends the calls of appends that are written and that wait.
// The memory of their frames counts until the committer is done with them.
func TestWithdrawnAppend(t *testing.T) {
	c := &queue.PageCache{}
	q, err := queue.OpenCached(t.TempDir(), queue.Config{}, c)
	if err != nil {
		t.Fatal(err)
	}
	entered, open := c.HoldSync()
	ctx, cancel := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	appendOne := func(seq uint64, size int) {
		calls.Go(func() {
			if _, err := q.Append(ctx, queuetest.Records("a", seq, 1, size)); !errors.Is(err, context.Canceled) {
				t.Errorf("append %d: %v, want %v", seq, err, context.Canceled)
			}
		})
	}
	appendOne(1, 10) // is being written
	<-entered
	const size = 1 << 20
	appendOne(2, size)
	appendOne(3, size)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for late := time.After(time.Minute); queue.Waiting(q) < 2; {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("%d appends wait, want 2", queue.Waiting(q))
		}
	}
	cancel()
	calls.Wait()
	if queue.HasMemory(q, 2*size) {
		t.Error("the memory of appends that are waiting was given back")
	}
	close(open)
	if at, err := q.Append(t.Context(), queuetest.Records("a", 4, 1, 10)); err != nil || at != 2 {
		t.Errorf("append after the withdrawn ones = %d, %v, want 2", at, err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if !queue.HasMemory(q, 0) {
		t.Error("the memory of withdrawn appends was not given back")
	}
}
