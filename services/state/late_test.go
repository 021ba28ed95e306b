package state

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// label keeps a label of source "s" as an act of its own.
func (d *DB) label(t *testing.T, l Label) Label {
	t.Helper()
	a, err := d.BeginAct(t.Context(), "label.add", l.Actor, 1)
	if err != nil {
		t.Fatal(err)
	}
	l.ID, l.Act, l.Source, l.Time = a.ID, a.ID, "s", a.Time
	if err := errors.Join(l.Check(), d.PutLate(t.Context(), Late{Labels: []Label{l}, Acts: []int64{a.ID}})); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLabels(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	holds := func(want string) {
		t.Helper()
		l, err := d.LabelOf(ctx, "s", "e")
		if l.Label != want || (err == nil) != (want != "") {
			t.Errorf("label %q, want %q; %v", l.Label, want, err)
		}
	}
	holds("")
	d.label(t, Label{EventID: "e", Label: "attack"})
	second := d.label(t, Label{EventID: "e", Label: "legit", Alike: "[]"})
	holds("legit")
	d.label(t, Label{EventID: "e", Undoes: second.ID, Reason: "a mistake"})
	holds("attack")
	all, err := d.Labels(ctx, "s", "e")
	if err != nil || len(all) != 3 || all[2].Undoes != second.ID || all[2].Reason != "a mistake" {
		t.Error(all, err)
	}
	if diff := cmp.Diff(second, all[1]); diff != "" {
		t.Errorf("label (-put +got):\n%s", diff)
	}
	if err := d.PutLate(ctx, Late{Labels: all}); err != nil { // they come again, as from a replay
		t.Error(err)
	}
	if again, err := d.Labels(ctx, "s", "e"); err != nil || len(again) != 3 {
		t.Errorf("%d rows, %v", len(again), err)
	}
	for _, bad := range []Label{
		{},
		{EventID: "e"},
		{EventID: "e", Label: "x", Undoes: 1},
		{EventID: "e", Label: "x", Reason: "\xff"},
		{EventID: "e", Label: "x\x00"},
		{EventID: "e", Label: "x", Reason: string(make([]byte, maxNote+1))},
	} {
		if err := bad.Check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestActs: no id of a label is given out twice, and an act is open until it came
// about or is forgotten.
func TestActs(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	begin := func(n int) LabelAct {
		t.Helper()
		a, err := d.BeginAct(ctx, "label.add", "ann", n)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	open := func(want ...int64) {
		t.Helper()
		var got []int64
		all, err := d.OpenActs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			got = append(got, a.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("open acts %v, want %v", got, want)
		}
	}
	a, b, c := begin(3), begin(1), begin(1)
	if a.ID != 1 || b.ID != 4 || c.ID != 5 || a.Act != "label.add" || a.Actor != "ann" || !a.Time.Equal(began) {
		t.Errorf("%+v, %+v, %+v", a, b, c)
	}
	open(1, 4, 5)
	if err := d.PutLate(ctx, Late{Labels: []Label{{ID: 1, Act: 1, EventID: "e", Label: "x", Time: began}, {ID: 2, Act: 1, EventID: "f", Label: "x", Time: began}}, Acts: []int64{1, 1, 0}}); err != nil {
		t.Fatal(err)
	}
	open(4, 5)
	if err := errors.Join(d.PutLate(ctx, Late{Acts: []int64{4}}), d.ForgetAct(ctx, 5)); err != nil {
		t.Fatal(err)
	}
	open()
	rows, err := d.LabelsOfAct(ctx, 1, 10)
	if err != nil || len(rows) != 2 {
		t.Errorf("labels of the act: %v, %v", rows, err)
	}
	d.label(t, Label{EventID: "e", Undoes: 1}) // has source s: it undoes none of these
	if rows, err = d.LabelsOfAct(ctx, 0, 10); err != nil || len(rows) != 0 {
		t.Errorf("labels of no act: %v, %v", rows, err)
	}
}

// TestKnowsLabels: a new state does not know what was labelled before, until it is
// told, or takes part.
func TestKnowsLabels(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	f := func(want bool) {
		t.Helper()
		if got, err := d.KnowsLabels(ctx); got != want || err != nil {
			t.Errorf("knows labels: %v, want %v; %v", got, want, err)
		}
	}
	f(false)
	if err := d.SetKnowsLabels(ctx); err != nil {
		t.Fatal(err)
	}
	f(true)
	if a, err := d.BeginAct(ctx, "x", "", 1); err != nil || a.ID != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestVerdictsOfDecisions: those of a range, the newest decisions first.
func TestVerdictsOfDecisions(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	var all []Verdict
	for i := range 5 {
		all = append(all, Verdict{
			Source: "s", EventID: fmt.Sprint("e", i), Revision: 1, PAttack: 0.5, Time: began, DecisionTime: began.Add(time.Duration(i) * time.Hour),
			Evidence: []string{"analyst labels|-1.50|two of two"},
		})
	}
	if err := d.PutLate(ctx, Late{Verdicts: all}); err != nil {
		t.Fatal(err)
	}
	got, err := d.Verdicts(ctx, began.Add(time.Hour), began.Add(4*time.Hour), 2)
	if diff := cmp.Diff([]Verdict{all[3], all[2]}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestLateConflict: another label under an id that is given out is not left out in
// silence, and nothing of its act is kept. The same one may come again.
func TestLateConflict(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	one := Label{ID: 7, Source: "s", EventID: "a", Label: "benign", Actor: "ann", Act: 7}
	other := one
	other.EventID = "b"
	for _, again := range []Label{one, one} {
		if err := d.PutLate(ctx, Late{Labels: []Label{again}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.PutLate(ctx, Late{Labels: []Label{{ID: 8, Source: "s", EventID: "c", Label: "benign"}, other}}); !errors.Is(err, ErrOtherContent) {
		t.Errorf("another label under the id: %v", err)
	}
	if rows, err := d.Labels(ctx, "s", "c"); err != nil || len(rows) != 0 {
		t.Errorf("half of it is kept: %v, %v", rows, err)
	}
}

func TestFrames(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	want := []Frame{
		{Act: 2, Received: time.Unix(0, 0).UTC(), Time: at},
		{Act: 1, Filter: "url.path: /admin", First: at, Last: at.Add(1), Received: at, Time: at},
	}
	for range 2 {
		if err := d.PutLate(ctx, Late{Frames: want}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Frames(ctx, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}
