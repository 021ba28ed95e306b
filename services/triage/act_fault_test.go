package triage

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
)

// TestNotReady: acts wait until the state knows what the queue holds.
func TestNotReady(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	o := b.Options
	o.Await = 1
	late, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Label(t.Context(), Ref{ID: "d1"}, Benign, "", "ann"); !errors.Is(err, ErrNotReady) || len(b.leaves) != 0 {
		t.Errorf("before: %v, leaves %v", err, b.leaves)
	}
	if err := late.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Label(t.Context(), Ref{ID: "d1"}, Benign, "", "ann"); err != nil {
		t.Errorf("after: %v", err)
	}
}

// brokenQueue fails after it took the records.
type brokenQueue struct{ *queue.Disk }

func (q brokenQueue) Append(ctx context.Context, all []queue.Group) (queue.Offset, error) {
	_, err := q.Disk.Append(ctx, all)
	return 0, errors.Join(err, errors.New("sync: input/output error"))
}

// TestAmbiguousAppend: where nobody knows whether records are durable, no leaf takes
// the act back; the next start finds out.
func TestAmbiguousAppend(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	b.Queue = brokenQueue{b.queue}
	if _, err := b.Label(t.Context(), Ref{ID: "d1"}, Benign, "", "ann"); !errors.Is(err, errUnknown) {
		t.Fatalf("labelled: %v", err)
	}
	if acts, err := b.State.OpenActs(t.Context()); err != nil || len(acts) != 1 {
		t.Errorf("open acts %v, %v", acts, err)
	}
	b.replayed(b.State)
	if err := b.Settle(t.Context()); err != nil || len(b.leaves) != 1 || b.leaves[0].Act != audit.ActLabel {
		t.Errorf("leaves %v, %v", b.leaves, err)
	}
	if x, err := b.Get(t.Context(), Ref{ID: "d1"}); err != nil || x.Label.Label != Benign {
		t.Errorf("%+v, %v", x, err)
	}
}

// watchedEvents calls seen before each search, and says afterwards what is missing.
type watchedEvents struct {
	Events
	seen    func()
	partial []string
	none    bool
}

func (w watchedEvents) Search(ctx context.Context, r store.SearchRequest, yield func(*event.Event) error) (store.Page, error) {
	w.seen()
	if w.none {
		yield = func(*event.Event) error { return nil }
	}
	page, err := w.Events.Search(ctx, r, yield)
	page.Stats.Partial = append(page.Stats.Partial, w.partial...)
	return page, err
}

// TestDrawsWaitForEachOther: the candidates of a draw are read under the lock.
func TestDrawsWaitForEachOther(t *testing.T) {
	b := open(t)
	b.decide(oneBlock)
	read := false
	b.Events = watchedEvents{Events: b.store, seen: func() {
		if read = true; b.mu.TryLock() {
			b.mu.Unlock()
			t.Error("another draw could read the same candidates")
		}
	}}
	if _, _, err := b.Sample(t.Context(), Draw{Budget: 1, Actor: "ann"}); err != nil || !read {
		t.Errorf("read %v, %v", read, err)
	}
}

// TestUndoActOfWhatIsGone: without the decisions labels are undone, and no verdict is
// made up; an answer that is not whole undoes nothing.
func TestUndoActOfWhatIsGone(t *testing.T) {
	b := open(t)
	b.decide(forum(3))
	c, err := b.LabelGroup(t.Context(), GroupLabel{Like: Ref{ID: "d1"}, Label: FalsePositive, Actor: "ann"})
	if err != nil || c.N != 3 {
		t.Fatalf("%+v, %v", c, err)
	}
	b.Events = watchedEvents{b.store, func() {}, []string{"a block is damaged"}, true}
	if _, err := b.UndoAct(t.Context(), c.Act, "", "ann"); err == nil || len(b.leaves) != 1 {
		t.Errorf("undone by half of the decisions: %v, leaves %v", err, b.leaves)
	}
	b.Events = watchedEvents{b.store, func() {}, nil, true}
	if _, err := b.UndoAct(t.Context(), c.Act, "", "ann"); err != nil {
		t.Fatal(err)
	}
	v, err := b.State.Verdict(t.Context(), "edge-1", "d1")
	if err != nil || v.Revision != 1 {
		t.Errorf("verdict %+v, %v", v, err)
	}
	for _, record := range b.revisions()[3:] {
		if record.Has(event.VerdictRevision) {
			t.Errorf("a verdict was made up: %s", record.AppendJSON(nil))
		}
	}
	if l, err := b.State.LabelOf(t.Context(), "edge-1", "d1"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("label %+v, %v", l, err)
	}
}

// TestLabelGroupKeepsOut: a label for a group leaves out what the verdict is sure to
// be the contrary, unless that is asked for.
func TestLabelGroupKeepsOut(t *testing.T) {
	b := open(t)
	const line = `{"waf.site":"shop","waf.decision":"block","url.path":"/forum/1","rule.id":"942100","verdict.kind":"pattern","verdict.p_attack":`
	b.decide(line + "0.2}\n" + line + "0.97}\n" + line + "0.6}\n" + line + "0.05}")
	f := func(label string, all bool, n, out int, least, most string) {
		t.Helper()
		c, err := b.LabelGroup(t.Context(), GroupLabel{Like: Ref{ID: "d1"}, Label: label, All: all, Preview: true})
		if err != nil || c.N != n || c.KeptOut != out || c.LeastLikely.ID != least || c.Likeliest.ID != most {
			t.Errorf("%s, all %v: %+v, %v", label, all, c, err)
		}
	}
	f(FalsePositive, false, 3, 1, "d4", "d3")
	f(FalsePositive, true, 4, 0, "d4", "d2")
	f(TruePositive, false, 3, 1, "d1", "d2")
	f(Unsure, false, 4, 0, "d4", "d2")
}

// TestSpanOfAct: an act covers its own span, however little of it a question is about.
func TestSpanOfAct(t *testing.T) {
	b := open(t)
	b.decide(forum(6))
	if _, err := b.LabelGroup(t.Context(), GroupLabel{Like: Ref{ID: "d1"}, Label: FalsePositive, Actor: "ann"}); err != nil {
		t.Fatal(err)
	}
	m, err := b.marks(t.Context(), Selection{From: began.Add(time.Minute), To: began.Add(2 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	for group, spans := range m.covered {
		if s := spans[0]; len(spans) != 1 || s.N != 6 || !s.First.Equal(began) || !s.Last.Equal(began.Add(5*time.Minute)) {
			t.Errorf("%s: %+v", group, spans)
		}
	}
	if len(m.covered) != 1 {
		t.Errorf("covered %v", m.covered)
	}
}
