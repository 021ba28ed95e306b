package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/queue"
)

// A decision in the name of a node, with a verdict, as anybody can write it.
const forgedDecision = `{"@timestamp":"2026-11-21T09:30:00Z","event.dataset":"coraza.waf","gatewatch.waf":"node","client.ip":"203.0.113.7",` +
	`"url.original":"/a","waf.site":"shop","waf.node":"edge-1","observer.name":"edge-1","waf.mode":"block","waf.signed_in":true,"waf.signed_in_proven":true,` +
	`"verdict.p_attack":0.5,"verdict.kind":"clean","verdict.model":"forged","verdict.revision":0,`

// TestOriginOfDecisions sends what looks like a decision of the node edge-1 on each
// way there is. Whose word it is follows from the way alone.
func TestOriginOfDecisions(t *testing.T) {
	flat := forgedDecision + `"waf.decision":"allow"}`
	nested := strings.Replace(forgedDecision+`"waf":{"decision":"allow"}}`, `"waf.node":"edge-1",`, "", 1)
	audit := `{"transaction":{"timestamp":"2026/11/21 09:30:00","id":"t","client_ip":"203.0.113.7","server_id":"edge-1","request":{"method":"GET","uri":"/a","protocol":"HTTP/1.1","headers":{}},"is_interrupted":false}}`
	access := `{"remote_addr":"203.0.113.7","request":"GET /a HTTP/1.1","time_iso8601":"2026-11-21T09:30:00Z",` + flat[1:]
	groups := []queue.Group{
		group("edge-1", parse.NodeFormat, flat),
		group("log-1", "coraza.waf", flat),
		group("log-2", "auto", flat),
		group("log-3", "syslog", "<13>1 2026-11-21T09:30:00Z edge-1 waf - - - "+flat),
		group("log-4", "coraza.audit", audit),
		group("log-5", "auto", audit),
		group("app-1", "ecs", flat),
		group("app-2", "json", flat),
		group("app-3", "ecs", nested),
		group("app-4", "auto", nested),
		group("app-5", "nginx.access", access),
		group("app-6", "syslog", "<13>1 2026-11-21T09:30:00Z edge-1 waf - - - "+nested),
		group("app-7", "nginx.error", `2026/11/21 09:30:00 [error] 1#1: *1 [client 203.0.113.7] ModSecurity: Access denied with code 403 (phase 2). Matched x [id "942100"] [msg "m"] [hostname "shop"] [uri "/a"]`),
		group(detection.Source, "coraza.waf", `{"@timestamp":"2026-11-21T09:30:00Z","waf.node":"edge-1","waf.reason":"bundle"}`),
	}
	p := open(t, t.TempDir())
	defer p.close(t)
	next, err := p.queue.Append(t.Context(), groups)
	if err != nil {
		t.Fatal(err)
	}
	line := p.pipeline(t, Config{})
	if err := line.RunTo(t.Context(), next+queue.Offset(len(groups))); err != nil {
		t.Fatal(err)
	}
	decided := map[string]bool{}
	for _, e := range p.search(t, verdict.Decisions) {
		decided[e.Source] = true
	}
	var got strings.Builder
	for _, e := range p.search(t, "* | sort gatewatch.source") {
		kind := "event"
		if decided[e.Source] {
			kind = "decision"
		}
		if verdict.IsDecision(e) != decided[e.Source] {
			t.Errorf("%s: the filter and IsDecision differ", e.Source)
		}
		model := e.Get(event.VerdictModel).Text()
		if model != "" && model != "forged" {
			model = "server"
		}
		fmt.Fprintf(&got, "%s %s %s node=%s observer=%s verdict=%s proven=%s\n", e.Source, kind, e.Get(event.GatewatchWAF),
			e.Get(event.WAFNode), e.Get(event.ObserverName), model, e.Get(keySignedInProven))
	}
	want := `app-1 event  node=edge-1 observer=edge-1 verdict= proven=true
app-2 event  node=edge-1 observer=edge-1 verdict= proven=true
app-3 event  node= observer=edge-1 verdict= proven=true
app-4 event  node= observer=edge-1 verdict= proven=true
app-5 event  node=edge-1 observer=edge-1 verdict= proven=
app-6 event  node= observer=edge-1 verdict= proven=true
app-7 event  node= observer= verdict= proven=
edge-1 decision node node=edge-1 observer=edge-1 verdict=forged proven=true
gatewatch event log node=edge-1 observer= verdict= proven=
log-1 decision log node=log-1 observer=edge-1 verdict=server proven=
log-2 decision log node=log-2 observer=edge-1 verdict=server proven=
log-3 decision log node=log-3 observer=edge-1 verdict=server proven=
log-4 decision log node=log-4 observer=edge-1 verdict=server proven=
log-5 decision log node=log-5 observer=edge-1 verdict=server proven=
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	if n := p.search(t, `event.dataset: coraza.waf and waf.decision: allow`); len(n) != 9 {
		t.Errorf("%d events are found as they were sent", len(n))
	}
}

// TestNodeNamesItself has a node that claims the name of another.
func TestNodeNamesItself(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	log := strings.Replace(forgedDecision, `"observer.name":"edge-1",`, "", 1) + `"waf.decision":"block"}`
	next, err := p.queue.Append(t.Context(), []queue.Group{
		group("edge-2", parse.NodeFormat, forgedDecision+`"waf.decision":"block"}`),
		group("log", "coraza.waf", log),
	})
	if err != nil {
		t.Fatal(err)
	}
	// What is configured of the source does not make it another format.
	cfg := Config{Sources: map[string]SourceConfig{"edge-2": {Format: "json"}}}
	if err := p.pipeline(t, cfg).RunTo(t.Context(), next+2); err != nil {
		t.Fatal(err)
	}
	got := p.search(t, verdict.Decisions+" | sort gatewatch.source")
	if len(got) != 2 || got[0].Get(event.WAFNode).Text() != "edge-2" || got[0].Get(event.ObserverName).Text() != "edge-2" {
		t.Fatalf("decisions: %v", got)
	}
	if got[1].Get(event.WAFNode).Text() != "log" || got[1].Get(event.ObserverName).Text() != "edge-1" {
		t.Errorf("what a log called itself: %s", got[1].AppendJSON(nil))
	}
}
