package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// compared are events whose columns are kept as bytes, numbers and dictionaries,
// some of them in part of the rows.
func compared(r *rand.Rand, n int) []event.Event {
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789abcdef"[r.IntN(16)]
		}
		return string(b)
	}
	epochs := []string{digits(32), digits(32)}
	events := make([]event.Event, n)
	for i := range events {
		e := &events[i]
		e.Time = int64(i) * 1e9
		e.ID = fmt.Sprintf("%s-%d", epochs[r.IntN(2)], i/2)
		e.AddText(event.TraceID, digits(32))
		e.AddText(event.Intern("labels.short"), digits(4)) // numbers among them
		u := digits(32)
		e.AddText(event.Intern("session.id"), u[:8]+"-"+u[8:12]+"-"+u[12:16]+"-"+u[16:20]+"-"+u[20:])
		e.AddAddr(event.SourceIP, netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), byte(r.IntN(256)), byte(r.IntN(256))}))
		e.Add(event.Intern("source.port"), event.Int(int64(r.IntN(60000))))
		e.Add(event.Intern("http.response.status_code"), event.Int(int64(200+r.IntN(4))))
		if r.IntN(3) == 0 {
			e.Add(event.Intern("destination.port"), event.Int(int64(r.IntN(60000))))
			e.AddText(event.Intern("labels.some"), digits(16))
		}
		for k := r.IntN(30); k < 2; k++ {
			e.AddList(event.Intern("rule.id"), event.String(fmt.Sprint(942100+10*r.IntN(5))))
		}
	}
	return events
}

// Rows that are found by comparing what is kept of a value are those in which the
// value itself is equal.
func TestEqualByBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	events := compared(r, 3000)
	b := segment.NewBuilder()
	for i := range events {
		b.Add(&events[i])
	}
	raw := new(segment.Sealer).Seal(b)
	block, err := segment.OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), segment.NewCache(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	f := func(text string) {
		t.Helper()
		q, err := query.Parse(text, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		flt := filter{ctx: t.Context(), block: block}
		got, err := flt.match(q.Where(), fullBitmap(len(events)))
		if err != nil {
			t.Fatal(err)
		}
		m := query.NewMatcher(q.Where())
		for i := range events {
			want := m.Match(query.EventRow{Event: &events[i]})
			if got.has(i) != want {
				t.Errorf("%s: row %d: %v, want %v", text, i, got.has(i), want)
			}
			if want {
				found++
			}
		}
	}
	keys := []event.Key{
		event.EventID, event.TraceID, event.Intern("labels.short"), event.Intern("labels.some"), event.Intern("session.id"), event.SourceIP,
		event.Intern("source.port"), event.Intern("destination.port"),
	}
	for range 20 {
		e := &events[r.IntN(len(events))]
		for _, k := range keys {
			v := e.Get(k)
			if v.Kind() == event.KindNone {
				continue
			}
			s := v.String()
			f(fmt.Sprintf("%s: %q", k, s))
			f(fmt.Sprintf("%s: %q", k, strings.ToUpper(s)))
			f(fmt.Sprintf("%s: %q", k, s+"0"))
			f(fmt.Sprintf("%s: %q", k, strings.ReplaceAll(s, "-", "")))
			f(fmt.Sprintf("not %s: %q and source.port < 30000", k, s))
			f(fmt.Sprintf("http.response.status_code: 201 and rule.id: 942120 and %s: %q", k, s))
		}
	}
	for _, text := range []string{
		"source.ip: 10.1.0.0/16", "source.ip: 10.1.2.0/24", "source.ip: 0.0.0.0/0", "source.ip: \"2001:db8::/32\"", "source.ip: \"2001:db8::1\"", "source.ip: nobody",
		"source.ip: \"::ffff:10.1.2.3\"", "source.port >= 59000", "source.port < 0", "source.port: 1.5", "destination.port <= 100", "source.ip >= 10.1.0.0",
		"http.response.status_code: 202 and rule.id: 942100", "rule.id: 942100 and not http.response.status_code: 202 and source.ip: 10.2.0.0/16",
		"rule.id: (942100 or 942110) and labels.some: *", "rule.id: 942100 and http.response.status_code >= 202",
		"@timestamp >= \"1970-01-01T00:10:00Z\" and @timestamp < \"1970-01-01T00:10:01Z\"", "event.id: 0", "labels.short: 7", "labels.short: 07*",
	} {
		f(text)
	}
	if found == 0 {
		t.Fatal("no row was found")
	}
}
