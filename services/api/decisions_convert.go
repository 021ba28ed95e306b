package api

import (
	"math"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection/verdict"
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
		said := verdict.ReadEvidence(e.Name, e.Detail)
		p = append(p, &gatewatchv1.Evidence{
			Name: e.Name, Weight: e.Weight, Detail: e.Detail, Phrase: said.Phrase, Params: said.Params, NameZh: said.NameZh, DetailZh: said.DetailZh,
		})
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

func newProtoDescription(x *triage.Description) *gatewatchv1.DecisionDetail {
	p := newProtoDetail(&x.Detail)
	p.Request = &gatewatchv1.DecisionRequest{
		Url: x.HTTP.URL, Host: x.HTTP.Host, Version: x.HTTP.Version, UserAgent: x.HTTP.Agent, Referrer: x.HTTP.Referrer,
		Status: clamp32(x.HTTP.Status), ResponseBytes: x.HTTP.Bytes,
	}
	p.Rules = &gatewatchv1.DecisionRules{
		Mode: x.Under.Mode, Paranoia: clamp32(x.Under.Paranoia), Threshold: clamp32(x.Under.Threshold), Reason: x.Under.Reason,
	}
	for i, n := range x.Points {
		p.Matches[i].Points, p.Matches[i].Score = int32(n.Added), int32(n.Sum)
	}
	p.Alike = &gatewatchv1.AlikeDecisions{
		PathTemplate: x.Alike.Path, Rule: x.Alike.Rule, Variable: x.Alike.Variable,
		N: int64(x.Alike.N), Unlabelled: int64(x.Alike.Open), Labels: newProtoLabelCounts(x.Alike.Labels), More: x.Alike.More,
	}
	for i := range x.Alike.Examples {
		p.Alike.Examples = append(p.Alike.Examples, newProtoDecision(&x.Alike.Examples[i]))
	}
	for _, r := range x.Revisions {
		p.Revisions = append(p.Revisions, &gatewatchv1.DecisionRevision{
			Revision: r.Number, PAttack: r.PAttack, Time: timestamppb.New(r.Time), Evidence: newProtoEvidence(r.Evidence), Message: r.Message,
		})
	}
	p.Warnings = x.Partial
	return p
}

// clamp32 is a number as far as 32 bits hold it: events may state any.
func clamp32(n int64) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }

func newProtoLabelCounts(labels map[string]int) (p []*gatewatchv1.LabelCount) {
	for _, label := range triage.Labels() {
		if n := labels[label]; n > 0 {
			p = append(p, &gatewatchv1.LabelCount{Label: label, N: int64(n)})
		}
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
	p.Labels, p.PAttackNow, p.Unlabelled = newProtoLabelCounts(g.Labels), g.PNow, int64(g.Open)
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
		Act: c.Act, N: int64(c.N), Labelled: int64(c.Labelled), More: c.More, Covers: c.Covers, KeptOut: int64(c.KeptOut), Outside: int64(c.Outside),
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

func newProtoRate(r *triage.Rate) *gatewatchv1.DecisionRate {
	p := &gatewatchv1.DecisionRate{Scope: r.Scope, Rate: r.Rate.String(), NLabels: int64(r.Labels), N: int64(r.Decisions)}
	p.NDrawn, p.NCovered, p.NPartial, p.Why = int64(r.Drawn), int64(r.Covered), int64(r.Partial), r.Why
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
