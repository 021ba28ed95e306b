package api

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/triage"
)

func decisionName(blocked bool) string {
	if blocked {
		return "block"
	}
	return "allow"
}

func newProtoDecision(x *triage.Decision) *gatewatchv1.Decision {
	p := &gatewatchv1.Decision{
		Id: plainText(x.ID), Source: plainText(x.Source), Time: timestamppb.New(x.Time), Dataset: plainText(x.Dataset), Site: x.Site, Node: x.Node,
		Client: x.Client, Method: x.Method, Path: x.Path, Decision: decisionName(x.Blocked), Action: x.Action,
		AnomalyScore: x.Score, Rules: x.Rules, Kind: string(x.Kind), Model: x.Model, Label: x.Label.Label, SampleProbability: x.Drawn,
		RequestId: x.Request, KeptProbability: x.Kept,
	}
	if x.Judged {
		p.PAttack = &x.PAttack
	}
	if x.Judged || x.Label.ID != 0 {
		p.PWrong = proto.Float64(x.Wrong())
	}
	if x.Judged && len(x.Moved) > 0 {
		p.PAttackNow = proto.Float64(x.Now())
	}
	p.Evidence, p.LaterEvidence = newProtoEvidence(x.Evidence), newProtoEvidence(x.Moved)
	return p
}

func newProtoEvidence(all []triage.Evidence) (p []*gatewatchv1.Evidence) {
	for _, e := range all {
		p = append(p, &gatewatchv1.Evidence{Name: e.Name, Weight: e.Weight, Detail: e.Detail})
	}
	return p
}

// plainText is a text that protobuf takes.
func plainText(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func newProtoDetail(x *triage.Detail) *gatewatchv1.DecisionDetail {
	p := &gatewatchv1.DecisionDetail{Decision: newProtoDecision(&x.Decision)}
	for _, m := range x.Matches {
		p.Matches = append(p.Matches, &gatewatchv1.RuleMatch{
			Rule: m.Rule, Variable: m.Variable, Value: m.Value, Message: m.Message, Severity: m.Severity,
		})
	}
	for _, l := range x.History {
		p.Labels = append(p.Labels, &gatewatchv1.DecisionLabel{
			Id: l.ID, Label: l.Label, Reason: l.Reason, Actor: l.Actor, Time: timestamppb.New(l.Time), Undoes: l.Undoes, Act: l.Act,
		})
	}
	if x.Revision > 0 {
		p.Latest = &gatewatchv1.DecisionRevision{Revision: x.Revision, PAttack: x.Latest.PAttack, Time: timestamppb.New(x.Latest.Time)}
	}
	return p
}

func newProtoDecisionGroup(g *triage.Group) *gatewatchv1.DecisionGroup {
	p := &gatewatchv1.DecisionGroup{
		Site: g.Site, PathTemplate: g.Path, Rule: g.Rule, Variable: g.Variable, Kind: string(g.Kind), Decision: decisionName(g.Blocked),
		N: int64(g.N), Clients: int64(g.Clients), FirstTime: timestamppb.New(g.First), LastTime: timestamppb.New(g.Last),
		ExpectedWrong: g.Expected, Impact: g.Impact, PAttack: g.PAttack, ShareOfBlocks: g.Share,
	}
	if g.Other {
		p.Decision = ""
	}
	for _, label := range triage.Labels() {
		if n := g.Labels[label]; n > 0 {
			p.Labels = append(p.Labels, &gatewatchv1.LabelCount{Label: label, N: int64(n)})
		}
	}
	for _, r := range g.Rules {
		p.Rules = append(p.Rules, &gatewatchv1.RuleCount{Rule: r.Rule, N: int64(r.N)})
	}
	for _, x := range g.Examples {
		p.Examples = append(p.Examples, &gatewatchv1.DecisionRef{Id: plainText(x.ID), Source: plainText(x.Source)})
	}
	return p
}

func newProtoLabelledGroup(c *triage.Covered) *gatewatchv1.LabelledGroup {
	p := &gatewatchv1.LabelledGroup{
		Site: c.Site, PathTemplate: c.Path, Rule: c.Rule, Variable: c.Variable, Kind: string(c.Kind), Decision: decisionName(c.Blocked),
		Act: c.Act, N: int64(c.N), Labelled: int64(c.Labelled), More: c.More, Covers: c.Covers, KeptOut: int64(c.KeptOut),
	}
	if c.N > 0 {
		p.FirstTime, p.LastTime = timestamppb.New(c.First), timestamppb.New(c.Last)
	}
	if c.Judged > 0 {
		p.LeastPAttack, p.MostPAttack = &c.LeastP, &c.MostP
		p.LeastLikely = &gatewatchv1.DecisionRef{Id: plainText(c.LeastLikely.ID), Source: plainText(c.LeastLikely.Source)}
		p.Likeliest = &gatewatchv1.DecisionRef{Id: plainText(c.Likeliest.ID), Source: plainText(c.Likeliest.Source)}
	}
	for _, x := range c.Examples {
		p.Examples = append(p.Examples, &gatewatchv1.DecisionRef{Id: plainText(x.ID), Source: plainText(x.Source)})
	}
	return p
}

func newProtoRate(r *triage.Rate, partial int) *gatewatchv1.DecisionRate {
	p := &gatewatchv1.DecisionRate{Scope: r.Scope, Rate: r.Rate.String(), NLabels: int64(r.Labels), N: int64(r.Decisions)}
	p.NDrawn, p.NCovered, p.NPartial, p.Why = int64(r.Drawn), int64(r.Covered), int64(partial), r.Why
	if r.Enough {
		p.Estimate, p.Lo, p.Hi = &r.Value, &r.Low, &r.High
	}
	for _, x := range r.Narrowing {
		p.LabelNext = append(p.LabelNext, &gatewatchv1.LabelSuggestion{
			Id: plainText(x.ID), Source: plainText(x.Source), Decision: decisionName(x.Blocked), PAttack: x.PAttack, Share: x.Share,
		})
	}
	return p
}
