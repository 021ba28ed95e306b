//go:build unix

package waf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// worstRequests make requests that cost the rules as much as the limits of a site
// allow, each another one.
var worstRequests = []struct {
	name string
	make func(r *rand.Rand) *verdict.Request
}{
	{"uri", func(r *rand.Rand) *verdict.Request {
		return benchRequest("GET", "/search?"+pairs(r, 7<<10, 24, "&"), "", "")
	}},
	{"cookies", func(r *rand.Rand) *verdict.Request {
		x := benchRequest("GET", "/", "", "")
		x.Headers[len(x.Headers)-1] = [2]string{"Cookie", pairs(r, 7<<10, 48, "; ")}
		return x
	}},
	{"headers", func(r *rand.Rand) *verdict.Request {
		x := benchRequest("GET", "/", "", "")
		for i := range 90 {
			x.Headers = append(x.Headers, [2]string{fmt.Sprint("X-Part-", i), hardText(r, 300)})
		}
		return x
	}},
	{"parameters", func(r *rand.Rand) *verdict.Request {
		return benchRequest("POST", "/form", "application/x-www-form-urlencoded", pairs(r, 32<<10, 32, "&"))
	}},
	{"argument", func(r *rand.Rand) *verdict.Request {
		return benchRequest("POST", "/form", "application/x-www-form-urlencoded", "text="+escaped(hardText(r, 32<<10)))
	}},
	{"bytes", func(r *rand.Rand) *verdict.Request {
		b := make([]byte, 16<<10)
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		return benchRequest("POST", "/form", "application/x-www-form-urlencoded", "text="+escaped(string(b)))
	}},
	{"deep", func(r *rand.Rand) *verdict.Request {
		const depth = 40
		var b strings.Builder
		for range depth {
			fmt.Fprintf(&b, `{"k%d":[%q,`, r.IntN(100), hardText(r, 24))
		}
		b.WriteString("1" + strings.Repeat("]}", depth))
		return benchRequest("POST", "/api", "application/json", b.String())
	}},
	{"leaves", func(r *rand.Rand) *verdict.Request {
		all := make([]string, 700)
		for i := range all {
			all[i] = fmt.Sprintf("%q", hardText(r, 40))
		}
		return benchRequest("POST", "/api", "application/json", `{"a":[`+strings.Join(all, ",")+"]}")
	}},
}

// hardText is made of what the expressions look for: they look at it for long, and
// each of them meets many states.
func hardText(r *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		if r.IntN(3) > 0 {
			b.WriteString([]string{"select", "concat", "echo", "x'", "$a", "un", "http", "0x1", "o", "be", "sys", "e1", "and", "'a", ";b", "\\d"}[r.IntN(16)])
		} else {
			b.WriteByte(" abcdefgh_0123.,-"[r.IntN(17)])
		}
	}
	return strings.ToValidUTF8(b.String()[:size], "")
}

func escaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// pairs are parameters or cookies.
func pairs(r *rand.Rand, size, each int, joint string) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteString(joint)
		}
		value := strings.NewReplacer("&", "", ";", "", "'", "%27", " ", "+").Replace(hardText(r, each))
		fmt.Fprintf(&b, "p%d=%s", i, value)
	}
	return b.String()
}

// BenchmarkAccelerateWorst measures the requests that cost most, with and without
// acceleration in turns: the CPU time of which one in a hundred takes more, and
// which of both is the more.
func BenchmarkAccelerateWorst(b *testing.B) {
	p := compilePair(b, CorpusSettings())
	for _, load := range worstRequests {
		b.Run(load.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			for _, e := range []*Engine{p.plain, p.fast} {
				_ = judgeOnly(b, e, load.make(r))
			}
			var took [2][]time.Duration
			for b.Loop() {
				request := load.make(r)
				for i, e := range []*Engine{p.plain, p.fast} {
					before := processCPU(b)
					_ = judgeOnly(b, e, request)
					took[i] = append(took[i], processCPU(b)-before)
				}
			}
			at := func(i int, share float64) float64 {
				slices.Sort(took[i])
				return float64(took[i][int(share*float64(len(took[i])-1)+.5)].Microseconds()) / 1000
			}
			b.ReportMetric(at(0, .5), "plain-p50-ms")
			b.ReportMetric(at(1, .5), "fast-p50-ms")
			b.ReportMetric(at(0, .99), "plain-p99-ms")
			b.ReportMetric(at(1, .99), "fast-p99-ms")
			b.ReportMetric(at(1, .99)/at(0, .99), "p99-share")
			b.ReportMetric(0, "ns/op")
		})
	}
}
