package triage

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// forum are n blocks of one group, and two of others.
func forum(n int) string {
	var b strings.Builder
	line := func(path, rule string, p float64) {
		fmt.Fprintf(&b, `{"waf.site":"shop","waf.decision":"block","url.path":%q,"rule.id":%q,"waf.match.rule_id":[%q],"waf.match.variable":["ARGS:text"],"waf.match.severity":["critical"],"verdict.p_attack":%v,"verdict.kind":"pattern","verdict.model":"m"}`+"\n", path, rule, rule, p)
	}
	for i := range n {
		line(fmt.Sprint("/forum/", i), "942100", 0.75)
	}
	line("/forum/7", "941100", 0.75)
	line("/search", "942100", 0.75)
	return b.String()
}

func TestLabelGroup(t *testing.T) {
	b := open(t)
	b.decide(forum(6))
	b.label("d2", TruePositive)
	ask := GroupLabel{Like: Ref{ID: "d1"}, Label: FalsePositive, Reason: "a forum about SQL", Actor: "ann", Preview: true}
	act := func(l GroupLabel) *Covered {
		t.Helper()
		c, err := b.LabelGroup(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	seen := act(ask)
	if seen.N != 5 || seen.Labelled != 1 || seen.More || seen.Act != 0 || seen.Rule != "942100" || seen.Path != "/forum/{id}" || len(seen.Examples) != 5 || seen.Examples[0].ID != "d6" {
		t.Errorf("preview: %+v", seen)
	}
	if len(b.leaves) != 1 || len(b.revisions()) != 1 {
		t.Errorf("a preview left %d leaves, %d records", len(b.leaves), len(b.revisions()))
	}
	ask.Preview, ask.Covers = false, "other"
	if _, err := b.LabelGroup(t.Context(), ask); !errors.Is(err, state.ErrConflict) {
		t.Errorf("other decisions than were seen: %v", err)
	}
	ask.Covers = seen.Covers
	did := act(ask)
	seen.Act = did.Act
	if diff := cmp.Diff(seen, did); diff != "" || did.Act == 0 {
		t.Errorf("did other than was seen (-seen +did):\n%s", diff)
	}
	leaf := b.leaves[1]
	if len(b.leaves) != 2 || leaf.Act != audit.ActLabel || leaf.Hash != did.Covers || leaf.Detail["decisions"] != "5" || leaf.Detail["label"] != FalsePositive || leaf.Detail["reason"] == "" {
		t.Errorf("leaves: %+v", b.leaves)
	}
	if n := len(b.revisions()); n != 6 {
		t.Errorf("%d records, want one of each label", n)
	}
	want := func(id, label string, rows int) {
		t.Helper()
		x, err := b.Get(t.Context(), Ref{ID: id})
		if err != nil || x.Label.Label != label || len(x.History) != rows || int(x.Revision) != rows {
			t.Errorf("%s: label %q, %d rows, revision %d, %v; want %q, %d", id, x.Label.Label, len(x.History), x.Revision, err, label, rows)
		}
	}
	want("d1", FalsePositive, 1)
	want("d2", TruePositive, 1)
	want("d6", FalsePositive, 1)
	want("d7", "", 0)
	want("d8", "", 0)
	if none := act(GroupLabel{Like: Ref{ID: "d1"}, Label: Benign, Actor: "ann"}); none.N != 0 || none.Labelled != 6 || none.Act != 0 || len(b.leaves) != 2 {
		t.Errorf("labelled again: %+v", none)
	}

	// One of them is undone alone, then the act.
	if _, err := b.Undo(t.Context(), Ref{ID: "d3"}, 0, "", "bo"); err != nil {
		t.Fatal(err)
	}
	undone, err := b.UndoAct(t.Context(), did.Act, "not all", "bo")
	if err != nil || undone.N != 4 || undone.Rule != "942100" {
		t.Errorf("undone: %+v, %v", undone, err)
	}
	want("d1", "", 2)
	want("d2", TruePositive, 1)
	want("d3", "", 2)
	if leaf := b.leaves[3]; len(b.leaves) != 4 || leaf.Act != audit.ActUnlabel || leaf.Detail["undoes"] != fmt.Sprint(did.Act) || leaf.Detail["decisions"] != "4" {
		t.Errorf("leaves: %+v", b.leaves)
	}
	if _, err := b.UndoAct(t.Context(), did.Act, "", "bo"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("undone twice: %v", err)
	}
	for _, bad := range []GroupLabel{{Like: Ref{ID: "d1"}, Label: "x"}, {Like: Ref{ID: "d1"}, Label: Benign, Reason: "\xff"}} {
		if _, err := b.LabelGroup(t.Context(), bad); !errors.Is(err, ErrInvalid) && !errors.Is(err, state.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := b.LabelGroup(t.Context(), GroupLabel{Like: Ref{ID: "none"}, Label: Benign}); !errors.Is(err, ErrNotFound) {
		t.Errorf("like nothing: %v", err)
	}
}

// TestLabelGroupIsBounded labels the newest of more than one act takes, then the
// rest.
func TestLabelGroupIsBounded(t *testing.T) {
	b := open(t)
	b.decide(forum(MaxGroupLabels + 3))
	for _, want := range []int{MaxGroupLabels, 3} {
		c, err := b.LabelGroup(t.Context(), GroupLabel{Like: Ref{ID: "d1"}, Label: FalsePositive, Actor: "ann"})
		if err != nil || c.N != want || c.More != (want == MaxGroupLabels) {
			t.Fatalf("labelled %d, more %v, %v; want %d", c.N, c.More, err, want)
		}
	}
}

// TestFeedback labels some decisions of a group: the others are revised, in words,
// by a bounded weight, and what rates rest on stays as it was.
func TestFeedback(t *testing.T) {
	b := open(t)
	b.decide(forum(12))
	rates := func() *RatePage {
		t.Helper()
		page, err := b.Rates(t.Context(), RateList{Size: 5})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	for i := range 5 {
		b.label(fmt.Sprint("d", i+1), FalsePositive)
	}
	before := rates()
	revise := func(want int) {
		t.Helper()
		if n, err := b.Revise(t.Context()); err != nil || n != want {
			t.Fatalf("%d revised, want %d; %v", n, want, err)
		}
	}
	revise(7)
	revise(0) // nothing is new
	if diff := cmp.Diff(before, rates()); diff != "" {
		t.Errorf("rates before and after the feedback:\n%s", diff)
	}
	get := func(id string) *Detail {
		t.Helper()
		x, err := b.Get(t.Context(), Ref{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	x := get("d9")
	if x.PAttack != 0.75 || x.Now() > 0.3 || x.Now() < 0.05 || x.Revision != 1 || len(x.Moved) != 1 || x.Moved[0].Name != evidenceLabels || x.Moved[0].Weight > -1 {
		t.Errorf("like the labelled ones: %+v", x)
	}
	if want := "of 5 labelled decisions of this site, path, rule and variable 0 were attacks; they count as 4.0"; x.Moved[0].Detail != want {
		t.Errorf("evidence %q, want %q", x.Moved[0].Detail, want)
	}
	if x := get("d14"); x.Revision != 0 || x.Now() != 0.75 {
		t.Errorf("of another group: %+v", x)
	}
	page, err := b.Groups(t.Context(), GroupList{Size: 1, Labelled: LabelledOut})
	if err != nil || page.Groups[0].Expected < 5 || page.Groups[0].PNow > 0.3 {
		t.Errorf("the group is not at the head: %+v, %v", page.Groups[0], err)
	}
	for i := range 5 { // and back
		if _, err := b.Undo(t.Context(), Ref{ID: fmt.Sprint("d", i+1)}, 0, "", "ann"); err != nil {
			t.Fatal(err)
		}
	}
	revise(7)
	if x := get("d9"); x.Now() != 0.75 || x.Revision != 2 || len(x.Moved) != 0 {
		t.Errorf("without labels: %+v", x)
	}
}

// TestOpinion bounds what labels weigh.
func TestOpinion(t *testing.T) {
	labels := func(n int, label, actor string, age time.Duration) (all []state.Label) {
		for i := range n {
			all = append(all, state.Label{
				ID: int64(i + 1), EventID: fmt.Sprint(label, actor, age, i), Label: label, Actor: actor, Time: began.Add(-age), Alike: "g",
			})
		}
		return all
	}
	f := func(p, want float64, given ...[]state.Label) {
		t.Helper()
		var all []state.Label
		for _, g := range given {
			all = append(all, g...)
		}
		e := opinions(all, began)["g"].weigh(p)
		if e.Weight < want-0.01 || e.Weight > want+0.01 {
			t.Errorf("weight %.3f at p %v, want %.3f: %s", e.Weight, p, want, e.Detail)
		}
	}
	f(0.5, -1.10, labels(2, FalsePositive, "ann", 0))
	f(0.5, 1.10, labels(2, TruePositive, "ann", 0))
	f(0.5, 0, labels(2, TruePositive, "ann", 0), labels(2, FalsePositive, "bo", 0))
	f(0.5, -0.69, labels(2, FalsePositive, "ann", labelHalfLife))
	f(0.5, -1.61, labels(1000, FalsePositive, "ann", 0)) // one person
	f(0.5, -2.20, labels(1000, FalsePositive, "ann", 0), labels(1000, FalsePositive, "bo", 0), labels(1000, Benign, "cy", 0))
	f(0.9999, -mostOfLabels, labels(1000, FalsePositive, "ann", 0)) // an attack stays one
	f(0.5, 0, labels(9, Unsure, "ann", 0))
}

// TestConduct: a client that surely attacked is suspected for the rest, whoever
// shares no address with it is not.
func TestConduct(t *testing.T) {
	b := open(t)
	var lines strings.Builder
	for i := range 6 {
		fmt.Fprintf(&lines, `{"waf.site":"shop","waf.decision":"block","url.path":"/p%c","client.ip":"203.0.113.9","verdict.p_attack":0.999,"verdict.kind":"pattern"}`+"\n", 'a'+i)
	}
	for _, ip := range []string{"203.0.113.9", "198.51.100.1"} {
		fmt.Fprintf(&lines, `{"waf.site":"shop","waf.decision":"block","url.path":"/backup.sql","client.ip":%q,"verdict.p_attack":0.7,"verdict.kind":"pattern"}`+"\n", ip)
	}
	b.decide(lines.String())
	if n, err := b.Revise(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d revised, %v", n, err)
	}
	x, err := b.Get(t.Context(), Ref{ID: "d7"})
	if err != nil || x.Now() < 0.85 || x.Moved[0].Name != evidenceConduct || x.Moved[0].Weight > mostOfConduct {
		t.Errorf("%+v, %v", x, err)
	}
}

// TestGroupLabelsAndRates draws and labels a sample, then labels the group of wrong
// blocks as a whole: the truth stays inside the intervals.
func TestGroupLabelsAndRates(t *testing.T) {
	b := open(t)
	events, attacks := population(1200)
	wrong, blocks := 0, 0
	for i := range events {
		e := &events[i]
		if !isBlock(e) {
			continue
		}
		blocks++
		if !attacks[e.ID] {
			wrong++
		}
		// The legitimate ones of odd score are one page.
		if !attacks[e.ID] && i%2 == 0 {
			e.Set(event.URLPath, event.String("/forum"))
		}
	}
	b.write(events)
	drawn, _, err := b.Sample(t.Context(), Draw{Budget: 120, Seed: 4, Actor: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range drawn {
		label := Benign
		if attacks[w.ID] {
			label = TruePositive
		}
		b.label(w.ID, label)
	}
	for i := range events {
		if e := &events[i]; isBlock(e) && e.Get(event.URLPath).Text() == "/forum" {
			c, err := b.LabelGroup(t.Context(), GroupLabel{Like: Ref{ID: e.ID}, Label: FalsePositive, Actor: "ann"})
			if err != nil {
				t.Fatal(err)
			}
			if c.N > 0 && c.Path != "/forum" {
				t.Fatalf("%+v", c)
			}
			break
		}
	}
	page, err := b.Rates(t.Context(), RateList{By: []string{ScopeAll}, Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	truth := float64(wrong) / float64(blocks)
	if r := rateOf(t, page, ScopeAll, verdict.FalseBlockShare); !r.Enough || r.Low > truth || r.High < truth {
		t.Errorf("%+v, truth %.3f", r, truth)
	}
}

// TestConductByOrigin: what a log tells of a client moves no decision of a node, nor
// of another log.
func TestConductByOrigin(t *testing.T) {
	b := open(t)
	var all []event.Event
	add := func(source, by, path string, p float64) {
		e := event.Event{ID: fmt.Sprint("d", len(all)+1), Source: source, Time: began.Add(-time.Minute).UnixNano() + int64(len(all))}
		e.AddText(event.GatewatchWAF, by)
		e.AddText(event.WAFDecision, "block")
		e.AddText(event.WAFSite, "shop")
		e.AddText(event.URLPath, path)
		e.AddText(event.ClientIP, "203.0.113.9")
		e.Add(event.VerdictPAttack, event.Float(p))
		all = append(all, e)
	}
	for i := range 6 {
		add("log-1", event.WAFByLog, fmt.Sprintf("/p%c", 'a'+i), 0.999)
	}
	for source, by := range map[string]string{"log-1": event.WAFByLog, "log-2": event.WAFByLog, "edge-1": event.WAFByNode} {
		add(source, by, "/backup.sql", 0.7)
	}
	b.write(all)
	if n, err := b.Revise(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d revised, %v", n, err)
	}
	for _, e := range all[6:] {
		x, err := b.Get(t.Context(), Ref{ID: e.ID})
		if err != nil || (x.Revision > 0) != (x.Source == "log-1") {
			t.Errorf("decision of %s: %v, %v", x.Source, x.Moved, err)
		}
	}
}

// TestRevisionsAreShared: one client's decisions do not take all revisions of a look.
func TestRevisionsAreShared(t *testing.T) {
	r := revising{clients: map[actor]*conduct{}}
	for i := range 2 * reviseMost {
		x := seen{Decision: Decision{Ref: Ref{ID: fmt.Sprint(i)}, Judged: true, PAttack: 0.5, Client: "203.0.113.9", Revision: 1, Moved: []Evidence{{Name: "x", Weight: 1}}}}
		if i%200 == 0 {
			x.Client = fmt.Sprint("198.51.100.", i/200)
		}
		r.add(&x, "/")
	}
	of := map[string]int{}
	for _, x := range r.stale() {
		of[x.Client]++
	}
	if len(of) != 11 || of["203.0.113.9"] != reviseClient {
		t.Errorf("revisions by client: %v", of)
	}
}
