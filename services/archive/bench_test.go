package archive

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// webEvent makes the event of a request to one of some sites, with the line that
// it came from.
func webEvent(r *rand.Rand, n int, e *event.Event) {
	e.Reset()
	e.Time = noon.UnixNano() + int64(n)*30_000_000
	e.Received, e.Dataset, e.Source = e.Time+1_000_000, "nginx.access", "gateway-1"
	e.ID = fmt.Sprintf("5f0c1d-%d", n)
	client := netip.AddrFrom4([4]byte{81, 2, byte(r.IntN(40)), byte(r.IntN(256))})
	path := fmt.Sprintf("/shop/item/%d", r.IntN(20_000))
	status, size := pick(r, 200, 200, 200, 304, 403, 404, 500), r.IntN(50_000)
	agent := fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", 90+r.IntN(40))
	e.Raw = fmt.Appendf(nil, "%s - - [21/Nov/2026:12:00:00 +0000] \"GET %s HTTP/1.1\" %d %d \"-\" \"%s\"", client, path, status, size, agent)
	e.AddAddr(event.SourceIP, client)
	e.AddAddr(event.ClientIP, client)
	e.AddText(event.EventKind, "event")
	e.AddText(event.EventCategory, "web")
	e.AddText(event.EventType, "access")
	e.AddText(event.EventOutcome, "success")
	e.AddText(event.HTTPRequestMethod, "GET")
	e.AddText(event.HTTPVersion, "1.1")
	e.AddInt(event.HTTPResponseStatusCode, int64(status))
	e.AddInt(event.HTTPResponseBytes, int64(size))
	e.AddText(event.URLPath, path)
	e.AddText(event.URLOriginal, path)
	e.AddText(event.URLDomain, fmt.Sprintf("site-%d.example.com", r.IntN(30)))
	e.AddText(event.UserAgentOriginal, agent)
	e.AddText(event.TraceID, fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()))
	e.AddInt(event.EventDuration, int64(r.IntN(900))*1_000_000)
	e.AddText(event.HostName, "gw-1")
	e.AddText(event.ObserverName, "node-1")
	e.AddText(event.Intern("labels.team"), "shop")
	e.AddText(event.Message, fmt.Sprintf("GET %s %d", path, status))
}

// cpuTime is what the process has used of the processor.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkArchive reports rows a second of making an archive (which reads it
// back), of verifying and of counting, bytes an event on disk, and the largest
// heap on the way.
func BenchmarkArchive(b *testing.B) {
	const rows = 150_000
	rate := func(b *testing.B, cpu time.Duration) {
		b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(float64(rows*b.N)/(cpuTime(b)-cpu).Seconds(), "rows/cpu-s")
	}
	var last *Manifest
	keep := filepath.Join(b.TempDir(), "kept")
	b.Run("create", func(b *testing.B) {
		var heap uint64
		dir, cpu := b.TempDir(), cpuTime(b)
		for i := range b.N {
			r := rand.New(rand.NewPCG(1, 1))
			m, err := Create(b.Context(), dir, Options{Name: fmt.Sprint("a", i), Now: noon}, func(yield func(*event.Event) error) error {
				var e event.Event
				for n := range rows {
					webEvent(r, n, &e)
					if err := yield(&e); err != nil {
						return err
					}
					if n%20_000 == 0 {
						var s runtime.MemStats
						runtime.ReadMemStats(&s)
						heap = max(heap, s.HeapInuse)
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			last = m
		}
		b.StopTimer() // what follows reads it after the folder of this part has gone
		if err := errors.Join(os.RemoveAll(keep), os.Rename(last.dir, keep)); err != nil {
			b.Fatal(err)
		}
		last.dir = keep
		rate(b, cpu)
		b.ReportMetric(float64(last.Bytes)/rows, "B/event")
		b.ReportMetric(float64(heap>>20), "heap-MiB")
	})
	b.Run("verify", func(b *testing.B) {
		cpu := cpuTime(b)
		for range b.N {
			if errs := last.Verify(b.Context(), nil); errs != nil {
				b.Fatal(errs)
			}
		}
		rate(b, cpu)
	})
	b.Run("count", func(b *testing.B) {
		q, err := query.Parse("url.path: /shop/item/77* | stats n = count() by http.response.status_code", noon)
		if err != nil {
			b.Fatal(err)
		}
		cpu := cpuTime(b)
		r := &Reader{archives: []*Manifest{last}, bytes: 64 << 20}
		for range b.N {
			if t, _, err := r.Aggregate(b.Context(), store.AggregateRequest{Query: q}); err != nil || len(t.Rows) != 5 {
				b.Fatal(t, err)
			}
		}
		rate(b, cpu)
	})
}
