package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

func TestPagesHoldEveryEventOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, size := range []int{5, 100, 3000} {
		s := mustOpen(t, t.TempDir(), Config{FlushRows: 500})
		const n = 2500
		events := numbered(1, n+1)
		for i := range events { // many ties, and nothing in order
			events[i].Time = testTime.UnixNano() + int64(r.IntN(20))
		}
		r.Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
		if err := s.Write(t.Context(), Batch{Events: events, First: 1, Next: n + 1}); err != nil {
			t.Fatal(err)
		}
		want, _ := ids(t, s, "*")
		var got []string
		token, pages := "", 0
		for {
			page, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "*"), PageSize: size, PageToken: token}, func(e *event.Event) error {
				got = append(got, string([]byte(e.ID)))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if pages++; pages == 2 { // newer events must not move the pages
				late := numbered(90_000, 90_010)
				for i := range late {
					late[i].Time += int64(time.Hour)
				}
				if err := s.Write(t.Context(), Batch{Events: late, First: 90_000, Next: 90_010}); err != nil {
					t.Fatal(err)
				}
			}
			if token = page.NextToken; token == "" {
				break
			}
		}
		if len(want) != n || !slices.Equal(got, want) {
			t.Fatalf("pages of %d: %d events, want %d", size, len(got), len(want))
		}
	}
}

func TestPagesOfOtherOrders(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{})
	put(t, s, 1, 101)
	for _, text := range []string{"* | sort event.sequence", "* | limit 50", "* | dedup message"} {
		want, _ := ids(t, s, text)
		var got []string
		token := ""
		for {
			page, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, text), PageSize: 7, PageToken: token}, func(e *event.Event) error {
				got = append(got, string([]byte(e.ID)))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if token = page.NextToken; token == "" {
				break
			}
		}
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: pages give %d events, want %d", text, len(got), len(want))
		}
	}
	for _, token := range []string{"x", "AQ", "AQAAAAAA", "////"} {
		_, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "*"), PageToken: token}, nil)
		if !errors.Is(err, ErrPageToken) {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

// TestSameIdentity has rows that nothing tells apart.
func TestSameIdentity(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{})
	events := make([]event.Event, 50)
	for i := range events {
		events[i].Time = 7
		events[i].AddInt(event.EventSequence, int64(i))
	}
	if err := s.Write(t.Context(), Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]int{}
	token := ""
	for {
		page, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "*"), PageSize: 7, PageToken: token}, func(e *event.Event) error {
			seen[e.Get(event.EventSequence).Int()]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if token = page.NextToken; token == "" {
			break
		}
	}
	if len(seen) != 50 {
		t.Fatalf("%d of 50 rows were seen", len(seen))
	}
	for k, n := range seen {
		if n != 1 {
			t.Errorf("row %d was seen %d times", k, n)
		}
	}
}

func FuzzPageToken(f *testing.F) {
	q := mustParse(f, "*")
	f.Add(pageToken{after: &position{1, "a", "b", 2}, count: 3}.encode(q))
	f.Fuzz(func(t *testing.T, text string) {
		if tok, err := decodeToken(q, text); err == nil && text != "" {
			if again, err := decodeToken(q, tok.encode(q)); err != nil || again.count != tok.count {
				t.Errorf("token %+v does not come back: %v", tok, err)
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"applied":1,"segments":[{"id":1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseManifest(append([]byte(manifestHead(body)+"\n"), body...))
		if err == nil && m == nil {
			t.Error("neither manifest nor error")
		}
	})
}

func TestTail(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{FlushRows: 30})
	put(t, s, 1, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan string, 10_000)
	done := make(chan error, 1)
	follow := s.Tail(mustParse(t, "event.sequence >= 100"))
	go func() {
		done <- follow(ctx, func(e *event.Event, missed int) error {
			if missed != 0 {
				return fmt.Errorf("missed %d", missed)
			}
			got <- string([]byte(e.ID))
			return nil
		})
	}()
	next := 10
	for range 30 {
		put(t, s, next, next+10)
		next += 10
	}
	last := fmt.Sprintf("%06d", next-1)
	previous := 99
	for id := ""; id != last; {
		select {
		case id = <-got:
		case err := <-done:
			t.Fatal(err)
		}
		n, err := strconv.Atoi(id)
		if err != nil || n != previous+1 {
			t.Fatalf("%s comes after %d: %v", id, previous, err)
		}
		previous = n
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("tail ends with %v", err)
	}
}

// TestAllAtOnce writes, searches, aggregates, merges and deletes at one time.
func TestAllAtOnce(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{FlushRows: 300, CacheBytes: 1 << 20})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	work := func(f func() error) {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := f(); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
					return
				}
			}
		})
	}
	work(func() error { _, err := s.merge(ctx); return err })
	work(s.retain)
	work(func() error {
		last := ""
		_, err := s.Search(ctx, SearchRequest{Query: mustParse(t, "message: *essage*"), PageSize: 500}, func(e *event.Event) error {
			if last != "" && e.ID >= last {
				return fmt.Errorf("%s comes after %s", e.ID, last)
			}
			last = string([]byte(e.ID))
			return nil
		})
		return err
	})
	work(func() error {
		table, _, err := s.Aggregate(ctx, AggregateRequest{Query: mustParse(t, "* | stats n = count(), m = max(event.sequence)")})
		if err == nil && table.Rows[0][0].Int() > 0 && table.Rows[0][0].Int() != table.Rows[0][1].Int() {
			return fmt.Errorf("%v rows, the highest is %v", table.Rows[0][0], table.Rows[0][1])
		}
		return err
	})
	for i := 1; i < 8000; i += 50 {
		put(t, s, i, i+50)
	}
	cancel()
	wg.Wait()
	wantIDs(t, s, "*", 1, 8001)
}

// TestReadersKeepTheHead fills, encodes and flushes the head many times over
// while a reader is in the middle of it.
func TestReadersKeepTheHead(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{FlushRows: 10_000})
	fill := func(from int) {
		for i := from; i < from+80_000; i += 10_000 {
			put(t, s, i, i+10_000)
		}
		await(t, s, func() bool { return s.applied == uint64(from+80_000) })
	}
	fill(100_000) // the builders have memory enough that it does not move
	put(t, s, 200_000, 200_100)
	n := 200_100
	_, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "event.sequence >= 200000")}, func(e *event.Event) error {
		if n == 200_100 {
			fill(300_000)
		}
		n--
		if want := fmt.Sprintf("message %d", n); e.Get(event.Message).Text() != want {
			return fmt.Errorf("%s says %q, want %q", e.ID, e.Get(event.Message), want)
		}
		return nil
	})
	if err != nil || n != 200_000 {
		t.Errorf("%d events are left, %v", n-200_000, err)
	}
}
