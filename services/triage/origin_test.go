package triage

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// judgedBlock is a block as a node (event.WAFByNode) or a log tells it.
func judgedBlock(source, by, id, path string, p float64, at time.Time) event.Event {
	e := event.Event{ID: id, Source: source, Time: at.UnixNano(), Received: began.UnixNano()}
	e.AddText(event.GatewatchWAF, by)
	e.AddText(event.WAFDecision, "block")
	e.AddText(event.WAFSite, "shop")
	e.AddText(event.URLPath, path)
	e.AddText(event.ClientIP, "203.0.113.9")
	e.Add(event.VerdictPAttack, event.Float(p))
	e.AddList(event.RuleID, event.String("942100"))
	return e
}

// attackedBefore are blocks of a node that move its decision "victim" of the same client.
func attackedBefore(at time.Time) []event.Event {
	all := []event.Event{judgedBlock("edge-1", event.WAFByNode, "victim", "/backup.sql", 0.7, at)}
	for i := range 4 {
		all = append(all, judgedBlock("edge-1", event.WAFByNode, fmt.Sprint("n", i), fmt.Sprintf("/p%c", 'a'+i), 0.999, at))
	}
	return all
}

func (b *bench) revisionOf(id string) uint64 {
	b.tb.Helper()
	if _, err := b.Revise(b.tb.Context()); err != nil {
		b.tb.Fatal(err)
	}
	x, err := b.Get(b.tb.Context(), Ref{ID: id})
	if err != nil {
		b.tb.Fatal(err)
	}
	return x.Revision
}

// TestDecisionOnce: a log that sends one id again and again multiplies neither a
// label nor a draw.
func TestDecisionOnce(t *testing.T) {
	b := open(t)
	at := began.Add(-time.Hour)
	var all []event.Event
	for i := range 60 {
		all = append(all, judgedBlock("edge-1", event.WAFByNode, fmt.Sprint("n", i), "/a", 0.6, at.Add(time.Duration(i))))
		all = append(all, judgedBlock("log-1", event.WAFByLog, "same", "/b", 0.6, at.Add(time.Duration(1000+i))))
	}
	b.write(all)
	drawn, candidates, err := b.Sample(t.Context(), Draw{Budget: 61, Seed: 3, Actor: "a"})
	if err != nil || candidates != 61 || len(drawn) != 61 {
		t.Fatalf("%d candidates, %d drawn, %v", candidates, len(drawn), err)
	}
	for _, x := range drawn {
		label := "true_positive"
		if x.Source == "log-1" {
			label = "false_positive"
		}
		if _, err := b.Label(t.Context(), x.Ref, label, "", "a"); err != nil {
			t.Fatal(err)
		}
	}
	page, err := b.Rates(t.Context(), RateList{By: []string{ScopeAll}, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	r := rateOf(t, page, ScopeAll, verdict.FalseBlockShare)
	if page.Decisions != 61 || r.Decisions != 61 || r.Labels != 61 || r.Value > 0.1 {
		t.Errorf("%d decisions: %+v", page.Decisions, r)
	}
	groups, err := b.Groups(t.Context(), GroupList{Order: GroupsByCount, Size: 10})
	if err != nil || groups.Decisions != 61 || len(groups.Groups) != 2 || groups.Groups[1].N != 1 {
		t.Errorf("%+v, %v", groups, err)
	}
}

// TestLogsAheadOfTime: decisions that a log dates into the future keep no decision of
// a node from being looked at, nor those of today.
func TestLogsAheadOfTime(t *testing.T) {
	for _, ahead := range []time.Duration{300 * 24 * time.Hour, 0} {
		b := open(t)
		at := began.Add(-time.Minute)
		all := attackedBefore(at)
		for i := range reviseScan {
			all = append(all, judgedBlock("log-1", event.WAFByLog, fmt.Sprint("f", i), "/x", 0.5, at.Add(time.Second+ahead)))
		}
		b.write(all)
		if b.revisionOf("victim") == 0 {
			t.Errorf("%v ahead: the decision of the node is not revised", ahead)
		}
	}
}

// TestLogTakesNoShareOfClient: what a log tells of an address uses up no revisions of
// what nodes tell of it.
func TestLogTakesNoShareOfClient(t *testing.T) {
	r := revising{clients: map[actor]*conduct{}}
	for i := range 3 * reviseClient {
		x := seen{Decision: Decision{Ref: Ref{ID: fmt.Sprint(i)}, Judged: true, PAttack: 0.5, Client: "203.0.113.9", Revision: 1, Moved: []Evidence{{Name: "x", Weight: 1}}}}
		if i < 2*reviseClient {
			x.ByLog, x.Source = true, "log-1"
			if i%2 == 0 {
				x.Client = ""
			}
		}
		if i == 2*reviseClient-1 { // one more of the log, without a client, is too much
			x.Client = ""
		}
		r.add(&x, "/")
	}
	of := map[actor]int{}
	for _, x := range r.stale() {
		of[x.actor()]++
	}
	if of[actor{client: "203.0.113.9"}] != reviseClient || of[actor{"203.0.113.9", "log-1"}] != reviseClient-1 || of[actor{log: "log-1"}] != reviseClient {
		t.Errorf("revisions: %v", of)
	}
}

// TestIPv6ClientIsNetwork: one /64 has one share of revisions.
func TestIPv6ClientIsNetwork(t *testing.T) {
	r := revising{clients: map[actor]*conduct{}}
	for i := range 2 * reviseClient {
		r.add(&seen{Decision: Decision{Judged: true, PAttack: 0.5, Client: fmt.Sprintf("2001:db8::%x", i+1), Moved: []Evidence{{Name: "x", Weight: 1}}}}, "/")
	}
	if n := len(r.stale()); n != reviseClient {
		t.Errorf("%d revisions of one network", n)
	}
}

// TestLabelsByOrigin: labels of what a log tells move decisions of that log alone.
func TestLabelsByOrigin(t *testing.T) {
	b := open(t)
	at := began.Add(-time.Minute)
	var all []event.Event
	for i := range 8 {
		all = append(all, judgedBlock("log-1", event.WAFByLog, fmt.Sprint("l", i), "/login", 0.2, at))
	}
	b.write(append(all,
		judgedBlock("edge-1", event.WAFByNode, "by node", "/login", 0.9, at),
		judgedBlock("log-2", event.WAFByLog, "by other log", "/login", 0.9, at),
		judgedBlock("log-1", event.WAFByLog, "by log", "/login", 0.9, at)))
	for i := range 8 {
		b.label(fmt.Sprint("l", i), "false_positive")
	}
	for id, want := range map[string]uint64{"by log": 1, "by node": 0, "by other log": 0} {
		if got := b.revisionOf(id); got != want {
			t.Errorf("decision %s has revision %d, want %d", id, got, want)
		}
	}
}

// TestRevisionsBeforeDecision: a decision whose clock was ahead shows what became
// known of it.
func TestRevisionsBeforeDecision(t *testing.T) {
	b := open(t)
	e := judgedBlock("log-1", event.WAFByLog, "ahead", "/a", 0.5, began.Add(time.Hour))
	e.Received = began.Add(-time.Second).UnixNano()
	late := event.Event{ID: "r", Source: "gatewatch", Dataset: "gatewatch.verdict", Time: began.UnixNano()}
	late.AddText(event.VerdictEventID, "ahead")
	late.AddText(event.Intern("verdict.source"), "log-1")
	late.AddInt(event.VerdictRevision, 1)
	b.write([]event.Event{e, late})
	x, err := b.Describe(t.Context(), Ref{ID: "ahead"})
	if err != nil || len(x.Revisions) != 1 {
		t.Fatalf("%+v, %v", x, err)
	}
}
