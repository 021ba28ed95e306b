package queue_test

import (
	"bytes"
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
)

// An append waits until the reader at the end has taken what it would push out of
// memory, but no longer than its size allows, and for a reader of files not at all.
func TestAppendsKeepTheirReaderInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := &queue.Faults{}
		q, err := queue.OpenFaulty(t.TempDir(), queue.Config{TailBytes: 1 << 20}, faults)
		if err != nil {
			t.Fatal(err)
		}
		const size = 600 << 10
		began := time.Now()
		appended := func() <-chan time.Duration {
			done := make(chan time.Duration, 1)
			go func() {
				raw := bytes.Repeat([]byte("a line like any other\n"), size/22)
				if _, err := q.Append(t.Context(), []queue.Group{{Source: "a", Format: "json", Records: []queue.Record{{Raw: raw}}}}); err != nil {
					t.Error(err)
				}
				done <- time.Since(began)
			}()
			synctest.Wait()
			return done
		}
		took := func(done <-chan time.Duration) time.Duration {
			select {
			case d := <-done:
				return d
			default:
				return -1
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		next, stop := iter.Pull2(q.Batches(ctx, 1))
		var end queue.Offset // of the last batch
		read := func() (calls int) {
			t.Helper()
			before := faults.Calls()
			b, err, ok := next()
			if !ok || err != nil {
				t.Fatalf("next batch: %v, %v", err, ok)
			}
			end = b.Next
			synctest.Wait()
			return faults.Calls() - before
		}

		first := appended()
		read()
		second := appended()
		third := appended()
		if a, b, c := took(first), took(second), took(third); a != 0 || b != 0 || c != -1 {
			t.Errorf("appends before the second was read: %v, %v, %v, want 0, 0 and none", a, b, c)
		}
		read()
		if got := took(third); got != 0 {
			t.Errorf("append after the second was read: %v, want 0", got)
		}
		if calls := read(); calls != 0 {
			t.Errorf("the third is read with %d calls of the file system, want it from memory", calls)
		}

		appended()
		late := appended()
		time.Sleep(time.Minute)
		limit := size / (32 << 10) * time.Millisecond
		if got := took(late); got <= 0 || got > limit {
			t.Errorf("append that nobody reads: %v, want it after at most %v", got, limit)
		}
		began = time.Now()
		if got := took(appended()); got != 0 {
			t.Errorf("append behind which a reader fell: %v, want 0", got)
		}
		if calls := read(); calls == 0 {
			t.Error("what was pushed out of memory is read without the file system")
		}
		for end < 7 {
			read()
		}
		appended()
		if calls := read(); calls != 0 {
			t.Errorf("after the reader caught up: %d calls of the file system, want it from memory", calls)
		}
		stop()
		cancel()
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
