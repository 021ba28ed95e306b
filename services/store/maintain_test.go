package store

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestStoreIsMaintained: a store that is open merges and deletes by itself.
func TestStoreIsMaintained(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Config{FlushRows: 10, MinFreeBytes: 1, RetainAge: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		f := func(pass time.Duration, want int) {
			t.Helper()
			time.Sleep(pass)
			synctest.Wait()
			if got := len(s.SegmentNames()); got != want {
				t.Errorf("%d segments after %v, want %d", got, pass, want)
			}
		}
		synctest.Wait() // it has looked for the first time
		for i := 1; i < 10*mergeMin; i += 10 {
			put(t, s, i, i+10)
			synctest.Wait()
		}
		f(0, mergeMin)
		f(maintainEvery, 1)
		f(2*time.Hour, 0)
	})
}
