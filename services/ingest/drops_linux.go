package ingest

import (
	"bufio"
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dropsEvery is how often the kernel is asked for datagrams it dropped.
const dropsEvery = 5 * time.Second

// watchDrops counts the datagrams that the kernel dropped because the receive
// buffer of conn was full, until ctx ends. Whose they were is not known.
func (s *Syslog) watchDrops(ctx context.Context, conn *net.UDPConn) {
	inode, ok := inodeOf(conn)
	if !ok {
		return
	}
	var seen uint64
	for {
		more := pause(ctx, dropsEvery)
		if n, ok := kernelDrops(inode); ok && n > seen {
			s.sink.Refuse(s.cfg.Source, ReasonOverload, int(n-seen))
			s.log.Warn("kernel dropped syslog datagrams", "count", n-seen)
			seen = n
		}
		if !more {
			return
		}
	}
}

func inodeOf(conn *net.UDPConn) (inode uint64, ok bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	var st syscall.Stat_t
	cerr := raw.Control(func(fd uintptr) { err = syscall.Fstat(int(fd), &st) })
	return st.Ino, err == nil && cerr == nil
}

// kernelDrops reads the drop counter of a socket: the last column of its line in
// /proc/net/udp, where the tenth is the inode.
func kernelDrops(inode uint64) (n uint64, ok bool) {
	want := strconv.FormatUint(inode, 10)
	for _, path := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			columns := strings.Fields(lines.Text())
			if len(columns) >= 13 && columns[9] == want {
				n, err = strconv.ParseUint(columns[12], 10, 64)
				ok = err == nil
			}
		}
		f.Close()
		if ok {
			return n, true
		}
	}
	return 0, false
}
