package main

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	f := func(env string, bytes, want int64) {
		t.Helper()
		t.Setenv("GOMEMLIMIT", env)
		debug.SetMemoryLimit(math.MaxInt64)
		held := limitMemory(bytes)
		if want < math.MaxInt64 { // what is held counts, and takes nothing
			want += int64(len(held))
		}
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("GOMEMLIMIT %q, memory_limit %d: %d, want %d", env, bytes, got, want)
		}
	}
	percent := debug.SetGCPercent(100)
	defer debug.SetGCPercent(percent)
	t.Setenv("GOGC", "70")
	if held := limitMemory(0); held != nil {
		t.Errorf("GOGC was set and %d bytes are held", len(held))
	}
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC was set and is %d afterwards", got)
	}
	t.Setenv("GOGC", "")
	limitMemory(0)
	if got := debug.SetGCPercent(100); got != garbagePercent {
		t.Errorf("garbage is collected at %d %%", got)
	}
	f("", 100<<20, 100<<20)
	f("", 0, math.MaxInt64)
	f("1GiB", 100<<20, math.MaxInt64) // the runtime has read it
}
