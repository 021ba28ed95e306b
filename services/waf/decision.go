package waf

import (
	"slices"

	"github.com/corazawaf/coraza/v3/types"
)

// Decision is the judgement of the rules about one request. It shares no
// memory with the evaluation it was taken from.
type Decision struct {
	Block      bool // the rules ask to block
	Status     int  // of the answer to a blocked request
	Score      int  // inbound anomaly score
	Outbound   int  // outbound anomaly score
	Denied     int  // id of the rule that denied, 0 if none
	Scoring    []int
	PolicyOnly bool // blocked or scored by protocol policy alone
	Matches    []Match
	Omitted    int // matches beyond maxMatches
	// Exclusions are the rules of a bundle's exclusions that applied to the request.
	// They say nothing of whether it would be blocked without them.
	Exclusions []int
}

// Match is one value that a rule matched. The value is not masked.
type Match struct {
	RuleID   int
	Variable string // such as ARGS:name
	Value    string
	Message  string
	Severity string
}

// maxMatches bounds how many matches a decision holds.
const maxMatches = 64

// decide sums up what the rules have found so far.
func (v *evaluation) decide() Decision {
	var d Decision
	if i := v.interruption(); i != nil {
		d.Block, d.Status = true, i.Status
		if !isFlow(i.RuleID) {
			d.Denied = i.RuleID
		}
	}
	if d.Status < 400 || d.Status > 599 {
		d.Status = 403
	}
	// The sums that 949 and 959 make are complete at the end of a phase only; a
	// rule that denied before leaves them behind the counters of the levels.
	for level := 1; level <= v.engine.settings.Paranoia; level++ {
		d.Score += v.score("inbound_anomaly_score_pl" + string(rune('0'+level)))
		d.Outbound += v.score("outbound_anomaly_score_pl" + string(rune('0'+level)))
	}
	for _, m := range v.tx.MatchedRules() {
		v.addRule(&d, m)
	}
	d.PolicyOnly = len(d.Scoring) > 0 && !slices.ContainsFunc(d.Scoring, func(id int) bool { return !isPolicy(id) })
	return d
}

// addRule adds one matched rule, unless it is bookkeeping.
func (v *evaluation) addRule(d *Decision, m types.MatchedRule) {
	rule := m.Rule()
	if isExclusion(rule.ID()) {
		d.Exclusions = append(d.Exclusions, rule.ID())
	}
	c := v.engine.classOf(rule)
	if c.flow {
		return
	}
	paranoia := v.engine.settings.Paranoia
	scores := c.inbound > 0 && c.inbound <= paranoia || c.outbound > 0 && c.outbound <= paranoia
	if (scores || rule.ID() == d.Denied) && !slices.Contains(d.Scoring, rule.ID()) {
		d.Scoring = append(d.Scoring, rule.ID())
	}
	if m.Message() == "" && c.inbound == 0 && c.outbound == 0 {
		return
	}
	for _, data := range m.MatchedDatas() {
		if data.ChainLevel() > 0 {
			continue
		}
		if len(d.Matches) == maxMatches {
			d.Omitted++
			continue
		}
		d.Matches = append(d.Matches, newMatch(rule, m, data))
	}
}

func newMatch(rule types.RuleMetadata, m types.MatchedRule, data types.MatchData) Match {
	message := data.Message()
	if message == "" {
		message = m.Message()
	}
	variable := data.Variable().Name()
	if data.Key() != "" {
		variable += ":" + data.Key()
	}
	match := Match{RuleID: rule.ID(), Variable: variable, Value: data.Value(), Message: message}
	if s := rule.Severity(); s >= types.RuleSeverityEmergency {
		match.Severity = s.String()
	}
	return match
}
