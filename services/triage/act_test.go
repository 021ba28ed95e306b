package triage

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
)

// replayed passes the records of the queue through a pipeline that stores them and
// tells a state of them.
func (b *bench) replayed(to *state.DB) {
	b.tb.Helper()
	line, err := pipeline.New(pipeline.Config{}, pipeline.Options{
		Queue: b.queue, Store: b.store, Log: b.Log, Now: b.Now, Revisions: to,
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	_, next := b.queue.Bounds()
	if err := line.RunTo(b.tb.Context(), next); err != nil {
		b.tb.Fatal(err)
	}
}

// known is all that a state knows of decisions.
func known(tb testing.TB, db *state.DB) (late state.Late) {
	tb.Helper()
	var err [4]error
	always := time.Time{}
	for _, id := range []string{"d1", "d2", "d3"} {
		rows, failed := db.Labels(tb.Context(), "edge-1", id)
		late.Labels, err[0] = append(late.Labels, rows...), errors.Join(err[0], failed)
	}
	late.Draws, err[1] = db.Draws(tb.Context(), always, always, 100)
	late.Verdicts, err[2] = db.Verdicts(tb.Context(), always, always, 100)
	if err := errors.Join(err[:]...); err != nil {
		tb.Fatal(err)
	}
	return late
}

// TestLostState makes labels, draws and revisions again twice: from the records of
// the queue, and from the events that were stored of them.
func TestLostState(t *testing.T) {
	b := open(t)
	const line = `{"waf.site":"shop","waf.decision":"block","url.path":"/forum/1","rule.id":"942100","verdict.p_attack":0.25,"verdict.kind":"pattern"}`
	b.decide(line + "\n" + line + "\n" + line)
	if _, _, err := b.Sample(t.Context(), Draw{Budget: 2, Seed: 1, Actor: "ann"}); err != nil {
		t.Fatal(err)
	}
	b.label("d1", FalsePositive)
	b.label("d2", TruePositive)
	b.label("d2", Unsure)
	if _, err := b.Undo(t.Context(), Ref{ID: "d2"}, 0, "again", "bo"); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Revise(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d revised, %v", n, err)
	}
	want := known(t, b.State)
	if len(want.Labels) != 4 || len(want.Draws) != 2 || len(want.Verdicts) != 3 {
		t.Fatalf("known: %+v", want)
	}
	empty := func() *state.DB {
		t.Helper()
		db, err := state.Open(t.Context(), t.TempDir(), b.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return db
	}
	replayed := empty()
	b.replayed(replayed)
	if diff := cmp.Diff(want, known(t, replayed)); diff != "" {
		t.Errorf("from the queue (-was +is):\n%s", diff)
	}
	rebuilt := empty()
	n, err := Rebuild(t.Context(), b.store, rebuilt)
	if err != nil || n != 7 {
		t.Fatalf("rebuilt from %d events, %v", n, err)
	}
	if diff := cmp.Diff(want, known(t, rebuilt)); diff != "" {
		t.Errorf("from the store (-was +is):\n%s", diff)
	}
	if n, err := Rebuild(t.Context(), b.store, rebuilt); n != 0 || err != nil {
		t.Errorf("rebuilt again: %d, %v", n, err)
	}
}

// TestOrder looks at what there is of an act that fails at each of its steps.
func TestOrder(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	want := func(leaves ...string) {
		t.Helper()
		var acts []string
		for _, l := range b.leaves {
			acts = append(acts, l.Act+" "+l.Detail[detailAct]+l.Detail[audit.DetailWhy])
		}
		if diff := cmp.Diff(leaves, acts); diff != "" {
			t.Errorf("leaves (-want +got):\n%s", diff)
		}
		if late := known(t, b.State); !late.Empty() {
			t.Errorf("something came about: %+v", late)
		}
		if open, err := b.State.OpenActs(t.Context()); err != nil || len(open) != 0 {
			t.Errorf("open acts: %v, %v", open, err)
		}
	}
	fail := func() {
		t.Helper()
		if _, err := b.Label(t.Context(), Ref{ID: "d1"}, Benign, "", "ann"); err == nil {
			t.Error("labelled")
		}
		if _, _, err := b.Sample(t.Context(), Draw{Budget: 1, Actor: "ann"}); err == nil {
			t.Error("drawn")
		}
	}
	b.refuse = errors.New("no room")
	fail()
	want()
	b.refuse = nil
	b.Queue = closedQueue{b.queue}
	fail()
	want("label.add 3", "label.withdraw 3failure", "label.sample 4", "label.withdraw 4failure")

	// A crash after the leaf: the next start tells of it.
	if _, err := b.State.BeginAct(t.Context(), audit.ActLabel, "ann", 1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want("label.add 3", "label.withdraw 3failure", "label.sample 4", "label.withdraw 4failure", "label.withdraw 5crash")
}

// TestSettleKnowsWhatCame: of an act whose records are in the queue the pipeline
// tells the state, and no leaf takes it back.
func TestSettleKnowsWhatCame(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	a, err := b.State.BeginAct(t.Context(), audit.ActSample, "ann", 1)
	if err != nil {
		t.Fatal(err)
	}
	w := state.Draw{Source: "edge-1", EventID: "d1", Probability: 0.5, DecisionTime: began, Time: began}
	if err := b.append(t.Context(), []*event.Event{drawEvent(&w, a)}); err != nil {
		t.Fatal(err)
	}
	b.replayed(b.State)
	if err := b.Settle(t.Context()); err != nil || len(b.leaves) != 0 {
		t.Errorf("leaves %v, %v", b.leaves, err)
	}
	if late := known(t, b.State); len(late.Draws) != 1 {
		t.Errorf("known: %+v", late)
	}
}

// closedQueue is a queue that takes nothing.
type closedQueue struct{ *queue.Disk }

func (closedQueue) Append(context.Context, []queue.Group) (queue.Offset, error) {
	return 0, queue.ErrClosed
}
