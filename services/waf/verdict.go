package waf

import (
	"io"
	"log/slog"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Values of SiteConfig.Verdicts.
const (
	verdictsOn  = "on"
	verdictsOff = "off"
)

// Of an allowed request that is hardly an attack the strongest evidence has to do:
// nearly all requests are such ones, and evidence is a third of their events.
const (
	plainRequest  = 0.01
	plainEvidence = 3
)

// maxWeighedBody is how much of a body the model sees.
const maxWeighedBody = 64 << 10

// weigh asks the model how likely the request is an attack, once, whatever the
// rules have decided. It must be called while the evaluation holds the body.
func (x *exchange) weigh() {
	if x.weighed || !x.judged || x.evaluation == nil || x.site.config.Verdicts != verdictsOn {
		return
	}
	x.weighed = true
	defer func() {
		if p := recover(); p != nil { // the request must not suffer from it
			x.verdict = verdict.Verdict{}
			x.node.log.Error("verdict panicked", slog.String("request", x.id), slog.Any("panic", p))
		}
	}()
	in := x.evidence()
	in.Circumstances = x.circumstances()
	x.verdict = x.site.model.Judge(nil, in, x.node.memory)
	if x.verdict.PAttack < plainRequest && !x.decision.Block {
		x.verdict.Evidence = x.verdict.Evidence[:min(len(x.verdict.Evidence), plainEvidence)]
	}
}

// evidence is what the model is told of the decision.
func (x *exchange) evidence() verdict.Input {
	r := x.request
	in := verdict.Input{
		Request: &verdict.Request{Site: x.site.name, Method: r.Method, URI: x.uri, Proto: r.Proto, Headers: x.headers()},
		Block:   x.decision.Block, Score: x.decision.Score, Rules: x.decision.Scoring,
	}
	for _, m := range x.decision.Matches {
		in.Matches = append(in.Matches, verdict.Match{Rule: m.RuleID, Variable: m.Variable, Value: m.Value})
	}
	if x.received > 0 {
		if body, err := x.evaluation.replay(); err == nil && body != nil {
			in.Request.Body, _ = io.ReadAll(io.LimitReader(body, maxWeighedBody)) // what there is
		}
	}
	return in
}
