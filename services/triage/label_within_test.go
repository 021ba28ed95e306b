package triage

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// crawled are n blocks of one group, every third one of a crawler.
func crawled(n int) string {
	var b strings.Builder
	for i := range n {
		agent := []string{"bot", "browser", "browser"}[i%3]
		fmt.Fprintf(&b, `{"waf.site":"shop","waf.decision":"block","url.path":"/forum/%d","rule.id":"942100","user_agent.original":%q,"verdict.p_attack":0.5,"verdict.kind":"pattern"}`+"\n", i, agent)
	}
	return b.String()
}

// filtered is a selection by a filter.
func filtered(tb testing.TB, text string) Selection {
	tb.Helper()
	q, err := query.Parse(text, began)
	if err != nil {
		tb.Fatal(err)
	}
	return Selection{Filter: q.Filter}
}

// TestLabelGroupWithin labels the part of a group that a filter takes: that part alone
// has labels, and loses them again; how much is outside is said.
func TestLabelGroupWithin(t *testing.T) {
	b := open(t)
	b.decide(crawled(9))
	b.label("d2", TruePositive) // outside
	bots := filtered(t, "user_agent.original: bot")
	ask := GroupLabel{Selection: bots, Like: Ref{ID: "d2"}, Label: FalsePositive, Actor: "ann", Preview: true}
	seen, err := b.LabelGroup(t.Context(), ask)
	if err != nil || seen.N != 3 || seen.Outside != 5 || seen.Labelled != 0 {
		t.Fatalf("preview: %+v, %v", seen, err)
	}
	ask.Preview, ask.Covers = false, seen.Covers
	did, err := b.LabelGroup(t.Context(), ask)
	if err != nil || did.N != 3 || did.Outside != 5 || did.Act == 0 {
		t.Fatalf("%+v, %v", did, err)
	}
	have := func(want string) {
		t.Helper()
		var all []string
		for i := range 9 {
			x, err := b.Get(t.Context(), Ref{ID: fmt.Sprint("d", i+1)})
			if err != nil {
				t.Fatal(err)
			}
			if x.Label.Label == FalsePositive {
				all = append(all, x.ID)
			}
		}
		if got := strings.Join(all, " "); got != want {
			t.Errorf("labelled: %s; want %s", got, want)
		}
	}
	have("d1 d4 d7")
	leaf := b.leaves[1]
	if leaf.Act != audit.ActLabel || leaf.Detail["filter"] != "user_agent.original: bot" || leaf.Detail["decisions"] != "3" || leaf.Detail["outside"] != "5" {
		t.Errorf("leaf %+v", leaf)
	}
	undone, err := b.UndoAct(t.Context(), did.Act, "", "ann")
	if err != nil || undone.N != 3 || undone.Covers != did.Covers {
		t.Errorf("undone: %+v, %v", undone, err)
	}
	have("")

	whole, err := b.LabelGroup(t.Context(), GroupLabel{Like: Ref{ID: "d1"}, Label: FalsePositive, Actor: "ann"})
	if err != nil || whole.N != 8 || whole.Outside != 0 || b.leaves[3].Detail["filter"] != "" {
		t.Errorf("without a filter: %+v, %v", whole, err)
	}
	ask.Selection = filtered(t, "user_agent.original: "+strings.Repeat("x", maxFilter))
	if _, err := b.LabelGroup(t.Context(), ask); !errors.Is(err, ErrInvalid) {
		t.Errorf("a filter that is too long: %v", err)
	}
}

// TestLabelGroupWithinIsBounded: the newest within the filter are taken, and those
// outside are all counted.
func TestLabelGroupWithinIsBounded(t *testing.T) {
	b := open(t)
	b.decide(crawled(3 * (MaxGroupLabels + 2)))
	for _, want := range []int{MaxGroupLabels, 2} {
		c, err := b.LabelGroup(t.Context(), GroupLabel{Selection: filtered(t, "user_agent.original: bot"), Like: Ref{ID: "d1"}, Label: FalsePositive, Actor: "ann"})
		if err != nil || c.N != want || c.More != (want == MaxGroupLabels) || c.Outside != 2*(MaxGroupLabels+2) {
			t.Fatalf("labelled %d, more %v, outside %d, %v; want %d", c.N, c.More, c.Outside, err, want)
		}
	}
}

// TestWithinAndDraws: of drawn decisions those count for themselves alone that an act
// took by its filter; those beside them in the same group and span still speak for others. A
// state that was made again from the queue knows it too.
func TestWithinAndDraws(t *testing.T) {
	b := open(t)
	b.decide(crawled(9))
	drawn, _, err := b.Sample(t.Context(), Draw{Budget: 9, Seed: 1, Actor: "ann"})
	if err != nil || len(drawn) != 9 {
		t.Fatalf("drew %d, %v", len(drawn), err)
	}
	b.label("d4", Benign) // which an act over the bots then leaves as it is
	c, err := b.LabelGroup(t.Context(), GroupLabel{Selection: filtered(t, "user_agent.original: bot"), Like: Ref{ID: "d1"}, Label: FalsePositive, Actor: "ann"})
	if err != nil || c.N != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	b.label("d5", Benign)
	given, err := b.State.LabelsOfAct(t.Context(), c.Act, 10)
	if err != nil || len(given) != 2 || given[0].Within != "user_agent.original: bot" || given[1].Within != "" {
		t.Errorf("labels of the act: %+v, %v", given, err)
	}
	want := map[string]bool{"d1": false, "d4": false, "d5": true, "d7": false}
	speak := func(d *Desk) {
		t.Helper()
		got := map[string]bool{}
		_, err := d.EachCounted(t.Context(), Selection{}, func(x *Decision, counted verdict.Decided) error {
			if x.Label.ID != 0 {
				got[x.ID] = counted.Probability > 0
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("which speak for others (-want +got):\n%s", diff)
		}
	}
	speak(b.Desk)

	again, err := state.Open(t.Context(), t.TempDir(), func() time.Time { return began })
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	b.replayed(again)
	o := b.Options
	o.State = again
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	speak(d)
}
