package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/gatewatch/gatewatch/test/server"
)

// memoryCap is what the server may hold at most, in MiB, whatever comes in.
const memoryCap = 512

// zeros is a source of that many bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func gzipped(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.Copy(z, r); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(z, r); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hostileRequest is a request that must not be taken, and its status.
type hostileRequest struct {
	status  int
	path    string
	body    func() io.Reader
	headers []string
}

func hostileRequests(t *testing.T) []hostileRequest {
	t.Helper()
	bomb, zbomb := gzipped(t, zeros(1<<30)), zstandard(t, zeros(1<<30))
	nested := gzipped(t, bytes.NewReader(bomb))
	deep := `{"create":{}}` + "\n" + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) + "\n"
	of := func(b []byte) func() io.Reader { return func() io.Reader { return bytes.NewReader(b) } }
	text := func(s string) func() io.Reader { return of([]byte(s)) }
	return []hostileRequest{
		{413, "/x/_bulk", of(bomb), []string{"Content-Encoding", "gzip"}},
		{413, "/x/_bulk", of(zbomb), []string{"Content-Encoding", "zstd"}},
		{413, "/raw/json", of(bomb), []string{"Content-Encoding", "gzip"}},
		{413, "/raw/json", func() io.Reader { return zeros(64 << 20) }, nil},
		{415, "/x/_bulk", of(nested), []string{"Content-Encoding", "gzip, gzip"}},
		{415, "/x/_bulk", text("<xml/>"), []string{"Content-Type", "text/xml"}},
		{415, "/raw/json", text("{}"), []string{"Content-Type", "application/x-ndjson; charset=utf-16"}},
		{400, "/x/_bulk", of(bomb[:1000]), []string{"Content-Encoding", "gzip"}},
		{400, "/x/_bulk", text("{}\n{}\n"), nil},
		{200, "/x/_bulk", text(deep), nil}, // its one item is refused
		{400, "/-_bad/_bulk", text(`{"create":{}}` + "\n{}\n"), nil},
	}
}

// hostileTimes is how often each is sent, all at once.
const hostileTimes = 8

// hostileReasons are the reasons by which they are counted, and how many kinds
// of them there are.
var hostileReasons = map[string]float64{"too_large": 1, "bad_content_type": 2, "bad_encoding": 2, "malformed": 2, "bad_name": 1}

// TestHostileRequests sends what must be refused, many times at once, while an
// honest sender goes on: each gets the right status, the honest one loses
// nothing, all is counted, and memory stays under its cap.
func TestHostileRequests(t *testing.T) {
	requests := hostileRequests(t)
	s := server.Start(t, t.TempDir())
	a := &acked{ids: map[string]bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var honest, hostile sync.WaitGroup
	honest.Go(func() { bulk(ctx, s.Addr.Ingest, 0, a) })
	for _, q := range requests {
		for range hostileTimes {
			hostile.Go(func() {
				// While the others use up the memory the answer may be "later". The
				// connection may end before a body that is too large does.
				r, err := tryPost(s, q.path, q.body(), q.headers...)
				if err == nil && r.status != q.status && r.status != http.StatusTooManyRequests {
					t.Errorf("%s %v answered %d, want %d: %.200s", q.path, q.headers, r.status, q.status, r.body)
				}
			})
		}
	}
	hostile.Wait()
	for _, q := range requests {
		q.alone(t, s)
	}
	before := a.len()
	server.Poll(t, server.Patience, "the honest sender goes on", func() bool { return a.len() > before+100 })
	cancel()
	honest.Wait()
	settle(t, s)
	found := 0
	each(t, s, "gatewatch.source: bulk*", func(id, _ string) {
		if a.ids[id] {
			found++
		}
	})
	if found != a.len() {
		t.Errorf("of %d records of the honest sender %d are found", a.len(), found)
	}
	for reason, kinds := range hostileReasons {
		if n := refusedFor(s.Metrics(t), reason); n < kinds {
			t.Errorf("%v requests are counted as refused for %s, want %v", n, reason, kinds)
		}
	}
	checkMemory(t, s)
}

// alone sends a request once there is memory for it, when its status is certain.
func (q hostileRequest) alone(t *testing.T, s *server.Server) {
	t.Helper()
	server.Poll(t, server.Patience, fmt.Sprintf("%s %v is answered with %d", q.path, q.headers, q.status), func() bool {
		r, err := tryPost(s, q.path, q.body(), q.headers...)
		return err == nil && r.status == q.status
	})
}

// refusedFor sums what was refused of all sources for a reason.
func refusedFor(m map[string]float64, reason string) (sum float64) {
	for name, v := range m {
		if strings.HasPrefix(name, "gatewatch_ingest_refused_records_total{reason=\""+reason+"\"") {
			sum += v
		}
	}
	return sum
}

func checkMemory(t *testing.T, s *server.Server) {
	t.Helper()
	peak := peakMemory(t, s.Pid())
	if peak > memoryCap {
		t.Errorf("the server held %d MiB, more than %d", peak, memoryCap)
	}
	t.Logf("peak memory %d MiB", peak)
}
