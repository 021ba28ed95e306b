package proposals

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// ask runs a job of a question to its end and returns what it found.
func (b *bench) ask(q Question) []int64 {
	b.tb.Helper()
	if err := b.Propose(b.tb.Context(), "ann", q); err != nil {
		b.tb.Fatal(err)
	}
	b.Wait()
	j := b.Job()
	if j.Error != "" {
		b.tb.Fatalf("job %+v", j)
	}
	return j.IDs
}

// open are the ids of what is proposed.
func (b *bench) open() (ids []int64) {
	b.tb.Helper()
	all, err := b.List(b.tb.Context(), state.Proposed, 0, 100)
	if err != nil {
		b.tb.Fatal(err)
	}
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	return ids
}

// TestNearlyTheSame has searches one after the other at one place: whoever reads what is
// proposed sees one proposal for it.
func TestNearlyTheSame(t *testing.T) {
	b := open(t)
	lax := Question{Ask: tuning.Ask{Config: tuning.Config{Suspect: 0.9}}}
	b.keep(post("p1", "/post", "text", "<script src=/menu.js></script> is what I put there"), 0.3)
	first := b.ask(lax)
	if len(first) != 1 || !slices.Equal(b.open(), first) {
		t.Fatalf("found %v, open %v", first, b.open())
	}
	strict := b.ask(Question{}) // the same change, by a stricter question
	if len(strict) != 1 || strict[0] == first[0] || !slices.Equal(b.open(), strict) {
		t.Fatalf("found %v, open %v", strict, b.open())
	}
	before := b.get(strict[0])
	if again := b.ask(lax); !slices.Equal(again, strict) || !slices.Equal(b.open(), strict) {
		t.Errorf("found %v, open %v", again, b.open())
	}
	if p := b.get(strict[0]); p.Proposal != before.Proposal || p.evidence("question") != "" {
		t.Errorf("a lax question changed it: %+v", p)
	}
	// Another text needs the same rules and some more.
	b.keep(post("p2", "/post", "text", `<script src=/menu.js></script><img src=x onerror="alert(1)"><a href="javascript:history.back()">x</a>`), 0.3)
	wider := b.ask(Question{})
	if len(wider) != 1 || wider[0] == strict[0] || !slices.Equal(b.open(), wider) || !tuning.Covers(b.get(wider[0]).Directive, before.Directive) {
		t.Fatalf("found %v, open %v", wider, b.open())
	}
	// What somebody works with stays.
	b.apply(wider[0], all)
	b.now = b.now.Add(time.Hour)
	b.keep(post("p3", "/comment", "text", "<script src=/menu.js></script>"), 0.3)
	if rest := b.ask(Question{}); len(rest) != 1 || !slices.Equal(b.open(), rest) || b.get(wider[0]).Stage != "all" {
		t.Errorf("found %v, open %v", rest, b.open())
	}
}

// TestSettleNear keeps what a strict question found from what a lax one finds.
func TestSettleNear(t *testing.T) {
	of := func(id int64, directive, content string) state.Proposal {
		return state.Proposal{ID: id, Kind: Exclusion, Site: "shop", Directive: directive, Content: content}
	}
	const narrow, wide, other = "C,\\\n    a\"\n", "C,\\\n    a,\\\n    b\"\n", "D,\\\n    a\"\n"
	const strict, lax, worse = `{}`, `{"evidence":[{"name":"question"}]}`, `{"evidence":[{"name":"question"}],"released":["x"]}`
	f := func(found, open state.Proposal, rows int, ids, gone []int64) {
		t.Helper()
		r := rival{Proposal: open}
		if strings.Contains(open.Content, laxEvidence) {
			r.Evidence = []verdict.Evidence{{Name: laxEvidence}}
		}
		n, err := settleNear([]state.Proposal{found}, []rival{r})
		if err != nil || len(n.rows) != rows || !slices.Equal(n.ids, ids) || !slices.Equal(n.gone, gone) {
			t.Errorf("%+v, %v", n, err)
		}
	}
	f(of(2, wide, strict), of(1, narrow, strict), 1, []int64{0}, []int64{1})
	f(of(2, narrow, strict), of(1, wide, strict), 1, []int64{0}, []int64{1})
	f(of(2, narrow, strict), of(1, narrow, lax), 1, []int64{0}, []int64{1})
	f(of(2, narrow, lax), of(1, narrow, lax), 1, []int64{0}, []int64{1})
	f(of(2, narrow, lax), of(1, wide, strict), 0, []int64{1}, nil)
	f(of(2, narrow, worse), of(1, wide, strict), 1, []int64{0}, nil) // which the strict one does not tell
	f(of(2, wide, lax), of(1, narrow, strict), 1, []int64{0}, nil)
	f(of(2, other, strict), of(1, narrow, strict), 1, []int64{0}, nil)
}
