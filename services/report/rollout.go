package report

import "github.com/gatewatch/gatewatch/services/waf/fleet"

// RuleSetOf says which bundles a rollout has; nil is none.
func RuleSetOf(r *fleet.Rollout) RuleSet {
	if r == nil {
		return RuleSet{}
	}
	return RuleSet{Stable: r.Stable, Candidate: r.Candidate, Stage: string(r.Stage), Since: r.Time}
}
