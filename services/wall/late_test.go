package wall

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// TestFuture counts decisions of a clock that is days ahead: they take no place
// from those of now, whether they come in or were stored before.
func TestFuture(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	for i := range 3*maxTrend + 10 {
		at := noon.Add(time.Duration(i+1)*trendStep + 48*time.Hour)
		e := decision(i, at, false, "192.0.2.1", "/x")
		n.add(&e)
		n.count(at, true, 3)
	}
	e := decision(-1, noon.Add(time.Minute), true, "192.0.2.1", "/x") // a little ahead
	n.add(&e)
	s := n.state(noon.Add(time.Minute), dayOf(noon), 3*time.Second)
	if diff := cmp.Diff([]Point{{Time: noon, Blocked: 1}}, s.Trend); diff != "" {
		t.Errorf("trend differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Totals{Requests: 1, Blocked: 1, Minute: 1, Peak: 1}, s.Totals); diff != "" {
		t.Errorf("totals differ (-want +got):\n%s", diff)
	}
}

// brokenTail is a store whose new events cannot be had at first.
type brokenTail struct {
	store.Store
	calls atomic.Int32
}

func (s *brokenTail) Tail(*query.Query) store.Follow {
	first := s.calls.Add(1) == 1
	return func(ctx context.Context, yield func(*event.Event, int) error) error {
		if first {
			return errors.New("out of order")
		}
		e := decision(1, noon, true, "192.0.2.1", "/x")
		if err := yield(&e, 0); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

// lateStore is a store whose new events are followed only when one was written
// after all that was stored before was counted.
type lateStore struct {
	store.Store
	seeded chan struct{} // closed once a state was seen
}

func (s lateStore) Tail(q *query.Query) store.Follow {
	follow := s.Store.Tail(q)
	return func(ctx context.Context, yield func(*event.Event, int) error) error {
		<-s.seeded
		return follow(ctx, yield)
	}
}

// TestNothingIsBetween stores an event when the old ones were counted and the new
// ones are not yet read.
func TestNothingIsBetween(t *testing.T) {
	s := lateStore{openStore(t), make(chan struct{})}
	b := New(Options{Events: s, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	b.every = time.Millisecond
	defer b.Close()
	if _, err := b.State(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), store.Batch{Events: []event.Event{decision(1, noon, true, "192.0.2.1", "/x")}}); err != nil {
		t.Fatal(err)
	}
	close(s.seeded)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := b.Watch(ctx, func(s *State) error {
		if s.Totals.Blocked == 1 {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Error(err)
	}
}

func TestTailBreaks(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := New(Options{Events: &brokenTail{Store: openStore(t)}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	b.every, b.pause = time.Millisecond, time.Millisecond
	defer b.Close()
	var last *State
	err := b.Watch(ctx, func(s *State) error {
		if last = s; s.Totals.Blocked > 0 {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new events could not be had for a while and are not counted"}, last.Partial); diff != "" {
		t.Errorf("what is told to be missing differs (-want +got):\n%s", diff)
	}
}
