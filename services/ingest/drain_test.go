package ingest

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStopStoresWhatNobodyHasLookedAt: messages that a kernel has taken are stored
// even if the server is told to stop before its goroutines have seen their sender.
func TestStopStoresWhatNobodyHasLookedAt(t *testing.T) {
	log := newMemoryLog()
	in, err := NewSyslog(openSink(t, log, Config{}), SyslogConfig{FlushDelay: time.Hour}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"<1>one", "<1>two", "<2>datagram"}
	a, b := dial(t, "tcp", l.Addr().String()), dial(t, "tcp", l.Addr().String())
	send(t, a, want[0]+"\n")
	send(t, b, want[1])
	send(t, dial(t, "udp", u.LocalAddr().String()), want[2])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(in.ServeTCP(ctx, l), in.ServeUDP(ctx, u)); err != nil {
		t.Fatal(err)
	}
	got := lines(log.all())
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
