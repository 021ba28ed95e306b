package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// procStatus returns a number from the status of a process, in the unit that
// the kernel has there.
func procStatus(t *testing.T, pid int, key string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("status of a process has no %s", key)
	return 0
}

// peakMemory returns the most memory that a process has held, in MiB.
func peakMemory(t *testing.T, pid int) int64 { t.Helper(); return procStatus(t, pid, "VmHWM") >> 10 }
