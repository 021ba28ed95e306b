package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// threeStreams routes by dataset; the second rule would take what the first does.
var threeStreams = []StreamConfig{
	{Name: "waf", Filter: "event.dataset: waf*", MaxAge: 365 * 24 * time.Hour},
	{Name: "web", Filter: "event.dataset: (wafx or nginx)"},
}

// mixed makes events of four datasets, three streams of threeStreams.
func mixed(from, to int) []event.Event {
	events := numbered(from, to)
	for i := range events {
		events[i].Dataset = []string{"waf", "nginx", "wafx", "sshd"}[(from+i)%4]
	}
	return events
}

func putMixed(t testing.TB, s Store, from, to int) {
	t.Helper()
	if err := s.Write(t.Context(), Batch{Events: mixed(from, to), First: uint64(from), Next: uint64(to)}); err != nil {
		t.Fatal(err)
	}
}

// wantCount checks how many events a query finds, and in how many blocks.
func wantCount(t testing.TB, s Store, text string, n, blocks int) {
	t.Helper()
	got, stats := ids(t, s, text)
	if len(got) != n || stats.Blocks != blocks {
		t.Errorf("%s finds %d events in %d blocks, want %d in %d", text, len(got), stats.Blocks, n, blocks)
	}
}

func TestStreams(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{Streams: threeStreams, RetainAge: -1})
	check := func() {
		t.Helper()
		wantIDs(t, s, "*", 1, 401)
		wantCount(t, s, "gatewatch.stream: waf", 200, 1)
		wantCount(t, s, "gatewatch.stream: WEB", 100, 1)
		wantCount(t, s, "gatewatch.stream: default", 100, 1)
		wantCount(t, s, "gatewatch.stream: (waf or web)", 300, 2)
		wantCount(t, s, "not gatewatch.stream: w*", 100, 1)
		wantCount(t, s, "gatewatch.stream: waf and event.dataset: nginx", 0, 1)
		wantCount(t, s, "gatewatch.stream: waf or event.dataset: nginx", 300, 3)
		wantCount(t, s, "gatewatch.stream: none", 0, 0)
		wantCount(t, s, "not gatewatch.stream: *", 0, 0)
		table, _, err := s.Aggregate(t.Context(), AggregateRequest{Query: mustParse(t, "* | stats n = count() by gatewatch.stream | sort gatewatch.stream")})
		if err != nil || len(table.Rows) != 3 {
			t.Fatal(table, err)
		}
		for i, want := range []string{"default 100", "waf 200", "web 100"} {
			values := table.Rows[i]
			if got := fmt.Sprint(values[slices.Index(table.Columns, "gatewatch.stream")].Text(), " ", values[slices.Index(table.Columns, "n")].Int()); got != want {
				t.Errorf("row %d is %s, want %s", i, got, want)
			}
		}
	}
	putMixed(t, s, 1, 401)
	check()
	s.Close()
	s = mustOpen(t, dir, Config{RetainAge: -1}) // without the rules
	check()
	if got := s.Applied(); got != 401 {
		t.Errorf("applied %d", got)
	}
	_, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "event.id: 000007")}, func(e *event.Event) error {
		if e.Has(event.GatewatchStream) || !strings.HasSuffix(e.Get(event.Message).Text(), " 7") {
			return fmt.Errorf("event %s", e.AppendJSON(nil))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	putMixed(t, s, 401, 501) // new events go by new rules
	got, _ := ids(t, s, "gatewatch.stream: default")
	if len(got) != 200 {
		t.Errorf("%d events are in the stream default, want 200", len(got))
	}
}

// TestStreamsMerge has a small stream beside a large one: each is merged within
// itself, and neither has many segments.
func TestStreamsMerge(t *testing.T) {
	dir := t.TempDir()
	streams := []StreamConfig{{Name: "rare", Filter: "event.sequence: (7 or 77 or 777 or 1777)"}}
	s := mustOpen(t, dir, Config{FlushRows: 20, Streams: streams, RetainAge: -1})
	for i := 1; i < 2000; i += 10 {
		put(t, s, i, i+10)
	}
	await(t, s, func() bool { return s.applied >= 1980 })
	for {
		merged, err := s.merge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !merged {
			break
		}
	}
	wantIDs(t, s, "*", 1, 2001)
	got, _ := ids(t, s, "gatewatch.stream: rare")
	if !slices.Equal(got, []string{"001777", "000777", "000077", "000007"}) {
		t.Errorf("the small stream has %v", got)
	}
	for name, segments := range byStream(s.segments) {
		if len(segments) > 9 {
			t.Errorf("stream %s has %d segments", name, len(segments))
		}
	}
	if len(byStream(s.segments)["rare"]) != 1 {
		t.Error("the small stream was not merged")
	}
}

func TestStreamConfigMistakes(t *testing.T) {
	many := make([]StreamConfig, maxStreams+1)
	f := func(want string, streams ...StreamConfig) {
		t.Helper()
		_, err := Open(filepath.Join(t.TempDir(), "x"), Config{Streams: streams})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("streams %+v: %v, want %q", streams, err, want)
		}
	}
	f("streams[0].name", StreamConfig{Filter: "a: b"})
	f("streams[0].name", StreamConfig{Name: "../x", Filter: "a: b"})
	f("takes what nodes keep for replay", StreamConfig{Name: "waf.request", Filter: "a: b"})
	f("streams[1].name \"a\" is there twice", StreamConfig{Name: "a", Filter: "a: b"}, StreamConfig{Name: "a", Filter: "a: c"})
	f("say which events", StreamConfig{Name: "a"})
	f("takes what no other takes", StreamConfig{Name: "default", Filter: "a: b"})
	f("streams[0].filter", StreamConfig{Name: "a", Filter: "a: ("})
	f("without |", StreamConfig{Name: "a", Filter: "a: b | limit 1"})
	f("not routed by gatewatch.stream", StreamConfig{Name: "a", Filter: "gatewatch.stream: b"})
	f("not routed by @timestamp", StreamConfig{Name: "a", Filter: "@timestamp > now-1h"})
	f("max_bytes", StreamConfig{Name: "a", Filter: "a: b", MaxBytes: -1})
	f("64 at most", many...)
}

// TestTailKeepsTheOrderOfTheQueue follows events that go to three streams, and
// findings that go to a fourth.
func TestTailKeepsTheOrderOfTheQueue(t *testing.T) {
	streams := append(slices.Clone(threeStreams), StreamConfig{Name: "findings", Filter: "event.dataset: gatewatch.finding"})
	slices.Reverse(streams)
	s := mustOpen(t, t.TempDir(), Config{FlushRows: 30, Streams: streams, RetainAge: -1})
	putMixed(t, s, 1, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan string, 10_000)
	done := make(chan error, 1)
	follow := s.Tail(mustParse(t, "*"))
	go func() {
		done <- follow(ctx, func(e *event.Event, missed int) error {
			if missed != 0 {
				return fmt.Errorf("missed %d", missed)
			}
			got <- e.Dataset + " " + string([]byte(e.ID))
			return nil
		})
	}()
	next := 2
	write := func() { // the event of every offset, and a finding for every third
		events := mixed(next, next+1)
		if next%3 == 0 {
			events = append(events, numbered(next, next+1)...)
			events[1].Dataset = derivedDataset
		}
		if err := s.Write(t.Context(), Batch{Events: events, First: uint64(next), Next: uint64(next + 1)}); err != nil {
			t.Fatal(err)
		}
		next++
	}
	for range 100 {
		write()
	}
	for previous := 1; previous < next-1; {
		var line string
		select {
		case line = <-got:
		case err := <-done:
			t.Fatal(err)
		}
		dataset, id, _ := strings.Cut(line, " ")
		var n int
		if _, err := fmt.Sscanf(id, "%d", &n); err != nil {
			t.Fatal(err)
		}
		ok := n == previous+1
		if dataset == derivedDataset {
			ok = n == previous
		}
		if !ok {
			t.Fatalf("%s comes behind %d", line, previous)
		}
		previous = n
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("tail ends with %v", err)
	}
}

// TestRewindOfStreams rewinds to random offsets a store with three streams,
// findings, gaps and merges, and wants exactly the events from before.
func TestRewindOfStreams(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for seed := range 4 {
		dir := t.TempDir()
		cfg := Config{FlushRows: 20 + r.IntN(60), Streams: threeStreams, RetainAge: -1}
		s := mustOpen(t, dir, cfg)
		want := map[string]uint64{}
		at := uint64(1)
		write := func(n int) {
			for range n {
				first := at + uint64(r.IntN(3)/2) // now and then a gap
				b := Batch{First: first, Next: first + uint64(r.IntN(6)) + 1}
				for o := first; o < b.Next; o++ {
					for range r.IntN(3) {
						e := mixed(len(want), len(want)+1)[0]
						e.ID = fmt.Sprintf("%d-%d-%d", seed, o, len(want))
						want[e.ID] = o
						b.Events = append(b.Events, e)
						b.Offsets = append(b.Offsets, o)
					}
				}
				if b.Offsets == nil {
					b.Offsets = []uint64{}
				}
				if err := s.Write(t.Context(), b); err != nil {
					t.Fatal(err)
				}
				at = b.Next
			}
		}
		for range 4 {
			write(60)
			s.Close()
			s = mustOpen(t, dir, cfg)
			if _, err := s.merge(t.Context()); err != nil {
				t.Fatal(err)
			}
			cut := uint64(r.IntN(int(at) + 3))
			rewound, err := s.Rewind(t.Context(), cut)
			if err != nil {
				t.Fatal(err)
			}
			before := len(want)
			for id, o := range want {
				if o >= cut {
					delete(want, id)
				}
			}
			if int(rewound.Rows) != before-len(want) {
				t.Errorf("rewind to %d takes %d rows, want %d", cut, rewound.Rows, before-len(want))
			}
			at = max(1, min(at, cut))
			got, _ := ids(t, s, "*")
			if len(got) != len(want) {
				t.Fatalf("%d events are left behind a rewind to %d, want %d", len(got), cut, len(want))
			}
			for _, id := range got {
				if _, ok := want[id]; !ok {
					t.Fatalf("event %s is left behind a rewind to %d", id, cut)
				}
			}
		}
	}
}
