package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestCopiesKeepWhatIsKnown asks for events in memory, in the segments that they
// are flushed to, and in the one that these are merged to: they stay the same, and
// what was decoded or kept of a block is that of its copies.
func TestCopiesKeepWhatIsKnown(t *testing.T) {
	const rows = copiedRows + 100
	r := rand.New(rand.NewPCG(8, 1))
	s := mustOpen(t, t.TempDir(), Config{})
	var traces []string         // of the events
	want := map[string]string{} // events by id
	check := func(where string, known bool) {
		t.Helper()
		for _, text := range []string{"labels.rare: yes", "*"} {
			for run := range 2 {
				n := 0
				p, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, text), PageSize: 50}, func(e *event.Event) error {
					var seq int
					if _, err := fmt.Sscanf(e.ID, "%d", &seq); err != nil {
						return err
					}
					got := string(e.AppendJSON(nil))
					if want[e.ID] == "" {
						want[strings.Clone(e.ID)] = got
					}
					if diff := cmp.Diff(want[e.ID], got); diff != "" || e.Get(event.TraceID).Text() != traces[seq] || len(e.Fields()) < 4 {
						return fmt.Errorf("event %s (-want +got):\n%s", got, diff)
					}
					n++
					return nil
				})
				if err != nil || n != 50 {
					t.Fatalf("%s, %s: %d events, %v", where, text, n, err)
				}
				if (known || run > 0) && p.Stats.BytesRead > 4<<10 { // of filters and of text
					t.Errorf("%s, %s: %d bytes were read again", where, text, p.Stats.BytesRead)
				}
			}
		}
	}
	for range mergeMin {
		events := numbered(len(traces), len(traces)+rows)
		for i := range events {
			e := &events[i]
			e.AddText(event.UserAgentOriginal, fmt.Sprintf("agent %x of %x", r.Uint64(), r.Uint64()))
			traces = append(traces, fmt.Sprintf("%032x", r.Uint64()))
			e.AddText(event.TraceID, traces[len(traces)-1])
			if i%40 == 7 {
				e.AddText(event.Intern("labels.rare"), "yes")
			}
		}
		if err := s.Write(t.Context(), Batch{Events: events, First: uint64(len(traces) - rows), Next: uint64(len(traces))}); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		for _, h := range s.head.streams {
			s.head.rotate(h)
		}
		s.broadcast()
		s.mu.Unlock()
		await(t, s, func() bool { return s.head.countUnsealed() == 0 })
		check("sealed", false)
		flushed(t, s)
		check("in a segment", true)
	}
	merged, err := s.merge(t.Context())
	if err != nil || !merged {
		t.Fatalf("merged %v, %v", merged, err)
	}
	check("in a merged segment", true)
}

// A page that is asked for again is the same one, and what is done to its events
// does not show in it.
func TestKeptEventsAreNotChanged(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{})
	put(t, s, 0, 3000)
	flushed(t, s)
	var pages [2][]string
	for run := range pages {
		_, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "event.sequence < 500"), PageSize: 100}, func(e *event.Event) error {
			pages[run] = append(pages[run], string(e.AppendJSON(nil)))
			e.Set(event.Message, event.String("changed"))
			e.AddText(event.UserName, "added")
			e.Time = testTime.Add(-time.Hour).UnixNano()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(pages[0]) != 100 || !slices.Equal(pages[0], pages[1]) {
		t.Errorf("%d events, then %d:\n%s", len(pages[0]), len(pages[1]), cmp.Diff(pages[0], pages[1]))
	}
}
