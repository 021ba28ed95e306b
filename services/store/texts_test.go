package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/storetest"
)

// lineEvent makes an event whose message and original line are made of its other
// fields, as parsers make them, but for a few.
func lineEvent(r *rand.Rand, n int) *event.Event {
	e := &event.Event{ID: fmt.Sprintf("%032x-%d", 1, n), Source: "s", Dataset: "lines"}
	e.Time = propertyStart.Add(time.Duration(r.IntN(1e6)) * time.Millisecond).UnixNano()
	path := "/" + []string{"Admin", "kiosk", "q\"uote", "tab\there", "ſale", "naïve", `back\slash`}[r.IntN(7)] + "/" + strconv.Itoa(r.IntN(300))
	a := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(3)), byte(r.IntN(200))})
	status, size := []int64{200, 200, 200, 404, 500}[r.IntN(5)], int64(r.IntN(90_000))
	method := []string{"GET", "POST"}[r.IntN(2)]
	e.AddAddr(event.SourceIP, a)
	e.AddText(event.HTTPRequestMethod, method)
	e.AddText(event.URLPath, path)
	e.AddInt(event.HTTPResponseStatusCode, status)
	if r.IntN(9) > 0 {
		e.AddInt(event.HTTPResponseBytes, size)
	}
	for range r.IntN(3) {
		e.AddList(event.Intern("rule.id"), event.String(strconv.Itoa(942100+r.IntN(40))))
	}
	stamp := time.Unix(0, e.Time).UTC().Format("02/Jan/2006:15:04:05 -0700")
	message := fmt.Sprintf(`%s [%s] "%s %s" %d %d`, a, stamp, method, path, status, size)
	if r.IntN(15) == 0 {
		message = "kernel: " + propertyTexts[r.IntN(len(propertyTexts))] + " " + path + " is not what it was"
	}
	e.AddText(event.Message, message)
	e.Raw = event.AppendQuoted([]byte(`{"line":`), message)
	e.Raw = append(e.Raw, '}')
	return e
}

// lineQuery looks for a part of a text of an event, whatever it cuts through.
func lineQuery(r *rand.Rand, of *event.Event) string {
	text := of.Get([]event.Key{event.Message, event.EventOriginal, event.URLPath}[r.IntN(3)]).Text()
	from := r.IntN(len(text))
	part := text[from : from+1+r.IntN(min(14, len(text)-from))]
	field := []string{"message", "event.original", "url.path"}[r.IntN(3)]
	quoted := string(event.AppendQuoted(nil, part))
	filter := []string{
		quoted, field + ": /" + "adm[a-z]*.[0-9]+/", "not " + quoted, field + ": *iosk*2*", field + ": *ad*", quoted + " and rule.id: 942105",
		quoted + " or url.path: *kiosk/1*", "http.response.status_code: 404 and " + quoted,
	}[r.IntN(8)]
	return filter + []string{
		"", " | stats n = count()", " | stats n = count(), d = count_distinct(source.ip), s = sum(http.response.bytes) by http.request.method",
		" | stats m = max(http.response.bytes), p = count_distinct(url.path) by t = bucket(@timestamp, 1m), http.response.status_code",
		" | stats d = count_distinct(rule.id), i = min(source.ip) by http.response.status_code", " | keep event.id, message, event.original | limit 7",
	}[r.IntN(6)]
}

// TestSearchInLinesAnswersAsNaive looks for parts of derived text.
func TestSearchInLinesAnswersAsNaive(t *testing.T) {
	asked, found := 0, 0
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 31))
		naive := storetest.Naive()
		real := adapt(openStore(t, t.TempDir(), store.Config{FlushRows: []int{64, 200}[seed%2]}))
		var events []*event.Event
		for i := range 200 + r.IntN(200) {
			events = append(events, lineEvent(r, i))
		}
		for _, s := range []storetest.Store{naive, real} {
			if err := s.Write(events[:len(events)/2]); err != nil {
				t.Fatal(err)
			}
			if err := s.Write(events[len(events)/2:]); err != nil {
				t.Fatal(err)
			}
		}
		for range 120 {
			text := lineQuery(r, events[r.IntN(len(events))])
			q, err := query.Parse(text, propertyStart)
			if err != nil {
				continue
			}
			asked++
			want, got := answer(t, naive, q, math.MinInt64, math.MaxInt64), answer(t, real, q, math.MinInt64, math.MaxInt64)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: %s (-naive +store)\n%s", seed, text, diff)
			}
			if want != "" {
				found++
			}
		}
	}
	if asked < 500 || found < 300 {
		t.Errorf("%d queries were asked and %d found something", asked, found)
	}
}
