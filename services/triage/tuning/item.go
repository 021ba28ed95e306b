package tuning

import (
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/services/waf"
)

// item is a case with its matches as changes see them.
type item struct {
	*Case
	finds  []find
	sum    int  // of the scores of finds
	wrong  bool // taken for a false positive
	denied bool // a rule denied outright
	freed  bool // by the proposals so far
}

// find is one match of a rule that added to the score or denied.
type find struct {
	rule   int
	score  int
	denies bool
	target string // that can be taken out of the rule, empty if none can
	name   string // of the variable, without its key
	value  string // that a policy can allow, empty if none can
	rungs  []change
}

// scoreOf is what CRS adds for a match of a severity.
func scoreOf(severity string) int {
	switch severity {
	case "emergency", "alert", "critical":
		return 5
	case "error":
		return 4
	case "warning":
		return 3
	}
	return 2
}

func newItem(c *Case, wrong bool) *item {
	it := &item{Case: c, wrong: wrong}
	for i := range c.Decision.Matches {
		m := &c.Decision.Matches[i]
		if !slices.Contains(c.Decision.Scoring, m.RuleID) {
			continue
		}
		f := find{rule: m.RuleID, score: scoreOf(m.Severity), denies: m.RuleID == c.Decision.Denied, rungs: changesOf(c, m)}
		f.target, _ = targetOf(m.Variable)
		f.name, _, _ = strings.Cut(m.Variable, ":")
		f.value, _ = policyValue(c, m.RuleID)
		it.finds = append(it.finds, f)
		it.sum += f.score
		it.denied = it.denied || f.denies
	}
	return it
}

// covers tells whether a change keeps a match from counting.
func (c change) covers(f *find) bool {
	if c.rule != f.rule {
		return false
	}
	switch c.kind {
	case removeRule:
		return true
	case removeTarget:
		return f.target != "" && (c.target == f.target || c.target == f.name)
	}
	return f.value != "" && c.value == f.value
}

// passes reckons whether a request would no longer be blocked. The replay says
// whether that is so.
func (it *item) passes(threshold int, sets ...*set) bool {
	left := it.sum
	for i := range it.finds {
		f := &it.finds[i]
		covered := false
		for _, s := range sets {
			if s.holds(it) && slices.ContainsFunc(s.changes, func(c change) bool { return c.covers(f) }) {
				covered = true
				break
			}
		}
		switch {
		case covered:
			left -= f.score
		case f.denies:
			return false
		}
	}
	return left < threshold && (left < it.sum || it.denied)
}

// need are the changes, taken from the rung of each match that choose picks,
// that let a request pass: the fewest of them, and all.
func (it *item) need(threshold int, choose func(rungs []change) change) (fewest, all []change) {
	scores := map[change]int{}
	denies := map[change]bool{}
	left, blocked := it.sum, false
	for i := range it.finds {
		f := &it.finds[i]
		if len(f.rungs) == 0 {
			blocked = true // a match that nothing may be done about
			continue
		}
		c := choose(f.rungs)
		scores[c] += f.score
		denies[c] = denies[c] || f.denies
	}
	if len(scores) == 0 || blocked && it.untouchable() >= threshold {
		return nil, nil
	}
	for c := range scores {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b change) int {
		if denies[a] != denies[b] {
			if denies[a] {
				return -1
			}
			return 1
		}
		if scores[a] != scores[b] {
			return scores[b] - scores[a]
		}
		return a.compare(b)
	})
	for i, c := range all {
		left -= scores[c]
		if left < threshold && (i+1 == len(all) || !denies[all[i+1]]) {
			fewest = slices.Clone(all[:i+1])
			break
		}
	}
	slices.SortFunc(fewest, change.compare)
	slices.SortFunc(all, change.compare)
	return fewest, all
}

// untouchable is the score that no change takes away.
func (it *item) untouchable() int {
	n := 0
	for i := range it.finds {
		if f := &it.finds[i]; len(f.rungs) == 0 {
			n += f.score
		}
	}
	return n
}

// narrowest and widest choose rungs.
func narrowest(rungs []change) change { return rungs[0] }
func widest(rungs []change) change    { return rungs[len(rungs)-1] }

// threshold is the score at which an engine with the settings blocks.
func threshold(s waf.Settings) int {
	if s.InboundThreshold == 0 {
		return 5
	}
	return s.InboundThreshold
}
