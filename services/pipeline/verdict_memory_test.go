package pipeline

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/queue"
)

// decisionsOf are n decisions about attacks of a client, and one about a text that
// is neither clearly an attack nor clearly none.
func decisionsOf(client string, n int) []string {
	const doubtful = "select a color from our list, or don't"
	var all []string
	for i := range n + 1 {
		value, target, rule := "1' union select 1", "/item?id=1%27%20union%20select%201", "942100"
		if i == n {
			rule = "942130"
			value, target = doubtful, "/item?id=select%20a%20color%20from%20our%20list,%20or%20don%27t"
		}
		all = append(all, fmt.Sprintf(`{"@timestamp":"2026-11-21T09:30:%02dZ","client.ip":%q,"http.request.method":"GET","url.original":%q,"rule.id":[%q],`+
			`"waf.site":"shop","waf.mode":"block","waf.decision":"block","waf.anomaly_score":5,"waf.match.rule_id":[%q],"waf.match.variable":["ARGS:id"],`+
			`"waf.match.value":[%q],"waf.match.message":["m"],"waf.match.severity":["critical"]}`, i, client, target, rule, rule, value))
	}
	return all
}

// TestMemoryOfVerdicts judges by what a client did before, the same whether or
// not the pipeline was started anew in between.
func TestMemoryOfVerdicts(t *testing.T) {
	run := func(restart bool) string {
		dir := t.TempDir()
		p := open(t, dir)
		defer func() { p.close(t) }()
		all := decisionsOf("203.0.113.7", 8)
		for i, half := range [][]string{all[:8], all[8:]} {
			g := group("edge-1", "coraza.waf", half...)
			for k := range g.Records {
				g.Records[k].Seq = uint64(1 + 8*i + k)
			}
			next, err := p.queue.Append(t.Context(), []queue.Group{g})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && !restart {
				continue
			}
			if err := p.detecting(t, dir).RunTo(t.Context(), next+queue.Offset(len(half))); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				p.close(t)
				p = open(t, dir)
			}
		}
		var verdicts []string
		for _, l := range strings.Split(p.verdictsOf(t), "\n") {
			if strings.HasPrefix(l, "coraza.waf") {
				verdicts = append(verdicts, l)
			}
		}
		if len(verdicts) != 9 {
			t.Fatalf("%d decisions have a verdict: %s", len(verdicts), verdicts)
		}
		return strings.Join(verdicts, "\n")
	}
	straight := run(false)
	if last := straight[strings.LastIndexByte(straight, '\n')+1:]; !strings.Contains(last, "client before|") {
		t.Errorf("verdict on the last decision: %s", last)
	}
	if diff := cmp.Diff(straight, run(true)); diff != "" {
		t.Errorf("started anew it judges otherwise (-straight +anew):\n%s", diff)
	}
}

// TestColouredVerdicts: decisions that a node took for attacks because of their
// client alone do not mark it here too.
func TestColouredVerdicts(t *testing.T) {
	v := &verdicts{log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), memory: verdict.NewMemory(1)}
	client := netip.MustParseAddr("203.0.113.7")
	decision := func(second int64, p float64, evidence string) *event.Event {
		e := &event.Event{Time: second * 1e9, Received: 1e12, Dataset: "coraza.waf"}
		e.AddAddr(event.ClientIP, client)
		e.AddText(event.GatewatchWAF, event.WAFByNode)
		e.AddText(event.WAFDecision, "allow")
		e.AddText(event.HTTPRequestMethod, "GET")
		e.AddText(event.URLOriginal, "/?q=select+a+color+from+our+list,+or+don%27t")
		if p > 0 {
			e.Add(event.VerdictPAttack, event.Float(p))
			e.AddList(event.VerdictEvidence, event.String(evidence))
		}
		return e
	}
	judged := func(evidence string) bool {
		v.memory = verdict.NewMemory(1)
		for i := range int64(10) {
			v.judge(decision(1+i, 0.6, evidence))
		}
		e := decision(12, 0, "")
		v.judge(e)
		for line := range e.Values(event.VerdictEvidence) {
			if strings.HasPrefix(line.Text(), "client before|") {
				return true
			}
		}
		return false
	}
	if judged("client before|1.00|x") {
		t.Error("verdicts coloured by the client mark it")
	}
	if !judged("content|1.00|x") {
		t.Error("verdicts on content do not mark the client")
	}
}
