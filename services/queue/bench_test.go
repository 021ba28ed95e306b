package queue_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

// BenchmarkAppend measures acknowledged records: producers × records of 1 KB in
// one append each, durable and, to compare, by the same code without fsync.
func BenchmarkAppend(b *testing.B) {
	f := func(producers, records int, noSync bool) {
		b.Run(fmt.Sprintf("%dx%d/nosync=%t", producers, records, noSync), func(b *testing.B) {
			q, err := queue.OpenFaulty(b.TempDir(), queue.Config{RetainBytes: -1}, &queue.Faults{NoSync: noSync})
			if err != nil {
				b.Fatal(err)
			}
			appends := max(b.N/records/producers, 1)
			waits := make([][]time.Duration, producers)
			b.SetBytes(1000)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for p := range producers {
				groups := queuetest.Records(fmt.Sprint(p), 1, records, 1000)
				waits[p] = make([]time.Duration, 0, appends)
				wg.Go(func() {
					for range appends {
						began := time.Now()
						if _, err := q.Append(b.Context(), groups); err != nil {
							b.Error(err)
							return
						}
						waits[p] = append(waits[p], time.Since(began))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			total := appends * producers * records
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "records/s")
			all := slices.Concat(waits...)
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
			if _, next := q.Bounds(); next != queue.Offset(total+1) {
				b.Errorf("log holds %d records, want %d", next-1, total)
			}
			if err := q.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
	for _, noSync := range []bool{false, true} {
		f(16, 100, noSync)
		f(64, 1, noSync)
	}
}

// BenchmarkRead reads a log of 1 KB records from its files.
func BenchmarkRead(b *testing.B) {
	q, err := queue.Open(b.TempDir(), queue.Config{TailBytes: -1}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	const total = 100_000
	for seq := uint64(0); seq < total; seq += 1000 {
		if _, err := q.Append(b.Context(), queuetest.Records("a", seq, 1000, 1000)); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(1000)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += total {
		for batch, err := range q.Batches(b.Context(), 1) {
			if err != nil {
				b.Fatal(err)
			}
			if batch.Next > total {
				break
			}
		}
	}
	b.StopTimer()
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkOpen opens a log of 256 MiB; the time is that of its last segment,
// however long the log is.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	q, err := queue.Open(dir, queue.Config{}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	for seq := uint64(0); seq < 268_000; seq += 1000 {
		if _, err := q.Append(b.Context(), queuetest.Records("a", seq, 1000, 1000)); err != nil {
			b.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		q, err := queue.Open(dir, queue.Config{}, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := q.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
