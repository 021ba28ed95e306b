package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/kept"
)

// putRequests writes events, of which each second one is a request for replay.
func putRequests(t testing.TB, s Store, from, to int) {
	t.Helper()
	events := numbered(from, to)
	for i := range events {
		if (from+i)%2 == 0 {
			events[i].Dataset = kept.Format
			events[i].AddText(event.HTTPRequestID, events[i].ID)
			events[i].AddText(event.WAFNode, "edge")
		}
	}
	if err := s.Write(t.Context(), Batch{Events: events, First: uint64(from), Next: uint64(to)}); err != nil {
		t.Fatal(err)
	}
}

func TestRequestsAreSeenByTheirReaderAlone(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{RetainAge: -1})
	tailed := make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	follow := s.Tail(mustParse(t, "*"))
	go func() {
		done <- follow(ctx, func(e *event.Event, missed int) error {
			if missed > 0 {
				t.Errorf("%d events were missed", missed)
			}
			tailed <- e.Dataset
			return nil
		})
	}()
	putRequests(t, s, 1, 41)
	check := func() {
		t.Helper()
		for text, want := range map[string]int{"*": 20, "gatewatch.stream: waf.request": 0, "event.dataset: waf.request": 0, "not a: b": 20} {
			if got, _ := ids(t, s, text); len(got) != want {
				t.Errorf("%s finds %d events, want %d", text, len(got), want)
			}
		}
		table, _, err := s.Aggregate(t.Context(), AggregateRequest{Query: mustParse(t, "* | stats n = count() by event.dataset")})
		if err != nil || len(table.Rows) != 1 {
			t.Errorf("aggregation: %v, %v", table, err)
		}
		f := func(q kept.Query, want int) {
			t.Helper()
			n := 0
			if _, err := s.Requests(t.Context(), q, func(e *event.Event) error {
				if e.Dataset != kept.Format {
					t.Errorf("event of %s", e.Dataset)
				}
				n++
				return nil
			}); err != nil || n != want {
				t.Errorf("%+v finds %d requests, %v, want %d", q, n, err, want)
			}
		}
		f(kept.Query{}, 20)
		f(kept.Query{PageSize: 5}, 5)
		f(kept.Query{ID: "000002", Node: "edge"}, 1)
		f(kept.Query{ID: "000002", Node: "other"}, 0)
		f(kept.Query{ID: `00"\*`}, 0)
		f(kept.Query{Filter: "event.id: 000004 or event.id: 000006", Node: "edge"}, 2)
		if _, err := s.Requests(t.Context(), kept.Query{Filter: "a: b) or (c: d"}, nil); err == nil {
			t.Error("a filter that is none is taken")
		}
		if _, err := s.Requests(t.Context(), kept.Query{Filter: "* | limit 1"}, nil); err == nil {
			t.Error("a filter with a pipe is taken")
		}
	}
	check()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(tailed)
	for dataset := range tailed {
		if dataset == kept.Format {
			t.Error("a request is seen by a tail")
		}
	}
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1})
	check()
}

func TestRequestsHaveLimitsOfTheirOwn(t *testing.T) {
	f := func(c Config, wantAge time.Duration, wantBytes int64) {
		t.Helper()
		if age, bytes := c.limits(RequestStream); age != wantAge || bytes != wantBytes || c.RequestAge() != wantAge {
			t.Errorf("%s and %d bytes, want %s and %d", age, bytes, wantAge, wantBytes)
		}
	}
	f(Config{}, 7*24*time.Hour, 2<<30)
	f(Config{RetainAge: -1, Streams: []StreamConfig{{Name: DefaultStream, MaxAge: time.Hour, MaxBytes: 1}}}, 7*24*time.Hour, 2<<30)
	f(Config{Streams: []StreamConfig{{Name: RequestStream, MaxAge: time.Hour, MaxBytes: 1}}}, time.Hour, 1)
	f(Config{Streams: []StreamConfig{{Name: RequestStream, MaxAge: -1}}}, -1, 2<<30)
}
