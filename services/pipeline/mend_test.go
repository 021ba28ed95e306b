package pipeline

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
)

// mend lets a store mend its one damaged segment.
func (p parts) mend(t *testing.T, m Mending) {
	t.Helper()
	m.Queue, m.Log = p.queue, slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.store.Mend(ctx, Source(Config{BatchEvents: 7}, m)) }()
	look, late := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer look.Stop()
	for p.store.Damaged() > 0 {
		select {
		case err := <-done:
			t.Fatalf("not mended: %v", err)
		case <-late:
			t.Fatal("not mended in a minute")
		case <-look.C:
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// damaged stores what 50 events and their findings are, and then damages the
// header of their block, so that nothing of it can be read.
func damaged(t *testing.T, dir string, alerts Alerts) (want map[string]int) {
	t.Helper()
	p := open(t, dir)
	end := p.feed(t, 1, 50)
	line := p.detecting(t, dir)
	line.Alerts = alerts
	if err := line.RunTo(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	if want = p.findings(t); len(want) == 0 {
		t.Fatal("nothing was found before")
	}
	p.close(t)
	segments, err := filepath.Glob(filepath.Join(dir, "store", "*.gwseg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	raw, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[64+20] ^= 8
	if err := os.WriteFile(segments[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return want
}

// TestMendFromTheQueue damages a segment and lets the store make it whole with
// what the queue still holds. Findings are in no queue: they come back from their
// alerts, or it is said how many are lost, and their file stays.
func TestMendFromTheQueue(t *testing.T) {
	f := func(alerts bool) {
		t.Helper()
		dir := t.TempDir()
		db, err := state.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		want := damaged(t, dir, db)
		p := open(t, dir)
		defer p.close(t)
		if n := p.store.Damaged(); n != 1 {
			t.Fatalf("%d segments are damaged, want 1", n)
		}
		m := Mending{}
		if alerts {
			m.Alerts = db
		}
		p.mend(t, m)
		if got := p.search(t, "not event.dataset: gatewatch.finding"); len(got) != 50 {
			t.Errorf("%d events, want 50", len(got))
		}
		got, lost := p.findings(t), p.store.Lost()
		switch {
		case alerts && (!maps.Equal(got, want) || len(lost) != 0):
			t.Errorf("%d findings of %d are there, lost %v", len(got), len(want), lost)
		case !alerts && (len(got) != 0 || len(lost) != 1 || lost[0].Rows != int64(len(want)) || !lost[0].Kept):
			t.Errorf("%d findings of %d are there, lost %v", len(got), len(want), lost)
		}
	}
	f(true)
	f(false)
}

// sets are enrichments that add the name of their set.
type sets struct{}

func (sets) Current() string                       { return "newest" }
func (sets) Enricher(set string) (Enricher, error) { return named(set), nil }

type named string

func (n named) Enrich(e *event.Event) { e.AddText(event.Intern("labels.set"), string(n)) }

// TestMendedAsOfTheirOffset: events are enriched with the data of their offset, not
// with the newest.
func TestMendedAsOfTheirOffset(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	f := func(from, to queue.Offset, want ...string) {
		t.Helper()
		var got []string
		m := Mending{Queue: p.queue, Enrichments: sets{}, Log: slog.New(slog.DiscardHandler)}
		err := Source(Config{}, m)(t.Context(), uint64(from), uint64(to), func(b store.Batch) error {
			for i := range b.Events {
				if at := queue.Offset(b.Offsets[i]); at < from || at >= to {
					continue // it may give others around them
				}
				set := strings.Clone(b.Events[i].Get(event.Intern("labels.set")).Text())
				if len(got) == 0 || got[len(got)-1] != set {
					got = append(got, set)
				}
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("records %d to %d are enriched with %q, want %q: %v", from, to, got, want, err)
		}
	}
	a := p.feed(t, 1, 5)
	f(1, a, "newest")
	p.control(t, 1, `{"enrichment":"first"}`)
	b := p.feed(t, 6, 5)
	p.control(t, 2, `{"enrichment":"second"}`)
	c := p.feed(t, 11, 5)
	f(1, a, "")
	f(a+2, b, "first")
	f(a+2, c, "first", "second")
	f(b+2, c, "second")
	f(1, c, "", "first", "second")
}

// gone is a queue that has lost records.
type gone struct {
	oldest queue.Offset
	gap    *queue.GapError
}

func (g gone) Bounds() (oldest, next queue.Offset) { return g.oldest, 100 }

func (g gone) Batches(context.Context, queue.Offset) iter.Seq2[queue.Batch, error] {
	return func(yield func(queue.Batch, error) bool) {
		if yield(batchAt(5, 2), nil) && yield(queue.Batch{}, g.gap) {
			yield(batchAt(9, 2), nil)
		}
	}
}

// TestSourceOfLostRecords: what the queue does not hold is not made up.
func TestSourceOfLostRecords(t *testing.T) {
	f := func(q gone, first uint64) {
		t.Helper()
		err := Source(Config{}, Mending{Queue: q})(t.Context(), first, 11, func(store.Batch) error { return nil })
		if !errors.Is(err, store.ErrGone) {
			t.Errorf("records from %d on of a queue that lost some: %v", first, err)
		}
	}
	f(gone{oldest: 5, gap: &queue.GapError{From: 7, To: 9, Reason: "test"}}, 5)
	f(gone{oldest: 8}, 5)
}
