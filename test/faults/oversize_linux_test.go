package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// TestOversizeLines sends lines without an end by syslog and by HTTP: they are
// cut and counted, messages behind them are taken, and memory stays low.
func TestOversizeLines(t *testing.T) {
	s := server.Start(t, t.TempDir())
	const senders, counted, endless = 16, 15 << 20, 32 << 20 // the count is one that is believed
	const head = "<13>1 - - endless - - - "
	line := bytes.Repeat([]byte("0123456789abcdef"), endless/16)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			conn, err := net.Dial("tcp", s.Addr.Syslog)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			after := fmt.Sprintf("<13>1 - - after - - - %d", i)
			if i%2 == 0 {
				fmt.Fprintf(conn, "%d %s%s", counted, head, line[:counted-len(head)])
				fmt.Fprintf(conn, "%d %s", len(after), after)
			} else {
				fmt.Fprintf(conn, "%s%s\n%s\n", head, line, after)
			}
		})
	}
	all.Wait()
	s.Await(t, "process.name: after", senders)
	cut := s.Await(t, "process.name: endless", senders)
	for _, e := range cut {
		if n := len(e.Text("event.original")); n != 64<<10 {
			t.Fatalf("a cut message has %d bytes", n)
		}
	}
	m := s.Metrics(t)
	wantBytes := float64(senders/2*(counted+endless+len(head)) - senders*64<<10)
	if records, size := m[`gatewatch_ingest_cut_records_total{source="syslog"}`], m[`gatewatch_ingest_cut_bytes_total{source="syslog"}`]; records != senders || size != wantBytes {
		t.Errorf("%v records and %v bytes are counted as cut, want %d and %v", records, size, senders, wantBytes)
	}
	r := post(t, s, "/raw/json?source=raw", bytes.NewReader(append(line[:30<<20], "\n{\"message\":\"after\"}\n"...)))
	var answer struct{ Accepted, Cut int }
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil || r.status != http.StatusOK || answer.Accepted != 2 || answer.Cut != 1 {
		t.Errorf("a line of 30 MiB is answered with %d: %s", r.status, r.body)
	}
	checkMemory(t, s)
}

// TestSmallRecordsInLargeRequests sends requests of which only a small part is
// stored: what the newest records take in memory does not follow from the size of
// their requests.
func TestSmallRecordsInLargeRequests(t *testing.T) {
	s := server.Start(t, t.TempDir())
	const times, size = 15, 30 << 20
	rest := bytes.Repeat([]byte("x"), size)
	send := func(path string, parts ...string) {
		t.Helper()
		body := io.MultiReader(strings.NewReader(parts[0]), bytes.NewReader(rest), strings.NewReader(parts[1]))
		if r := post(t, s, path, body); r.status != http.StatusOK {
			t.Fatalf("%s is answered with %d: %s", path, r.status, r.body)
		}
	}
	for range times {
		send("/raw/json?source=raw&framing=none", "", "") // is cut
		send("/small/_bulk", "{\"create\":{}}\n", "\n{\"create\":{}}\n{\"message\":\"small\"}\n")
	}
	s.Await(t, "message: small", times)
	checkMemory(t, s)
}

// TestHeldUploads begins many large requests and holds them back before their
// end. The control has no bound for them, and must go over the cap.
func TestHeldUploads(t *testing.T) {
	f := func(args ...string) (peak int64, busy int) {
		t.Helper()
		s := server.Start(t, t.TempDir(), args...)
		const size, senders = 30 << 20, 32
		chunk := bytes.Repeat([]byte("x"), size)
		var all sync.WaitGroup
		var later atomic.Int64
		for range senders {
			conn, err := net.Dial("tcp", s.Addr.Ingest)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			all.Go(func() {
				fmt.Fprintf(conn, "POST /raw/json HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", size+1)
				conn.Write(chunk) // it fails for those that are refused
				conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
				b := make([]byte, 64)
				if n, _ := conn.Read(b); strings.HasPrefix(string(b[:n]), "HTTP/1.1 429") {
					later.Add(1)
				}
			})
		}
		all.Wait()
		return peakMemory(t, s.Pid()), int(later.Load())
	}
	peak, busy := f()
	if peak > memoryCap || busy == 0 {
		t.Errorf("the server held %d MiB, more than %d, and told %d senders to come later", peak, memoryCap, busy)
	}
	unbounded, told := f("--ingest.memory_bytes", fmt.Sprint(64<<30))
	if unbounded <= memoryCap || told > 0 {
		t.Errorf("without a bound the server held %d MiB, so this test proves nothing", unbounded)
	}
	t.Logf("%d MiB, %d senders told to come later; without a bound %d MiB", peak, busy, unbounded)
}
