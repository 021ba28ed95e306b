package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
)

// alerting is a pipeline over the parts that detects and keeps alerts in d.
func (p parts) alerting(t *testing.T, dir string, to Alerts) *Pipeline {
	t.Helper()
	line, err := New(Config{BatchEvents: 4}, Options{
		Queue: p.queue, Store: p.store, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Detectors: countings{"2"}, State: filepath.Join(dir, "detect"), Alerts: to,
	})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func openState(t *testing.T, dir string) *state.DB {
	t.Helper()
	d, err := state.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// alerts returns the ids of all alerts.
func alerts(t *testing.T, d *state.DB) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	if err := d.Alerts(t.Context(), state.Place{}, func(a state.Alert) bool {
		all[a.ID] = true
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAlertsGoOn stops after every possible number of events, with and without
// losing what the store has not made durable: there is one alert for each finding
// of one run, and none for anything else.
func TestAlertsGoOn(t *testing.T) {
	const events = 9
	for stop := 1; stop < events; stop++ {
		for _, crash := range []bool{false, true} {
			dir := t.TempDir()
			p, d := open(t, dir), openState(t, dir)
			if err := p.alerting(t, dir, d).RunTo(t.Context(), p.feed(t, 1, stop)); err != nil {
				t.Fatal(err)
			}
			if crash {
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				dir = copied
			}
			p.close(t)
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			p, d = open(t, dir), openState(t, dir)
			if err := p.alerting(t, dir, d).RunTo(t.Context(), p.feed(t, stop+1, events-stop)); err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{}
			for _, e := range p.search(t, "event.dataset: gatewatch.finding") {
				want[e.ID] = true
			}
			if diff := cmp.Diff(want, alerts(t, d)); diff != "" || len(want) != events/2 {
				t.Errorf("stop after %d, crash %v: %d findings; %s", stop, crash, len(want), diff)
			}
			p.close(t)
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// fullAlerts has no room at first, and notes in what order it is called.
type fullAlerts struct {
	refusals int
	next     uint64
	stored   func() uint64
	t        *testing.T
}

func (f *fullAlerts) Applied() uint64 { return f.next }
func (f *fullAlerts) Write(_ context.Context, found []*event.Event, next uint64) error {
	if f.refusals > 0 {
		f.refusals--
		return fmt.Errorf("write: %w", state.ErrFull)
	}
	if len(found) > 0 && f.stored() >= next {
		f.t.Errorf("the store has the records up to %d before their alerts", next)
	}
	f.next = next
	return nil
}

// TestAlertsWait: alerts without room hold up the pipeline, another error ends it.
func TestAlertsWait(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	defer p.close(t)
	to := &fullAlerts{refusals: 1, stored: p.store.Applied, t: t}
	if err := p.alerting(t, dir, to).RunTo(t.Context(), p.feed(t, 1, 4)); err != nil || to.next < 4 {
		t.Fatalf("alerts up to %d, %v", to.next, err)
	}
	if err := p.alerting(t, dir, brokenAlerts{}).RunTo(t.Context(), p.feed(t, 5, 4)); !errors.Is(err, errBroken) {
		t.Errorf("alerts that cannot be kept: %v", err)
	}
}

var errBroken = errors.New("broken")

type brokenAlerts struct{}

func (brokenAlerts) Applied() uint64                                     { return 0 }
func (brokenAlerts) Write(context.Context, []*event.Event, uint64) error { return errBroken }

// TestAlertsSettle: the queue forgets nothing that the offset of alerts does not
// cover, also where nothing was found.
func TestAlertsSettle(t *testing.T) {
	dir := t.TempDir()
	p, d := open(t, dir), openState(t, dir)
	defer p.close(t)
	line := p.alerting(t, dir, d)
	if err := line.RunTo(t.Context(), p.feed(t, 1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := line.settleAlerts(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got := queue.Offset(d.Applied()); got != 2 {
		t.Errorf("alerts are settled up to %d, want 2", got)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
