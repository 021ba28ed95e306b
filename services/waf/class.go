package waf

import (
	"regexp"

	"github.com/corazawaf/coraza/v3/types"
)

// class says what a rule does to the scores, read once from its text.
type class struct {
	inbound  int  // paranoia level whose inbound score the rule adds to, 0 if none
	outbound int  // the same of the outbound score
	flow     bool // CRS's own bookkeeping and summary: never a reason
	policy   bool // enforces a protocol policy and no attack pattern
}

var (
	inboundScore  = regexp.MustCompile(`(?i)tx\.inbound_anomaly_score_pl([1-4])=\+`)
	outboundScore = regexp.MustCompile(`(?i)tx\.outbound_anomaly_score_pl([1-4])=\+`)
)

// classOf returns the class of a rule.
func (e *Engine) classOf(rule types.RuleMetadata) class {
	if c, ok := e.classes.Load(rule.ID()); ok {
		return c.(class)
	}
	c := class{
		inbound:  levelOf(inboundScore, rule.Raw()),
		outbound: levelOf(outboundScore, rule.Raw()),
		flow:     isFlow(rule.ID()),
		policy:   isPolicy(rule.ID()),
	}
	e.classes.Store(rule.ID(), c)
	return c
}

func levelOf(score *regexp.Regexp, raw string) int {
	m := score.FindStringSubmatch(raw)
	if m == nil {
		return 0
	}
	return int(m[1][0] - '0')
}

// isFlow tells the families 901, 949, 959 and 980, and the node's own settings.
func isFlow(id int) bool {
	switch id / 1000 {
	case 901, 905, 949, 959, 980, 999:
		return true
	}
	return id == 9990001 || id == 9990004
}

// isPolicy tells the families 911, 920 and 921 of CRS.
func isPolicy(id int) bool {
	switch id / 1000 {
	case 911, 920, 921:
		return true
	}
	return false
}
