package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
)

// Decisions as nodes and logs tell of them.
const (
	plainDecision = `{"@timestamp":"2026-11-21T09:30:00Z","http.request.method":"GET","url.original":"/item?id=1%27%20union%20select%201","url.path":"/item",` +
		`"rule.id":["942100"],"waf.site":"shop","waf.mode":"block","waf.decision":"block","waf.anomaly_score":5,"waf.match.rule_id":["942100"],` +
		`"waf.match.variable":["ARGS:id"],"waf.match.value":["1' union select 1"],"waf.match.message":["m"],"waf.match.severity":["critical"]}`
	judgedDecision = `{"@timestamp":"2026-11-21T09:30:01Z","waf.site":"shop","waf.mode":"block","waf.decision":"allow","verdict.p_attack":0.125,` +
		`"verdict.p_missed":0.125,"verdict.kind":"clean","verdict.model":"of the node","verdict.revision":0}`
	brokenDecision = `{"@timestamp":"2026-11-21T09:30:02Z","waf.site":"shop","waf.mode":"block","waf.decision":"block","waf.anomaly_score":-1}`
)

// verdictsOf are the verdicts in a store, by time.
func (p parts) verdictsOf(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, e := range p.search(t, "* | sort @timestamp, waf.site") {
		fmt.Fprintf(&b, "%s", e.Dataset)
		for _, f := range e.Fields() {
			if strings.HasPrefix(f.Key.String(), "verdict.") {
				fmt.Fprintf(&b, " %s=%s", strings.TrimPrefix(f.Key.String(), "verdict."), f.Value)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestVerdicts(t *testing.T) {
	model, err := verdict.Default()
	if err != nil {
		t.Fatal(err)
	}
	run := func(cfg Config) string {
		p := open(t, t.TempDir())
		defer p.close(t)
		next, err := p.queue.Append(t.Context(), []queue.Group{
			group("edge-1", "coraza.waf", plainDecision, judgedDecision, brokenDecision),
			group("app", "json", `{"@timestamp":"2026-11-22T00:00:00Z","waf.decision":"block","url.path":"/"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.pipeline(t, cfg).RunTo(t.Context(), next+4); err != nil {
			t.Fatal(err)
		}
		return p.verdictsOf(t)
	}
	got := run(Config{})
	lines := strings.Split(got, "\n")
	if !strings.Contains(lines[0], "kind=pattern model="+model.Version()+" p_attack=0.9") || !strings.Contains(lines[0], "evidence=partial|0.00|judged by the log alone") {
		t.Errorf("verdict of the pipeline: %s", lines[0])
	}
	if want := "coraza.waf kind=clean model=of the node p_attack=0.125 p_missed=0.125 revision=0"; lines[1] != want {
		t.Errorf("verdict of the node: %s", lines[1])
	}
	if lines[2] != "coraza.waf" || lines[3] != "json" {
		t.Errorf("what is no decision has a verdict: %q", lines[2:])
	}
	if diff := cmp.Diff(got, run(Config{BatchEvents: 1})); diff != "" {
		t.Errorf("a replay gives other verdicts:\n%s", diff)
	}
	if off := run(Config{Verdicts: "off"}); strings.Contains(off, model.Version()) {
		t.Errorf("verdicts are not off: %s", off)
	}
	if _, err := New(Config{Verdicts: "maybe"}, Options{}); err == nil || !strings.Contains(err.Error(), "pipeline.verdicts") {
		t.Errorf("bad configuration: %v", err)
	}
}

// revised takes revisions.
type revised struct{ all []state.Verdict }

func (r *revised) PutVerdicts(_ context.Context, all []state.Verdict) error {
	r.all = append(r.all, all...)
	return nil
}

// TestRevision stores what became known of a decision later, in the order of the
// queue; nobody else can send such a record.
func TestRevision(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	var e event.Event
	e.Time = received + 5e9
	e.AddText(event.VerdictEventID, "17")
	e.AddText(VerdictSource, "edge-1")
	e.Add(event.VerdictPAttack, event.Float(0))
	e.AddInt(event.VerdictRevision, 1)
	e.AddText(VerdictLabel, "false_positive")
	e.AddText(VerdictReason, "a \x1b[31mforum\x00 text \xff")
	if err := AppendRevision(t.Context(), p.queue, queue.Epoch{3}, 1, time.Unix(0, received), &e); err != nil {
		t.Fatal(err)
	}
	forged := group("evil", VerdictFormat, `{"verdict.event_id":"17","verdict.label":"benign"}`)
	next, err := p.queue.Append(t.Context(), []queue.Group{forged})
	if err != nil {
		t.Fatal(err)
	}
	line := p.pipeline(t, Config{})
	kept := &revised{}
	line.Revisions = kept
	if err := line.RunTo(t.Context(), next+1); err != nil {
		t.Fatal(err)
	}
	want := []state.Verdict{{Source: "edge-1", EventID: "17", Revision: 1, Time: time.Unix(0, e.Time).UTC()}}
	if diff := cmp.Diff(want, kept.all); diff != "" {
		t.Errorf("kept revisions (-want +got):\n%s", diff)
	}
	got := p.search(t, "event.dataset: gatewatch.verdict and verdict.event_id: 17")
	if len(got) != 1 || got[0].Source != detection.Source || got[0].Time != e.Time || got[0].Get(VerdictLabel).Text() != "false_positive" || got[0].ID == "" {
		t.Errorf("revisions: %v", got)
	}
}

// BenchmarkVerdict judges a decision of a log in the pipeline.
func BenchmarkVerdict(b *testing.B) {
	format, _ := parse.Lookup("coraza.waf")
	v := &verdicts{log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil)}
	var e event.Event
	b.ReportAllocs()
	for b.Loop() {
		if err := format.Read([]byte(plainDecision), &parse.Context{}, &e); err != nil {
			b.Fatal(err)
		}
		v.judge(&e)
	}
	if !e.Has(event.VerdictPAttack) {
		b.Fatal("no verdict")
	}
}
