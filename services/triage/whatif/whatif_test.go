package whatif

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/vault"
)

var began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// events answers when it may, or ends with the question.
type events struct {
	asked chan struct{}
	may   chan error
}

func (e *events) Search(ctx context.Context, _ store.SearchRequest, _ func(*event.Event) error) (store.Page, error) {
	e.asked <- struct{}{}
	select {
	case err := <-e.may:
		return store.Page{}, err
	case <-ctx.Done():
		return store.Page{}, ctx.Err()
	}
}

// bench is a runner over events that a test holds up.
type bench struct {
	*Runner
	events events
	leaves []audit.Leaf
	refuse error
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{events: events{asked: make(chan struct{}), may: make(chan error)}}
	db, err := state.Open(t.Context(), t.TempDir(), func() time.Time { return began })
	if err != nil {
		t.Fatal(err)
	}
	desk, err := triage.New(triage.Options{Events: &b.events, State: db, Now: func() time.Time { return began }})
	if err != nil {
		t.Fatal(err)
	}
	none := func(context.Context, kept.Query, func(*event.Event) error) (kept.Page, error) {
		return kept.Page{}, nil
	}
	b.Runner = New(Options{
		Live: tuning.Live{Desk: desk, Copies: &kept.Library{Find: none, Ring: func() (*vault.Ring, error) { return nil, nil }}},
		Now:  func() time.Time { return began }, Log: slog.New(slog.DiscardHandler),
		Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
			if b.refuse == nil {
				b.leaves = append(b.leaves, l)
			}
			return 0, b.refuse
		},
	})
	t.Cleanup(func() {
		b.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) start(t *testing.T) {
	t.Helper()
	if err := b.Start(t.Context(), "ann", Question{WhatIf: tuning.WhatIf{Site: "shop"}, FromText: "now-1d"}); err != nil {
		t.Fatal(err)
	}
	<-b.events.asked
}

// TestOneJob runs one job at a time, of which the audit log tells.
func TestOneJob(t *testing.T) {
	b := open(t)
	if b.Job() != nil {
		t.Error("a job before the first")
	}
	b.start(t)
	if err := b.Start(t.Context(), "bob", Question{}); !errors.Is(err, ErrBusy) {
		t.Errorf("another job: %v", err)
	}
	if j := b.Job(); j.Actor != "ann" || !j.Ended.IsZero() || j.Progress.Stage != "read" || j.Limit != tuning.WhatIfLimit || len(j.Thresholds) == 0 {
		t.Errorf("job %+v", j)
	}
	b.events.may <- nil
	b.Wait()
	if j := b.Job(); j.Ended.IsZero() || j.Found == nil || j.Error != "" {
		t.Errorf("job %+v", j)
	}
	if len(b.leaves) != 1 || b.leaves[0].Act != audit.ActRequests || b.leaves[0].Actor != "ann" || b.leaves[0].Detail["site"] != "shop" || b.leaves[0].Detail["from"] != "now-1d" {
		t.Errorf("leaves %+v", b.leaves)
	}
	b.start(t)
	b.events.may <- errors.New("disk is gone")
	b.Wait()
	if j := b.Job(); j.Error != "read decisions: disk is gone" || j.Found != nil {
		t.Errorf("failed job %+v", j)
	}
}

// TestStop ends a job; another one may follow until the runner is closed.
func TestStop(t *testing.T) {
	b := open(t)
	b.Stop(time.Time{})
	for range 2 {
		b.start(t)
		b.Stop(time.Time{})
		if j := b.Job(); j.Ended.IsZero() || j.Error != ErrStopped.Error() {
			t.Errorf("job %+v", j)
		}
	}
	b.Close()
	if err := b.Start(t.Context(), "ann", Question{}); !errors.Is(err, ErrBusy) {
		t.Errorf("job of a closed runner: %v", err)
	}
}

// TestStopOfOne ends the job that is meant, and no other.
func TestStopOfOne(t *testing.T) {
	b := open(t)
	b.start(t)
	b.Stop(began.Add(-time.Minute)) // of a job before
	if j := b.Job(); !j.Ended.IsZero() {
		t.Errorf("another job was stopped: %+v", j)
	}
	b.Stop(began)
	if j := b.Job(); j.Error != ErrStopped.Error() {
		t.Errorf("job %+v", j)
	}
}

// TestTimeIsOver draws of what was judged when the time is over; what takes longer even
// then fails.
func TestTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t)
		heeds := true
		b.draw = func(ctx context.Context, q tuning.WhatIf, _ func(tuning.Progress)) (*tuning.LiveCurves, error) {
			enough := q.Enough
			if !heeds {
				enough = nil
			}
			select {
			case <-enough:
				return &tuning.LiveCurves{Partial: []string{"the time was over"}}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		run := func() *Job {
			t.Helper()
			if err := b.Start(t.Context(), "ann", Question{}); err != nil {
				t.Fatal(err)
			}
			b.Wait()
			return b.Job()
		}
		from := time.Now()
		if j := run(); j.Error != "" || j.Found == nil || len(j.Found.Partial) != 1 || time.Since(from) != maxTime {
			t.Errorf("after %v: %+v", time.Since(from), j)
		}
		heeds = false
		if j := run(); j.Error != "it took more than 35m0s: ask for less" || j.Found != nil {
			t.Errorf("job %+v", j)
		}
	})
}

// TestRefused begins nothing that the audit log cannot tell of, or that is not in range.
func TestRefused(t *testing.T) {
	b := open(t)
	b.refuse = errors.New("disk is full")
	if err := b.Start(t.Context(), "ann", Question{}); !errors.Is(err, b.refuse) || b.Job() != nil {
		t.Errorf("%v, job %+v", err, b.Job())
	}
	for _, q := range []tuning.WhatIf{
		{Limit: -1}, {Limit: tuning.MaxWhatIf + 1}, {Thresholds: []int{0}}, {Thresholds: []int{tuning.MaxThreshold + 1}}, {Thresholds: make([]int, tuning.MaxThresholds+1)},
	} {
		if err := b.Start(t.Context(), "ann", Question{WhatIf: q}); !errors.Is(err, ErrInvalid) || b.Job() != nil {
			t.Errorf("%+v: %v", q, err)
		}
	}
}
