package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a server under measurement, bound to some processors.
type process struct {
	cmd *exec.Cmd
	log *os.File
}

// usage is what a process has used since it began.
type usage struct {
	cpu  time.Duration // user and system
	peak int64         // most resident memory, bytes
	now  int64         // resident memory, bytes
}

// launch starts a program on the processors of a list (taskset's form), with as
// many threads of Go as there are of them.
func launch(logFile, cores string, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	threads, err := processors(cores)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	cmd := exec.Command("taskset", append([]string{"-c", cores, program}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(threads))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), log.Close())
	}
	return &process{cmd, log}, nil
}

// processors counts those of a list such as 0,2 or 0-3.
func processors(list string) (int, error) {
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		lo, err1 := strconv.Atoi(from)
		hi, err2 := strconv.Atoi(to)
		if err := errors.Join(err1, err2); err != nil || lo > hi {
			return 0, fmt.Errorf("read processors %s: want a list such as 0,1 or 0-1", list)
		}
		n += hi - lo + 1
	}
	return n, nil
}

// stopTime is how long a process may take to end in order.
const stopTime = 2 * time.Minute

// stop ends the process in order and returns all the processor time it took.
func (p *process) stop() (usage, error) {
	u, err := p.usage()
	if err != nil {
		return u, err
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return u, err
	}
	late := time.AfterFunc(stopTime, func() { _ = p.cmd.Process.Kill() }) // Wait tells
	defer late.Stop()
	err = errors.Join(p.cmd.Wait(), p.log.Close())
	u.cpu = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	return u, err
}

// tick is the unit of process times in /proc (proc(5), sysconf(_SC_CLK_TCK)).
const tick = 10 * time.Millisecond

// usage reads the kernel's account of a running process.
func (p *process) usage() (usage, error) {
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return usage{}, err
	}
	// The name of the program, in parentheses, may hold spaces.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	status, err3 := os.ReadFile(dir + "status")
	peak, err4 := memory(string(status), "VmHWM:")
	now, err5 := memory(string(status), "VmRSS:")
	return usage{time.Duration(user+system) * tick, peak, now}, errors.Join(err1, err2, err3, err4, err5)
}

// memory reads a figure of /proc/PID/status, in bytes.
func memory(status, name string) (int64, error) {
	_, text, _ := strings.Cut(status, name)
	text, _, _ = strings.Cut(strings.TrimSpace(text), " ")
	kib, err := strconv.ParseInt(text, 10, 64)
	return kib << 10, err
}

// ran returns the processor time of all threads of a running process, to the
// nanosecond (the first field of schedstat, sched-stats.txt of the kernel).
func (p *process) ran() (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, path := range files {
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		first, _, _ := bytes.Cut(b, []byte(" "))
		n, err := strconv.ParseInt(string(first), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// idle waits until a process has used next to no processor for a while.
func (p *process) idle() error {
	const look, quiet, most = 500 * time.Millisecond, 4, 30 * time.Minute
	before, err := p.usage()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(most)
	for still := 0; still < quiet; {
		time.Sleep(look)
		u, err := p.usage()
		if err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for process %d: it is still busy after %s", p.cmd.Process.Pid, most)
		}
		still++
		if u.cpu-before.cpu > 2*tick {
			still = 0
		}
		before = u
	}
	return nil
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// sizeOf returns the bytes of all files below a folder.
func sizeOf(dir string) (int64, error) {
	var sum int64
	err := eachFile(dir, func(_ string, size int64) error { sum += size; return nil })
	return sum, err
}

// evict drops the files below a folder from the page cache.
func evict(dir string) error {
	unix.Sync()
	return eachFile(dir, func(path string, _ int64) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// eachFile calls f for the files below a folder; those that vanish are left out.
func eachFile(dir string, f func(path string, size int64) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var i fs.FileInfo
			if i, err = d.Info(); err == nil {
				err = f(path, i.Size())
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
