package server

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Usage is what a server has used since it started.
type Usage struct {
	CPU  time.Duration // user and system
	Peak int64         // most resident memory, in bytes
}

// tick is the unit of process times in /proc (proc(5), sysconf(_SC_CLK_TCK)).
const tick = 10 * time.Millisecond

// Usage reads the kernel's account of the server.
func (s *Server) Usage(t testing.TB) Usage {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		t.Fatal(err)
	}
	// The name of the program, in parentheses, may hold spaces.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("read process times of %q", stat)
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(strings.TrimSpace(peak), " ")
	kib, err := strconv.ParseInt(peak, 10, 64)
	if err != nil {
		t.Fatalf("read peak memory: %v", err)
	}
	return Usage{CPU: time.Duration(user+system) * tick, Peak: kib << 10}
}
