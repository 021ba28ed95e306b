//go:build unix

package waf

import (
	"fmt"
	"math"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// compareWithRaw makes the pair that is measured: acceleration, and Coraza without
// anything of ours.
func compareWithRaw(t testing.TB) pair {
	t.Helper()
	p := compilePair(t, CorpusSettings())
	s := CorpusSettings()
	s.Accelerate = accelerateOff
	raw, err := program{settings: s, endless: true}.compile()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	p.plain = raw
	return p
}

// BenchmarkAccelerate measures Coraza with and without acceleration in turns in one
// process: CPU time and memory allocated per request. The mix is that of the folder
// of -accelerate-corpus, if there is one.
func BenchmarkAccelerate(b *testing.B) {
	p := compareWithRaw(b)
	loads := []struct {
		name string
		all  []*verdict.Request
	}{
		{"get", []*verdict.Request{benchRequest("GET", "/catalog/books", "", "")}},
		{"query", []*verdict.Request{benchRequest("GET", "/catalog/books?page=2&sort=price&q=history+of+london&utm_source=mail", "", "")}},
		{"form", []*verdict.Request{benchRequest("POST", "/account/address", "application/x-www-form-urlencoded", benchForm())}},
		{"json", []*verdict.Request{benchRequest("POST", "/api/orders", "application/json", benchJSON())}},
	}
	if *accelerateCorpus != "" {
		legit := corpusRequests(b, *accelerateCorpus, "blazehttp*.gz", 7)
		attacks := corpusRequests(b, *accelerateCorpus, "transplant*.gz", 6)
		loads = append(loads, struct {
			name string
			all  []*verdict.Request
		}{"mixed", append(legit[:min(len(legit), 1500)], attacks...)})
	}
	for _, load := range loads {
		b.Run(load.name, func(b *testing.B) { p.measure(b, load.all) })
	}
}

func (p pair) measure(b *testing.B, all []*verdict.Request) {
	for _, e := range []*Engine{p.plain, p.fast} { // warm up
		for _, r := range all[:min(len(all), 200)] {
			_ = outcome(b, e, r)
		}
	}
	var cpu [2]time.Duration
	n := 0
	for b.Loop() {
		for _, r := range all {
			for i, e := range []*Engine{p.plain, p.fast} {
				before := processCPU(b)
				_ = judgeOnly(b, e, r)
				cpu[i] += processCPU(b) - before
			}
			n++
		}
	}
	var allocated [2]uint64
	for i, e := range []*Engine{p.plain, p.fast} {
		before := allocatedBytes()
		for at := range max(100, len(all)) {
			_ = judgeOnly(b, e, all[at%len(all)])
		}
		allocated[i] = allocatedBytes() - before
	}
	report := func(name string, v float64) { b.ReportMetric(v, name) }
	report("plain-µs", float64(cpu[0].Microseconds())/float64(n))
	report("fast-µs", float64(cpu[1].Microseconds())/float64(n))
	report("times", float64(cpu[0])/float64(cpu[1]))
	report("memory-share", float64(allocated[1])/float64(allocated[0]))
	b.ReportMetric(0, "ns/op")
}

// TestAcceleratedMemory holds that a request without parameters, for which acceleration
// saves least, takes half of what Coraza alone allocates.
func TestAcceleratedMemory(t *testing.T) {
	p := compareWithRaw(t)
	r := benchRequest("GET", "/catalog/books", "", "")
	least := func(e *Engine) uint64 { // what else allocates now and then does not count
		least := uint64(math.MaxUint64)
		for range 50 {
			before := allocatedBytes()
			_ = judgeOnly(t, e, r)
			least = min(least, allocatedBytes()-before)
		}
		return least
	}
	plain, fast := least(p.plain), least(p.fast)
	if 2*fast > plain {
		t.Errorf("%d bytes, without acceleration %d", fast, plain)
	}
	t.Logf("%d of %d bytes", fast, plain)
}

func judgeOnly(b testing.TB, e *Engine, r *verdict.Request) Decision {
	d, err := e.JudgeRequest(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

func allocatedBytes() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func processCPU(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchRequest(method, uri, contentType, body string) *verdict.Request {
	r := &verdict.Request{ID: "bench", Method: method, URI: uri, Proto: "HTTP/1.1", Body: []byte(body), Headers: [][2]string{
		{"Host", "shop.example.com"},
		{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		{"Accept-Language", "en-GB,en;q=0.5"},
		{"Referer", "https://shop.example.com/catalog"},
		{"Cookie", "session=6fb1c0f2a9d34e5b8a7c; theme=dark"},
	}}
	if body != "" {
		r.Headers = append(r.Headers, [2]string{"Content-Type", contentType}, [2]string{"Content-Length", fmt.Sprint(len(body))})
	}
	return r
}

// benchForm is about 1 kB of a contact form.
func benchForm() string {
	v := url.Values{
		"name": {"Ada Lovelace"}, "street": {"12 St. James's Square"}, "city": {"London"}, "zip": {"SW1Y 4JH"},
		"mail": {"ada@example.com"}, "phone": {"+44 20 7946 0018"}, "country": {"GB"}, "newsletter": {"yes"},
		"note": {strings.Repeat("Please ring twice, the bell is broken since Monday; my neighbour (Mr. Babbage) takes parcels too. ", 7)},
	}
	return v.Encode()
}

// benchJSON is about 4 kB with 300 leaves.
func benchJSON() string {
	var b strings.Builder
	b.WriteString(`{"items":[`)
	for i := range 60 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"sku":"AB-%04d","name":"Item no %d","qty":%d,"price":%d.5}`, i, i*7, i, i%5, i*3)
	}
	b.WriteString(`]}`)
	return b.String()
}
