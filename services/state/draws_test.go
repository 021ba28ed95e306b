package state

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDraws(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	hour := func(n int) time.Time { return time.Date(2026, 11, 21, n, 0, 0, 0, time.UTC) }
	draw := func(id string, p float64, n int) Draw {
		return Draw{Source: "edge-1", EventID: id, Probability: p, DecisionTime: hour(n), Time: began}
	}
	put := func(all ...Draw) error { return d.PutLate(ctx, Late{Draws: all}) }
	if err := put(draw("a", 0.5, 1), draw("b", 1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := put(draw("a", 0.1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := put(draw("c", 0.1, 1), draw("d", 0, 1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a draw without probability: %v", err)
	}
	check := func(from, to time.Time, limit int, want map[string]float64) {
		t.Helper()
		all, err := d.Draws(ctx, from, to, limit)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, w := range all {
			got[w.EventID] = w.Probability
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("draws (-want +got):\n%s", diff)
		}
	}
	check(time.Time{}, time.Time{}, 10, map[string]float64{"a": 0.5, "b": 1})
	check(hour(2), time.Time{}, 10, map[string]float64{"b": 1})
	check(hour(1), hour(2), 10, map[string]float64{"a": 0.5})
	check(time.Time{}, time.Time{}, 1, map[string]float64{"a": 0.5})
}

func TestLabelsThatHold(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	add := func(id, label string) Label {
		t.Helper()
		return d.label(t, Label{EventID: id, Label: label, DecisionTime: at})
	}
	add("a", "benign")
	add("a", "true_positive")
	undone := add("b", "benign")
	d.label(t, Label{EventID: "b", Undoes: undone.ID, DecisionTime: at})
	want := func(from, to time.Time, want ...string) {
		t.Helper()
		all, err := d.LabelsThatHold(ctx, from, to, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range all {
			got = append(got, l.EventID+" "+l.Label)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
	}
	want(at, at.Add(1), "a benign", "a true_positive")
	want(at.Add(1), time.Time{})
	rows, err := d.Labels(ctx, "s", "b")
	if err != nil || len(rows) != 2 || !rows[1].DecisionTime.Equal(at) {
		t.Errorf("the row that undoes another one has its time: %v, %v", rows, err)
	}
}
