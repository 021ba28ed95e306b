package sieve

import (
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// Rules that look at the time stand between those of CRS, one before every few. Where
// next to nothing is left to be evaluated they are the larger part of it, so the sieve
// takes those out that so few rules follow that the next one comes in time.

// pauseEvery is how many rules are evaluated, at most, before the time is looked at,
// without quick ones. Where more of them stand between two pauses, both are left.
const pauseEvery = 8

// levels are those of paranoia, and 0.
const levels = 5

// pause is such a rule, with those of its phase between it and the next pause.
type pause struct {
	rule   int         // in ids
	known  []int       // in ids
	others [levels]int // left to Coraza whatever the request is, by their level
}

// quick tells whether a rule takes next to no time whatever the request is: it acts
// always, counts values of TX or compares a setting.
func (p *parsed) quick(raw string, ok bool) bool {
	raw = strings.ToLower(strings.TrimSpace(raw))
	if strings.Contains(raw, "chain") {
		return false
	}
	if _, compares := p.compares(); ok && compares || strings.HasPrefix(raw, "secaction ") {
		return true
	}
	other := func(t target) bool { return t.variable != variables.TX }
	return ok && p.counts && !slices.ContainsFunc(p.targets, other)
}

// rest finds the pauses of a phase and what lies between them, but for those that are
// quick.
func (p *phase) rest(phase int, rules []Rule, quick map[int]bool) {
	rank := map[int]int{}
	for i, id := range p.ids {
		rank[id] = i
	}
	for _, r := range rules {
		if r.Phase != phase || quick[r.ID] {
			continue
		}
		at, known := rank[r.ID]
		switch {
		case known && r.Pause:
			p.pauses = append(p.pauses, pause{rule: at})
		case len(p.pauses) == 0: // before all of CRS
		case known:
			last := &p.pauses[len(p.pauses)-1]
			last.known = append(last.known, at)
		default:
			p.pauses[len(p.pauses)-1].others[min(max(r.Level, 0), levels-1)]++
		}
	}
}

// levelOf returns the level whose rules CRS evaluates in a transaction, the highest if
// that is not known. It skips those of higher ones.
func levelOf(tx plugintypes.TransactionState) int {
	if values := tx.Variables().TX().Get(detectionLevel); len(values) == 1 {
		if n, err := strconv.Atoi(values[0]); err == nil {
			return min(max(n, 0), levels-1)
		}
	}
	return levels - 1
}

// restAt makes candidates of the pauses that stay where the rules up to a level are
// evaluated. All other candidates have to be known.
func (w *work) restAt(level int) {
	since := 0
	for i := range w.phase.pauses {
		p := &w.phase.pauses[i]
		behind := 0
		for _, n := range p.others[:level+1] {
			behind += n
		}
		for _, rule := range p.known {
			if w.candidates[rule] {
				behind++
			}
		}
		if since += behind; since > pauseEvery {
			w.candidates[p.rule] = true
			since = behind
		}
	}
}
