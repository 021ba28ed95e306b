package faults

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// Syslog has no acknowledgement, so its promise is another one: nothing that
// the server has counted as received is lost. A sender here is a source of its
// own with one connection to each run of the server, on which it numbers its
// messages. The server takes the messages of a connection in order and counts
// them once they are durable, so those that it had counted before it was killed
// are the first ones: if what is found of a run has no hole and is no less than
// the count, then nothing that was counted is lost.

// syslogSource is a sender that the server knows by its address.
type syslogSource struct {
	name, from string
	sent       map[int]int // messages written, by run
}

// newSyslogSources returns the senders and the settings that tell them apart.
func newSyslogSources() (all []*syslogSource, config string) {
	config = "syslog:\n  sources:\n"
	for i := range 2 {
		s := &syslogSource{name: fmt.Sprintf("gate-%d", i), from: fmt.Sprintf("127.0.0.%d", 21+i), sent: map[int]int{}}
		config += fmt.Sprintf("    %s: {networks: [%s]}\n", s.name, s.from)
		all = append(all, s)
	}
	return all, config
}

// runs numbers the runs of the server. While it is being killed and started
// again the number is negative.
type runs struct{ now atomic.Int64 }

// run sends to each run of the server until ctx ends.
func (s *syslogSource) run(ctx context.Context, addr string, of *runs) {
	last := int64(-1)
	for ctx.Err() == nil {
		run := of.now.Load()
		if run < 0 || run == last {
			server.Pause(5 * time.Millisecond)
			continue
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(s.from)}, Timeout: time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			continue
		}
		// The same number before and after: it is that run which answered.
		if of.now.Load() == run {
			last = run
			s.send(ctx, conn, int(run))
		}
		conn.Close()
	}
}

// send writes numbered messages until the connection breaks or ctx ends, in
// which case all of them reach the server.
func (s *syslogSource) send(ctx context.Context, conn net.Conn, run int) {
	const together = 20
	for n := 0; ctx.Err() == nil; {
		var b []byte
		for range together {
			n++
			message := fmt.Sprintf("<13>1 - - sender - - - %d %d", run, n)
			b = fmt.Appendf(b, "%d %s", len(message), message)
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
		s.sent[run] = n
		server.Pause(5 * time.Millisecond)
	}
}

// counted is what the server says it has received of a source.
func (s *syslogSource) counted(m map[string]float64) int {
	return int(m[fmt.Sprintf("gatewatch_ingest_received_records_total{source=%q}", s.name)])
}

// check compares what is found of each run with what was counted in it, and
// returns how many of the counted are lost and how many messages came twice.
func (s *syslogSource) check(t *testing.T, srv *server.Server, counted map[int]int) (lost, doubled int) {
	t.Helper()
	found := map[int]map[int]int{} // by run, by number
	each(t, srv, "gatewatch.source: "+s.name, func(_, message string) {
		var run, n int
		if _, err := fmt.Sscanf(message, "%d %d", &run, &n); err != nil {
			t.Fatalf("message %q: %v", message, err)
		}
		if found[run] == nil {
			found[run] = map[int]int{}
		}
		found[run][n]++
	})
	for _, run := range slices.Sorted(maps.Keys(counted)) {
		highest := counted[run]
		for n, times := range found[run] {
			highest = max(highest, n)
			doubled += times - 1
		}
		for n := range highest {
			if found[run][n+1] == 0 {
				lost++
			}
		}
	}
	return lost, doubled
}
