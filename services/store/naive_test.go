package store_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/storetest"
)

var propertyFields = []string{"a", "b.c", "source.ip", "http.response.status_code", "message", "tags", "event.original", "event.dataset", "rare", "when", "num", "at"}

var propertyTexts = []string{"GET", "get", "Post", "", "union select", "UNION SELECT 1", "é", "É", "200", "200.0", "007", "10.0.0.1", "a-b", "2026-11-21T08:00:01Z", "ſ", "\u212a", "\xff\xfe"}

func randomValue(r *rand.Rand) event.Value {
	switch r.IntN(9) {
	case 0:
		return event.Int(int64(r.IntN(5)) * 100)
	case 1:
		return event.Float([]float64{200, 0.5, -1, 1e300}[r.IntN(4)])
	case 2:
		return event.Bool(r.IntN(2) == 0)
	case 3:
		return event.IP(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(4))}))
	case 4:
		return event.IP(netip.MustParseAddr("2001:db8::" + fmt.Sprint(r.IntN(4))))
	case 5:
		return event.Time(propertyStart.Add(time.Duration(r.IntN(4)) * time.Second).UnixNano())
	}
	return event.String(propertyTexts[r.IntN(len(propertyTexts))])
}

var propertyStart = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func randomEvent(r *rand.Rand, n int, wide bool) *event.Event {
	e := &event.Event{ID: fmt.Sprint(n), Source: fmt.Sprint("s", n%2), Dataset: []string{"x", "y"}[r.IntN(2)]}
	e.Time = propertyStart.Add(time.Duration(r.IntN(6)) * time.Second).UnixNano()
	if r.IntN(3) == 0 {
		e.Raw = []byte(propertyTexts[r.IntN(len(propertyTexts))])
	}
	if wide { // more fields than a block has columns
		for i := range 700 {
			e.AddInt(event.Intern(fmt.Sprint("w", (n*700+i)%1500)), int64(i%3))
		}
	}
	for _, name := range propertyFields {
		k := event.Intern(name)
		if event.IsMember(k) || name == "rare" && r.IntN(20) > 0 {
			continue
		}
		for range r.IntN(3) {
			switch name {
			case "num": // enough values of one kind for encodings without a dictionary
				e.AddInt(k, int64(r.IntN(400))-20)
			case "at":
				e.Add(k, event.Time(propertyStart.UnixNano()+int64(r.IntN(4e9))))
			default:
				e.Add(k, randomValue(r))
			}
		}
	}
	return e
}

// randomCondition makes query text that may be refused, which is as well.
func randomCondition(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(2) == 0 {
		a, b := randomCondition(r, depth-1), randomCondition(r, depth-1)
		return []string{"(" + a + " and " + b + ")", "(" + a + " or " + b + ")", "not (" + a + ")"}[r.IntN(3)]
	}
	field := append(propertyFields, "w3", "w1400", "@timestamp", "event.id")[r.IntN(len(propertyFields)+4)]
	values := []string{"get", "GET", "200", "200.0", "100", "0.5", "true", "10.0.0.0/30", "10.0.0.1", "2001:db8::/32", `""`, `"union select"`, "*select*", "g*", "*", "é", "/g.t|po?st/", "2026-11-21", "0", "k", `"2026-11-21T08:00:01Z"`, "3"}
	v := values[r.IntN(len(values))]
	switch r.IntN(6) {
	case 0:
		return field + []string{" < ", " <= ", " > ", " >= "}[r.IntN(4)] + []string{"100", "200", "0.5", `"2026-11-21T08:00:02Z"`, "get", "10.0.0.2"}[r.IntN(6)]
	case 1:
		ops := []string{" < ", " <= ", " > ", " >= "}
		if r.IntN(3) == 0 {
			return "at" + ops[r.IntN(4)] + `"` + propertyStart.Add(time.Duration(r.IntN(4e9))).Format(time.RFC3339Nano) + `"`
		}
		return "num" + append(ops, ": ")[r.IntN(5)] + fmt.Sprint(r.IntN(400)-20)
	case 2:
		return []string{"select", `"union select"`, "get", "un*ct", "é"}[r.IntN(5)]
	}
	return field + ": " + v
}

func randomQuery(r *rand.Rand) string {
	text := randomCondition(r, 3)
	pipes := []string{
		"", "", "", " | limit 3", " | sort a, event.id", " | dedup a", " | sort b.c desc | limit 5", " | keep a, event.id",
		" | stats count()", " | stats n = count() by a", " | stats count(a), min(a), max(b.c), count_distinct(source.ip) by event.dataset",
		" | stats n = count() by t = bucket(@timestamp, 2s), tags", " | top 3 a", " | where a: * | stats sum(http.response.status_code) by event.dataset", " | limit 4 | stats count() by a",
	}
	return text + pipes[r.IntN(len(pipes))]
}

var seeds = flag.Int("seeds", 40, "stores that are filled at random and asked at random")

// TestSameAnswersAsNaive asks random queries of random events of the store and
// of a list that is searched one by one.
func TestSameAnswersAsNaive(t *testing.T) {
	asked := 0
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { asked += askAtRandom(t, seed) })
	}
	t.Logf("%d queries of %d stores", asked, *seeds)
	if asked < 25**seeds {
		t.Errorf("only %d queries were asked", asked)
	}
}

// askAtRandom makes a store and asks it, and returns how many of its queries were
// any.
func askAtRandom(t *testing.T, seed uint64) (asked int) {
	r := rand.New(rand.NewPCG(seed, 9))
	naive := storetest.Naive()
	cfg := store.Config{FlushRows: []int{1 << 20, 7, 30}[seed%3]}
	real := adapt(openStore(t, t.TempDir(), cfg))
	var events []*event.Event
	for i := range 1 + r.IntN(150) {
		events = append(events, randomEvent(r, i, seed%10 == 4))
	}
	for len(events) > 0 {
		n := 1 + r.IntN(len(events))
		for _, s := range []storetest.Store{naive, real} {
			if err := s.Write(events[:n]); err != nil {
				t.Fatal(err)
			}
		}
		events = events[n:]
	}
	for range 150 {
		text := randomQuery(r)
		q, err := query.Parse(text, propertyStart)
		if err != nil {
			continue
		}
		asked++
		from, to := int64(math.MinInt64), int64(math.MaxInt64)
		if r.IntN(3) == 0 {
			from = propertyStart.Add(time.Duration(r.IntN(6)) * time.Second).UnixNano()
			to = from + int64(2*time.Second)
		}
		want, got := answer(t, naive, q, from, to), answer(t, real, q, from, to)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-naive +store)\n%s", text, diff)
		}
	}
	return asked
}

func answer(t *testing.T, s storetest.Store, q *query.Query, from, to int64) string {
	t.Helper()
	if q.IsAggregation() {
		table, err := s.Aggregate(t.Context(), q, from, to)
		if err != nil {
			return "error: " + err.Error()
		}
		return storetest.FormatTable(table)
	}
	events, err := s.Search(t.Context(), q, from, to)
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	for _, e := range events {
		if keep := q.Keep(); keep != nil {
			b.Write(query.AppendRow(nil, query.EventRow{Event: e}, keep))
		} else {
			b.WriteString(e.ID + e.Source)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
