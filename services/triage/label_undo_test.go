package triage

import (
	"errors"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// TestUndoBy takes back what one person said, of two labels about a decision the
// newer one first; what others said stays.
func TestUndoBy(t *testing.T) {
	b := open(t)
	b.decide(forum(3))
	give := func(id, label, actor string) {
		t.Helper()
		if _, err := b.Label(t.Context(), Ref{ID: id}, label, "", actor); err != nil {
			t.Fatal(err)
		}
	}
	give("d1", "false_positive", "ann")
	give("d1", "true_positive", "mallory")
	give("d1", "unsure", "mallory")
	give("d2", "true_positive", "mallory")
	if _, err := b.UndoBy(t.Context(), "mallory", began.Add(time.Second), "", "ann"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("labels given before: %v", err)
	}
	for _, want := range []struct {
		n    int
		more bool
	}{{2, true}, {1, false}} {
		c, err := b.UndoBy(t.Context(), "mallory", time.Time{}, "stolen", "ann")
		if err != nil || c.N != want.n || c.More != want.more || c.Act == 0 {
			t.Fatalf("%+v, %v, want %v", c, err, want)
		}
		l := b.leaves[len(b.leaves)-1]
		if l.Act != audit.ActUnlabel || l.Actor != "ann" || l.Object != "mallory" || l.Detail["reason"] != "stolen" || l.Detail["labels_of"] != "mallory" {
			t.Errorf("leaf %+v", l)
		}
	}
	for id, want := range map[string]string{"d1": "false_positive", "d2": "", "d3": ""} {
		if x, err := b.Get(t.Context(), Ref{ID: id}); err != nil || x.Label.Label != want {
			t.Errorf("%s: label %q, %v, want %q", id, x.Label.Label, err, want)
		}
	}
	if _, err := b.UndoBy(t.Context(), "mallory", time.Time{}, "", "ann"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("nothing is left: %v", err)
	}
}
