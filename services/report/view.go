package report

import (
	"strconv"

	"github.com/gatewatch/gatewatch/dashboards"
)

// BlockSpread is the interval of the block rate.
func (v view) BlockSpread() string { return v.speaker().between(v.BlockRate.Low, v.BlockRate.High) }

// ThresholdNote says which threshold is in use.
func (v view) ThresholdNote() string {
	s := v.speaker()
	now := s.must("whatif.many")
	if v.WhatIf.Threshold > 0 {
		now = strconv.Itoa(v.WhatIf.Threshold)
	}
	return s.must("whatif.note", now)
}

// RolloutNote says which bundles are rolled out.
func (v view) RolloutNote() string {
	s, r := v.speaker(), v.RuleSet
	note := s.must("rollout.none")
	if r.Stable != "" {
		note = s.must("rollout", short(r.Stable), s.moment(r.Since))
	}
	if r.Candidate != "" {
		note += " " + s.must("rollout.trial", short(r.Candidate), s.known("stage", r.Stage))
	}
	return note
}

// short is enough of the name of a bundle, which is a hash.
func short(name string) string { return dashboards.Visible(dashboards.Clip(name, 13)) }

// NodeState says whether a node is connected.
func (v view) NodeState(n Node) string { return v.speaker().nodeState(n.Connected) }

func (s speaker) nodeState(connected *bool) string {
	switch {
	case connected == nil:
		return s.must("notasked")
	case *connected:
		return s.must("connected")
	}
	return s.must("disconnected")
}

// top is a list of the names with the most.
type top struct {
	Key, Head, Beside string // of the dictionary
	All               []dashboards.Count
	Most              int64
}

// Top returns the list of a name.
func (v view) Top(key string) top {
	t := map[string]top{
		"rules":     {Head: "rule", Beside: "kind", All: v.Rules},
		"attackers": {Head: "client", Beside: "country", All: v.Attackers},
		"targets":   {Head: "path", Beside: "site", All: v.Targets},
	}[key]
	t.Key = key
	for _, c := range t.All {
		t.Most = max(t.Most, c.N)
	}
	return t
}
