//go:build unix

package waf

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// overheadRounds is how often the variants take turns in one benchmark.
const overheadRounds = 5

// overheadRequests is how many requests a variant gets in a round. The p99 of
// fewer is one of the last few and not a figure.
var overheadRequests = flag.Int("overhead-requests", 2000, "requests to each variant in a round of BenchmarkOverhead")

var overheadVerdicts = flag.String("overhead-verdicts", verdictsOn, "whether the node in BenchmarkOverhead gives verdicts: on or off")

var overheadReplay = flag.String("overhead-replay", keepSample, "which requests the node in BenchmarkOverhead keeps for replay: sample, suspect, blocked or off")

var overheadSample = flag.Float64("overhead-sample", 0, "probability with which it keeps an allowed request; 0 is the default of a node")

// BenchmarkOverhead measures what a node costs over Coraza in a plain reverse
// proxy, and over itself without events. Each variant is a process of its own;
// client, upstream and the server that takes the events are apart from them.
// The variants take turns, 2000 requests each in every round (-overhead-requests,
// whatever -benchtime says), one request after the other; each figure is the
// median of the rounds. CPU counts until the last event has been acknowledged.
func BenchmarkOverhead(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>shop</title>")
	}))
	defer upstream.Close()
	o := &overhead{collector: newCollector()}
	address, _ := o.collector.start(b, "")
	for _, variant := range []string{variantCoraza, variantQuiet, variantNode} {
		config := testConfig(b, upstream.URL)
		config.Server.Address, config.Spool = address, SpoolConfig{Dir: b.TempDir()}
		config.Sites[0].Verdicts = *overheadVerdicts
		if variant == variantNode {
			config.Sites[0].Replay = ReplayConfig{Keep: *overheadReplay, Sample: *overheadSample}
		}
		child, url := startChild(b, childTask{Variant: variant, Config: config})
		o.variants = append(o.variants, &measured{child: child, url: url, events: variant == variantNode})
	}
	b.Run("get", func(b *testing.B) {
		o.measure(b, "GET", "/catalog/books?page=2&sort=price", "")
	})
	b.Run("form", func(b *testing.B) {
		o.measure(b, "POST", "/account/address", "name=Ada+Lovelace&street=12+St.+James%27s+Square&city=London&zip=SW1Y+4JH&note=Please+ring+twice")
	})
}

type overhead struct {
	collector *collector
	variants  []*measured
	expected  int // events so far
	copies    int // of those that are sure to come
}

// measured is one variant and its figures, one a round.
type measured struct {
	child  *childProcess
	url    string
	events bool
	cpu    []time.Duration // of the process, per request
	p99    []time.Duration // until the response was read
}

func (o *overhead) measure(b *testing.B, method, target, body string) {
	for _, v := range o.variants {
		v.cpu, v.p99 = nil, nil
		o.round(b, v, 100, method, target, body) // warm up
		v.cpu, v.p99 = nil, nil
	}
	for b.Loop() { // once, for it takes longer than any sensible -benchtime
		for range overheadRounds {
			for _, v := range o.variants {
				o.round(b, v, *overheadRequests, method, target, body)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	coraza, silent, node := o.variants[0], o.variants[1], o.variants[2]
	report := func(name string, d time.Duration) { b.ReportMetric(float64(d.Nanoseconds())/1e3, name) }
	report("coraza-cpu-µs", median(coraza.cpu))
	report("node-cpu-µs", median(node.cpu))
	report("over-coraza-cpu-µs", median(node.cpu)-median(coraza.cpu))
	report("events-cpu-µs", median(node.cpu)-median(silent.cpu))
	report("coraza-p99-µs", median(coraza.p99))
	report("node-p99-µs", median(node.p99))
	report("over-coraza-p99-µs", median(node.p99)-median(coraza.p99))
	report("events-p99-µs", median(node.p99)-median(silent.p99))
}

// round sends n requests to a variant.
func (o *overhead) round(b *testing.B, v *measured, n int, method, target, body string) {
	before := v.child.cpu(b)
	latencies := make([]time.Duration, n)
	for i := range latencies {
		r, err := http.NewRequest(method, v.url+target, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Host = "shop.example"
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
		r.Header.Set("Accept-Language", "en-GB,en;q=0.5")
		r.Header.Set("Cookie", "lang=en; theme=dark")
		if body != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		began := time.Now()
		resp := do(b, http.DefaultTransport, r)
		latencies[i] = time.Since(began)
		if resp.StatusCode != http.StatusOK {
			b.Fatalf("status %d", resp.StatusCode)
		}
	}
	if v.events {
		o.expected += n
		o.collector.await(b, o.expected)
		if *overheadSample == 1 {
			o.copies += n
			o.collector.awaitCopies(b, o.copies)
		}
	}
	v.cpu = append(v.cpu, (v.child.cpu(b)-before)/time.Duration(n))
	slices.Sort(latencies)
	v.p99 = append(v.p99, latencies[n*99/100])
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
