package pipeline

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// TestMemoryByOrigin: what a log tells of an address moves decisions of that log
// about it, and none of a node or of another log.
func TestMemoryByOrigin(t *testing.T) {
	decision := func(source, by, path, rule, value string, second int64) *event.Event {
		e := &event.Event{Source: source, Time: second * 1e9, Received: 1e12, Dataset: "coraza.waf"}
		e.AddAddr(event.ClientIP, netip.MustParseAddr("203.0.113.7"))
		e.AddText(event.GatewatchWAF, by)
		e.AddText(event.WAFSite, "shop")
		e.AddText(event.WAFDecision, "block")
		e.AddText(event.HTTPRequestMethod, "GET")
		e.AddText(event.URLOriginal, path+"?id="+value)
		e.AddText(event.RuleID, rule)
		e.AddText(event.WAFMatchRuleID, rule)
		e.AddText(event.WAFMatchVariable, "ARGS:id")
		e.AddText(event.WAFMatchValue, value)
		return e
	}
	f := func(source, by string, moved bool) {
		t.Helper()
		v := &verdicts{log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), memory: verdict.NewMemory(1)}
		for i := range int64(20) {
			v.judge(decision("log-1", event.WAFByLog, "/item", "942100", fmt.Sprintf("%d' union select user from users--", i), 1+i))
		}
		snapshot, err := v.memory.Snapshot(nil)
		if err != nil {
			t.Fatal(err)
		}
		v.memory = verdict.NewMemory(2)
		if err := v.memory.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
		e := decision(source, by, "/colors", "942130", "select a color from our list, or don't", 30)
		v.judge(e)
		got := false
		for line := range e.Values(event.VerdictEvidence) {
			got = got || strings.HasPrefix(line.Text(), "client before|")
		}
		if got != moved || !e.Has(event.VerdictPAttack) {
			t.Errorf("decision of %s is moved by the client's others: %v, want %v: %s", source, got, moved, e.AppendJSON(nil))
		}
	}
	f("log-1", event.WAFByLog, true)
	f("log-2", event.WAFByLog, false)
	f("edge-1", event.WAFByNode, false)
}
