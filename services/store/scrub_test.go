package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// hurt damages a segment of a closed store so that its opening does not show it.
func hurt(t *testing.T, dir string) {
	t.Helper()
	all, err := segmentIDs(dir)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	path := filepath.Join(dir, segmentName(all[0]))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 64; at < len(whole); at++ {
		raw := slices.Clone(whole)
		raw[at] ^= 0x10
		f, err := segment.OpenFile(strings.NewReader(string(raw)), int64(len(raw)), nil)
		faults := 0
		segment.Verify(strings.NewReader(string(raw)), int64(len(raw)), func(segment.Fault) { faults++ })
		if err != nil || f.Damaged > 0 || faults == 0 {
			continue
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("every damage shows when the segment is opened")
}

// TestScrub: damage that nobody reads is found in time, and reported as that which
// queries find.
func TestScrub(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{MinFreeBytes: 1})
	put(t, s, 1, 101)
	s.Close()
	hurt(t, dir)
	var passed atomic.Int64
	now := func() time.Time { return testTime.Add(time.Duration(passed.Load())) }
	s = mustOpen(t, dir, Config{MinFreeBytes: 1, ScrubEvery: time.Hour, RetainAge: -1, Now: now})
	f := func(after time.Duration, want int) {
		t.Helper()
		passed.Store(int64(after))
		s.scrubDue(t.Context())
		if n := s.Damaged(); n != want {
			t.Errorf("%d damaged segments after %v, want %d", n, after, want)
		}
		if n := len(s.faults); n != want {
			t.Errorf("%d wake-ups of mending after %v, want %d", n, after, want)
		}
	}
	f(time.Hour/2, 0)
	f(time.Hour, 1)
	if s.segments[0].refs.Load() != 1 {
		t.Error("a segment is still held")
	}
}

// TestScrubRuns: a store that is open is scrubbed without being asked.
func TestScrubRuns(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{MinFreeBytes: 1})
	put(t, s, 1, 101)
	s.Close()
	hurt(t, dir)
	later := func() time.Time { return testTime.Add(time.Hour) }
	s = mustOpen(t, dir, Config{MinFreeBytes: 1, ScrubEvery: time.Millisecond, RetainAge: -1, Now: later})
	select {
	case <-s.faults:
	case <-time.After(patience):
		t.Fatal("the damage is not found")
	}
	if n := s.Damaged(); n != 1 {
		t.Errorf("%d damaged segments, want 1", n)
	}
}

// TestSlowReader: reading is held back, and ends with its context.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := &slowReader{ctx: ctx, src: strings.NewReader(strings.Repeat("x", scrubBurst)), rate: scrubBurst}
		p := make([]byte, scrubBurst/2)
		start := time.Now()
		for range 8 {
			if n, err := r.ReadAt(p, 0); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if d := time.Since(start); d != 4*time.Second {
			t.Errorf("4 MiB at 1 MiB/s took %v", d)
		}
		cancel()
		if _, err := r.ReadAt(p, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}
