package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// cpuTime is what the process used so far.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func dirBytes(b *testing.B, dir string) (n int64) {
	files, err := filepath.Glob(filepath.Join(dir, "*.gwseg"))
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			n += st.Size()
		}
	}
	return n
}

// BenchmarkIngest writes realistic events in batches of 500. It reports the CPU
// time an event takes in all threads, from Write to the synced and merged
// segment, and the bytes that it takes on disk.
func BenchmarkIngest(b *testing.B) {
	events := newTraffic(1).events(50_000)
	dir := b.TempDir()
	s := openStore(b, dir, store.Config{})
	b.ResetTimer()
	cpu := cpuTime()
	for at := uint64(1); at <= uint64(b.N); at += 500 {
		lo := int(at-1) % 50_000
		if err := s.Write(context.Background(), store.Batch{Events: events[lo : lo+500], First: at, Next: at + 500}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	rows := float64((b.N + 499) / 500 * 500)
	b.ReportMetric(float64(cpuTime()-cpu)/rows, "cpu-ns/event")
	b.ReportMetric(float64(dirBytes(b, dir))/rows, "B/event")
}

// BenchmarkQuery asks what analysts ask, of a million events in segments.
func BenchmarkQuery(b *testing.B) {
	const rows = 1_000_000
	dir := b.TempDir()
	s := openStore(b, dir, store.Config{})
	t := newTraffic(2)
	batch := make([]event.Event, 1000)
	for at := uint64(1); at < rows; at += 1000 {
		for i := range batch {
			t.next(&batch[i])
		}
		if err := s.Write(context.Background(), store.Batch{Events: batch, First: at, Next: at + 1000}); err != nil {
			b.Fatal(err)
		}
	}
	needle := batch[7].Get(event.TraceID).Text()
	hot, cold := t.clients[0].String(), t.clients[40_000].String()
	for _, q := range []struct{ name, text string }{
		{"tail100", "* | limit 100"},
		{"trace", "trace.id: " + needle},
		{"ip-hot", "source.ip: " + hot + " | limit 100"},
		{"ip-cold", "source.ip: " + cold + " | limit 100"},
		{"substring-last100", "url.query: *union%20select* | limit 100"},
		{"substring-count", "url.query: *union%20select* | stats n = count()"},
		{"freetext-count", `"union%20select" | stats n = count()`},
		{"fields", "waf.site: " + t.sites[5] + " and http.response.status_code: 403 and rule.id: 942100 | limit 100"},
		{"histogram", "* | stats n = count() by t = bucket(@timestamp, 1m), http.response.status_code"},
		{"top20", "waf.anomaly_score >= 5 | stats n = count() by source.ip | sort n desc | limit 20"},
		{"distinct", "* | stats n = count_distinct(source.ip) by waf.site"},
		{"count", "* | stats n = count()"},
	} {
		b.Run(q.name, func(b *testing.B) {
			parsed, err := query.Parse(q.text, time.Now())
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if parsed.IsAggregation() {
					if _, _, err := s.Aggregate(context.Background(), store.AggregateRequest{Query: parsed}); err != nil {
						b.Fatal(err)
					}
					continue
				}
				n := 0
				_, err := s.Search(context.Background(), store.SearchRequest{Query: parsed}, func(*event.Event) error { n++; return nil })
				if err != nil || n == 0 {
					b.Fatalf("%d rows, %v", n, err)
				}
			}
		})
	}
}
