package verdict

import (
	"math"
	"slices"
)

// Scores are kept as counts in cells of the logit of p_attack, a quarter wide.
const (
	cellWidth = 0.25
	maxLogit  = 37 // beyond it a float64 near 1 has no digits left
)

// scoreCell counts the decisions of one side whose scores are about the same.
type scoreCell struct {
	n              int // decisions
	attacks, legit int // labelled ones
	// Of the labels that were drawn: their number, and sums over their weights,
	// which are one over the probability.
	drawn          int
	w, w2, wAttack float64
}

func (c *scoreCell) merge(o *scoreCell) {
	c.n += o.n
	c.attacks += o.attacks
	c.legit += o.legit
	c.drawn += o.drawn
	c.w += o.w
	c.w2 += o.w2
	c.wAttack += o.wAttack
}

// unlabelled returns how many decisions of the cell have no label.
func (c *scoreCell) unlabelled() int { return c.n - c.attacks - c.legit }

// evidence returns the drawn labels as so many trials and so many attacks among
// them. The share is the weighted one (Hájek), the number the one that carries
// as much information as the weighted labels (Kish).
func (c *scoreCell) evidence() (trials, attacks float64) {
	if c.drawn == 0 {
		return 0, 0
	}
	trials = c.w * c.w / c.w2
	return trials, trials * c.wAttack / c.w
}

// sideCounts are the cells of one side of a scope, by number.
type sideCounts map[int16]*scoreCell

func cellOf(pAttack float64) int16 {
	return int16(math.Floor(clampedLogit(pAttack) / cellWidth))
}

func clampedLogit(p float64) float64 {
	return min(max(math.Log(p)-math.Log1p(-p), -maxLogit), maxLogit)
}

// cell is the one of a score.
func (s *sideCounts) cell(pAttack float64) *scoreCell {
	if *s == nil {
		*s = sideCounts{}
	}
	i := cellOf(pAttack)
	c := (*s)[i]
	if c == nil {
		c = &scoreCell{}
		(*s)[i] = c
	}
	return c
}

func (s *sideCounts) add(d Decided) {
	c := s.cell(d.PAttack)
	c.n++
	switch d.Truth {
	case Unknown:
		return
	case Attack:
		c.attacks++
	default:
		c.legit++
	}
	if d.Probability == 0 {
		return
	}
	w := rounded(1 / d.Probability)
	c.drawn++
	c.w += w
	c.w2 += rounded(w * w)
	if d.Truth == Attack {
		c.wAttack += w
	}
}

// rounded makes sums of weights exact, so that their order makes no difference.
func rounded(w float64) float64 { return math.Round(w*4096) / 4096 }

// A band is a run of neighbouring cells that are taken for equally suspicious.
type band struct {
	scoreCell
	first, last int16
	rank        float64 // log odds of being more suspicious than a decision of the side
	score       float64 // logit of p_attack, on the scale of rank
}

// bandWidth is the least width of a band in log odds of rank: finer at both
// ends, where few decisions carry much of a rate.
const bandWidth = 0.4

// bands merges the cells of a side, the most suspicious first.
func (s sideCounts) bands() []band {
	var all []band
	for i, c := range s {
		all = append(all, band{scoreCell: *c, first: i, last: i})
	}
	slices.SortFunc(all, func(a, b band) int { return int(b.first) - int(a.first) })
	total := 0
	for i := range all {
		total += all[i].n
	}
	var merged []band
	above, from := 0, 0.0
	for _, b := range all {
		rank := rankLogit(float64(above)+float64(b.n)/2, total)
		if len(merged) > 0 && from-rank < bandWidth {
			m := &merged[len(merged)-1]
			m.merge(&b.scoreCell)
			m.first = b.first
		} else {
			merged = append(merged, b)
			from = rank
		}
		above += b.n
	}
	locate(merged, total)
	return merged
}

// rankLogit is the log odds of having fewer than all above one.
func rankLogit(above float64, total int) float64 {
	above = min(max(above, 0.5), float64(total)-0.5)
	return math.Log((float64(total) - above) / above)
}

// locate computes the coordinates of bands. The scores are shifted and stretched
// so that they agree with the ranks at the median and at the third decision
// from the top: how sure a model is in general says nothing.
func locate(bands []band, total int) {
	above := 0
	top, median := math.NaN(), math.NaN()
	for i := range bands {
		b := &bands[i]
		b.rank = rankLogit(float64(above)+float64(b.n)/2, total)
		b.score = (float64(b.first) + float64(b.last) + 1) / 2 * cellWidth
		above += b.n
		if math.IsNaN(top) && above >= 3 {
			top = b.score
		}
		if math.IsNaN(median) && 2*above >= total {
			median = b.score
		}
	}
	scale := 0.0
	if top > median {
		scale = rankLogit(3, total) / (top - median)
	}
	for i := range bands {
		b := &bands[i]
		b.score = (b.score - median) * scale
	}
}
