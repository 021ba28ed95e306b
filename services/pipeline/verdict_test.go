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
			group("edge-1", parse.NodeFormat, plainDecision, judgedDecision, brokenDecision),
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
	if seldom := run(Config{Prior: 1e-6}); !strings.Contains(seldom, "0.0001 % of requests are taken to be attacks") || strings.Contains(strings.Split(seldom, "\n")[0], "p_attack=0.9") {
		t.Errorf("where one request of a million is an attack: %s", seldom)
	}
	if _, err := New(Config{Prior: 1}, Options{}); err == nil || !strings.Contains(err.Error(), "pipeline.prior") {
		t.Errorf("bad configuration: %v", err)
	}
	if _, err := New(Config{Verdicts: "maybe"}, Options{}); err == nil || !strings.Contains(err.Error(), "pipeline.verdicts") {
		t.Errorf("bad configuration: %v", err)
	}
}

// TestPriorReloads judges the next decision by a new prior.
func TestPriorReloads(t *testing.T) {
	format, _ := parse.Lookup("coraza.waf")
	p := func(prior float64) float64 {
		t.Helper()
		v := &verdicts{log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), memory: verdict.NewMemory(0)}
		var e event.Event
		for _, prior := range []float64{0.5, prior} {
			if err := format.Read([]byte(plainDecision), &parse.Context{}, &e); err != nil {
				t.Fatal(err)
			}
			v.calibrate(prior)
			v.judge(&e)
		}
		return e.Get(event.VerdictPAttack).Float()
	}
	if often, seldom := p(0.5), p(1e-6); often < 0.9 || seldom > often/2 {
		t.Errorf("p_attack %v where half of all are attacks, %v where one of a million is", often, seldom)
	}
}

// revised takes what became known.
type revised struct{ all state.Late }

func (r *revised) PutLate(_ context.Context, l state.Late) error {
	r.all.Labels = append(r.all.Labels, l.Labels...)
	r.all.Acts = append(r.all.Acts, l.Acts...)
	r.all.Draws = append(r.all.Draws, l.Draws...)
	r.all.Verdicts = append(r.all.Verdicts, l.Verdicts...)
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
	e.AddText(VerdictReason, "a \x1b[31mforum text")
	e.AddText(VerdictActor, "ann")
	e.AddInt(VerdictLabelID, 8)
	e.AddInt(VerdictAct, 7)
	e.AddText(VerdictAlike, `["shop"]`)
	at := time.Unix(0, received).UTC()
	e.AddText(VerdictDecided, at.Format(time.RFC3339Nano))
	e.AddList(event.VerdictEvidence, event.String("client|1.00|x"))
	drawn := event.Event{Time: e.Time}
	drawn.AddText(event.VerdictEventID, "18")
	drawn.AddText(VerdictSource, "edge-1")
	drawn.AddText(VerdictDecided, at.Format(time.RFC3339Nano))
	drawn.Add(VerdictSampling, event.Float(0.125))
	if err := AppendLate(t.Context(), p.queue, queue.Epoch{3}, 1, at, []*event.Event{&e, &drawn}); err != nil {
		t.Fatal(err)
	}
	forged := group("evil", VerdictFormat, `{"verdict.event_id":"17","verdict.label":"benign","verdict.label_id":9,"verdict.act":9}`)
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
	then := time.Unix(0, e.Time).UTC()
	want := state.Late{
		Verdicts: []state.Verdict{{
			Source: "edge-1", EventID: "17", Revision: 1, Time: then, DecisionTime: at, Evidence: []string{"client|1.00|x"},
		}},
		Labels: []state.Label{{
			ID: 8, Act: 7, Source: "edge-1", EventID: "17", Label: "false_positive", Reason: "a \x1b[31mforum text", Actor: "ann",
			Time: then, DecisionTime: at, Alike: `["shop"]`,
		}},
		Acts:  []int64{7},
		Draws: []state.Draw{{Source: "edge-1", EventID: "18", Probability: 0.125, Time: then, DecisionTime: at}},
	}
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
	v := &verdicts{log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), memory: verdict.NewMemory(0)}
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
