package triage

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/state"
)

const oneBlock = `{"waf.site":"shop","waf.decision":"block","url.path":"/forum/1","verdict.p_attack":0.25,"verdict.kind":"pattern","verdict.model":"m"}`

// revisions are the records of the queue, as events.
func (b *bench) revisions() (all []event.Event) {
	b.tb.Helper()
	first, next := b.queue.Bounds()
	if first == next {
		return nil // to read on would wait
	}
	for batch, err := range b.queue.Batches(b.tb.Context(), 0) {
		if err != nil {
			b.tb.Fatal(err)
		}
		for _, g := range batch.Groups {
			if g.Format != pipeline.VerdictFormat {
				b.tb.Errorf("a record of format %s", g.Format)
			}
			for _, r := range g.Records {
				var e event.Event
				if err := e.UnmarshalJSON(r.Raw); err != nil {
					b.tb.Fatal(err)
				}
				all = append(all, *e.Clone())
			}
		}
		if batch.Next >= next {
			break
		}
	}
	return all
}

func TestLabel(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	want := func(x *Detail, label string, revision uint64, p float64) {
		t.Helper()
		if x.Label.Label != label || x.Revision != revision || x.Latest.PAttack != p || x.Latest.PFalsePositive != 1-p {
			t.Errorf("label %q of revision %d, %+v; want %q, %d, %v", x.Label.Label, x.Revision, x.Latest, label, revision, p)
		}
		got, err := b.Get(t.Context(), Ref{ID: "d1", Source: "edge-1"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x, got); diff != "" {
			t.Errorf("asked again (-told +got):\n%s", diff)
		}
	}
	want(b.label("d1", FalsePositive), FalsePositive, 1, 0)
	want(b.label("d1", TruePositive), TruePositive, 2, 1)
	want(b.label("d1", Unsure), Unsure, 3, 0.25)
	undo := func(id int64) *Detail {
		t.Helper()
		x, err := b.Undo(t.Context(), Ref{ID: "d1"}, id, "", "bo")
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	want(undo(0), TruePositive, 4, 1)
	want(undo(1), TruePositive, 5, 1) // another one than the one that holds
	want(undo(0), "", 6, 0.25)
	if _, err := b.Undo(t.Context(), Ref{ID: "d1"}, 0, "", "bo"); !errors.Is(err, ErrUndone) {
		t.Errorf("nothing is left to undo: %v", err)
	}
	if _, err := b.Undo(t.Context(), Ref{ID: "d1"}, 1, "", "bo"); !errors.Is(err, ErrUndone) {
		t.Errorf("undone twice: %v", err)
	}
	var acts []string
	for _, l := range b.leaves {
		acts = append(acts, l.Act+" "+l.Object+" "+l.Detail["label"])
	}
	if diff := cmp.Diff([]string{
		audit.ActLabel + " d1 false_positive", audit.ActLabel + " d1 true_positive", audit.ActLabel + " d1 unsure",
		audit.ActUnlabel + " d1 true_positive", audit.ActUnlabel + " d1 true_positive", audit.ActUnlabel + " d1 ",
	}, acts); diff != "" {
		t.Errorf("leaves (-want +got):\n%s", diff)
	}
	for i, e := range b.revisions() {
		if e.Get(event.VerdictRevision).Int() != int64(i+1) || e.Get(event.VerdictEventID).Text() != "d1" || e.Time != began.UnixNano() {
			t.Errorf("record %d: %v", i, e.Fields())
		}
	}
	if n := len(b.revisions()); n != 6 {
		t.Errorf("%d records, want 6", n)
	}
}

// TestLabelIsAllOrNothing labels while the audit log, then the queue, takes
// nothing: no label is kept.
func TestLabelIsAllOrNothing(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	ctx := t.Context()
	unlabelled := func() {
		t.Helper()
		x, err := b.Get(ctx, Ref{ID: "d1"})
		if err != nil || x.Label.ID != 0 || len(x.History) != 0 || x.Revision != 0 {
			t.Errorf("there is a label: %+v, %v", x, err)
		}
	}
	b.refuse = errors.New("no room")
	if _, err := b.Label(ctx, Ref{ID: "d1"}, Benign, "", "ann"); !errors.Is(err, b.refuse) {
		t.Errorf("label: %v", err)
	}
	unlabelled()
	if n := len(b.revisions()); n != 0 {
		t.Errorf("%d records of a label that is none", n)
	}
	b.refuse = nil
	if err := b.queue.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Label(ctx, Ref{ID: "d1"}, Benign, "", "ann"); err == nil {
		t.Error("a label that is no record")
	}
	unlabelled()

	for _, bad := range []struct{ label, reason string }{{"", ""}, {"attack", ""}, {Benign, "\xff"}, {Benign, string(make([]byte, 5000))}} {
		if _, err := b.Label(ctx, Ref{ID: "d1"}, bad.label, bad.reason, "ann"); !errors.Is(err, ErrInvalid) && !errors.Is(err, state.ErrInvalid) {
			t.Errorf("label %q, reason of %d bytes: %v", bad.label, len(bad.reason), err)
		}
	}
	for _, id := range []string{"", "D1", "d2", `d1" or event.id: "d1`, "d*", "\x00", "\xff"} {
		if _, err := b.Get(ctx, Ref{ID: id}); !errors.Is(err, ErrNotFound) {
			t.Errorf("decision %q: %v", id, err)
		}
	}
}

// TestLabelsAtOnce labels from many sides: each label has a revision of its own.
func TestLabelsAtOnce(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := b.Label(t.Context(), Ref{ID: "d1"}, Benign, "", "ann"); err != nil {
				t.Error(err)
			}
			if _, err := b.Groups(t.Context(), GroupList{Size: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	x, err := b.Get(t.Context(), Ref{ID: "d1"})
	if err != nil || x.Revision != 8 || len(x.History) != 8 {
		t.Errorf("revision %d, %d labels; %v", x.Revision, len(x.History), err)
	}
}

// TestAmbiguous asks for an id that two sources have.
func TestAmbiguous(t *testing.T) {
	b := open(t)
	var events []event.Event
	for _, source := range []string{"edge-1", "edge-2"} {
		e := event.Event{ID: "x", Source: source, Time: began.UnixNano()}
		e.AddText(event.WAFDecision, "block")
		events = append(events, e)
	}
	b.write(events)
	if _, err := b.Get(t.Context(), Ref{ID: "x"}); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("two decisions of one id: %v", err)
	}
	if x, err := b.Get(t.Context(), Ref{ID: "x", Source: "edge-2"}); err != nil || x.Source != "edge-2" {
		t.Errorf("the one of a source: %v, %v", x, err)
	}
}
