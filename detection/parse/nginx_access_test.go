package parse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// combinedLines makes lines as a busy site has them: mostly pages and static
// files, some API calls, IPv6, scans and escapes; about 300 bytes each.
func combinedLines(n int) [][]byte {
	agents := []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/about; crawl-node-17.region-b.bot.example)",
		`sqlmap/1.9#stable (https://sqlmap.org) \x22;--`,
	}
	targets := []string{
		"/assets/js/app.8f3c2e1d.chunk.js?v=2026112101",
		"/catalog/shoes/running?page=3&sort=price_asc&color=blue&size=42",
		"/api/v2/cart/items?expand=product,price&session=9f8e7d6c5b4a39281706f5e4d3c2b1a0",
		"/search?q=%E8%B7%91%E9%9E%8B+sale&lang=zh-CN",
		"/index.php?id=1%27%20UNION%20SELECT%20username,password%20FROM%20users--%20-",
		"/",
	}
	lines := make([][]byte, n)
	for i := range lines {
		addr := fmt.Sprintf("203.0.113.%d", i%250)
		if i%8 == 0 {
			addr = fmt.Sprintf("2001:db8:%x::%x", i%4096, i%65536)
		}
		user := "-"
		if i%16 == 0 {
			user = "alice"
		}
		lines[i] = fmt.Appendf(nil, `%s - %s [21/Nov/2026:%02d:%02d:%02d +0100] "GET %s HTTP/1.1" %d %d "https://shop.example/catalog/shoes?page=%d" "%s"`,
			addr, user, i/3600%24, i/60%60, i%60, targets[i%len(targets)], []int{200, 200, 304, 404, 403}[i%5], 100+i*37%90000, i%40, agents[i%len(agents)])
	}
	return lines
}

// BenchmarkNginxCombined reports lines per second on one core.
func BenchmarkNginxCombined(b *testing.B) {
	lines := combinedLines(4096)
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	f, _ := Lookup("nginx.access")
	c := &Context{Received: 1}
	var e event.Event
	var status int64
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := f.Read(lines[n%len(lines)], c, &e); err != nil {
			b.Fatal(err)
		}
		status += e.Get(event.HTTPResponseStatusCode).Int()
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
	if mean := float64(status) / float64(n); n > 1000 && (mean < 280 || mean > 310) {
		b.Fatalf("mean status is %f", mean)
	}
}

func TestNginxCombinedAllocations(t *testing.T) {
	lines := combinedLines(64)
	f, _ := Lookup("nginx.access")
	c := &Context{Received: 1}
	var e event.Event
	read := func() {
		for _, l := range lines {
			if err := f.Read(l, c, &e); err != nil {
				t.Fatal(err)
			}
		}
	}
	read()
	if n := testing.AllocsPerRun(10, read) / float64(len(lines)); n > 0.1 {
		t.Errorf("a line takes %.2f allocations, want none once the event has its memory", n)
	}
}

func TestNginxBounds(t *testing.T) {
	f, _ := Lookup("nginx.access")
	var e event.Event
	const head = `203.0.113.9 - - [21/Nov/2026:09:30:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" `
	if err := f.Read([]byte(head+strings.Repeat("word ", 10_000)), &Context{}, &e); err != nil {
		t.Error(err)
	}
	extra := 0
	for v := range e.Values(event.NginxExtra) {
		extra += len(strings.Fields(v.Text()))
	}
	if extra != 10_000 || len(e.Fields()) > 200 {
		t.Errorf("%d of 10000 words are kept in %d fields", extra, len(e.Fields()))
	}
	servers := strings.Repeat("10.0.0.1:80, ", 1000) + "10.0.0.2:80"
	if err := f.Read([]byte(head+servers), &Context{}, &e); err != nil || !strings.HasSuffix(e.Get(event.NginxExtra).Text(), "10.0.0.2:80") {
		t.Errorf("servers over the bound are lost: %v", err)
	}
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, `,"k%d":"v"`, i)
	}
	err := f.Read([]byte(`{"remote_addr":"203.0.113.9"`+b.String()+`}`), &Context{}, &e)
	if Reason(err) != "too many fields" || e.Get(event.SourceIP).String() != "203.0.113.9" {
		t.Errorf("error is %v", err)
	}
}
