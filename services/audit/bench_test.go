package audit

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// benchLeaf is a leaf of usual size.
var benchLeaf = Leaf{Actor: `analyst "ann"`, Act: ActAlert, Object: "009a5dc0b250b25a55b2ca00df1994e6", Detail: map[string]string{
	"from": "new", "to": "acknowledged", "assignee": "ann", "note": "known scanner", "revision": "2",
}}

// BenchmarkAppend is the time of a durable, signed leaf: alone, and where so many
// callers wait at once.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			l, err := Open(filepath.Join(b.TempDir(), Dir), clock)
			if err != nil {
				b.Fatal(err)
			}
			work := make(chan struct{})
			var running sync.WaitGroup
			for range callers {
				running.Go(func() {
					for range work {
						if _, err := l.Append(b.Context(), benchLeaf); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			running.Wait()
			b.StopTimer()
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}

// BenchmarkVerify is the time of a leaf of a log that is verified as a whole.
func BenchmarkVerify(b *testing.B) {
	const n = 64 * width
	dir := filepath.Join(b.TempDir(), Dir)
	l, err := Open(dir, clock)
	if err != nil {
		b.Fatal(err)
	}
	var running sync.WaitGroup
	for range width { // so that they come in large batches
		running.Go(func() {
			for range n / width {
				if _, err := l.Append(b.Context(), benchLeaf); err != nil {
					b.Error(err)
				}
			}
		})
	}
	running.Wait()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if c, err := Verify(dir, "", nil, nil); err != nil || c.Leaves != n {
			b.Fatal(c, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "leaves/s")
}
