package pipeline

import (
	"fmt"
	"log/slog"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Values of Config.Verdicts.
const (
	verdictsOn  = "on"
	verdictsOff = "off"
)

// verdicts judges the decisions of WAFs that came without a verdict: from audit
// logs, and from nodes that give none. The model is part of the program, and
// verdict.model names it, so the same program gives a decision the same verdict
// in each replay. It is used by one goroutine.
type verdicts struct {
	log     *slog.Logger
	metrics *metrics

	prior float64        // share of attacks to calibrate for, 0 for that of the model
	model *verdict.Model // for that share, nil before the first decision

	memory   *verdict.Memory // of decisions before; saved with the state of the detectors
	evidence []verdict.Evidence
}

// minFinding is the severity from which on what a rule finds speaks against a
// client.
const minFinding = 40

// maxTold is how many pieces of evidence the verdict of a log has at most.
const maxTold = 15

// EvidencePartial is the name of the evidence that says that a decision was judged by
// a log alone.
const EvidencePartial = "partial"

// toldByLog is the evidence that says what the model had to judge by.
var toldByLog = verdict.Evidence{Name: EvidencePartial, Detail: verdict.PhraseLogAlone.Say()}

// judge writes the verdict of the moment, revision 0, into the event of a
// decision that has none. What it takes is bounded, since the model looks at so
// much of a request and no more.
func (v *verdicts) judge(e *event.Event) {
	if !verdict.IsDecision(e) {
		return
	}
	if e.Has(event.VerdictPAttack) {
		v.observe(e)
		return
	}
	if err := v.write(e); err != nil {
		v.metrics.detectErrors.Inc()
		v.log.Error("judge decision", slog.String("event", e.ID), slog.Any("error", err))
		return
	}
	v.metrics.verdicts.Inc()
}

// calibrate has decisions judged for a share of attacks from the next one on.
func (v *verdicts) calibrate(prior float64) {
	if prior != v.prior {
		v.prior, v.model = prior, nil
	}
}

// write judges a decision. A request on which the model panics has no verdict,
// and does not stop the line at each start.
func (v *verdicts) write(e *event.Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("model panicked: %v", p)
		}
	}()
	if v.model == nil {
		if v.model, err = verdict.Calibrated(v.prior); err != nil {
			return err
		}
	}
	in, ok := verdict.FromEvent(e)
	if !ok {
		return nil
	}
	in.Circumstances = verdict.CircumstancesOf(e)
	judged := v.model.Judge(v.evidence[:0], in, v.memory)
	if judged.Partial {
		judged.Evidence = append(judged.Evidence[:min(len(judged.Evidence), maxTold)], toldByLog)
	}
	v.evidence = judged.Evidence
	judged.AppendTo(e, 0)
	return nil
}

// observe remembers a decision that came with its verdict.
func (v *verdicts) observe(e *event.Event) {
	in, ok := verdict.FromEvent(e)
	if !ok {
		return
	}
	in.Circumstances = verdict.CircumstancesOf(e)
	v.memory.Observe(&in, verdict.SuspiciousContent(e))
}

// found remembers what was found of clients in other logs than those of WAFs:
// findings in decisions repeat what the rules of the WAF have said. When counts by
// when the event was received: the time that a log states is anybody's.
func (v *verdicts) found(all []detection.Finding) {
	for i := range all {
		f := &all[i]
		if f.Rule.Severity < minFinding || f.Event.Has(event.GatewatchWAF) {
			continue
		}
		v.memory.Found(verdict.ClientOf(f.Event), f.Event.Received, f.Rule.ID)
	}
}
