package main

import (
	"math"
	"os"
	"runtime/debug"
)

// garbagePercent is how much garbage, of what is in use and [reserve] together,
// the runtime lets grow before it collects it. Most memory of the server is text,
// which costs the collector nothing: a round is cheap and saves much.
const garbagePercent = 8

// reserve is an amount of memory that is not used, and so takes none, but counts
// for [garbagePercent]: without it the little that is in use after a start would
// have every query pay for several rounds. Bytes.
const reserve = 128 << 20

// limitMemory makes the runtime collect garbage early, and in time to stay within
// a limit, as long as the caller holds what it returns. What was set by GOGC and
// GOMEMLIMIT stays.
func limitMemory(bytes int64) (held []byte) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
		held = make([]byte, reserve)
	}
	if bytes > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(min(bytes, math.MaxInt64-reserve) + int64(len(held)))
	}
	return held
}
