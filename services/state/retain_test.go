package state

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/event"
)

// openAt opens a state whose clock is moved by the test.
func openAt(t *testing.T, now *time.Time) *DB {
	t.Helper()
	d, err := Open(t.Context(), t.TempDir(), func() time.Time { return *now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func (d *DB) put(t *testing.T, next uint64, found ...*event.Event) {
	t.Helper()
	if err := d.Write(t.Context(), found, next); err != nil {
		t.Fatal(err)
	}
}

func (d *DB) set(t *testing.T, id string, s Status) {
	t.Helper()
	if _, err := d.UpdateAlert(t.Context(), Update{ID: id, Status: &s}, nil); err != nil {
		t.Fatal(err)
	}
}

func (d *DB) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := d.read.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func sweep(t *testing.T, r *Retention) {
	t.Helper()
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRetainAge: closed alerts go after 90 days, others after a year, each since
// its last change, with their histories.
func TestRetainAge(t *testing.T) {
	now := began
	d := openAt(t, &now)
	r := NewRetention(d, Config{}, nil, nil)
	d.put(t, 2, finding("new", 0), finding("acknowledged", 0), finding("closed", 0), finding("reopened", 0))
	d.set(t, "closed", StatusClosed)
	d.set(t, "reopened", StatusClosed)
	f := func(after time.Duration, want ...string) {
		t.Helper()
		now = began.Add(after)
		sweep(t, r)
		got := ids(t, d, Place{})
		slices.Sort(got)
		if diff := cmp.Diff(want, got, cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			t.Errorf("after %v: %s", after, diff)
		}
	}
	f(89*day, "acknowledged", "closed", "new", "reopened")
	d.set(t, "reopened", StatusNew)
	d.set(t, "acknowledged", StatusAcknowledged)
	f(91*day, "acknowledged", "new", "reopened")
	if n := d.count(t, "alert_history"); n != 3 {
		t.Errorf("%d changes are left", n)
	}
	f(366*day, "acknowledged", "reopened")
	f(455 * day)
	if n := d.count(t, "alert_history"); n != 0 {
		t.Errorf("%d changes are left", n)
	}
}

// TestRetainMax: too many alerts go in the order of what they matter, more of
// them than one transaction takes.
func TestRetainMax(t *testing.T) {
	now := began.Add(time.Hour)
	d := openAt(t, &now)
	var log bytes.Buffer
	metrics := prometheus.NewRegistry()
	r := NewRetention(d, Config{MaxAlerts: 6}, slog.New(slog.NewTextHandler(&log, nil)), metrics)
	low := func(id string, n int) *event.Event {
		e := finding(id, n)
		e.Delete(event.EventSeverity)
		e.AddInt(event.EventSeverity, 10)
		return e
	}
	var many []*event.Event
	for i := range 2*sweepRows + 3 {
		many = append(many, low(fmt.Sprint("many-", i), 2))
	}
	d.put(t, 2, many...)
	d.put(t, 3, finding("high-1", 1), finding("high-2", 2), low("low-3", 3), low("low-4", 4), low("taken", 0), finding("closed-1", 9), finding("closed-2", 9))
	d.set(t, "closed-1", StatusClosed)
	now = now.Add(time.Second)
	d.set(t, "closed-2", StatusClosed)
	d.set(t, "taken", StatusAcknowledged)
	f := func(keep int, want ...string) {
		t.Helper()
		r.config.MaxAlerts = keep
		sweep(t, r)
		got := ids(t, d, Place{})
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	r.config.MaxAlerts = 2*sweepRows + 3 + 6
	sweep(t, r)
	if got := ids(t, d, Place{}); slices.Contains(got, "closed-1") || !slices.Contains(got, "closed-2") {
		t.Error("not the alert that was closed first is gone")
	}
	f(5, "high-1", "high-2", "low-3", "low-4", "taken")
	f(4, "high-1", "high-2", "low-4", "taken")
	f(2, "high-2", "taken")
	f(2, "high-2", "taken")
	f(1, "taken")
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, log.String())
	}
	counted, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range counted {
		m := family.GetMetric()[0]
		got[family.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	if diff := cmp.Diff(map[string]float64{"gatewatch_state_rows_deleted_total": 2*sweepRows + 3 + 6, "gatewatch_state_alerts": 1}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRetainLabels: rows about one decision go together, and no id comes again.
func TestRetainLabels(t *testing.T) {
	now := began
	d := openAt(t, &now)
	r := NewRetention(d, Config{}, nil, nil)
	undone := d.label(t, Label{EventID: "undone", Label: "legit"}).ID
	d.label(t, Label{EventID: "old", Label: "legit"})
	err := d.PutLate(t.Context(), Late{
		Draws:    []Draw{{Source: "s", EventID: "old", Probability: 1, DecisionTime: began, Time: began}},
		Verdicts: []Verdict{{Source: "s", EventID: "old", Revision: 1, Time: began}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(after time.Duration, labels, draws, verdicts int) {
		t.Helper()
		now = began.Add(after)
		sweep(t, r)
		if l, w, v := d.count(t, "labels"), d.count(t, "draws"), d.count(t, "verdicts"); l != labels || w != draws || v != verdicts {
			t.Errorf("after %v: %d labels, %d draws, %d verdicts", after, l, w, v)
		}
	}
	f(364*day, 2, 1, 1)
	d.label(t, Label{EventID: "undone", Undoes: undone})
	f(366*day, 3, 1, 0)
	f(731*day, 2, 0, 0) // that of undone stays with what undoes it
	if _, err := d.LabelOf(t.Context(), "s", "undone"); err == nil {
		t.Error("a label that was undone holds")
	}
	f(5*365*day, 1, 0, 0)
	if l := d.label(t, Label{EventID: "next", Label: "legit"}); l.ID != 4 {
		t.Errorf("the next label has id %d", l.ID)
	}
}

// TestRetainAll: negative ages keep all.
func TestRetainAll(t *testing.T) {
	now := began
	d := openAt(t, &now)
	d.put(t, 2, finding("a", 0), finding("b", 0))
	d.set(t, "a", StatusClosed)
	d.label(t, Label{EventID: "e", Label: "legit"})
	now = began.Add(10 * 365 * day)
	sweep(t, NewRetention(d, Config{ClosedAge: -1, OpenAge: -1, LabelAge: -1, VerdictAge: -1}, nil, nil))
	if a, l := d.count(t, "alerts"), d.count(t, "labels"); a != 2 || l != 1 {
		t.Errorf("%d alerts, %d labels are left", a, l)
	}
}
