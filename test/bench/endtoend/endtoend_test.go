// Package endtoend measures the whole path of a log line: syslog over TCP into
// the real server, durable, parsed, stored and found.
package endtoend

import (
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

var (
	rate     = flag.Int("rate", 30_000, "lines per second")
	duration = flag.Duration("for", 10*time.Second, "how long to send")
	senders  = flag.Int("senders", 4, "connections")
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// BenchmarkSyslog sends access-log lines at a fixed rate and reports what the
// server spends on one, how soon a line is found after it was sent, and how
// much of the rate was held. Lines that are not found at the end fail it.
//
//	go test -run '^$' -bench Syslog ./test/bench/endtoend -args -for 5m
func BenchmarkSyslog(b *testing.B) {
	for b.Loop() {
		s := server.Start(b, b.TempDir())
		before, own := s.Usage(b), self(b)
		start := time.Now()
		stop := make(chan struct{})
		var probed sync.WaitGroup
		var delays []time.Duration
		probed.Go(func() { delays = probe(b, s, stop) })
		sent := send(b, s.Addr.Syslog)
		took := time.Since(start)
		ownCPU := self(b) - own
		close(stop)
		probed.Wait()
		stored := awaitStored(b, s, sent)
		used := s.Usage(b)
		report(b, result{sent, stored, took, used.CPU - before.CPU, ownCPU, used.Peak, delays})
		s.Kill()
	}
}

type result struct {
	sent, stored      int
	took, server, own time.Duration
	peak              int64
	delays            []time.Duration // from sending to finding
}

func report(b *testing.B, r result) {
	if len(r.delays) == 0 {
		b.Fatal("nothing was looked for while sending")
	}
	slices.Sort(r.delays)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(r.server.Microseconds())/float64(r.sent), "cpu-µs/event")
	b.ReportMetric(float64(r.own.Microseconds())/float64(r.sent), "sender-µs/event")
	b.ReportMetric(float64(r.sent)/r.took.Seconds(), "events/s")
	b.ReportMetric(float64(r.peak)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(r.delays[len(r.delays)/2].Milliseconds()), "found-p50-ms")
	b.ReportMetric(float64(r.delays[len(r.delays)-1].Milliseconds()), "found-max-ms")
	if r.stored != r.sent {
		b.Errorf("%d lines found of %d", r.stored, r.sent)
	}
}

// send sends lines over all connections at the rate, behind it if the server
// does not keep up, and returns how many.
func send(b *testing.B, address string) int {
	var all sync.WaitGroup
	share := *rate / *senders
	total := int(duration.Seconds() * float64(share))
	for i := range *senders {
		all.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			g := newLines(i)
			var buf []byte
			start := time.Now()
			for n := 0; n < total; {
				due := min(total, int(time.Since(start).Seconds()*float64(share))+1)
				if due == n {
					server.Pause(2 * time.Millisecond)
					continue
				}
				buf = buf[:0]
				for ; n < due && len(buf) < 64<<10; n++ {
					buf = g.append(buf, time.Now())
				}
				if _, err := conn.Write(buf); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return total * *senders
}

// probe sends a line that is like no other again and again and measures how
// long it takes until a search finds it.
func probe(b *testing.B, s *server.Server, stop <-chan struct{}) []time.Duration {
	conn, err := net.Dial("tcp", s.Addr.Syslog)
	if err != nil {
		b.Error(err)
		return nil
	}
	defer conn.Close()
	var delays []time.Duration
	for n := 0; ; n++ {
		select {
		case <-stop:
			return delays
		case <-time.After(500 * time.Millisecond):
		}
		start := time.Now()
		if _, err := fmt.Fprintf(conn, "<190>1 %s gw probe - - - probe-%d\n", start.UTC().Format(time.RFC3339Nano), n); err != nil {
			b.Error(err)
			return delays
		}
		for s.Count(b, fmt.Sprintf(`message: "probe-%d"`, n), start.Add(-time.Second)) == 0 {
			if time.Since(start) > 30*time.Second {
				b.Errorf("probe %d is not found", n)
				return delays
			}
			server.Pause(20 * time.Millisecond)
		}
		delays = append(delays, time.Since(start))
	}
}

// awaitStored waits until all lines are found, or no more come.
func awaitStored(b *testing.B, s *server.Server, sent int) int {
	stored := 0
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); server.Pause(100 * time.Millisecond) {
		if stored = s.Count(b, "process.name: nginx", time.Time{}); stored >= sent {
			break
		}
	}
	return stored
}

// self returns the CPU time of this process, the sender.
func self(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// lines makes access-log lines in which addresses, paths, sizes and agents vary
// about as much as those of a busy site do.
type lines struct {
	state  uint64
	host   string
	second int64
	stamp  string // of that second, as nginx writes it
}

func newLines(n int) *lines {
	return &lines{state: uint64(n)*0x9E3779B97F4A7C15 + 1, host: "gw-" + strconv.Itoa(n)}
}

func (l *lines) next(n uint64) uint64 {
	l.state ^= l.state << 13
	l.state ^= l.state >> 7
	l.state ^= l.state << 17
	return l.state % n
}

var (
	agents = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
		"curl/8.17.0",
	}
	paths    = []string{"/", "/catalog", "/item/", "/cart", "/account/orders/", "/static/app.js", "/api/v2/search", "/img/"}
	statuses = []string{"200", "200", "200", "200", "200", "301", "304", "404", "403", "500"}
)

func (l *lines) append(b []byte, now time.Time) []byte {
	if s := now.Unix(); s != l.second {
		l.second, l.stamp = s, now.UTC().Format("02/Jan/2006:15:04:05 -0700")
	}
	b = append(b, "<190>1 "...)
	b = now.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(append(append(b, ' '), l.host...), " nginx - - - "...)
	b = append(b, "198.51."...)
	b = strconv.AppendUint(b, l.next(200), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, l.next(250), 10)
	b = append(append(append(b, " - - ["...), l.stamp...), `] "GET `...)
	b = append(b, paths[l.next(uint64(len(paths)))]...)
	b = strconv.AppendUint(b, l.next(5000), 10)
	b = append(b, "?q="...)
	b = strconv.AppendUint(b, l.next(1<<40), 36)
	b = append(b, ` HTTP/1.1" `...)
	b = append(append(b, statuses[l.next(uint64(len(statuses)))]...), ' ')
	b = strconv.AppendUint(b, l.next(90_000), 10)
	b = append(b, ` "https://shop.example/" "`...)
	b = append(b, agents[l.next(uint64(len(agents)))]...)
	return append(b, "\"\n"...)
}
