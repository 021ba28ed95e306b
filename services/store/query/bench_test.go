package query

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

func BenchmarkParse(b *testing.B) {
	const text = `source.ip: 203.0.113.0/24 and url.path: /admin* and not http.response.status_code >= 500 ` +
		`| stats n = count(), ips = count_distinct(source.ip) by url.path | sort n desc | limit 20`
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}

// benchEvents are access log events with about as many fields as real ones.
func benchEvents(n int) []*event.Event {
	events := make([]*event.Event, n)
	for i := range events {
		e := &event.Event{ID: fmt.Sprint(i), Time: int64(i) * 1e9, Source: "bench", Dataset: "nginx.access"}
		e.Raw = fmt.Appendf(nil, `203.0.113.%d - - [01/Mar/2026:10:00:00 +0000] "GET /shop/item/%d?id=%d HTTP/1.1" 200 5316 "-" "Mozilla/5.0"`, i%200, i%500, i)
		e.AddIP(event.SourceIP, fmt.Sprintf("203.0.113.%d", i%200))
		e.AddText(event.HTTPRequestMethod, "GET")
		e.AddText(event.URLPath, fmt.Sprintf("/shop/item/%d", i%500))
		e.AddText(event.URLQuery, fmt.Sprintf("id=%d", i))
		e.AddInt(event.HTTPResponseStatusCode, int64(200+i%4*100))
		e.AddInt(event.HTTPResponseBodyBytes, int64(i%10_000))
		e.AddText(event.UserAgentOriginal, "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0")
		e.AddText(event.HostName, fmt.Sprintf("web-%d", i%4))
		events[i] = e
	}
	return events
}

func BenchmarkMatch(b *testing.B) {
	events := benchEvents(1000)
	for name, text := range map[string]string{
		"equal":     "url.path: /shop/item/7",
		"cidr":      "source.ip: 203.0.113.64/28",
		"range":     "http.response.status_code >= 500",
		"glob":      "user_agent.original: *chrome*",
		"regex":     "url.query: /id=9+$/",
		"substring": `"union select"`,
		"several":   "source.ip: 203.0.113.0/24 and url.path: /shop* and not http.response.status_code >= 500",
	} {
		b.Run(name, func(b *testing.B) {
			m := NewMatcher(mustParse(b, text).Filter)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m.Match(EventRow{events[i]})
				if i++; i == len(events) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkStats adds a million rows a turn and computes the answer.
func BenchmarkStats(b *testing.B) {
	events := benchEvents(10_000)
	for name, text := range map[string]string{
		"count":       "* | stats n = count()",
		"by path":     "* | stats n = count() by url.path | sort n desc | limit 20",
		"by two":      "* | stats n = count(), s = sum(http.response.body.bytes) by host.name, http.response.status_code",
		"per minute":  "* | stats n = count() by t = bucket(@timestamp, 1m)",
		"distinct":    "* | stats n = count_distinct(url.query) by host.name",
		"percentile":  "* | stats p = percentile(http.response.body.bytes, 99) by host.name",
		"many groups": "* | stats n = count() by url.query | sort n desc | limit 10",
	} {
		b.Run(name, func(b *testing.B) {
			q := mustParse(b, text)
			b.ReportAllocs()
			for b.Loop() {
				x := NewExec(q, NewBudget(0, 0))
				for i := range 1_000_000 {
					if err := x.Add(EventRow{events[i%len(events)]}); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := x.Result(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
