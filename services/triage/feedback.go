package triage

import (
	"math"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/state"
)

// What labels weigh for decisions that are like the labelled ones.
const (
	labelHalfLife = 90 * 24 * time.Hour
	labelsOfActor = 4.0 // most that the labels of one person about one group count for
	labelsOfGroup = 8.0 // most that those of all count for
	modelCounts   = 2.0 // labels that the model's word counts for
	mostOfLabels  = 3.0 // log-odds; what looks like an attack stays one in a group of false positives
)

// opinion is what labels say of a group: a Beta posterior.
type opinion struct {
	attacks, legitimate float64 // labels, as far as they count
	nAttacks, n         int     // as they are
}

// opinions gathers what the labels that hold say of each group.
func opinions(labels []state.Label, now time.Time) map[string]opinion {
	type person struct{ group, actor string }
	type sums struct{ attacks, legitimate float64 }
	by, latest := map[person]sums{}, map[Ref]state.Label{}
	all := map[string]opinion{}
	for _, l := range labels { // of two about one decision the later one counts
		latest[Ref{l.EventID, l.Source}] = l
	}
	for _, l := range labels {
		truth := Truth(l.Label)
		if truth == verdict.Unknown || l.Alike == "" || latest[Ref{l.EventID, l.Source}].ID != l.ID {
			continue
		}
		w := math.Exp2(-max(0, float64(now.Sub(l.Time))/float64(labelHalfLife)))
		p, o := by[person{l.Alike, l.Actor}], all[l.Alike]
		o.n++
		if truth == verdict.Attack {
			p.attacks += w
			o.nAttacks++
		} else {
			p.legitimate += w
		}
		by[person{l.Alike, l.Actor}], all[l.Alike] = p, o
	}
	for who, s := range by {
		share := bounded(s.attacks+s.legitimate, labelsOfActor)
		o := all[who.group]
		o.attacks += share * s.attacks
		o.legitimate += share * s.legitimate
		all[who.group] = o
	}
	for group, o := range all {
		share := bounded(o.attacks+o.legitimate, labelsOfGroup)
		o.attacks, o.legitimate = share*o.attacks, share*o.legitimate
		all[group] = o
	}
	return all
}

// bounded is the factor that brings a sum down to a bound.
func bounded(sum, bound float64) float64 {
	if sum <= bound {
		return 1
	}
	return bound / sum
}

// weigh is what an opinion changes about a decision of the group of which the
// model thinks p, as log-odds: the mean of a Beta distribution that begins with the
// model's word.
func (o opinion) weigh(p float64) Evidence {
	p = min(max(p, 1e-9), 1-1e-9)
	mean := (modelCounts*p + o.attacks) / (modelCounts + o.attacks + o.legitimate)
	w := math.Log(mean/(1-mean)) - math.Log(p/(1-p))
	return Evidence{evidenceLabels, min(max(w, -mostOfLabels), mostOfLabels), verdict.PhraseLabelsOfGroup.Say(o.n, o.nAttacks, o.attacks+o.legitimate)}
}

const evidenceLabels = "analyst labels"
